"""Runs on the laptop are processes, and none outlives it."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace_local.aws import glue_runs


def test_all_processes_of_a_run_end_with_the_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    script = ["sh", "-c", "sleep 600 & wait"]
    with subprocess.Popen(script, start_new_session=True) as process:
        monkeypatch.setattr(glue_runs, "_processes", {process})
        glue_runs.kill_runs()
        assert process.wait(10) == -signal.SIGKILL
        glue_runs.kill_runs()  # what has ended is no error


@pytest.mark.parametrize(
    ("code", "message"),
    [(1, "TransientError: the lake is away"), (-9, "Command failed with exit code 137")],
)
def test_the_last_words_of_a_run_are_its_scripts_unless_it_was_killed(tmp_path: Path, code: int, message: str) -> None:
    errors = tmp_path / "error.log"
    errors.write_text("WARN NativeCodeLoader: no native library\nTransientError: the lake is away\n")
    assert glue_runs.message_of("FAILED", errors, code) == message


JOB = {"Name": "heavy", "NumberOfWorkers": 2, "ExecutionProperty": {"MaxConcurrentRuns": 2}}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Starts a run of a job that has the queue or not, whose runs work until a test ends them."""
    jobs: dict[str, Any] = {}
    runs: dict[str, list[dict[str, Any]]] = {}
    monkeypatch.setattr("ministack.services.glue._jobs", jobs)
    monkeypatch.setattr("ministack.services.glue._job_runs", runs)
    monkeypatch.setattr(glue_runs, "LOOKS_EVERY", 0.005)
    monkeypatch.setattr(glue_runs.Runs, "_execute", lambda *given: given[-1]())
    emulated = glue_runs.Runs(tmp_path, "", lambda *_: b"", {})

    def start(*, queued: bool) -> tuple[int, list[dict[str, Any]]]:
        jobs["heavy"] = JOB | {"JobRunQueuingEnabled": queued}
        status, *_ = emulated.start({"JobName": "heavy"})
        return status, runs["heavy"]

    return start


def settled(runs: list[dict[str, Any]], states: list[str]) -> bool:
    """Whether the runs, the oldest first, come to these states."""
    for _ in range(400):
        if [run["JobRunState"] for run in reversed(runs)] == states:
            return True
        time.sleep(0.005)
    return False


def test_runs_beyond_the_jobs_concurrency_wait_for_their_turn(
    started: Callable[..., tuple[int, list[dict[str, Any]]]],
) -> None:
    for _ in range(4):
        status, runs = started(queued=True)
        assert status == 200
    assert settled(runs, ["STARTING", "STARTING", "WAITING", "WAITING"])
    glue_runs.set_stopping(runs[1])  # the third started
    assert settled(runs, ["STARTING", "STARTING", "STOPPING", "WAITING"])
    runs[1]["JobRunState"] = "STOPPED"
    runs[3]["JobRunState"] = "SUCCEEDED"
    assert settled(runs, ["SUCCEEDED", "STARTING", "STOPPED", "STARTING"])


def test_without_the_queue_a_start_is_refused(
    started: Callable[..., tuple[int, list[dict[str, Any]]]],
) -> None:
    assert [started(queued=False)[0] for _ in range(3)] == [200, 200, 400]


def test_a_run_that_is_stopped_while_it_waits_gets_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glue_runs, "LOOKS_EVERY", 0.005)
    working, waiting = {"JobRunState": "RUNNING"}, {"JobRunState": "WAITING"}
    turns: list[bool] = []
    waits = threading.Thread(target=lambda: turns.append(glue_runs.await_turn(waiting, [waiting, working], 1)))
    waits.start()
    glue_runs.set_stopping(waiting)
    waits.join(5)
    assert turns == [False]
