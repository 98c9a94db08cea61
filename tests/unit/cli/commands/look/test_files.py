"""`headrace files` and `headrace history`: the questions of the morning after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.ingest.ledger import BatchRecord, BatchStatus, FileStatus, RowCounts
from tests.support.fakes import contract, file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack


@pytest.fixture
def night(stack: FakeStack) -> FakeStack:
    """Files of every fate, the later ones at the end; the promise is ten minutes."""
    stack.deploy(replace(contract(), freshness_seconds=600))
    fates = [FileStatus.LOADED, FileStatus.PENDING, FileStatus.FAILED, FileStatus.HELD]
    for minute, status in enumerate(fates):
        at = f"2026-01-01T00:0{minute}:00.000000Z"
        stack.ledger.add(file(str(status), status=status, arrived_at=at, reason=f"why {status}", batch="readings-1"))
    at = "2026-01-01T00:09:00.000000Z"
    stack.ledger.add(file("stray", dataset="", status=FileStatus.UNROUTABLE, arrived_at=at, reason="no dataset"))
    return stack


def names(document: Any) -> list[str]:
    return [item["key"].rpartition("/")[2] for item in document["files"]]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["stray", "held", "failed", "pending", "loaded"]),
        (["--failed"], ["stray", "failed"]),
        (["--held"], ["held"]),
        (["--late"], ["pending"]),
        (["--failed", "--held", "--late"], ["stray", "held", "failed", "pending"]),
        (["--match", "ed"], ["failed", "loaded"]),
        (["readings", "--failed"], ["failed"]),
        (["--since", "2026-01-01T00:03:00Z"], ["stray", "held"]),
    ],
)
@pytest.mark.usefixtures("night")
def test_which_files(run_json: RunJson, options: list[str], found: list[str]) -> None:
    code, document = run_json("files", *options)
    assert code == 0
    assert names(document) == found
    assert document["more"] == 0


def test_files_that_wait_for_a_marker(night: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    night.ledger.add(file("part-0", status=FileStatus.WAITING, reason="it waits for its marker (_SUCCESS)"))
    night.ledger.add(file("part-1", status=FileStatus.GROUPED, group="f" * 24, reason="its rows are those of x"))
    _, document = run_json("files", "--waiting")
    assert names(document) == ["part-0"]
    assert document["files"][0]["reason"] == "it waits for its marker (_SUCCESS)"
    assert "1 file without a marker or manifest yet: `headrace files readings --waiting`" in run_text("status")[1]


@pytest.mark.usefixtures("night")
def test_the_newest_are_shown_and_the_others_counted(run_json: RunJson, run_text: RunText) -> None:
    _, document = run_json("files", "--limit", "2")
    assert (names(document), document["more"]) == (["stray", "held"], 3)
    assert "and 3 older files: --limit shows more" in run_text("files", "--limit", "2")[1]


@pytest.mark.usefixtures("night")
def test_text_has_the_reason_and_says_what_is_late(run_text: RunText) -> None:
    text = run_text("files")[1]
    assert "why failed" in text
    assert "pending, late" in text
    assert run_text("files", "--match", "nothing")[1] == "There are none.\n"


def batch(name: str, minute: int, status: BatchStatus, reason: str | None = None) -> BatchRecord:
    start, end = f"2026-01-01T01:{minute:02}:00.000000Z", f"2026-01-01T01:{minute:02}:30.000000Z"
    return BatchRecord(
        name, "readings", "live", 1, status, ("1",), start, ended_at=end, reason=reason, rows=RowCounts(9, 7)
    )


def test_the_batches_of_a_night(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    for number, status in enumerate([BatchStatus.LOADED, BatchStatus.FAILED], 1):
        stack.ledger.records.batches[f"readings-{number}"] = batch(f"readings-{number}", number, status, "no room")
        stack.ledger.add(file(f"{number}", batch=f"readings-{number}", arrived_at="2026-01-01T01:00:00.000000Z"))
    stack.ledger.add(file("gone", batch="readings-9", arrived_at="2026-01-01T01:00:00.000000Z"), file("waits"))
    code, document = run_json("history", "--since", "2026-01-01")
    assert code == 0
    assert [(item["batch"], item["status"], item["seconds"]) for item in document["batches"]] == [
        ("readings-2", "failed", 30.0),
        ("readings-1", "loaded", 30.0),
    ]
    assert document["batches"][1]["rows"]["loaded"] == 7
    assert "no room" in run_text("history", "--since", "2026-01-01")[1]
    assert run_json("history")[1]["batches"] == []
    assert "No batch has files that arrived since" in run_text("history", "readings")[1]
