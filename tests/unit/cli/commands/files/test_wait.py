"""`headrace wait`: when there is nothing left to wait for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headrace.domain.ingest.lane import LaneState, Pause
from headrace.domain.ingest.ledger import LIVE, FileStatus
from headrace_cli.commands.files.wait import wait_until_quiet
from headrace_cli.stack.watch import RECENT, Snapshot, Watch
from tests.support.fakes import file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack


def land_in_ledger(stack: FakeStack, status: FileStatus) -> str:
    file_id = stack.land("readings/a.csv")
    stack.ledger.add(file("a.csv", file_id=file_id, status=status))
    return file_id


def test_nothing_landed_is_done(run_json: RunJson) -> None:
    code, document = run_json("wait", "--timeout", "0")
    assert code == 0
    assert document["done"]
    assert document["files"] == {"seen": 0, "done": 0}


@pytest.mark.parametrize("status", ["loaded", "duplicate"])
def test_a_file_with_a_final_status_is_done(stack: FakeStack, run_json: RunJson, status: str) -> None:
    land_in_ledger(stack, FileStatus(status))
    code, document = run_json("wait", "--timeout", "0")
    assert code == 0
    assert document["files"] == {"seen": 1, "done": 1}
    assert document["not_loaded"] == {}


@pytest.mark.parametrize("status", ["failed", "held", "unroutable"])
def test_a_file_that_was_not_loaded_is_no_success(stack: FakeStack, run_json: RunJson, status: str) -> None:
    land_in_ledger(stack, FileStatus(status))
    code, document = run_json("wait", "--timeout", "0")
    assert code == 1
    assert document["done"]
    assert document["not_loaded"] == {status: 1}


def test_text_says_what_was_not_loaded(stack: FakeStack, run_text: RunText) -> None:
    land_in_ledger(stack, FileStatus.FAILED)
    code, text = run_text("wait", "--timeout", "0")
    assert code == 1
    assert "All done" not in text
    assert "Of 1 file in the last 15 minutes: 1 failed;" in text
    assert "`headrace files --failed --held --since 15m` says why." in text


@pytest.mark.parametrize("status", ["pending", "running"])
def test_an_unfinished_file_is_waited_for(stack: FakeStack, run_json: RunJson, status: str) -> None:
    land_in_ledger(stack, FileStatus(status))
    code, document = run_json("wait", "--timeout", "0")
    assert code == 1
    assert document["open"] == {"unfinished_files": ["readings/a.csv"]}
    assert "unfinished files readings/a.csv" in document["error"]


def test_an_object_whose_event_is_still_on_its_way_is_waited_for(stack: FakeStack, run_json: RunJson) -> None:
    stack.land("readings/a.csv")
    code, document = run_json("wait", "--timeout", "0")
    assert code == 1
    assert document["open"] == {"not_yet_in_ledger": ["readings/a.csv"]}


def test_an_old_object_that_the_ledger_never_knew_is_not(stack: FakeStack, run_json: RunJson) -> None:
    stack.land("readings/a.csv")
    stack.s3.stored[-1].at -= RECENT + timedelta(minutes=1)
    assert run_json("wait", "--timeout", "0")[0] == 0


def test_messages_in_the_queue_are_waited_for(stack: FakeStack, run_json: RunJson) -> None:
    stack.sqs.messages = [3]
    _, document = run_json("wait", "--timeout", "0")
    assert document["open"] == {"messages": 3}


def test_an_open_batch_is_waited_for(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.records.lanes["readings", LIVE] = LaneState(4, "readings-4")
    _, document = run_json("wait", "--timeout", "0")
    assert document["open"] == {"open_batches": ["readings-4"]}


def test_pending_files_of_any_age_are_waited_for(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.files.record_arrival(file("old.csv"))
    _, document = run_json("wait", "--timeout", "0")
    assert document["open"] == {"pending_files": {"readings": 1}}


def test_a_running_execution_is_waited_for(stack: FakeStack, run_json: RunJson) -> None:
    stack.stepfunctions.running = ["readings-1"]
    _, document = run_json("wait", "--timeout", "0")
    assert document["open"] == {"running_executions": 1}


def test_it_looks_until_all_is_quiet(stack: FakeStack) -> None:
    stack.sqs.messages = [2, 1, 0]
    told: list[Snapshot] = []
    last = wait_until_quiet(Watch(stack.target), 60, told.append, pause=lambda _: None)
    assert last.quiet
    assert [look.messages for look in told] == [2, 1, 0]


def test_a_finished_file_is_not_read_again(stack: FakeStack) -> None:
    file_id = land_in_ledger(stack, FileStatus.LOADED)
    watch = Watch(stack.target)
    assert watch.look().done == 1
    stack.ledger.add(replace(stack.ledger.files.get(file_id), status=FileStatus.RUNNING))
    assert watch.look().done == 1
    assert [item.file_id for item in watch.finished] == [file_id]


def test_a_file_that_fails_long_after_it_landed_is_no_success(stack: FakeStack, run_json: RunJson) -> None:
    """It was recent when the wait began."""
    file_id = land_in_ledger(stack, FileStatus.RUNNING)
    watch = Watch(stack.target)
    assert watch.look().unfinished
    stack.s3.stored[-1].at -= RECENT - timedelta(minutes=1)
    watch._since -= RECENT
    stack.ledger.add(replace(stack.ledger.files.get(file_id), status=FileStatus.FAILED))
    assert watch.look().done == 1
    assert [item.status for item in watch.finished] == [FileStatus.FAILED]


def test_text_says_what_is_still_open(stack: FakeStack, run_text: RunText) -> None:
    stack.sqs.messages = [3]
    code, text = run_text("wait", "--timeout", "0")
    assert code == 1
    assert "still open after 0.0 s: messages 3" in text


def test_text_when_done(run_text: RunText) -> None:
    assert "All done" in run_text("wait")[1]


def test_after_the_time_a_pause_is_named(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.files.record_arrival(file())
    stack.ledger.lanes.pause("readings", LIVE, Pause("ann", "2026-01-01", "2026-01-02"))
    _, document = run_json("wait", "--timeout", "0")
    assert document["error"].endswith("; readings is paused, `headrace resume readings` ends that")
