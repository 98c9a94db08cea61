"""The executions: a list of batches, and the page of one with the state machine as a graph."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from headrace.domain.clock import written
from headrace.domain.ingest.ledger import BatchStatus
from headrace_cli.commands.look import history
from headrace_cli.commands.look.trace import detail_text
from headrace_cli.console.drawing.graph import MOST_STATES, drawn, states_of
from headrace_cli.console.pages.files import since_of
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import moment
from headrace_cli.stories.batch import batch_story
from headrace_cli.stories.execution import TASK_FAILURES, cause_of, execution_arn, execution_events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace_cli.stack.target import Target

SHOWN = 100
USUAL_SINCE = timedelta(days=7)
LONGEST_TEXT = 20_000
"""Characters of an input or output that are shown."""


@dataclass(slots=True)
class State:
    """What happened in one state, over all visits: the last input and output, and every failure in words."""

    entered: str
    times: int = 0
    inside: int = 0
    input: str = ""
    output: str = ""
    failures: list[str] = field(default_factory=list)
    failed_last: bool = False

    @property
    def style(self) -> str:
        """Its colour: at work, gone wrong, good after a failure, good."""
        if self.inside > 0 and not self.failed_last:
            return "active"
        if self.failed_last:
            return "wrong"
        return "retried" if self.failures else "done"


def collect(target: Target, query: dict[str, str]) -> dict[str, Any]:
    """`{"batches", "looked_at", "more", …}`: what `headrace history` lists, of the last week unless asked else.

    A batch's status is in its own record, so a status is looked for in the newest `SHOWN` only; `more` are older.
    """
    dataset, status = query.get("dataset") or None, query.get("status", "")
    since = since_of(query) or written(datetime.now(UTC) - USUAL_SINCE)
    found = history.collect(target, dataset, since, SHOWN)
    batches = [item for item in found["batches"] if status in {"", item["status"]}]
    return {
        "batches": batches,
        "looked_at": len(found["batches"]),
        "more": found["more"],
        "query": {"dataset": dataset or "", "status": status, "since": query.get("since", "")},
        "statuses": [str(item) for item in BatchStatus],
        "datasets": list(target.contracts),
    }


def story(target: Target, batch: str, chosen: str, root: str) -> dict[str, Any]:
    """The document of `headrace trace BATCH`, with the graph and the state that is `chosen`. Raises CommandError."""
    try:
        record = target.ledger.batches.get(batch)
    except KeyError as error:
        raise CommandError(f"the ledger knows no batch {batch}") from error
    found = batch_story(target, record)
    events = execution_events(target, record.execution) if record.execution else []
    visited = visited_states(events)
    definition = definition_of(target, record.execution) if record.execution else None
    known = states_of(definition) if definition else {}
    for step in found["steps"]:
        step["text"] = detail_text(step["detail"])
    start = moment(found["steps"][0]["at"]) if found["steps"] else None
    for step in found["steps"]:
        step["after"] = (moment(step["at"]) - start).total_seconds() if start else 0.0

    def link(name: str) -> str:
        return f"{root}/execution/{quote(batch, safe='')}?state={quote(name)}#state"

    def style(name: str) -> str:
        return visited[name].style if name in visited else "idle"

    small = definition is not None and len(known) <= MOST_STATES
    return found | {
        "graph": drawn(definition, style, link, taken_of(events)) if definition and small else None,
        "visited": visited,
        "forgotten": bool(record.execution) and not events,
        "running": record.status is BatchStatus.RUNNING,
        "chosen": chosen if chosen in visited else "",
        "state": shown(visited[chosen]) if chosen in visited else None,
    }


def definition_of(target: Target, execution: str) -> dict[str, Any] | None:
    """The definition of the execution's state machine, as it is deployed now."""
    parts = execution_arn(target, execution).split(":")
    machine = ":".join([*parts[:5], "stateMachine", parts[6]])
    found: dict[str, Any] = json.loads(
        target.client("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"]
    )
    return found


def visited_states(events: Iterable[dict[str, Any]]) -> dict[str, State]:
    """Every state that was entered, in the order of the first visits."""
    found: dict[str, State] = {}
    current = ""
    for event in events:
        kind = event["type"]
        if kind.endswith("StateEntered"):
            details = event["stateEnteredEventDetails"]
            current = details["name"]
            state = found.setdefault(current, State(written(event["timestamp"])))
            state.times, state.inside, state.failed_last = state.times + 1, state.inside + 1, False
            state.input = details.get("input", "")
        elif kind.endswith("StateExited"):
            details = event["stateExitedEventDetails"]
            if details["name"] in found:
                leave(found[details["name"]], details.get("output", ""))
        elif kind in TASK_FAILURES and current:
            found[current].failures.append(cause_of(event.get(TASK_FAILURES[kind], {})))
            found[current].failed_last = True
        elif kind in {"ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"} and current:
            found[current].failed_last = True
        elif kind.endswith(("Scheduled", "Started")) and current:
            found[current].failed_last = False  # it is tried once more
    return found


def leave(state: State, output: str) -> None:
    """A visit ends. After a caught failure the output is that of the catcher, and the state stays gone wrong."""
    state.inside -= 1
    state.output = output


def taken_of(events: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    """The transitions that were taken, by the order in which states were left and entered."""
    found: set[tuple[str, str]] = set()
    before = ""
    for event in events:
        if event["type"].endswith("StateEntered"):
            name = event["stateEnteredEventDetails"]["name"]
            if before:
                found.add((before, name))
            before = name
        elif event["type"].endswith("StateExited"):
            before = event["stateExitedEventDetails"]["name"]
    return found


def shown(state: State) -> dict[str, Any]:
    """A state's input and output, indented where they are JSON, cut where they are long."""
    return {
        "entered": state.entered,
        "times": state.times,
        "style": state.style,
        "failures": state.failures,
        "input": readable(state.input),
        "output": readable(state.output),
    }


def readable(text: str) -> str:
    """JSON with a line for each field; any other text as it is."""
    with suppress(ValueError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}\n… {len(text) - LONGEST_TEXT:,} more"
