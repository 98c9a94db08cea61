"""gzip as RFC 1952 has it: members one after the other, and zeros behind the last, with which tapes are filled up."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from headrace.transform.outcome import FileRejected

GZIP = 16 + zlib.MAX_WBITS
"""What zlib takes for gzip's own header and check."""
MAGIC = b"\x1f\x8b"
FIRST_STEP, PIECE = 1 << 12, 1 << 20
ZEROS = re.compile(rb"\0*+")
AFTER_END = "other bytes than zeros follow the end of the gzip data: was something appended?"


class GzipMembers:
    """Decompresses a stream of gzip members.

    Raises EOFError where a member is cut off, zlib.error where one is damaged, FileRejected where something else
    follows.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._member = zlib.decompressobj(GZIP)
        self._data = b""
        self._at = 0
        self._step = FIRST_STEP

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        while True:
            if self._member.eof and not self._next_member():
                return b""
            if not self._has(1):
                raise EOFError
            piece = self._decompressed(size)
            if piece:
                return piece

    def _decompressed(self, size: int) -> bytes:
        """What comes of the next bytes. They are given in growing steps: what is not needed of them is copied."""
        given = memoryview(self._data)[self._at : self._at + self._step]
        piece = self._member.decompress(given, size)
        self._at += len(given) - len(self._member.unconsumed_tail) - len(self._member.unused_data)
        self._step = min(2 * self._step, PIECE)
        return piece

    def _has(self, wanted: int) -> bool:
        """Whether so many bytes more are there."""
        while len(self._data) - self._at < wanted and (more := self._read(PIECE)):
            self._data, self._at = self._data[self._at :] + more, 0
        return len(self._data) - self._at >= wanted

    def _next_member(self) -> bool:
        """Goes on to the next member; false if there is none."""
        while self._has(1) and self._data[self._at] == 0:
            zeros = ZEROS.match(self._data, self._at)
            self._at = zeros.end() if zeros else self._at
        if not self._has(1):
            return False
        self._has(len(MAGIC))
        if not self._data.startswith(MAGIC, self._at):
            raise FileRejected("compression", AFTER_END)
        self._member, self._step = zlib.decompressobj(GZIP), FIRST_STEP
        return True
