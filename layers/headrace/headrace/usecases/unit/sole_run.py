"""One run of the Glue job works on a unit: a run ends the earlier ones of its unit before it begins.

StartJobRun has no token by which a second call were the first one again
(https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-runs.html), so a start whose answer was lost leaves a run
that nobody waits for, beside the one that the workflow starts next. The youngest run is the one that is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from headrace.domain.ingest.job_run import JobRun
from headrace.errors import TransientError

ACTIVE = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})
SUCCEEDED = "SUCCEEDED"
LOOKS, LOOK_SECONDS = 60, 5
"""How often, and after how many seconds each, a run that was stopped is looked at before the youngest gives up."""


class JobRuns(Protocol):
    """The job's runs."""

    def get(self, run: str) -> JobRun: ...
    def newest(self) -> Iterable[JobRun]: ...
    def stop(self, runs: Iterable[str]) -> None: ...


def become_sole(run: str, runs: JobRuns, wait: Callable[[float], None] = time.sleep) -> str | None:
    """End all earlier runs of this run's unit. Returns one of this execution that has succeeded, if there is one.

    Raises TransientError where a younger run has taken over, and where an earlier one does not end.
    """
    own = runs.get(run)
    others = _others(own, runs)
    if done := next((each for each in others if each.state == SUCCEEDED and each.execution == own.execution), None):
        return done.id
    active = [each for each in others if each.state in ACTIVE]
    if younger := next((each for each in active if each.age > own.age), None):
        raise TransientError(f"a later run of the same unit has taken over: {younger.id}")
    if active:
        runs.stop([each.id for each in active])
        _await_end(own, runs, wait)
    return None


def _others(own: JobRun, runs: JobRuns) -> list[JobRun]:
    return [each for each in runs.newest() if (each.batch, each.unit) == (own.batch, own.unit) and each.id != own.id]


def _await_end(own: JobRun, runs: JobRuns, wait: Callable[[float], None]) -> None:
    for _ in range(LOOKS):
        active = [each.id for each in _others(own, runs) if each.state in ACTIVE and each.age < own.age]
        if not active:
            return
        wait(LOOK_SECONDS)
    raise TransientError(f"an earlier run of the same unit does not end: {active[0]}")
