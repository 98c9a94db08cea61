"""Runs on the laptop are processes, and none outlives it."""

from __future__ import annotations

import signal
import subprocess

import pytest

from headrace_local.aws import glue_runs


def test_all_processes_of_a_run_end_with_the_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    script = ["sh", "-c", "sleep 600 & wait"]
    with subprocess.Popen(script, start_new_session=True) as process:
        monkeypatch.setattr(glue_runs, "_processes", {process})
        glue_runs.kill_runs()
        assert process.wait(10) == -signal.SIGKILL
        glue_runs.kill_runs()  # what has ended is no error
