"""Of the runs for one unit the youngest works, and what an earlier one has done is not done again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headrace.domain.ingest.job_run import JobRun
from headrace.errors import TransientError
from headrace.usecases.unit.sole_run import LOOKS, become_sole

START = datetime(2026, 1, 1, tzinfo=UTC)


def run(name: str, state: str = "RUNNING", at: int = 0, *, batch: str = "readings-1", execution: str = "e1") -> JobRun:
    return JobRun(name, state, START + timedelta(seconds=at), batch, "1", execution)


class Runs:
    """Runs that end so many looks after they were stopped."""

    def __init__(self, *known: JobRun, ends_after: int = 1) -> None:
        self.known = {each.id: each for each in known}
        self.ends_after = ends_after
        self.stopped: list[str] = []

    def get(self, run: str) -> JobRun:
        return self.known[run]

    def newest(self) -> list[JobRun]:
        return sorted(self.known.values(), key=lambda each: each.started, reverse=True)

    def stop(self, runs: Iterable[str]) -> None:
        self.stopped += runs

    def wait(self, seconds: float) -> None:
        self.ends_after -= 1
        if not self.ends_after:
            self.known |= {name: replace(self.known[name], state="STOPPED") for name in self.stopped}


def test_a_run_whose_start_was_not_heard_of_is_stopped_by_the_next() -> None:
    runs = Runs(run("lost"), run("own", at=2), run("other", batch="readings-2"), run("old", "FAILED", -9), ends_after=2)
    assert become_sole("own", runs, runs.wait) is None
    assert runs.stopped == ["lost"]
    assert runs.known["lost"].state == "STOPPED"


def test_a_run_of_a_stopped_execution_is_stopped_too() -> None:
    runs = Runs(run("orphan", execution="e0"), run("own", at=60))
    assert become_sole("own", runs, runs.wait) is None
    assert runs.stopped == ["orphan"]


def test_what_this_execution_has_done_already_is_not_done_again() -> None:
    runs = Runs(run("done", "SUCCEEDED"), run("own", at=900))
    assert become_sole("own", runs, runs.wait) == "done"
    assert runs.stopped == []


def test_what_an_earlier_execution_has_done_is_done_again() -> None:
    """Its batch may have been other files, by another contract."""
    runs = Runs(run("done", "SUCCEEDED", execution="e0"), run("own", at=900))
    assert become_sole("own", runs, runs.wait) is None


@pytest.mark.parametrize(("own", "younger"), [("b", "c"), ("b", "a")])
def test_two_runs_never_stop_each_other(own: str, younger: str) -> None:
    """Also where both began in one moment: then their names decide."""
    at = {"a": 5, "c": 0}[younger]
    runs = Runs(run(own), run(younger, at=at))
    with pytest.raises(TransientError, match=f"taken over: {younger}"):
        become_sole(own, runs, runs.wait)
    assert runs.stopped == []
    assert become_sole(younger, runs, runs.wait) is None
    assert runs.stopped == [own]


def test_a_run_that_does_not_end_is_not_waited_for_without_end() -> None:
    runs = Runs(run("stuck"), run("own", at=2), ends_after=LOOKS + 1)
    with pytest.raises(TransientError, match="does not end: stuck"):
        become_sole("own", runs, runs.wait)
