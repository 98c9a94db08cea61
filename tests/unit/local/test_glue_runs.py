"""Runs on the laptop are processes, and none outlives it."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

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
