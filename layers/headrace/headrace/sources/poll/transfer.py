"""The bytes of one file on their way: hashed as they pass, staged in S3 part by part, never all in memory."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

from headrace.domain.sizes import PART_BYTES, part_bytes
from headrace.sources.ports import Incoming

FIRST_BYTES = 64 << 10
"""Most files are small: room for a whole part is made when this is full."""
ROOM_BYTES = 1 << 20
PARTS_IN_MEMORY = 4
MEMORY_BYTES = 512 << 20
"""Of parts that are being sent. There is always room for one, beside the one that is being filled."""


@dataclass(slots=True)
class _Part:
    """A part, and what is being done with it in other threads: it is written over only when that has ended."""

    body: bytearray
    filled: int = 0
    work: list[Future[Any]] = field(default_factory=list)

    def bytes(self) -> bytes | bytearray:
        """What is in it; a full one without a copy."""
        return self.body if self.filled == len(self.body) else bytes(memoryview(self.body)[: self.filled])

    def wait(self) -> None:
        """Wait until nothing is done with it. Raises what went wrong."""
        work, self.work = self.work, []
        for future in work:
            future.result()


class Transfer:
    """Takes the bytes in order: `room` is where the next ones belong, `took` says how many came.

    `offset` is how many it has; what was staged before is taken up by `resume`. MD5, SHA-256 and S3 have threads of
    their own, so that none waits for another; at most `PARTS_IN_MEMORY` parts are in memory. A file that fits in one
    part is sent with one PUT.
    """

    def __init__(self, incoming: Incoming, staged: str, on_begin: Callable[[str], None]) -> None:
        self._incoming = incoming
        self._staged = staged
        self._on_begin = on_begin
        self._part_bytes = PART_BYTES
        self._hashing, self._sending = (ThreadPoolExecutor(1), ThreadPoolExecutor(1)), ThreadPoolExecutor(2)
        self._reset()

    def _reset(self) -> None:
        self.offset = 0
        self._hashes = (hashlib.md5(usedforsecurity=False), hashlib.sha256())
        self._part = _Part(bytearray(FIRST_BYTES))
        self._busy: deque[_Part] = deque()
        self._upload: str | None = None
        self._etags: list[Future[str] | str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Whole parts that are here are staged before it ends, for the next poll to go on from."""
        for worker in (*self._hashing, self._sending):
            worker.shutdown()

    def expect(self, size: int | None) -> None:
        """How many bytes will come, as far as is known: the parts are made large enough for all of them."""
        self._part_bytes = part_bytes(size)

    def resume(self, upload: str, check: Callable[[], None] = lambda: None) -> None:
        """Take up what an earlier poll staged: it is read once more, for the checksums, and copied within S3.

        S3 does not show the parts of an unfinished upload, so they are first made an object. `check` is called after
        each piece that was read, and what it raises goes through.
        """
        size = self._incoming.recover(self._staged, upload)
        if not size:
            return
        for chunk in self._incoming.read(self._staged):
            self._hash(chunk)
            check()
        self._begin()
        self._etags += self._incoming.copied(self._staged, self._must_upload, size)
        self.offset = size

    def room(self) -> memoryview:
        """Where the next bytes belong."""
        if self._part.filled == len(self._part.body):
            self._make_room()
        first = self._part.filled
        return memoryview(self._part.body)[first : first + ROOM_BYTES]

    def took(self, size: int) -> None:
        """So many bytes were put there."""
        self.offset += size
        self._part.filled += size

    def restart(self) -> None:
        """Forget what came: the server can only start from the beginning."""
        self.abandon()
        self._reset()

    def digests(self) -> dict[str, str]:
        """All that came, as md5 and sha256. No more bytes can be taken after this."""
        if self._upload is None:
            self._hash(memoryview(self._part.body)[: self._part.filled])
        else:
            self._send()
            self._finish_work()
        return {digest.name: digest.hexdigest() for digest in self._hashes}

    def land(self, key: str, notes: dict[str, str]) -> None:
        """Make the file an object of the landing bucket. Only now does anybody see it."""
        if self._upload is None:
            self._incoming.put(key, bytes(self._part.bytes()), notes)
        else:
            etags = [etag if isinstance(etag, str) else etag.result() for etag in self._etags]
            self._incoming.land(self._staged, self._upload, etags, key, notes)

    def abandon(self) -> None:
        """Remove what is staged."""
        try:
            self._finish_work()
        finally:
            if self._upload is not None:
                self._incoming.abort(self._staged, self._upload)

    @property
    def _must_upload(self) -> str:
        assert self._upload is not None
        return self._upload

    def _begin(self) -> None:
        self._upload = self._incoming.begin(self._staged)
        self._on_begin(self._upload)

    def _make_room(self) -> None:
        """A first, small part becomes a whole one; a whole one goes to work, and one that is done with is next."""
        full = self._part
        if len(full.body) < self._part_bytes:
            self._part = _Part(bytearray(self._part_bytes), full.filled)
            self._part.body[: full.filled] = full.body
            return
        self._send()
        if len(self._busy) < max(1, min(PARTS_IN_MEMORY, MEMORY_BYTES // self._part_bytes)):
            self._part = _Part(bytearray(self._part_bytes))
            return
        oldest = self._busy.popleft()
        oldest.wait()
        self._part = _Part(oldest.body)

    def _send(self) -> None:
        part, number = self._part, len(self._etags) + 1
        if not part.filled:
            return
        if self._upload is None:
            self._begin()
        upload, body = self._must_upload, part.bytes()
        etag = self._sending.submit(self._incoming.part, self._staged, upload, number, body)
        hashed = [
            worker.submit(digest.update, body) for worker, digest in zip(self._hashing, self._hashes, strict=True)
        ]
        part.work = [etag, *hashed]
        self._etags.append(etag)
        self._busy.append(part)

    def _finish_work(self) -> None:
        while self._busy:
            self._busy.popleft().wait()

    def _hash(self, chunk: bytes | memoryview) -> None:
        for digest in self._hashes:
            digest.update(chunk)
