"""`headrace trace`: the story of a file from every place that remembers a part of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from headrace.domain.ingest.ledger import BatchRecord, BatchStatus, Event, FileStatus, RowCounts
from headrace_cli.commands.look.trace import follow_to_rest
from headrace_cli.output.failures import CommandError
from headrace_cli.stories.execution import summarised
from tests.support.fakes import file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import NOW, FakeStack

START = datetime.fromisoformat("2026-01-01T00:00:02Z")
ARN = "arn:aws:states:us-east-1:000000000000:execution:headrace-ingest:readings-1"


def entered(name: str, second: float) -> dict[str, Any]:
    at = START + timedelta(seconds=second)
    return {"type": "TaskStateEntered", "timestamp": at, "stateEnteredEventDetails": {"name": name}}


def left(name: str, second: float, output: str = "") -> dict[str, Any]:
    at = START + timedelta(seconds=second)
    return {"type": "TaskStateExited", "timestamp": at, "stateExitedEventDetails": {"name": name, "output": output}}


def loaded_file(stack: FakeStack) -> None:
    """`a.csv`, loaded in `readings-1`, with everything a real one leaves behind."""
    record = file("a.csv", status=FileStatus.LOADED, batch="readings-1", rows=RowCounts(10, 7, 1, 2))
    stack.ledger.add(record)
    stack.ledger.add_batch(
        BatchRecord(
            "readings-1",
            "readings",
            "live",
            1,
            BatchStatus.LOADED,
            (record.file_id,),
            "2026-01-01T00:00:02Z",
            execution="readings-1",
        )
    )
    stack.ledger.stories[record.file_id] = [Event("2026-01-01T00:00:01Z", "Arrived", {"size": 100})]
    stack.ledger.stories["readings-1"] = [Event("2026-01-01T00:00:05Z", "Loaded", {"rows": 7})]
    stack.stepfunctions.history[ARN] = [entered("Record the batch", 0.5), left("Record the batch", 1)]


def test_steps_of_all_sources_in_the_order_of_time(stack: FakeStack, run_json: RunJson) -> None:
    loaded_file(stack)
    code, story = run_json("trace", "readings/a.csv")
    assert code == 0
    assert [(step["step"], step["source"]) for step in story["steps"]] == [
        ("Arrived", "file"),
        ("Record the batch", "execution"),
        ("Loaded", "batch"),
    ]
    assert story["steps"][1]["detail"] == {"seconds": 0.5}


def test_the_facts(stack: FakeStack, run_json: RunJson) -> None:
    loaded_file(stack)
    _, story = run_json("trace", "readings/a.csv")
    assert (story["dataset"], story["key"], story["status"]) == ("readings", "readings/a.csv", "loaded")
    assert (story["batch"], story["execution"]) == ("readings-1", ARN)
    assert story["rows"] == {"read": 10, "loaded": 7, "superseded": 1, "quarantined": 2, "duplicate": 0}


def test_a_marker_and_a_file_of_its_group(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    stack.ledger.add(file("_SUCCESS", status=FileStatus.LOADED, members=12))
    stack.ledger.add(file("part-0.csv", status=FileStatus.GROUPED, group="5" * 24, reason="its rows are those of x"))
    assert run_json("trace", "readings/_SUCCESS")[1]["members"] == 12
    assert "12 files" in run_text("trace", "readings/_SUCCESS")[1]
    assert run_json("trace", "readings/part-0.csv")[1]["group"] == "5" * 24
    text = run_text("trace", "readings/part-0.csv")[1]
    assert "its rows are those of x" in text
    assert "5" * 24 in text


def test_found_by_file_id_uri_and_local_name(stack: FakeStack, run_json: RunJson) -> None:
    loaded_file(stack)
    file_id = file("a.csv").file_id
    for wanted in (file_id, "s3://landing/readings/a.csv", "/home/me/a.csv", "a.csv"):
        assert run_json("trace", wanted)[1]["file_id"] == file_id


def test_the_newest_version_is_told_and_the_others_listed(stack: FakeStack, run_json: RunJson) -> None:
    older = file("a.csv", file_id="1" * 24, arrived_at="2026-01-01T00:00:00Z", sequencer="1")
    newer = file("a.csv", file_id="2" * 24, arrived_at="2026-01-01T01:00:00.5Z", sequencer="2")
    stack.ledger.add(newer, older)
    _, story = run_json("trace", "readings/a.csv")
    assert story["file_id"] == newer.file_id
    assert [item["file_id"] for item in story["versions"]] == [older.file_id]
    _, story = run_json("trace", older.file_id)
    assert story["file_id"] == older.file_id
    assert [item["file_id"] for item in story["versions"]] == [newer.file_id]


def test_an_unroutable_file_has_no_dataset_and_a_reason(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.add(file("x", key="odd/x", dataset="", status=FileStatus.UNROUTABLE, reason="no contract"))
    _, story = run_json("trace", "odd/x")
    assert (story["dataset"], story["status"], story["reason"]) == (None, "unroutable", "no contract")


def test_a_file_that_has_only_landed_is_pending(stack: FakeStack, run_json: RunJson) -> None:
    file_id = stack.land("readings/new.csv")
    _, story = run_json("trace", "readings/new.csv")
    assert (story["status"], story["file_id"]) == ("pending", file_id)
    assert [step["step"] for step in story["steps"]] == ["Landed"]


def test_a_file_that_never_came(run_json: RunJson) -> None:
    code, document = run_json("trace", "readings/never.csv")
    assert code == 1
    assert "readings/never.csv has landed" in document["error"]


def test_an_unknown_file_id_is_a_sentence(run_json: RunJson) -> None:
    assert run_json("trace", "f" * 24) == (1, {"error": f"the ledger does not know FILE#{'f' * 24}"})


def test_an_execution_that_is_forgotten_leaves_its_steps_out(stack: FakeStack, run_json: RunJson) -> None:
    loaded_file(stack)
    stack.stepfunctions.history.clear()
    code, story = run_json("trace", "readings/a.csv")
    assert code == 0
    assert all(step["source"] != "execution" for step in story["steps"])


def test_text_is_a_timeline_and_an_equation(stack: FakeStack, run_text: RunText) -> None:
    loaded_file(stack)
    _, text = run_text("trace", "readings/a.csv")
    assert "+1.50 s" in text
    assert "10 read = 7 loaded + 1 superseded + 2 quarantined + 0 duplicate" in text


def test_states_of_a_map_become_one_step_and_share_their_time() -> None:
    events = [entered("Transform", 0), entered("Transform", 1), left("Transform", 2), left("Transform", 4)]
    (step,) = summarised(events)
    assert step["detail"] == {"seconds": 4.0, "times": 2}


def test_a_loop_counts_only_the_time_in_each_state() -> None:
    events = [
        entered("Look", 0),
        left("Look", 1),
        entered("Wait", 1),
        left("Wait", 5),
        entered("Look", 5),
        left("Look", 7),
    ]
    look, wait = summarised(events)
    assert look["detail"] == {"seconds": 3.0, "times": 2}
    assert wait["detail"] == {"seconds": 4.0}


def test_a_state_that_is_not_left_has_no_time() -> None:
    assert summarised([entered("Transform", 0)])[0]["detail"] == {}


def test_what_a_task_says_of_its_work_is_told() -> None:
    output = '{"statement": "s1", "status": "finished", "error": "", "order": {}}'
    (step,) = summarised([entered("Look at the load", 0), left("Look at the load", 1, output)])
    assert step["detail"] == {"seconds": 1.0, "statement": "s1", "status": "finished"}


def test_failures_and_the_bad_end_are_told_with_their_cause() -> None:
    cause = '{"errorMessage": "the file is gone", "errorType": "ObjectGoneError"}'
    details = {"error": "ObjectGoneError", "cause": cause}
    events = [
        entered("Transform", 0),
        {"type": "TaskFailed", "timestamp": NOW, "taskFailedEventDetails": details},
        {"type": "ExecutionTimedOut", "timestamp": NOW},
    ]
    transform, end = summarised(events)
    assert transform["detail"] == {"failures": ["ObjectGoneError: the file is gone"]}
    assert end["step"] == "Execution timed out"


def test_a_batch_with_its_files(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    loaded_file(stack)
    code, story = run_json("trace", "readings-1")
    assert code == 0
    assert [(step["step"], step["source"]) for step in story["steps"]] == [
        ("Record the batch", "execution"),
        ("Loaded", "batch"),
    ]
    assert [(item["key"], item["status"]) for item in story["files"]] == [("readings/a.csv", "loaded")]
    text = run_text("trace", "readings-1")[1]
    assert "readings/a.csv" in text
    assert ARN in text


def test_the_engine_is_named_with_its_run_and_what_that_cost(stack: FakeStack, run_text: RunText) -> None:
    stack.ledger.add(
        file("a.csv", status=FileStatus.LOADED, detected={"glue": {"run": "jr_1", "dpu_seconds": 1234}}),
        file("b.csv", status=FileStatus.LOADED),
        file(
            "c.csv",
            status=FileStatus.LOADED,
            detected={"glue": {"run": "jr_2", "dpu_seconds": 240, "at_most": True}},
        ),
    )
    assert "Glue, run jr_1, 1,234 DPU seconds" in run_text("trace", "readings/a.csv")[1]
    assert "Glue, run jr_2, at most 240 DPU seconds" in run_text("trace", "readings/c.csv")[1]
    assert "engine" not in run_text("trace", "readings/b.csv")[1]


def test_a_file_is_followed_until_it_rests() -> None:
    pauses: list[float] = []
    statuses = iter(["pending", "running", "loaded"])
    follow_to_rest(lambda: next(statuses), 60, pauses.append)
    assert len(pauses) == 2
    with pytest.raises(CommandError, match="it is still running after"):
        follow_to_rest(lambda: "running", 0, pauses.append)


def test_what_rests_is_shown_at_once(stack: FakeStack, run_json: RunJson) -> None:
    loaded_file(stack)
    assert run_json("trace", "a.csv", "--follow")[1]["status"] == "loaded"
    assert run_json("trace", "readings-1", "--follow")[1]["status"] == "loaded"
