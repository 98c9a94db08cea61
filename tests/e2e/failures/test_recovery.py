"""Executions stopped and functions killed in the middle: without help, the same rows in the end."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.e2e.conftest import Laptop

ROWS = 40_000


def content(prefix: str) -> bytes:
    lines = [f"{prefix}{i},2026-01-01T00:00:00Z,{i}" for i in range(ROWS)]
    return ("meter,read_at,value\n" + "\n".join(lines) + "\n").encode()


def running(laptop: Laptop, state: str) -> Iterator[str]:
    """Executions of the tests' dataset that are in a state now, as soon as there is one."""
    workflow = laptop.client("stepfunctions")
    machine = laptop.output("IngestStateMachineArn")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for execution in workflow.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
            history = workflow.get_execution_history(executionArn=execution["executionArn"], maxResults=1000)["events"]
            entered = [e["stateEnteredEventDetails"]["name"] for e in history if "stateEnteredEventDetails" in e]
            if execution["name"].startswith("bulk-") and state in entered:
                yield str(execution["executionArn"])
        time.sleep(0.02)


@pytest.mark.parametrize("state", ["Record the batch", "Transform each unit", "COPY and MERGE", "Record the outcome"])
def test_an_execution_stopped_by_hand(laptop: Laptop, state: str) -> None:
    prefix = f"{state[:4].lower()}-{state[-4:].lower()}-".replace(" ", "")
    key = f"bulk/{prefix}.csv"
    laptop.put(key, content(prefix))
    stopped = next(running(laptop, state))
    laptop.client("stepfunctions").stop_execution(executionArn=stopped, cause="a person pressed the button")
    laptop.settle()
    trace = laptop.trace(key)
    assert (trace["status"], trace["rows"]["loaded"]) == ("loaded", ROWS)
    assert laptop.rows(f"SELECT COUNT(*), COUNT(DISTINCT value) FROM public.bulk WHERE meter LIKE '{prefix}%'") == [
        [ROWS, ROWS]
    ]


def test_a_function_killed_in_the_middle_of_a_file(laptop: Laptop) -> None:
    laptop.put("bulk/killed.csv", content("killed"))
    killed = False
    for _ in running(laptop, "Transform each unit"):
        killed = kill_workers(laptop)
        if killed:
            break
    assert killed
    laptop.settle()
    trace = laptop.trace("bulk/killed.csv")
    assert (trace["status"], trace["rows"]["loaded"]) == ("loaded", ROWS)
    assert laptop.rows("SELECT COUNT(*) FROM public.bulk WHERE meter LIKE 'killed%'") == [[ROWS]]


def kill_workers(laptop: Laptop) -> bool:
    """SIGKILL to every worker of the transform. Returns whether there was one."""
    daemon = psutil.Process(json.loads((laptop.home / "laptop.json").read_text())["pid"])
    found = False
    for process in daemon.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any("TransformFunction" in part for part in process.cmdline()):
                process.kill()
                found = True
    return found
