"""A text stream cut into blocks of whole lines, with any kind of line end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from headrace.transform.outcome import FileRejected, Limits

WINDOW = 1 << 16
"""Without a line feed in this many bytes, a carriage return alone ends the lines."""
BLANK_RUN = {b"\n": re.compile(rb"(?:\r?\n)*+"), b"\r": re.compile(rb"\r*+")}
"""Line ends with nothing between them, by what ends the lines."""
LARGEST_BLOCK = 16 << 20


class LineBlocks:
    """Reads whole lines. `newline` is what ends them; a carriage return before it is left to the reader of the line."""

    def __init__(
        self, read: Callable[[int], bytes], block_bytes: int, limits: Limits, newline: bytes | None = None
    ) -> None:
        self._read = read
        self._block_bytes = block_bytes
        self._limits = limits
        self._ahead = b"" if newline else self._window()
        self._at = 0
        self.newline = newline or (b"\r" if b"\n" not in self._ahead and b"\r" in self._ahead[:-1] else b"\n")

    @property
    def ahead(self) -> bytes:
        """What was read, and not given yet."""
        return self._ahead[self._at :]

    def next_line(self) -> bytes | None:
        """The next line without its end, None after the last."""
        while True:
            end = self._ahead.find(self.newline, self._at)
            if end >= 0:
                line, self._at = self._ahead[self._at : end], end + len(self.newline)
                return line.removesuffix(b"\r")
            line, self._at = self._ahead[self._at :], 0
            self._check(len(line))
            piece = self._read(self._block_bytes)
            self._ahead = line + piece if piece else b""
            if not piece:
                return line.removesuffix(b"\r") if line else None

    def peeked_line(self) -> bytes:
        """The next line without its end, which stays the next one; nothing after the last."""
        while self._ahead.find(self.newline, self._at) < 0:
            self._check(len(self._ahead) - self._at)
            piece = self._read(self._block_bytes)
            if not piece:
                break
            self._ahead, self._at = self._ahead[self._at :] + piece, 0
        end = self._ahead.find(self.newline, self._at)
        return self._ahead[self._at : end if end >= 0 else len(self._ahead)].removesuffix(b"\r")

    def peeked(self, size: int) -> bytes:
        """At least so many of the bytes that come next, or all that are left; they stay the next ones."""
        pieces = [self.ahead]
        while size > sum(map(len, pieces)) and (piece := self._read(self._block_bytes)):
            pieces.append(piece)
        self._ahead, self._at = b"".join(pieces), 0
        return self._ahead

    def skip_empty_lines(self) -> None:
        """Leaves out line ends with nothing between them, which may be millions."""
        while True:
            run = BLANK_RUN[self.newline].match(self._ahead, self._at)
            self._at = run.end() if run else self._at
            if self._at < len(self._ahead):
                return
            self._ahead, self._at = self._read(self._block_bytes), 0
            if not self._ahead:
                return

    def next_block(self, carry: bytes = b"") -> tuple[bytes, bool]:
        """`carry` and the lines after it, and whether they are the last: only then may the final line end lack."""
        pieces: list[bytes | memoryview] = [carry, memoryview(self._ahead)[self._at :]]
        self._ahead, self._at = b"", 0
        size = 0
        while piece := self._read(max(self._block_bytes, len(carry))):
            cut = piece.rfind(self.newline) + 1
            if cut:
                pieces.append(memoryview(piece)[:cut])
                self._ahead = piece[cut:]
                return self._checked(pieces), False
            pieces.append(piece)
            size += len(piece)
            self._check(size)
        return self._checked(pieces), True

    def _checked(self, pieces: list[bytes | memoryview]) -> bytes:
        data = b"".join(pieces)
        if len(data) > self._limits.line:
            self._check(max(map(len, data.split(self.newline))))
        return data

    def _window(self) -> bytes:
        ahead = b""
        while b"\n" not in ahead and len(ahead) < WINDOW:
            piece = self._read(min(self._block_bytes, WINDOW))
            if not piece:
                break
            ahead += piece
        return ahead

    def _check(self, size: int) -> None:
        if size > self._limits.line:
            reason = f"a line is longer than {self._limits.line:,} bytes: is the file in the contract's format?"
            raise FileRejected("line_too_long", reason)


class Skimmed(NamedTuple):
    """The number of records that begin before a border of the text, and what the last of them has beyond it.

    The border is None where the text ended before it was known.
    """

    rows: int
    border: int | None
    beyond: bytes


def filled_lines(data: bytes, newline: bytes, comments: tuple[bytes, ...]) -> int:
    """How many lines are neither empty nor comments."""
    odd = [newline, b"\r" + newline, *comments]
    if data.startswith(tuple(odd)) or any(newline + mark in data for mark in odd):
        lines = data.split(newline)
        return sum(line not in {b"", b"\r"} and not line.startswith(comments) for line in lines)
    last = data[data.rfind(newline) + 1 :]
    return data.count(newline) + (last not in {b"", b"\r"})


def _keep_freed_blocks() -> None:
    """Has glibc keep the memory of a block for the next one, and not give it back to the system each time.

    It does so for blocks of the size of any that was freed before (mallopt(3), M_MMAP_THRESHOLD). This one is never
    touched. Without it, fresh pages for every block took a twentieth of all CPU.
    """
    bytes(LARGEST_BLOCK)


_keep_freed_blocks()
