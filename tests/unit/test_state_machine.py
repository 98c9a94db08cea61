"""The state machine as text: what must hold on AWS whatever the emulator lets pass."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack.services.stepfunctions import _evaluate_jsonata

from headrace.domain.ingest.failure import Treatment, advised, classify, explain
from headrace.domain.ingest.lane import LIMITS
from headrace.errors import CrowdedUnitError

ROOT = Path(__file__).parents[2]
TEXTS = {path.name.split(".")[0]: path.read_text() for path in (ROOT / "statemachine").glob("*.asl.json")}
MACHINES: dict[str, dict[str, Any]] = {name: json.loads(text) for name, text in TEXTS.items()}
MACHINE = MACHINES["ingest"]
TEMPLATE = (ROOT / "template.yaml").read_text()
TRIED_OTHERWISE = {"Transform the unit"}
"""What kills a unit would kill it again: that is not tried again, but set aside."""
CANNOT_FAIL = {"Wait", "Choice", "Pass", "Fail"}


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state, machine
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


STATES = [
    pytest.param(state, machine, id=f"{title}: {name}")
    for title, whole in MACHINES.items()
    for name, state, machine in states(whole)
]
each_machine = pytest.mark.parametrize("title", MACHINES)


def successors(state: dict[str, Any]) -> list[str]:
    branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return [branch["Next"] for branch in branches if "Next" in branch] + [state[k] for k in ("Default",) if k in state]


@pytest.mark.parametrize(("state", "machine"), STATES)
def test_every_way_leads_to_a_state(state: dict[str, Any], machine: dict[str, Any]) -> None:
    assert all(name in machine["States"] for name in successors(state))
    assert successors(state) or state.get("End") or state["Type"] == "Fail"


@each_machine
def test_every_state_is_reached(title: str) -> None:
    machine = MACHINES[title]
    seen, open_ = set(), [machine["StartAt"]]
    while open_:
        name = open_.pop()
        if name not in seen:
            seen.add(name)
            open_ += successors(machine["States"][name])
    assert seen == set(machine["States"])


@pytest.mark.parametrize(("state", "machine"), STATES)
def test_every_task_has_an_end_a_retry_by_name_and_a_catch(state: dict[str, Any], machine: dict[str, Any]) -> None:
    if state["Type"] != "Task":
        return
    assert 0 < state["TimeoutSeconds"] <= (86_400 if state["Resource"].endswith(".sync") else 900)
    assert all("States.ALL" not in retry["ErrorEquals"] for retry in state["Retry"])
    assert all(retry["JitterStrategy"] == "FULL" and retry["MaxDelaySeconds"] for retry in state["Retry"])
    within_map = machine not in MACHINES.values()
    assert within_map or state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize(("state", "machine"), STATES)
def test_names_are_sentences_for_the_console(state: dict[str, Any], machine: dict[str, Any]) -> None:
    name = next(name for name, candidate in machine["States"].items() if candidate is state)
    assert " " in name or name == "Done"
    assert len(name) <= 80
    assert name.endswith("?") == (state["Type"] == "Choice")


@each_machine
def test_the_template_fills_every_placeholder(title: str) -> None:
    wanted = set(re.findall(r"\$\{(\w+)\}", TEXTS[title]))
    assert wanted
    resource = TEMPLATE.split(f"DefinitionUri: statemachine/{title}.asl.json")[1]
    given = resource.split("DefinitionSubstitutions:")[1].split("Tracing:")[0]
    assert wanted == set(re.findall(r"^ {8}(\w+):", given, re.MULTILINE))


@each_machine
def test_only_what_every_interpreter_gets_right_is_used(title: str) -> None:
    machine = MACHINES[title]
    types = {state["Type"] for _, state, _ in states(machine)}
    assert types <= CANNOT_FAIL | {"Task", "Map"}
    assert all(state.get("ItemProcessor", {}).get("ProcessorConfig", {"Mode": "INLINE"})["Mode"] == "INLINE"
               for _, state, _ in states(machine))  # fmt: skip


LONGEST_HISTORY = 25_000
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
UNIT_EVENTS, LOOK_EVENTS, LOOKS = 9, 9, 720
"""A unit: its item begins and ends, a Choice is entered and left, a task has five. A look: a Wait, a task, a Choice."""


def test_a_full_batch_that_is_looked_at_for_twelve_hours_has_room_in_a_history() -> None:
    for choice in ("Has the measurement ended?", "Has the load ended?"):
        assert f"$polls > {LOOKS} " in MACHINE["States"][choice]["Choices"][-1]["Condition"]
    most = max(limits.files for limits in LIMITS.values())
    assert most * UNIT_EVENTS + 2 * LOOKS * LOOK_EVENTS < LONGEST_HISTORY * 0.8


def test_errors_that_functions_raise_are_retried_by_their_class_name() -> None:
    from headrace import errors

    retried = MACHINE["States"]["Record the batch"]["Retry"][1]["ErrorEquals"]
    assert errors.TransientError.__name__ in retried
    assert errors.TerminalError.__name__ not in retried


LAMBDAS = [
    pytest.param(state, id=f"{title}: {name}")
    for title, whole in MACHINES.items()
    for name, state, _ in states(whole)
    if state.get("Resource", "").endswith("lambda:invoke")
]


@pytest.mark.parametrize("state", LAMBDAS)
def test_a_throttled_function_is_waited_for_longer_than_any_other_error(state: dict[str, Any]) -> None:
    """An account that is new runs ten functions at a time: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    throttled, *others = state["Retry"]
    assert throttled["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
    assert throttled["MaxAttempts"] * throttled["MaxDelaySeconds"] >= 900
    assert not any("Lambda.TooManyRequestsException" in other["ErrorEquals"] for other in others)


def test_a_failed_run_of_the_job_is_told_as_what_its_script_said() -> None:
    run = {"Id": "jr_1", "JobName": "headrace", "JobRunState": "FAILED", "ErrorMessage": "TransientError: S3 is\n away"}
    told = explain("States.TaskFailed", json.dumps(run))
    assert told == "TransientError: S3 is away (run jr_1 of the Glue job headrace)"
    assert classify(told) is classify("TransientError: S3 is away")
    stopped = run | {"JobRunState": "STOPPED", "ErrorMessage": None}
    assert explain("States.TaskFailed", json.dumps(stopped)).startswith("GlueRunStopped: ")


@pytest.mark.parametrize(
    "before",
    [
        "SystemExit: ", "Error Category: UNCLASSIFIED_ERROR; ",
        "Error Category: UNCLASSIFIED_ERROR; Failed Line Number: 42; ",
        "Error Category: UNCLASSIFIED_ERROR; Failed Line Number: 42; SystemExit: ",
    ],
)  # fmt: skip
def test_what_glue_puts_before_the_scripts_error_is_cut(before: str) -> None:
    run = {"Id": "jr_1", "JobName": "headrace", "JobRunState": "FAILED"}
    failed = run | {"ErrorMessage": f"{before}TransientError: S3 is away"}
    assert (
        explain("States.TaskFailed", json.dumps(failed))
        == "TransientError: S3 is away (run jr_1 of the Glue job headrace)"
    )
    other = run | {"ErrorMessage": f"{before}no such luck. {before}"}
    told = f"GlueRunFailed: no such luck. {before.strip()} (run jr_1 of the Glue job headrace)"
    assert explain("States.TaskFailed", json.dumps(other)) == told


@pytest.mark.parametrize(
    ("state", "message", "name"),
    [
        ("ERROR", "Exceeded maximum concurrent compute capacity for your account", "glue-no-capacity"),
        ("FAILED", "Error Category: UNCLASSIFIED_ERROR; Resource unavailable", "glue-no-capacity"),
        ("FAILED", "Max concurrent runs exceeded", "glue-no-capacity"),
        ("EXPIRED", None, "glue-no-capacity"),
        ("STOPPED", None, "glue-stopped"),
        ("STOPPED", "out of memory", "glue-stopped"),
        ("TIMEOUT", "Job run exceeded timeout", "glue-timed-out"),
        ("ERROR", "the job was deleted", "glue-no-job"),
        ("FAILED", "Command failed with exit code 10", "unknown"),
    ],
)
def test_a_run_that_ended_by_no_fault_of_a_file_is_known(state: str, message: str | None, name: str) -> None:
    run = {"Id": "jr_1", "JobName": "headrace", "JobRunState": state, "ErrorMessage": message}
    assert classify(explain("States.TaskFailed", json.dumps(run))).name == name


@pytest.mark.parametrize("cause", ["Access Denied", "reading: out of memory", "Invalid input: no value", ""])
@pytest.mark.parametrize(
    ("error", "treatment"),
    [
        ("EntityNotFoundException", Treatment.PERSON), ("InvalidInputException", Treatment.PERSON),
        ("ConcurrentRunsExceededException", Treatment.WAIT), ("ResourceNumberLimitExceededException", Treatment.WAIT),
        ("OperationTimeoutException", Treatment.AGAIN),
    ],
)  # fmt: skip
def test_what_glue_refuses_is_known_whatever_it_says(error: str, treatment: Treatment, cause: str) -> None:
    assert classify(explain(f"Glue.{error}", cause)).treatment is treatment


KILLED = {"Runtime.ExitError", "Runtime.OutOfMemory", "Sandbox.Timedout", "States.Timeout"}


def test_a_unit_that_was_killed_is_set_aside_and_not_tried_again_in_its_batch() -> None:
    unit = MACHINE["States"]["Transform each unit"]["ItemProcessor"]["States"]["Transform the unit"]
    assert not any(KILLED & set(retry["ErrorEquals"]) for retry in unit["Retry"])
    assert set(unit["Catch"][0]["ErrorEquals"]) == KILLED | {CrowdedUnitError.__name__}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize(
    ("state", "message", "killed"),
    [
        ("TIMEOUT", None, {"killed": 2}),
        ("FAILED", 'it said "JobRunState":"TIMEOUT"', {}),
        ("STOPPED", "the state was TIMEOUT before", {}),
    ],
)
def test_a_failed_run_stops_no_other_unit_and_one_that_timed_out_is_a_killed_unit(
    state: str, message: str | None, killed: dict[str, int], separators: tuple[str, str]
) -> None:
    each = MACHINE["States"]["Transform each unit"]["ItemProcessor"]["States"]
    (catch,) = each["Transform the unit in Spark"]["Catch"]
    assert (catch["ErrorEquals"], catch["Next"]) == (["States.TaskFailed"], "Set the unit aside")
    run = {"Id": "jr_1", "JobName": "headrace", "JobRunState": state, "ErrorMessage": message}
    error = {"Error": "States.TaskFailed", "Cause": json.dumps(run, separators=separators)}
    caught = _evaluate_jsonata(catch["Output"][2:-2], {"unit": 2}, error_output=error)
    assert caught == killed | {"error": error["Error"], "cause": error["Cause"]}


def test_of_a_killed_unit_and_a_failed_run_the_killed_one_decides() -> None:
    units: list[dict[str, object]] = [
        {"unit": 1},
        {"error": "States.TaskFailed", "cause": "stopped"},
        {"error": "States.TaskFailed", "cause": "timed out", "killed": 3},
    ]
    output = MACHINE["States"]["Name the units set aside"]["Output"][2:-2]
    bound = {"variables": {"order": {"dataset": "readings"}}}
    killed = _evaluate_jsonata(output, {"transformed": units}, bound)
    assert (killed["cause"], killed["killed"]) == ("timed out", [3])
    failed = _evaluate_jsonata(output, {"transformed": units[:2]}, bound)
    assert (failed["cause"], failed["killed"]) == ("stopped", [])


@pytest.mark.parametrize(
    ("known", "cost"),
    [
        ({"DPUSeconds": 250.5, "ExecutionTime": 90}, {"dpu_seconds": 250.5}),
        ({"ExecutionTime": 90}, {"dpu_seconds": 360, "at_most": True}),
        ({"ExecutionTime": 7}, {"dpu_seconds": 240, "at_most": True}),  # a minute is billed
    ],
)
def test_what_a_run_took_is_what_glue_reports_or_at_most_its_time_on_all_workers(
    known: dict[str, Any], cost: dict[str, Any]
) -> None:
    spark = MACHINE["States"]["Transform each unit"]["ItemProcessor"]["States"]["Transform the unit in Spark"]
    result = {"Id": "jr_1", "MaxCapacity": 4} | known
    found = _evaluate_jsonata(spark["Output"][2:-2], {"unit": 2}, result=result)
    assert found == {"run": {"unit": 2, "run": "jr_1"} | cost}


def test_the_job_logs_as_the_functions_do() -> None:
    spark = MACHINE["States"]["Transform each unit"]["ItemProcessor"]["States"]["Transform the unit in Spark"]
    assert "'POWERTOOLS_LOG_LEVEL': '${LogLevel}'" in spark["Arguments"]["Arguments"]["--settings"]


def test_what_helps_a_file_whose_run_timed_out_is_said() -> None:
    run = {"Id": "jr_1", "JobName": "headrace", "JobRunState": "TIMEOUT", "ErrorMessage": "Job run exceeded timeout"}
    assert "longer `GlueTimeoutMinutes`" in advised(explain("States.TaskFailed", json.dumps(run)))


BASE = {
    "glue": "Glue.AWSGlueException",
    "sns": "SNS.AmazonSNSException",
    "events": "EventBridge.AmazonEventBridgeException",
}
"""What unmodelled errors of the older integrations should be called, in the manner of `Lambda.AWSLambdaException`."""


@pytest.mark.parametrize(("state", "machine"), STATES)
def test_errors_of_services_are_retried_under_the_names_that_step_functions_gives_them(
    state: dict[str, Any], machine: dict[str, Any]
) -> None:
    """A modelled error has its own name, any other, throttling for one, that of its service's base exception.

    https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
    """
    *_, service, _ = state.get("Resource", "::").split(":")
    retried = {name for retry in state.get("Retry", []) for name in retry["ErrorEquals"]}
    if service in BASE:
        assert BASE[service] in retried


REPORTING = {"export": "Report the failure"}
ORDER = {"dataset": "readings", "export": "statements", "date": "2026-01-31", "attempt": 2}


@pytest.mark.parametrize("title", REPORTING)
@pytest.mark.parametrize(
    "cause",
    [
        json.dumps({"errorMessage": 'no such\nview  as "ü\\\\"', "errorType": "KeyError", "stackTrace": ["a", "b"]}),
        json.dumps({"errorMessage": "x" * 3000, "errorType": "KeyError"}),
        json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out"}, separators=(",", ":")),
        "The state entered timed\nout",
        "",
        None,
    ],
)
def test_people_are_told_a_failure_in_the_same_words_everywhere(title: str, cause: str | None) -> None:
    message = MACHINES[title]["States"][REPORTING[title]]["Arguments"]["Message"]
    failed = {"error": "KeyError"} | ({"cause": cause} if cause is not None else {})
    told = _evaluate_jsonata(message.removeprefix("{%").removesuffix("%}"), failed, {"variables": {"order": ORDER}})
    assert json.loads(told)["lines"][0] == explain("KeyError", cause or "")


def test_what_tells_of_a_failure_knows_error_and_cause() -> None:
    for title, name in REPORTING.items():
        for _, state, _ in states(MACHINES[title]):
            for catch in state.get("Catch", []):
                if catch["Next"] == name:
                    assert catch["Output"] == (
                        "{% {'error': $states.errorOutput.Error, 'cause': $states.errorOutput.Cause} %}"
                    )


# -- which statements are submitted again at once -------------------------------------------------------------------
OTHERS = {
    "Has the load ended?": "Let the other load pass",
    "Has the measurement ended?": "Let the other measurement pass",
}


@pytest.mark.parametrize("state", OTHERS)
@pytest.mark.parametrize(
    ("status", "load_try", "again"),
    [("conflict", 1, True), ("conflict", 4, True), ("conflict", 5, False), ("failed", 1, False)],
)
def test_a_conflict_is_submitted_again_four_times(state: str, status: str, load_try: int, again: bool) -> None:
    met = next(
        choice["Next"]
        for choice in MACHINE["States"][state]["Choices"]
        if _evaluate_jsonata(
            choice["Condition"][2:-2], {"status": status}, {"variables": {"loadTry": load_try, "polls": 1}}
        )
    )
    assert met == (OTHERS[state] if again else "Record the failure")


@pytest.mark.parametrize("killed", [[1], [1, 3]])
def test_of_several_killed_units_the_first_ones_error_is_reported(killed: list[int]) -> None:
    """In JSONata, an index binds to the last step of a path: without parentheses it picks from each unit's error."""
    units: list[dict[str, object]] = [{"unit": number} for number in range(4)]
    for number in killed:
        units[number] = {"error": f"Lambda.Unknown {number}", "cause": f"killed {number}", "killed": number}
    output = MACHINE["States"]["Name the units set aside"]["Output"][2:-2]
    found = _evaluate_jsonata(output, {"transformed": units}, {"variables": {"order": {"dataset": "readings"}}})
    assert found == {"dataset": "readings", "error": "Lambda.Unknown 1", "cause": "killed 1", "killed": killed}


def test_an_execution_ends_without_the_words_that_it_was_given() -> None:
    """They may quote a row, and its end is an event on the bus and a line in the log."""
    state = MACHINE["States"]["Record the failure"]
    words = {"error": "LoadRefused", "cause": "Invalid digit, Value 'Jane'"}
    answer = {"Payload": {"again": False, "cause": "LoadRefused: Invalid digit"}}
    said = [
        _evaluate_jsonata(state["Output"][2:-2], words, result=answer),
        _evaluate_jsonata(state["Catch"][0]["Output"][2:-2], words, error_output={"Error": "Lambda.Unknown"}),
    ]
    assert [after["error"] for after in said] == ["LoadRefused", "LoadRefused"]
    assert "Jane" not in json.dumps(said)
    ends = [state for _, state, _ in states(MACHINE) if state["Type"] == "Fail"]
    assert all(end["Cause"] == "{% $states.input.cause %}" for end in ends)


@each_machine
def test_states_that_call_the_same_service_try_again_alike(title: str) -> None:
    policies: dict[str, set[str]] = {}
    for name, state, _ in states(MACHINES[title]):
        if "Retry" in state and name not in TRIED_OTHERWISE:
            policies.setdefault(state["Resource"], set()).add(json.dumps(state["Retry"]))
    assert {resource: len(found) for resource, found in policies.items()} == dict.fromkeys(policies, 1)
