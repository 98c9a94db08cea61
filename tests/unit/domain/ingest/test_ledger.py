"""What the ledger's records say of themselves."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.ingest.ledger import (
    BACKFILL,
    BEFORE,
    LIVE,
    MERGE,
    BatchRecord,
    BatchStatus,
    FileStatus,
    RowCounts,
)
from tests.support.fakes import file

COUNTS = st.builds(RowCounts, *(st.integers(0, 1000) for _ in fields(RowCounts)))
BATCH = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, ("a",), "t")


def numbers(rows: RowCounts) -> list[int]:
    return [getattr(rows, field.name) for field in fields(rows)]


@given(COUNTS, COUNTS)
def test_counts_are_added_one_by_one(one: RowCounts, other: RowCounts) -> None:
    assert numbers(one + other) == [a + b for a, b in zip(numbers(one), numbers(other), strict=True)]
    assert one + RowCounts() == one


@given(COUNTS)
def test_every_row_that_was_read_is_accounted_for_or_the_file_is_out_of_balance(rows: RowCounts) -> None:
    known = sum(numbers(rows)) - rows.read
    assert replace(rows, read=known).balanced
    assert not replace(rows, read=known + 1).balanced


def test_a_new_file_has_come_once_and_brought_nothing() -> None:
    new = file()
    assert (new.rows, new.deliveries, new.reload, new.replayed, new.replays) == (RowCounts(), 1, False, 0, ())
    assert not new.has_rows


@pytest.mark.parametrize(
    ("status", "queue", "waits"),
    [
        (FileStatus.PENDING, BACKFILL, True), (FileStatus.RUNNING, BACKFILL, False), (FileStatus.STAGED, MERGE, True),
        (FileStatus.MERGING, MERGE, False), (FileStatus.LOADED, BACKFILL, False), (FileStatus.FAILED, BACKFILL, False),
    ],
)  # fmt: skip
def test_a_file_waits_in_its_own_lane_and_once_it_is_staged_in_that_of_the_merges(
    status: FileStatus, queue: str, waits: bool
) -> None:
    record = file(lane=BACKFILL, status=status)
    assert record.queue == queue
    assert record.waits_in(queue) is waits
    assert not any(record.waits_in(lane) for lane in (LIVE, BACKFILL, MERGE) if lane != queue)


def test_a_file_runs_in_the_batch_that_took_it_and_in_no_other() -> None:
    running = file().taken_by(BATCH)
    assert (running.status, running.batch, running.merge) == (FileStatus.RUNNING, "readings-1", None)
    staged = replace(running, status=FileStatus.STAGED)
    merging = staged.taken_by(replace(BATCH, batch="readings-merge-1", lane=MERGE))
    assert (merging.status, merging.batch, merging.merge) == (FileStatus.MERGING, "readings-1", "readings-merge-1")
    assert [record.runs_in("readings-1") for record in (running, staged, merging)] == [True, False, False]
    assert [record.runs_in("readings-merge-1") for record in (running, staged, merging)] == [False, False, True]
    assert [record.loaded_by for record in (file(), running, merging)] == [None, "readings-1", "readings-merge-1"]


@pytest.mark.parametrize(
    ("status", "loaded", "superseded", "has_rows"),
    [
        (FileStatus.LOADED, 0, 3, True), (FileStatus.PENDING, 1, 0, True), (FileStatus.PENDING, 0, 1, False),
        (FileStatus.FAILED, 0, 0, False),
    ],
)  # fmt: skip
def test_a_file_that_is_loaded_again_still_has_its_rows(
    status: FileStatus, loaded: int, superseded: int, has_rows: bool
) -> None:
    record = file(status=status, rows=RowCounts(9, loaded, superseded))
    assert record.has_rows is has_rows
    assert record.good_rows == loaded + superseded


def test_a_cleared_file_was_put_apart_by_no_batch() -> None:
    suspect = file(suspects="readings-1", failing_since="t", apart_since="t", released="readings-2")
    assert suspect.cleared == file(released="readings-2")


def test_versions_of_a_key_have_one_place_and_an_order() -> None:
    first, second = file("a", sequencer="0F"), file("a", sequencer="10", version="v2")
    assert first.place == second.place == ("landing", "readings/a")
    assert first.order < second.order


@pytest.mark.parametrize(
    ("status", "rows", "brought"),
    [
        (BatchStatus.LOADED, RowCounts(loaded=1), True), (BatchStatus.LOADED, RowCounts(superseded=1), True),
        (BatchStatus.STAGED, RowCounts(staged=1), True), (BatchStatus.LOADED, RowCounts(quarantined=9), False),
        (BatchStatus.RUNNING, RowCounts(loaded=1), False), (BatchStatus.FAILED, RowCounts(loaded=1), False),
    ],
)  # fmt: skip
def test_a_batch_has_brought_rows_if_it_has_ended_with_some(
    status: BatchStatus, rows: RowCounts, brought: bool
) -> None:
    assert replace(BATCH, status=status, rows=rows).brought_rows is brought


def test_a_batch_of_one_file_cannot_be_split() -> None:
    assert not BATCH.divisible
    assert replace(BATCH, file_ids=("a", "b")).divisible


def test_what_was_decided_is_not_taken_back() -> None:
    assert BEFORE.keys() == set(BatchStatus)
    ends = {BatchStatus.LOADED, BatchStatus.FAILED, BatchStatus.RELEASED, BatchStatus.REJECTED}
    for status, before in BEFORE.items():
        assert not (set(before) - {status}) & ends
