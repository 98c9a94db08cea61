"""Deployed code asks for the time in one place, so that a test can say what it is."""

from __future__ import annotations

import ast
from pathlib import Path

from headrace.domain import clock
from headrace.domain.clock import precise

ROOT = Path(__file__).parents[3]
DEPLOYED = [*(ROOT / "layers" / "headrace" / "headrace").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
ASKING = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}


def test_only_the_clock_asks_for_the_time() -> None:
    asked = {
        path.name
        for path in DEPLOYED
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ASKING
    }
    assert asked == {"clock.py"}
    assert sum(path.name == "clock.py" for path in DEPLOYED) == 2  # the other one is that of polls, over this


def test_times_are_written_so_that_their_order_is_that_of_text() -> None:
    earlier, later = precise("2026-01-31T23:59:59.5+01:00"), precise("2026-01-31T22:59:59.75Z")
    assert (earlier, later) == ("2026-01-31T22:59:59.500000Z", "2026-01-31T22:59:59.750000Z")
    assert earlier < later < clock.now()
