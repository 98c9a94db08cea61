"""A file that can be read from any place on."""

from __future__ import annotations

from typing import BinaryIO, Protocol


class Source(Protocol):
    """One version of a landed file, whose bytes do not change."""

    @property
    def size(self) -> int: ...
    def open(self, start: int = 0) -> BinaryIO: ...


class Stretch:
    """The bytes from `start` on. A read ends at `border`, so that it is known when all before it was read.

    What comes after the border is read in small pieces, since only the end of one record is wanted of it.
    """

    def __init__(self, stream: BinaryIO, start: int, border: int) -> None:
        self._stream = stream
        self._border = border
        self.place = start

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        before = self._border - self.place
        piece = self._stream.read(min(size, before) if before > 0 else min(size, BEYOND))
        self.place += len(piece)
        return piece


BEYOND = 256 << 10
