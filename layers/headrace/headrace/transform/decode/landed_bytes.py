"""The landed bytes as they are read: counted, hashed, and separate from failures of the network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

PIECE = 1 << 20


Guard = Callable[[], None]
"""Called again and again while a file is read. Raises FileRejected where it takes more time or memory than there is."""


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, none at the end."""


class LandedBytes:
    """A stream that passes on the landed bytes and hashes them.

    `failure` keeps an error of the stream itself, so that a lost connection is never taken for a broken file.
    """

    def __init__(self, stream: Stream, guard: Guard = lambda: None) -> None:
        self._stream = stream
        self.guard = guard
        self._hash = hashlib.sha256()
        self.bytes_read = 0
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; fewer only at the end, none after it."""
        pieces: list[bytes] = []
        wanted = size
        while wanted != 0:
            piece = self._read_some(PIECE if wanted < 0 else wanted)
            if not piece:
                break
            pieces.append(piece)
            wanted -= len(piece) if wanted > 0 else 0
        return b"".join(pieces)

    def drain(self) -> None:
        """Reads what is left, for the hash and the count."""
        while self.read(PIECE):
            pass

    @property
    def sha256(self) -> str:
        """The hash of everything read so far, in hex."""
        return self._hash.hexdigest()

    def _read_some(self, size: int) -> bytes:
        self.guard()
        try:
            piece = self._stream.read(size)
        except Exception as error:
            self.failure = error
            raise
        self._hash.update(piece)
        self.bytes_read += len(piece)
        return piece
