"""A file's record once its batch has ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.domain.ingest.ledger import FileStatus, RowCounts
from headrace.domain.ingest.outcome import (
    NOT_AGAIN,
    FileResult,
    Verdict,
    WarehouseRows,
    failed,
    imbalance,
    settle,
    staged,
    total,
)
from tests.support.fakes import file

RUNNING = file(
    status=FileStatus.RUNNING, batch="readings-1", reload=True, suspects="s", failing_since="t", apart_since="t",
    released="r", replayed=3, replays=("x",), duplicate_of="d",
)  # fmt: skip
GOOD = FileResult("f", Verdict.GOOD, 10, 8, 2, sha256="s", contract_version="1.0.0", detected={"delimiter": ";"})


def test_a_result_comes_back_from_json_as_it_was() -> None:
    assert FileResult.from_json(GOOD.to_json()) == GOOD
    assert FileResult("f", Verdict.FAILED) == FileResult("f", Verdict.FAILED, 0, 0, 0)
    assert WarehouseRows() == WarehouseRows(0, 0, 0)


def test_a_loaded_file_has_the_warehouses_counts_and_nothing_of_earlier_failures() -> None:
    settled = settle(RUNNING, GOOD, WarehouseRows(8, 5, 3))
    assert settled == file(
        status=FileStatus.LOADED, batch="readings-1", rows=RowCounts(10, 5, 3, 2), sha256="s",
        contract_version="1.0.0", detected={"delimiter": ";"},
    )  # fmt: skip


def test_a_loaded_file_whose_rows_do_not_add_up_says_so() -> None:
    settled = settle(RUNNING, GOOD, WarehouseRows(8, 5, 2))
    assert settled.reason == (
        "the rows do not balance: 10 read, but 5 loaded + 2 superseded + 2 quarantined + 0 duplicate"
    )
    assert imbalance(RowCounts(10, 5, 3, 2)) is None


def test_a_duplicate_counts_its_rows_as_such() -> None:
    result = replace(GOOD, verdict=Verdict.DUPLICATE, duplicate_of="other", reason="the same bytes as other")
    settled = settle(RUNNING, result, WarehouseRows())
    assert (settled.status, settled.rows, settled.duplicate_of, settled.reason) == (
        FileStatus.DUPLICATE, RowCounts(read=10, duplicate=10), "other", "the same bytes as other",
    )  # fmt: skip
    assert settled.rows.balanced


def test_a_failed_file_has_no_rows_and_its_reason() -> None:
    result = FileResult("f", Verdict.FAILED, reason="no header", contract_version="2.0.0")
    settled = settle(replace(RUNNING, rows=RowCounts(5)), result, WarehouseRows(1, 1, 1))
    assert (settled.status, settled.reason, settled.rows) == (FileStatus.FAILED, "no header", RowCounts())
    assert (settled.contract_version, settled.reload, settled.suspects) == ("2.0.0", False, None)
    assert settled.released == "r", "who let it pass is still known"


@pytest.mark.parametrize("rows", [RowCounts(5, loaded=5), RowCounts(5, superseded=5)])
def test_a_file_that_could_not_be_loaded_again_keeps_what_it_has(rows: RowCounts) -> None:
    kept = failed(replace(RUNNING, rows=rows), "no header")
    assert (kept.status, kept.rows, kept.reason) == (FileStatus.LOADED, rows, f"{NOT_AGAIN}: no header")
    assert (kept.reload, kept.failing_since) == (False, None)


def test_a_staged_file_counts_what_is_in_the_stage_table() -> None:
    waits = staged(RUNNING, GOOD, 8)
    assert (waits.status, waits.rows) == (FileStatus.STAGED, RowCounts(read=10, quarantined=2, staged=8))
    assert waits.rows.balanced
    assert (waits.suspects, waits.failing_since, waits.apart_since, waits.reload) == (None, None, None, True)
    assert (waits.sha256, waits.contract_version, waits.detected) == ("s", "1.0.0", {"delimiter": ";"})


@pytest.mark.parametrize("rows", [RowCounts(5, loaded=5), RowCounts(5, superseded=5)])
def test_a_staged_file_that_the_target_has_already_keeps_its_counts_until_it_is_merged(rows: RowCounts) -> None:
    assert staged(replace(RUNNING, rows=rows), GOOD, 8).rows == rows


def test_counts_of_several_files_are_summed() -> None:
    assert total([]) == RowCounts()
    assert total([file(rows=RowCounts(1, 2)), file(rows=RowCounts(10, 20, 30))]) == RowCounts(11, 22, 30)
