"""Each state machine under the laptop's interpreter and another one: the same calls in the same order, the same end.

No path of a machine rests on one reading of the language, and no expression on one implementation of JSONata.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.reference.exploration import Answers, Script, runs
from tests.reference.interpreters import Run, TaskError, definition, run_emulated, run_moto
from tests.reference.models import task_problems
from tests.reference.node import JsonataError, Reference

LIVE = {"dataset": "orders", "lane": "live", "generation": 7, "wait_seconds": 480}
MERGE = LIVE | {"lane": "merge"}
ORDER = {"export": "statements", "date": "2026-01-31", "attempt": 1}
TRICKY = 'a "quoted" text, a \\ and\na line end, ünïcode 🙂'


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    with Reference() as process:
        yield process


# -- what the services answer -------------------------------------------------------------------------------------


def prepared(**differing: Any) -> dict[str, Any]:
    usual = {"manifest": "s3://lake/manifest.json", "rows": 3, "replaced": ["f1"], "measure": [], "views": []}
    return {"Payload": usual | {"statements": ["LOCK", f"-- {TRICKY}"]} | differing}


COMPLETE = {
    "over": True, "tell": True, "status": "complete", "seconds": 61, "run": {"export": "statements"},
    "detail_type": "ExportCompleted", "event": {"accounts": [TRICKY]}, "notice": {"lines": [TRICKY]},
}  # fmt: skip
LAMBDAS: dict[str, list[Any]] = {
    "RecordBatchFunction": [
        {"Payload": {"batch": "orders-7", "files": 2, "bytes": 5, "units": [1], "heavy": []}},
        {"Payload": {"batch": None, "files": 0, "bytes": 0, "units": [], "heavy": []}},
        {"Payload": {"batch": "orders-7", "files": 2, "bytes": 5, "units": [1], "heavy": [1]}},
    ],
    "TransformFunction": [{"Payload": {"good": 2, "failed": 0}}],
    "PrepareLoadFunction": [
        prepared(),
        prepared(measure=["SELECT 1"], views=["by_hour"]),
        prepared(statements=[], manifest=None, rows=0, replaced=[]),
        prepared(views=["by_hour"]),
    ],
    "JudgeBatchFunction": [{"Payload": {"load": True, "held": None}}, {"Payload": {"load": False, "held": TRICKY}}],
    "RecordOutcomeFunction": [{"Payload": {"outcome": {"batch": "orders-7"}, "notice": {"lines": [TRICKY]}}}],
    "RecordFailureFunction": [{"Payload": {"again": True, "cause": "LoadRefused: …"}}],
    "HandOverFunction": [{"Payload": {"next": 8}}],
    "RefreshViewsFunction": [{"Payload": {}}],
    "ExportAdvanceFunction": [
        {"Payload": COMPLETE},
        {"Payload": {"over": False, "wait_seconds": 30, "open": 4, "age_minutes": 1}},
        {"Payload": {"over": True, "tell": False, "run": {"export": "statements"}}},
        {"Payload": {"over": True, "tell": False}},
    ],
}
STATEMENT = "d9b6c0c9-0747-4bf4-b142-e8883122f766"
SUBMITTED = [{"Payload": {"statement": STATEMENT}}]
RUNNING = {"Payload": {"status": "running"}}
LOOKED: list[Any] = [
    {"Payload": {"status": "finished"}},
    RUNNING,
    {
        "Payload": {
            "status": "conflict",
            "error": "LoadRefused",
            "cause": "ERROR: 1023 DETAIL: Serializable …",
        }
    },
    {"Payload": {"status": "failed", "error": "LoadRefused", "cause": TRICKY}},
    {"Payload": {"status": "failed", "error": "LoadAborted", "cause": "ABORTED"}},
]
RUN = {"Id": "jr_1", "JobName": "headrace", "JobRunState": "SUCCEEDED", "ExecutionTime": 90, "MaxCapacity": 4}
SERVICES: dict[str, list[Any]] = {
    "startJobRun.sync": [RUN, RUN | {"DPUSeconds": 250.5}],
    "putEvents": [{"FailedEntryCount": 0, "Entries": [{"EventId": "e-1"}]}],
    "publish": [{"MessageId": "m-1"}],
}


def answers(state: str, resource: str, arguments: dict[str, Any]) -> list[Any]:
    """What a task may get. A task that is not known here fails the test: what it answers decides the machine's ways."""
    action = resource.rsplit(":", 1)[-1]
    if action != "invoke":
        return SERVICES[action]
    if arguments["FunctionName"] == "RunStatementsFunction":
        return SUBMITTED if "statements" in arguments["Payload"] else LOOKED
    return LAMBDAS[arguments["FunctionName"]]


def never_ending(state: str, resource: str, arguments: dict[str, Any]) -> list[Any]:
    """A warehouse whose statements do not end."""
    return [RUNNING] if state.startswith("Look at ") else answers(state, resource, arguments)


def never_measured(state: str, resource: str, arguments: dict[str, Any]) -> list[Any]:
    """The same, before the load."""
    found = never_ending(state, resource, arguments)
    return found[1:] if arguments.get("FunctionName") == "PrepareLoadFunction" else found


# -- the comparison -------------------------------------------------------------------------------------------------


