"""How long, and how much, a server may talk in answer to one question.

A socket's time-out restarts with each byte: alone, it lets a server go on for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from headrace.domain.source import Source
from headrace.errors import UnreachableError

LISTING_BYTES = 64 << 20
"""Of one folder: some 600,000 files."""
ANSWER_BYTES = 1 << 20
TIMES = 10
"""A server may be silent for `timeoutSeconds`, and take this many times that for a whole answer."""
LONGEST_SECONDS = 300.0
"""So that connecting and listing a folder are given up well within the time that a poll has."""


class Patience:
    """Of one connection. `check` raises when the caller's own time is over: that is not the server's fault."""

    def __init__(self, source: Source, check: Callable[[], None]) -> None:
        self._seconds = min(LONGEST_SECONDS, TIMES * source.timeout_seconds)
        self._check = check
        self.begin("answer", ANSWER_BYTES)

    def begin(self, what: str, most_bytes: int) -> None:
        """From now on counts what is said in answer to one question."""
        self._what, self._most_bytes = what, most_bytes
        self._left, self._until = most_bytes, time.monotonic() + self._seconds

    def heard(self, size: int) -> None:
        """Count bytes that have come. Raises UnreachableError when it is too much, or takes too long."""
        self._left -= size
        if self._left < 0:
            raise UnreachableError(f"its {self._what} is larger than {self._most_bytes >> 20} MiB")
        if time.monotonic() > self._until:
            raise UnreachableError(f"its {self._what} did not end within {self._seconds:g} s")
        self._check()
