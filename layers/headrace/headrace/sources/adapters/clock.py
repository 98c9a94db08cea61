"""The time of a Lambda invocation."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime

from headrace.domain import clock


class WallClock:
    """`left` gives the seconds until the function is stopped."""

    def __init__(self, left: Callable[[], float]) -> None:
        self._left = left

    def now(self) -> datetime:
        """Now, in UTC."""
        return clock.utc()

    def left(self) -> float:
        """Seconds until the function is stopped."""
        return self._left()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def chance(self) -> float:
        """From 0 to 1, by chance."""
        return random.random()  # noqa: S311 - it spreads waits, it hides nothing
