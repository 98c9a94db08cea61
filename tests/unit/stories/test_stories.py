"""What the stories of files and batches say, step by step: they are what `headrace trace` and people go by."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from headrace.domain.ingest.ledger import LIVE, MERGE, BatchRecord, BatchStatus, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.usecases.ingest.orphaned_duplicates import MOST_LOOKED_AT, bereft_copies
from headrace.usecases.ingest.record_batch import NO_BATCH, record_batch
from headrace.usecases.ingest.record_staged import BatchGivenUpError, record_staged
from headrace.usecases.quality.judge_day import day_of
from headrace.usecases.recovery.recover import sweep
from headrace.usecases.unit.deduplicate import claim
from tests.support.fakes import MemoryServices, contract, contracts_of, file

BATCH = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, (), "2026-01-01T00:00:00Z", units=1)


def story(services: MemoryServices, name: str) -> list[tuple[str, dict[str, Any]]]:
    return [(event.step, event.detail) for event in services.ledger.records.events.get(name, [])]


def test_a_batch_is_recorded_with_its_files_units_and_attempt() -> None:
    services = MemoryServices()
    for number in range(3):
        services.ledger.files.record_arrival(file(f"{number}.csv", size=10))
    made = record_batch("readings", LIVE, 1, "readings-1", services)
    assert made == {"batch": "readings-1", "files": 3, "bytes": 30, "units": [1], "heavy": []}
    assert story(services, "readings-1") == [("Recorded", {"files": 3, "units": 1, "attempt": 1})]
    record_batch("readings", LIVE, 1, "another execution", services)
    assert story(services, "readings-1")[-1] == ("Recorded", {"files": 3, "units": 1, "attempt": 2})


def test_out_of_turn_blocked_or_with_nothing_there_is_no_batch() -> None:
    services = MemoryServices(contracts_of(contract(wait_while_held=True)))
    assert record_batch("readings", LIVE, 1, "e", services) == NO_BATCH
    services.ledger.files.record_arrival(file())
    assert record_batch("readings", LIVE, 2, "e", services) == NO_BATCH
    state = services.ledger.lanes.state("readings", LIVE)
    services.ledger.records.lanes["readings", LIVE] = replace(state, held=("readings-0",))
    assert record_batch("readings", LIVE, 1, "e", services) == NO_BATCH
    assert NO_BATCH == {"batch": None, "files": 0, "bytes": 0, "units": [], "heavy": []}
    services.ledger.records.lanes["readings", LIVE] = state
    assert record_batch("readings", LIVE, 1, "e", services)["files"] == 1


def staged_world() -> tuple[MemoryServices, BatchRecord, list[FileResult]]:
    services = MemoryServices(contracts_of(contract(staged=True)))
    files = [file(name, status=FileStatus.RUNNING, batch="readings-1") for name in ("good", "bad")]
    for each in files:
        services.ledger.given(each)
    batch = replace(BATCH, file_ids=tuple(each.file_id for each in files))
    services.ledger.records.batches["readings-1"] = batch
    results = [
        FileResult(files[0].file_id, Verdict.GOOD, 5, 4, 1, sha256="s"),
        FileResult(files[1].file_id, Verdict.FAILED, reason="no header"),
    ]
    return services, batch, results


def test_a_staged_batch_tells_what_is_in_the_stage() -> None:
    services, batch, results = staged_world()
    services.warehouse.answers["COUNT(*)"] = [[results[0].file_id, 4]]
    ended, told = record_staged(batch, results, services)
    good, bad = services.ledger.files.get_all(batch.file_ids)
    assert (good.status, good.rows, bad.status) == (
        FileStatus.STAGED,
        RowCounts(5, quarantined=1, staged=4),
        FileStatus.FAILED,
    )
    assert story(services, good.file_id) == [("Staged", {"rows": 4})]
    assert story(services, "readings-1") == [("Staged", {"rows": 4})]
    assert (ended.status, ended.reason, ended.rows.staged) == (BatchStatus.STAGED, None, 4)
    assert services.ledger.batches.get("readings-1") == ended
    assert (told.level, told.batch) == ("error", "readings-1")


def test_a_batch_whose_rows_never_came_to_the_stage_is_not_recorded() -> None:
    services, batch, results = staged_world()
    with pytest.raises(BatchGivenUpError, match="readings-1 was given up"):
        record_staged(batch, results, services)
    only_bad = [replace(results[0], rows_good=0), results[1]]
    record_staged(batch, only_bad, services)
    assert services.ledger.files.get(batch.file_ids[0]).rows == RowCounts(5, quarantined=1)


def test_copies_of_what_was_replaced_are_told_and_no_more_than_a_few_are_looked_at() -> None:
    services = MemoryServices()
    holder = file("holder.csv", status=FileStatus.LOADED)
    copies = [
        file(f"{n}.csv", file_id=f"{n:024}", status=FileStatus.DUPLICATE, duplicate_of=holder.file_id)
        for n in range(99)
    ]
    for each in (holder, *copies):
        services.ledger.given(each)
    for each in copies:
        services.ledger.contents.note_copy(holder.file_id, each)
    other = file("other.csv", status=FileStatus.LOADED)
    services.ledger.given(other)
    more = [file(f"o{n}.csv", file_id=f"a{n:023}", status=FileStatus.DUPLICATE) for n in range(3)]
    for each in more:
        services.ledger.given(each)
        services.ledger.contents.note_copy(other.file_id, each)
    bereft = bereft_copies([holder, other], services)
    assert len(bereft) == MOST_LOOKED_AT
    assert {each.file_id for each in bereft} == {each.file_id for each in (*copies, more[0])}
    assert story(services, copies[0].file_id) == [("Original replaced", {"was a copy of": holder.file_id})]


@pytest.mark.parametrize(
    ("later", "bereft"),
    [(None, True), (FileStatus.FAILED, True), (FileStatus.LOADED, False), (FileStatus.PENDING, False)],
)
def test_only_the_newest_version_of_a_copy_counts(later: FileStatus | None, bereft: bool) -> None:
    services = MemoryServices()
    holder, copy = file("holder.csv"), file("copy.csv", status=FileStatus.DUPLICATE)
    for each in (holder, copy):
        services.ledger.given(each)
    services.ledger.contents.note_copy(holder.file_id, copy)
    if later:
        services.ledger.given(file("copy.csv", file_id="f" * 24, sequencer="09", version="v2", status=later))
    assert bereft_copies([holder], services) == ([copy] if bereft else [])
    services.ledger.given(replace(copy, status=FileStatus.LOADED))
    assert bereft_copies([holder], services) == []


def test_a_copy_of_another_key_is_noted_beside_its_original_and_has_its_content() -> None:
    services = MemoryServices()
    first, again, copy = (
        file("a.csv", status=FileStatus.LOADED),
        file("a.csv", file_id="2" * 24, sequencer="02", version="v2", status=FileStatus.RUNNING),
        file("b.csv", status=FileStatus.RUNNING),
    )
    for each in (first, again, copy):
        services.ledger.given(each)
    assert claim(first, "s", contract(), services) is None
    for each in (again, copy):
        holder = claim(each, "s", contract(), services)
        assert holder is not None
        assert holder.file_id == first.file_id
        assert services.ledger.files.get(each.file_id).sha256 == "s"
    assert [each.file_id for each in services.ledger.contents.copies(first.file_id)] == [copy.file_id]


def test_the_day_that_is_judged_is_the_one_before_unless_it_is_named() -> None:
    assert day_of({"time": "2026-03-01T02:00:00Z"}) == date(2026, 2, 28)
    assert day_of({"time": "2026-03-01T02:00:00Z", "day": "2026-01-05"}) == date(2026, 1, 5)


def test_the_sweeper_starts_what_stands_still_and_nothing_else() -> None:
    services = MemoryServices(contracts_of(contract(wait_while_held=True)))
    assert sweep(services) == []
    services.ledger.files.record_arrival(file())
    state = services.ledger.lanes.state("readings", LIVE)
    services.ledger.records.lanes["readings", LIVE] = replace(state, held=("readings-0",))
    assert sweep(services) == []
    services.ledger.records.lanes["readings", LIVE] = state
    assert sweep(services, (MERGE,)) == []
    assert sweep(services) == ["readings/live"]
    assert sweep(services) == []
    services.workflow.executions["readings", LIVE, 1] = "ABORTED"
    assert sweep(services) == ["readings/live"]
    assert services.ledger.lanes.state("readings", LIVE).generation == 2


def test_a_copy_that_is_the_newest_of_several_versions_of_its_key_counts() -> None:
    services = MemoryServices()
    held = file("a.csv", file_id="h" * 24)
    older = file("b.csv", file_id="o" * 24, status=FileStatus.LOADED, sequencer="01")
    copy = file("b.csv", file_id="c" * 24, status=FileStatus.DUPLICATE, duplicate_of=held.file_id, sequencer="02")
    for one in (held, older, copy):
        services.ledger.given(one)
    services.ledger.contents.note_copy(held.file_id, copy)
    assert bereft_copies([held], services) == [copy]
