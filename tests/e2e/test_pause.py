"""A maintenance window as a person meets it: files wait, `status` says so, and they load when it is over."""

from __future__ import annotations

import time
from typing import Any

from tests.e2e.conftest import Laptop
from tests.e2e.test_functions import invoke

KEY = "readings/in-a-pause.csv"
BODY = b"meter,read_at,value\npause-1,2026-01-01T00:00:00Z,1\npause-2,2026-01-01T00:00:00Z,2\n"
COUNT = "SELECT COUNT(*) FROM public.readings WHERE meter LIKE 'pause-%'"
PATIENCE_SECONDS = 60


def state_when_recorded(laptop: Laptop, key: str) -> Any:
    """The state of a file that has just landed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = laptop.headrace("trace", key, check=False)
        if "status" in found:
            return found["status"]
        time.sleep(0.5)
    raise AssertionError(f"{key} was not recorded")


def test_the_files_of_a_paused_dataset_wait_until_it_is_resumed(laptop: Laptop) -> None:
    laptop.settle()
    paused = laptop.headrace("pause", "readings", "--until", "1h", "--reason", "the table is rebuilt")
    assert paused["running"] == []
    laptop.put(KEY, BODY)
    assert state_when_recorded(laptop, KEY) == "pending"
    swept = invoke(laptop, "sweeper", {})  # with the rights that it has in the stack
    assert "readings/live" not in swept["helped"]
    assert "readings" not in swept["arrivals"]
    (dataset,) = laptop.headrace("status", "readings")["datasets"]
    assert dataset["files"]["pending"] == 1
    assert (dataset["paused"]["until"], dataset["paused"]["reason"]) == (paused["until"], "the table is rebuilt")
    assert "`headrace resume readings` ends it" in laptop.run("status", "readings").stdout
    assert laptop.rows(COUNT) == [[0]]

    assert laptop.headrace("resume", "readings")["by"] == paused["by"]
    laptop.settle()
    assert laptop.trace(KEY)["status"] == "loaded"
    assert laptop.rows(COUNT) == [[2]]
    assert laptop.run("resume", "readings").returncode == 1
