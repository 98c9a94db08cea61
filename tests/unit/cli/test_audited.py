"""Whatever a person changes by hand is written down first, by whom, from where and why; in one place."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import getsource

import pytest

from headrace.domain.audit import BEGUN, LONGEST_TEXT, AuditEntry, hashed
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileStatus
from headrace_cli.app import COMMANDS, REPAIR
from headrace_cli.stack.audited import audited, entries, host, who
from tests.support.fakes import contract, file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack

UNCHANGING = {"reconcile"}
"""Of the commands under Recovery: those that change nothing."""
CHANGING = sorted(name for name, listed in COMMANDS.items() if listed.panel == REPAIR and name not in UNCHANGING)


def done(stack: FakeStack) -> list[AuditEntry]:
    return list(stack.ledger.audit.since(""))


@pytest.mark.parametrize("name", [*CHANGING, "quarantine"])
def test_each_command_that_changes_something_is_audited_under_its_name(name: str) -> None:
    source = getsource(import_module(f"headrace_cli.commands.{COMMANDS[name].module}"))
    assert f'audited(target, "{"discard" if name == "quarantine" else name}"' in source


def test_a_retry_says_who_from_where_why_and_what_came_of_it(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.add(file("a.csv", status=FileStatus.FAILED, reason="x"))
    assert run_json("retry", "a.csv", "--reason", "the column is there now")[0] == 0
    (entry,) = done(stack)
    assert (entry.action, entry.by, entry.host) == ("retry", stack.sts.arn, host())
    assert (entry.dataset, entry.reason, entry.number) == ("readings", "the column is there now", 2)
    assert file("a.csv").file_id in entry.about
    assert entry.outcome == "1 file sent again of 1"


def test_a_dry_run_is_no_act(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.add(file("a.csv", status=FileStatus.FAILED, reason="x"))
    run_json("retry", "a.csv", "--dry-run")
    assert done(stack) == []
    assert stack.sts.asked == 0


def test_a_refused_release_is_written_down_too(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.add_batch(BatchRecord("readings-7", "readings", LIVE, 7, BatchStatus.LOADED, (), "t"))
    assert run_json("release", "readings-7")[0] == 1
    (entry,) = done(stack)
    assert (entry.action, entry.about) == ("release", ("readings-7",))
    assert entry.outcome.startswith("refused: ")


def test_it_is_written_before_it_is_done(stack: FakeStack) -> None:
    target = stack.target
    with audited(target, "retry", ["f1"]):
        (entry,) = done(stack)
        assert entry.outcome == BEGUN
    assert done(stack)[0].outcome == "done"


def test_what_cannot_be_written_down_is_not_done(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_entry: AuditEntry) -> None:
        raise PermissionError

    monkeypatch.setattr(stack.ledger.audit, "write", denied)
    begun = False
    with pytest.raises(PermissionError), audited(stack.target, "retry", []):
        begun = True
    assert not begun


@pytest.mark.parametrize(
    ("error", "outcome"), [(ValueError("row 7: secret"), "failed: ValueError"), (KeyboardInterrupt(), "interrupted")]
)
def test_an_error_is_named_but_its_words_which_may_be_a_rows_are_not(
    stack: FakeStack, error: BaseException, outcome: str
) -> None:
    with pytest.raises(type(error)), audited(stack.target, "retry", []):
        raise error
    assert done(stack)[0].outcome == outcome


def test_an_identity_is_asked_for_once_and_its_refusal_stops_nothing(stack: FakeStack) -> None:
    target = stack.target
    assert who(target) == who(target) == stack.sts.arn
    assert stack.sts.asked == 1
    stack.sts.refuses = True
    assert who(stack.target) == "unknown: ClientError"


def test_on_the_laptop_it_is_the_user_of_the_machine(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    target = stack.target
    target.endpoint_url = "http://127.0.0.1:1"
    assert who(target) == "ada"
    assert stack.sts.asked == 0


def test_an_erased_value_is_kept_as_a_hash_only() -> None:
    assert hashed("readings/meter/M-17") == hashed("readings/meter/M-17") != hashed("readings/meter/M-18")
    assert re.fullmatch("[0-9a-f]{16}", hashed("\udcff"))


def test_an_entry_is_bounded() -> None:
    huge = AuditEntry(
        "a", "2026-01-01T00:00:00Z", "erase", "é" * 999, "h" * 999, reason="r" * 99_999, outcome="o" * 9_999
    )
    kept = huge.bounded
    assert len(kept.by.encode()) <= 256
    assert len(kept.reason) <= LONGEST_TEXT
    assert len(kept.outcome) <= LONGEST_TEXT
    assert AuditEntry.from_json(kept.to_json() | {"later": 1}) == kept


def test_history_shows_it_and_trace_of_what_it_was_about(
    stack: FakeStack, run_json: RunJson, run_text: RunText
) -> None:
    record = file("a.csv", status=FileStatus.FAILED, reason="x")
    stack.ledger.add(record, file("b.csv", status=FileStatus.FAILED, reason="x"))
    run_json("retry", "readings/a.csv", "--reason", "fixed")
    run_json("retry", "readings/b.csv")
    document = run_json("history", "--audit")[1]
    assert [entry["about"][0] for entry in document["entries"]] == ["readings/b.csv", "readings/a.csv"]
    assert run_json("history", "--audit", "--limit", "1")[1]["more"] == 1
    text = run_text("history", "--audit")[1]
    assert "ada" in text
    assert "fixed" in text
    steps = [step for step in run_json("trace", "readings/a.csv")[1]["steps"] if step["source"] == "person"]
    assert [(step["step"], step["detail"]["reason"]) for step in steps] == [("headrace retry", "fixed")]


def test_history_of_a_dataset_has_its_own_acts(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    stack.deploy(contract())
    with audited(stack.target, "redrive", ["intake"]):
        pass
    assert run_json("history", "readings", "--audit")[1]["entries"] == []
    assert "Nobody" in run_text("history", "readings", "--audit")[1]
    assert len(entries(stack.target, "")) == 1