def tasks(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield name, state
        yield from tasks(state.get("ItemProcessor", {"States": {}}))


def plain(value: Any) -> Any:
    """Texts that are JSON as what they say: implementations write the same JSON in different letters."""
    if isinstance(value, str):
        try:
            return plain(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


class Comparison:
    """One machine under both interpreters, and every expression of it under the reference implementation."""

    def __init__(self, text: str, reference: Reference) -> None:
        self.machine = json.loads(text)
        self.ways: set[tuple[str, ...]] = set()
        self.runs = 0
        self.inputs: dict[str, set[str]] = {}
        self._text = text
        self._reference = reference
        self.caught = {name: (state["Retry"], state.get("Catch", [])) for name, state in tasks(self.machine)}
        self._resources = {name: state["Resource"] for name, state in tasks(self.machine)}

    def explore(self, given: dict[str, Any], ways: Answers = answers) -> None:
        """Every way under both; fails where they differ."""
        for script, run in runs(lambda script: run_emulated(self._text, given, script), ways, self.caught):
            self.compare(run, run_moto(self._text, given, Script(script.choices, ways, self.caught), self._reference))

    def once(self, given: dict[str, Any], ways: Answers) -> Run:
        """The usual way alone."""
        run = run_emulated(self._text, given, Script((), ways, self.caught))
        self.compare(run, run_moto(self._text, given, Script((), ways, self.caught), self._reference))
        return run

    def compare(self, run: Run, other: Run) -> None:
        """Fail where two runs differ, a service would refuse a call, or the reference finds another value."""
        assert run.states == [name for name in other.states if name in self.machine["States"]]
        assert plain(run.calls) == plain(other.calls)
        assert plain(run.ending) == plain(other.ending)
        for state, arguments in run.calls:
            assert not task_problems(self._resources[state], arguments), state
        self.ways.add(tuple(run.states))
        self.runs += 1
        for expression, bindings, value in run.expressions:
            inputs = self.inputs.setdefault(expression, set())
            if "$states.context" not in expression:
                bindings["states"].pop("context")  # it has the time
            if (key := json.dumps(bindings, sort_keys=True)) not in inputs:
                inputs.add(key)
                assert plain(value) == plain(self._evaluated(expression, bindings)), (expression, bindings)

    def _evaluated(self, expression: str, bindings: dict[str, Any]) -> Any:
        try:
            return self._reference.evaluate(expression, bindings)
        except JsonataError:
            return JsonataError

    def never_walked(self) -> set[tuple[str, str]]:
        """The transitions that the machine's text has and no run went, those inside a Map aside."""
        walked = {edge for way in self.ways for edge in itertools.pairwise(way)}
        return drawn(self.machine) - walked

    def never_evaluated(self) -> set[str]:
        """The expressions of the machine's text that no run evaluated."""
        return set(expressions(self.machine)) - set(self.inputs)


def drawn(machine: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (name, branch["Next"])
        for name, state in machine["States"].items()
        for branch in [state, *state.get("Choices", []), *state.get("Catch", []), {"Next": state.get("Default")}]
        if branch.get("Next")
    }


def expressions(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("{%"):
        yield value.removeprefix("{%").removesuffix("%}").strip()
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from expressions(part)


@pytest.mark.parametrize(
    ("title", "inputs"), [("ingest", [LIVE, MERGE]), ("export", [ORDER])], ids=["ingest", "export"]
)
def test_two_interpreters_and_two_implementations_of_jsonata_agree_on_every_way(
    title: str, inputs: list[dict[str, Any]], reference: Reference
) -> None:
    comparison = Comparison(definition(title).replace("$polls > 720", "$polls > 3"), reference)
    for given in inputs:
        comparison.explore(given)
    if title == "ingest":
        assert "Give up looking" in comparison.once(LIVE, never_ending).states
        assert "Give up looking" in comparison.once(LIVE, never_measured).states
        comparison.once(LIVE, several_units)
        for state in ("TIMEOUT", "STOPPED"):
            assert "Name the units set aside" in comparison.once(LIVE, ended_run(state)).states
    evaluated = sum(map(len, comparison.inputs.values()))
    print(f"\n{title}: {comparison.runs} runs, {len(comparison.ways)} different ways,", end=" ")
    print(f"{len(comparison.inputs)} expressions with {evaluated} different inputs")
    assert not comparison.never_walked()
    assert not comparison.never_evaluated()


def several_units(state: str, resource: str, arguments: dict[str, Any]) -> list[Any]:
    """Three units, of which none fails: when one does, the interpreters differ in how many others have begun."""
    found = answers(state, resource, arguments)
    if arguments.get("FunctionName") == "RecordBatchFunction":
        return [{"Payload": found[0]["Payload"] | {"units": [1, 2, 3], "heavy": [2, 3]}}]
    return found


def ended_run(state: str) -> Answers:
    """A unit in Spark, whose run ends in this state."""

    def answer(name: str, resource: str, arguments: dict[str, Any]) -> list[Any]:
        if resource.endswith("startJobRun.sync"):
            raise TaskError("SomethingElse", json.dumps(RUN | {"JobRunState": state, "ErrorMessage": TRICKY}))
        found = answers(name, resource, arguments)
        return found[2:] if arguments.get("FunctionName") == "RecordBatchFunction" else found

    return answer


def test_no_expression_uses_what_step_functions_leaves_out() -> None:
    for title in ("ingest", "export"):
        assert not any("$eval" in expression for expression in expressions(json.loads(definition(title))))


def test_a_difference_would_be_found(reference: Reference) -> None:
    """The first interpreter is given another machine than the second: what the comparison is for, it sees."""
    text = definition("ingest")
    comparison = Comparison(text, reference)
    script = Script((), answers, comparison.caught)
    run = run_emulated(text.replace("'execution': $states", "'Execution': $states"), LIVE, script)
    other = run_moto(text, LIVE, Script((), answers, script.caught), reference)
    with pytest.raises(AssertionError):
        comparison.compare(run, other)
