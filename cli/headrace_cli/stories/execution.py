"""A Step Functions execution as a story: one line per state, with how long it took and what went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from headrace.domain import executions
from headrace.domain.clock import written
from headrace_cli.stack.target import Target

ENDS = {
    "ExecutionFailed": "executionFailedEventDetails",
    "ExecutionTimedOut": "executionTimedOutEventDetails",
    "ExecutionAborted": "executionAbortedEventDetails",
}
TASK_FAILURES = {
    "TaskFailed": "taskFailedEventDetails",
    "TaskTimedOut": "taskTimedOutEventDetails",
    "LambdaFunctionFailed": "lambdaFunctionFailedEventDetails",
}
LONGEST_CAUSE = 300


TOLD = ("statement", "status", "error", "cause")
"""What a task's output says of the work it looked at, worth showing as it is."""


@dataclass(slots=True)
class Visit:
    """Every visit to one state: the first time in, how often, the time in it, what came of it, what failed on the way.

    Visits that overlap, as those of a Map's items do, count once for the time they share.
    """

    name: str
    entered: datetime
    times: int = 0
    seconds: float = 0.0
    said: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    inside: int = 0
    since: datetime | None = None

    def enter(self, at: datetime) -> None:
        """One more visit begins."""
        self.times += 1
        self.inside += 1
        self.since = self.since or at

    def leave(self, at: datetime, output: str) -> None:
        """A visit ends."""
        self.inside -= 1
        if self.since and self.inside <= 0:
            self.seconds += (at - self.since).total_seconds()
            self.since = None
        self.said |= _told(output)

    def as_step(self) -> dict[str, Any]:
        """`{"at", "step", "detail"}`."""
        detail: dict[str, Any] = {} if self.since else {"seconds": round(self.seconds, 3)}
        if self.times > 1:
            detail["times"] = self.times
        detail |= self.said
        if self.failures:
            detail["failures"] = self.failures
        return {"at": written(self.entered), "step": self.name, "detail": detail}


def execution_arn(target: Target, execution: str) -> str:
    """The ARN of an execution of the ingest state machine, from its ARN or its name."""
    if execution.startswith("arn:"):
        return execution
    return executions.execution_arn(target.output("IngestStateMachineArn"), execution)


def execution_steps(target: Target, execution: str) -> list[dict[str, Any]]:
    """The execution's states as steps. Step Functions forgets executions after 90 days: then there are none."""
    return summarised(execution_events(target, execution))


def execution_events(target: Target, execution: str) -> list[dict[str, Any]]:
    """The execution's history as Step Functions has it, oldest first; empty once it has forgotten it."""
    pages = target.client("stepfunctions").get_paginator("get_execution_history")
    try:
        return [e for page in pages.paginate(executionArn=execution_arn(target, execution)) for e in page["events"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return []
        raise


def summarised(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """History events as steps, in the order the states were first entered, and the execution's bad end if it had one.

    The states of a Map are entered once per item; they become one step that counts.
    """
    visits: dict[str, Visit] = {}
    ends: list[dict[str, Any]] = []
    current: Visit | None = None
    for event in events:
        kind = event["type"]
        if kind.endswith("StateEntered"):
            current = _enter(visits, event)
        elif kind.endswith("StateExited"):
            _leave(visits, event)
        elif kind in TASK_FAILURES and current:
            current.failures.append(cause_of(event.get(TASK_FAILURES[kind], {})))
        elif kind in ENDS:
            ends.append(_end(event))
    return [visit.as_step() for visit in visits.values()] + ends


def _enter(visits: dict[str, Visit], event: dict[str, Any]) -> Visit:
    name, at = event["stateEnteredEventDetails"]["name"], event["timestamp"]
    visit = visits.setdefault(name, Visit(name, at))
    visit.enter(at)
    return visit


def _leave(visits: dict[str, Visit], event: dict[str, Any]) -> None:
    details = event["stateExitedEventDetails"]
    visit = visits.get(details["name"])
    if visit:
        is_task = event["type"] == "TaskStateExited"
        visit.leave(event["timestamp"], details.get("output", "") if is_task else "")


def _told(output: str) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(output)
        if isinstance(found, dict):
            return {name: found[name] for name in TOLD if found.get(name)}
    return {}


def _end(event: dict[str, Any]) -> dict[str, Any]:
    how = event["type"].removeprefix("Execution").lower()
    return {
        "at": written(event["timestamp"]),
        "step": f"Execution {'timed out' if how == 'timedout' else how}",
        "detail": {"cause": cause_of(event.get(ENDS[event["type"]], {}))},
    }


def cause_of(details: dict[str, Any]) -> str:
    """Error and cause in one line; a Lambda's cause is JSON around the message that matters."""
    cause = details.get("cause", "")
    with suppress(ValueError, KeyError, TypeError):
        cause = json.loads(cause)["errorMessage"]
    return ": ".join(part for part in (details.get("error", ""), str(cause)[:LONGEST_CAUSE]) if part)
