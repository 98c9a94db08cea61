"""`headrace status`."""

from __future__ import annotations

from headrace.domain.ingest.ledger import FileStatus, RowCounts
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
        "pending": 1, "running": 0, "staged": 0, "merging": 0, "held": 0, "loaded": 2, "duplicate": 1, "failed": 0,
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
    code, document = run_json("status", "--since", "yesterday")
    assert code == 2
    assert "'yesterday' is not a time: write it as 2026-01-31" in document["error"]


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
