"""How much time and memory a file may take, so that it is rejected with a sentence before the function is killed.

A killed function says nothing of the file that it died of, and takes the files beside it along.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from headrace.errors import CrowdedUnitError, TransientError
from headrace.transform import FileRejected

SECONDS = 240
"""Of computing, for any file. Plain files are read at some 80 MB a second, JSON at 30."""
BYTES_A_SECOND = 4 << 20
"""What is given to large files beyond that: a second for this many bytes as they landed."""
END = 60.0
"""Seconds before the function's end: then nothing more is read, and there is time to write what was found out."""
WHOLE = 0.6
"""A file that had this share of the function's time, and computed in half of it, is too long; others were held up."""
MEMORY = 0.85
"""The share of the function's memory at which it ends: a block more, and the function would be killed."""
TOO_LONG, TOO_LARGE = "too_long", "too_large"
COSTLY = frozenset({TOO_LONG, TOO_LARGE})
"""The codes of files that have cost a unit its time, or nearly its life: they are not tried again."""
STATM = Path("/proc/self/statm")
PAGE = 4096


def resident() -> int:
    """The bytes of memory that the process has now; 0 where the system does not say."""
    return int(STATM.read_text().split()[1]) * PAGE if STATM.exists() else 0


def endless() -> float:
    """The seconds that are left where nothing ends."""
    return float("inf")


class Allowance:
    """What a unit's files have together. `left` gives the seconds that the function has, `memory` is in bytes."""

    def __init__(
        self,
        left: Callable[[], float] = endless,
        memory: int | None = None,
        *,
        computed: Callable[[], float] = time.process_time,
        resident: Callable[[], int] = resident,
    ) -> None:
        self.memory = memory
        self._left = left
        self._whole = left()
        self._computed = computed
        self._resident = resident
        self._files = 0

    def of_file(self, size: int) -> Callable[[], None]:
        """A function that is called while the file, of this many bytes as it landed, is read.

        It raises FileRejected when the file has taken what there is for it. When time is over that it has not taken
        itself, it raises CrowdedUnitError where files before it had a share, else TransientError.
        """
        self._files += 1
        most = SECONDS + size // BYTES_A_SECOND
        began, had = self._computed(), self._left()

        def check() -> None:
            taken = self._computed() - began
            if taken > most:
                raise FileRejected(TOO_LONG, _too_long(f"{most:,} s, the limit for a file of {size:,} bytes"))
            if (left := self._left()) < END:
                self._end(taken, had - left)
            self._check_memory()

        return check

    def _end(self, taken: float, passed: float) -> None:
        """Raises FileRejected if the file at work used up the time, else what is said of the unit."""
        if passed >= WHOLE * self._whole and taken >= passed / 2:
            raise FileRejected(TOO_LONG, _too_long(f"the {passed:,.0f} s that the function has"))
        if self._files > 1:
            raise CrowdedUnitError(f"the function's time was over at file {self._files:,} of its unit")
        raise TransientError(f"the unit's time was over after {taken:,.0f} s of computing on the file at work")

    def _check_memory(self) -> None:
        if self.memory is None or not self._is_nearly_full(self.memory):
            return
        pa.default_memory_pool().release_unused()
        if self._is_nearly_full(self.memory):
            raise FileRejected(TOO_LARGE, too_large(self.memory))

    def _is_nearly_full(self, memory: int) -> bool:
        return self._resident() > MEMORY * memory


def _too_long(limit: str) -> str:
    return f"reading it takes more computing than {limit}: send it as several files, or look at what is odd about it"


def too_large(memory: int | None) -> str:
    """Why a file is rejected that takes more memory than there is."""
    amount = "there is" if memory is None else f"the function has ({memory >> 20:,} MB)"
    return f"reading it takes more memory than {amount}: send it as several files, or look at what is odd about it"
