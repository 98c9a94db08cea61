"""`headrace status`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headrace.domain.clock import written
from headrace.domain.expected.calendar import Expectation
from headrace.domain.expected.verdict import State
from headrace.domain.ingest.ledger import FileStatus, RowCounts
from headrace.domain.ingest.reported import WATCHED, Reported
from headrace_cli.main import run
from tests.support.fakes import contract, file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack


def test_counts_files_by_status_and_sums_rows(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.add(
        file("a", status=FileStatus.LOADED, rows=RowCounts(10, 7, 1, 2), updated_at="2026-01-01T00:00:00Z"),
        file("b", status=FileStatus.LOADED, rows=RowCounts(5, 5), updated_at="2026-01-02T00:00:00.500000Z"),
        file("c", status=FileStatus.DUPLICATE, rows=RowCounts(5, duplicate=5), updated_at="2026-01-03T00:00:00Z"),
        file("d"),
        file("e", dataset="", status=FileStatus.UNROUTABLE),
    )
    code, document = run_json("status")
    (readings,) = document["datasets"]
    assert code == 0
    assert readings["files"] == {
        "waiting": 0, "pending": 1, "running": 0, "staged": 0, "merging": 0, "held": 0, "loaded": 2,
        "grouped": 0, "duplicate": 1, "failed": 0,
    }  # fmt: skip
    assert readings["rows"] == {"read": 20, "loaded": 12, "superseded": 1, "quarantined": 2, "duplicate": 5}
    assert readings["last_load"] == "2026-01-02T00:00:00.500000Z"
    assert readings["freshness_seconds"] > 0
    assert document["unroutable"] == 1


def test_a_dataset_without_files_is_listed(stack: FakeStack, run_json: RunJson) -> None:
    stack.deploy(contract(), contract("a_second"))
    _, document = run_json("status")
    assert [item["dataset"] for item in document["datasets"]] == ["a_second", "readings"]
    assert document["datasets"][0]["last_load"] is None
    assert document["datasets"][0]["freshness_seconds"] is None


def test_one_dataset_only(stack: FakeStack, run_json: RunJson) -> None:
    stack.deploy(contract(), contract("a_second"))
    _, document = run_json("status", "readings")
    assert [item["dataset"] for item in document["datasets"]] == ["readings"]


def test_only_files_that_arrived_since(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.add(file("old"), file("new", arrived_at="2026-02-01T00:00:00.000000Z"))
    _, document = run_json("status", "--since", "2026-02-01T01:00+01:00")
    assert document["datasets"][0]["files"]["pending"] == 1


def test_a_time_that_is_none_is_refused(run_json: RunJson) -> None:
    code, document = run_json("status", "--since", "last week")
    assert code == 2
    assert "'last week' is not a time: write it as 2026-01-31" in document["error"]


def test_files_past_their_promise_are_late(stack: FakeStack, run_json: RunJson) -> None:
    stack.deploy(replace(contract(), freshness_seconds=600), contract("other"))
    now = written(datetime.now(UTC) - timedelta(seconds=30))
    stack.ledger.add(
        file("old"),
        file("running", status=FileStatus.RUNNING),
        file("new", arrived_at=now),
        file("loaded", status=FileStatus.LOADED),
        file("again", reload=True),
        file("known before", lane="backfill"),
        file("unpromised", dataset="other"),
    )
    _, document = run_json("status")
    assert {item["dataset"]: item["late"] for item in document["datasets"]} == {"other": 0, "readings": 2}


def test_twenty_datasets_fit_eighty_columns(
    stack: FakeStack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"seattle_weather_{number:02}" for number in range(20)]
    stack.deploy(*map(contract, names))
    for name in names:
        rows = RowCounts(1_234_567, 1_234_000, quarantined=567)
        stack.ledger.add(file(name, dataset=name, status=FileStatus.LOADED, rows=rows, updated_at="2026-01-01"))
    monkeypatch.setattr("headrace_cli.output.console.PIPED_WIDTH", 80)
    run(["status"], stack.target)
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 3 + len(names)
    assert all(name in line for name, line in zip(names, shown[3:], strict=True))
    assert max(map(len, shown)) <= 80


def test_an_unknown_dataset_is_an_error_that_lists_the_known(run_json: RunJson) -> None:
    code, document = run_json("status", "nothing")
    assert (code, document) == (1, {"error": "no dataset is called nothing here; deployed: readings"})


def test_text_shows_the_balance(stack: FakeStack, run_text: RunText) -> None:
    stack.ledger.add(file("a", status=FileStatus.LOADED, rows=RowCounts(1000, 1000)))
    _, text = run_text("status")
    assert "readings" in text
    assert "1,000" in text
    assert "✓" in text


def test_text_marks_rows_that_do_not_balance_and_files_of_no_dataset(stack: FakeStack, run_text: RunText) -> None:
    stack.ledger.add(
        file("a", status=FileStatus.LOADED, rows=RowCounts(10, 9)),
        file("b", dataset="", status=FileStatus.UNROUTABLE),
    )
    _, text = run_text("status")
    assert "✗" in text
    assert "1 file of no dataset" in text


def test_files_that_were_not_loaded_are_listed_with_their_reasons(
    stack: FakeStack, run_json: RunJson, run_text: RunText
) -> None:
    stack.ledger.add(
        file("a", status=FileStatus.LOADED),
        file("b", status=FileStatus.FAILED, reason="the file is empty (0 bytes)", arrived_at="2026-01-02T00:00:00Z"),
        file("c", dataset="", status=FileStatus.UNROUTABLE, reason="no contract", arrived_at="2026-01-03T00:00:00Z"),
    )
    code, document = run_json("status", "--failed")
    assert (code, document["more"]) == (0, 0)
    assert [(item["key"], item["reason"]) for item in document["files"]] == [
        ("readings/c", "no contract"),
        ("readings/b", "the file is empty (0 bytes)"),
    ]
    assert [item["key"] for item in run_json("status", "readings", "--failed")[1]["files"]] == ["readings/b"]
    assert "the file is empty (0 bytes)" in run_text("status", "--failed")[1]
    assert run_text("status", "--failed", "--since", "2027-01-01")[1] == "There are none.\n"


def test_a_list_of_failed_files_has_an_end(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    for n in range(1_010):
        at = f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z"
        stack.ledger.add(file(f"{n:04}", status=FileStatus.FAILED, arrived_at=at))
    document = run_json("status", "--failed")[1]
    assert (len(document["files"]), document["more"]) == (1_000, 10)
    assert document["files"][-1]["key"] == "readings/0010"
    assert "and 10 older files" in run_text("status", "--failed")[1]


def test_runs_of_the_glue_job_are_counted_once_and_the_last_is_named(
    stack: FakeStack, run_json: RunJson, run_text: RunText
) -> None:
    first, last = ({"glue": {"run": run, "dpu_seconds": seconds}} for run, seconds in (("jr_1", 60), ("jr_2", 1500)))
    stack.ledger.add(
        file("a", status=FileStatus.LOADED, detected=first, updated_at="2026-01-01T00:00:00Z"),
        file("b", status=FileStatus.LOADED, detected=last, updated_at="2026-01-02T00:00:00Z"),
        file("c", status=FileStatus.LOADED, detected=last, updated_at="2026-01-02T00:00:00Z"),
        file("d", status=FileStatus.LOADED, updated_at="2026-01-03T00:00:00Z"),
    )
    (readings,) = run_json("status")[1]["datasets"]
    assert readings["glue"] == {"runs": 2, "dpu_seconds": 1560, "at_most": False, "last_run": "jr_2"}
    assert "readings: 2 runs of the Glue job, 1,560 DPU seconds; the last: jr_2" in run_text("status")[1]
    unreported = {"glue": {"run": "jr_3", "dpu_seconds": 40, "at_most": True}}
    stack.ledger.add(file("e", status=FileStatus.LOADED, detected=unreported, updated_at="2026-01-01T00:00:00Z"))
    assert "3 runs of the Glue job, at most 1,600 DPU seconds" in run_text("status")[1]


def test_the_next_expected_files_and_what_is_missing(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    daily = Expectation("morning", minutes=1, least=3, most=3)
    stack.deploy(contract(expected=(daily,)))
    _, document = run_json("status")
    (expected,) = document["datasets"][0]["expected"]
    assert (expected["name"], expected["files"], expected["problem"], expected["was_due"]) == ("morning", "3", "", None)
    assert "readings: next expected: 3 by" in run_text("status")[1]
    due = datetime(2026, 3, 2, tzinfo=UTC)
    known = State(due, due - timedelta(days=1), due, times=3, came=1, missing=2, wrong="few")
    note = Reported("t", json.dumps({"expected": {"morning": known.to_json()}}))
    stack.ledger.watches.note_reported("readings", WATCHED, Reported(), note)
    assert run_json("status")[1]["datasets"][0]["expected"][0]["missing"] == 2
    assert "readings: 2 of 3 had not come by Mon 2026-03-02 00:00 UTC; next expected" in run_text("status")[1]
