"""What the demo shows at its end."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.domain.ingest.ledger import FileStatus, RowCounts
from headrace_cli.commands.laptop import _demo_report
from headrace_cli.commands.laptop._demo_report import collect, render
from headrace_cli.output.console import stdout
from tests.support.fakes import file
from tests.unit.cli.stack import FakeStack

MESSAGES: list[dict[str, Any]] = [
    {"n": n, "at": "2026-01-01T00:00:00Z", "channel": None, "text": "x" * n, "payload": {}} for n in range(1, 5)
]


@pytest.fixture(autouse=True)
def _sink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_demo_report, "received", lambda target, after: MESSAGES[after:])


def loaded(stack: FakeStack, rows_in_table: int, **changes: Any) -> list[dict[str, Any]]:
    """One file with 7 loaded rows, and a warehouse that counts so many."""
    given: dict[str, Any] = {"status": FileStatus.LOADED, "rows": RowCounts(10, 7, 1, 2)}
    record = file("a.csv", **given | changes)
    stack.ledger.add(record)
    stack.data.columns = ["count"]
    stack.data.pages = [[[{"longValue": rows_in_table}]]]
    return [{"file_id": record.file_id}]


def text_of(document: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    stdout().print(render(document | {"seconds": 12.0}))
    return capsys.readouterr().out


def test_the_warehouse_and_the_ledger_agree(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    document = collect(stack.target, loaded(stack, rows_in_table=7), told_before=0)
    assert document["agrees"]
    assert document["counts"] == [
        {"dataset": "readings", "sql": "SELECT COUNT(*) FROM public.readings", "rows": 7, "ledger": 7, "agrees": True}
    ]
    assert "Done in 12 s." in text_of(document, capsys)


def test_a_difference_is_said_aloud(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    document = collect(stack.target, loaded(stack, rows_in_table=8), told_before=0)
    assert not document["agrees"]
    assert "the rows do not add up" in text_of(document, capsys)


def test_rows_that_do_not_balance_do_not_agree(stack: FakeStack) -> None:
    sent = loaded(stack, rows_in_table=7, rows=RowCounts(11, 7, 1, 2))
    assert not collect(stack.target, sent, told_before=0)["agrees"]


def test_files_of_an_earlier_demo_are_explained(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    sent = loaded(stack, rows_in_table=0, status=FileStatus.DUPLICATE, rows=RowCounts(10, duplicate=10))
    document = collect(stack.target, sent, told_before=0)
    assert document["seen_before"]
    assert "recognizes them by their content" in text_of(document, capsys)


def test_the_new_messages_that_say_most_in_the_order_of_time(stack: FakeStack) -> None:
    document = collect(stack.target, loaded(stack, rows_in_table=7), told_before=1)
    assert [message["n"] for message in document["notifications"]] == [3, 4]


def test_hints_can_be_pasted(
    stack: FakeStack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/headrace"])
    text = text_of(collect(stack.target, loaded(stack, rows_in_table=7), told_before=0), capsys)
    assert "headrace trace readings/a.csv" in text
    assert 'headrace sql "SELECT * FROM public.readings LIMIT 5"' in text


@pytest.mark.parametrize("status", [FileStatus.FAILED, FileStatus.HELD])
def test_files_that_were_not_loaded_are_not_passed_over(
    stack: FakeStack, capsys: pytest.CaptureFixture[str], status: FileStatus
) -> None:
    sent = loaded(stack, rows_in_table=0, status=status, rows=RowCounts(3, quarantined=1, withheld=2))
    said = text_of(collect(stack.target, sent, told_before=0), capsys)
    assert "Not loaded: 1 file; `headrace files --failed --held` says why." in " ".join(said.split())
