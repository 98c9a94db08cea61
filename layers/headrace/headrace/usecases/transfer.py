"""The bytes of one file on their way: hashed as they pass, staged in S3 part by part, never all in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

from headrace.usecases.source_ports import Incoming

PART_BYTES = 8 << 20
"""S3 takes parts of at least 5 MiB and at most 10,000 of them: 80 GB, four times what is loaded."""


class Transfer:
    """Takes the bytes in order. `offset` is how many it has; what was staged before is taken up by `resume`.

    A file that fits in one part is sent with one PUT. At most two parts are in memory, and what the wire just brought.
    """

    def __init__(self, incoming: Incoming, staged: str, on_begin: Callable[[str], None]) -> None:
        self._incoming = incoming
        self._staged = staged
        self._on_begin = on_begin
        self._workers = (ThreadPoolExecutor(1), ThreadPoolExecutor(1))
        self._reset()

    def _reset(self) -> None:
        self.offset = 0
        self._md5, self._sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        self._buffer = bytearray()
        self._upload: str | None = None
        self._etags: list[str] = []
        self._at_work: list[Future[Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.shutdown()

    def resume(self, upload: str) -> None:
        """Take up what an earlier poll staged: it is read once more, for the checksums, and copied within S3.

        S3 does not show the parts of an unfinished upload, so they are first made an object.
        """
        size = self._incoming.recover(self._staged, upload)
        if not size:
            return
        for chunk in self._incoming.read(self._staged):
            self._hash(chunk)
        self._begin()
        self._etags = self._incoming.copied(self._staged, self._must_upload, size)
        self.offset = size

    def write(self, chunk: bytes) -> None:
        """Take some bytes."""
        self.offset += len(chunk)
        self._buffer += chunk
        while len(self._buffer) > PART_BYTES:
            self._send(PART_BYTES)

    def restart(self) -> None:
        """Forget what came: the server can only begin anew."""
        self.abandon()
        self._reset()

    def digests(self) -> dict[str, str]:
        """All that came, as md5 and sha256. No more bytes can be taken after this."""
        if self._upload is not None:
            self._send(len(self._buffer))
            self._finish_work()
        else:
            self._hash(bytes(self._buffer))
        return {"md5": self._md5.hexdigest(), "sha256": self._sha256.hexdigest()}

    def land(self, key: str, notes: dict[str, str]) -> None:
        """Make the file an object of the landing bucket. Only now does anybody see it."""
        if self._upload is None:
            self._incoming.put(key, bytes(self._buffer), notes)
        else:
            self._incoming.land(self._staged, self._upload, self._etags, key, notes)

    def flush(self) -> None:
        """Stage the whole parts that are here, for the next poll to go on from."""
        self._finish_work()

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

    def _send(self, size: int) -> None:
        if not size:
            return
        if self._upload is None:
            self._begin()
        part = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        self._finish_work()
        hashing, sending = self._workers
        number = len(self._etags) + 1
        upload = self._must_upload
        self._at_work = [
            hashing.submit(self._hash, part),
            sending.submit(lambda: self._etags.append(self._incoming.part(self._staged, upload, number, part))),
        ]

    def _finish_work(self) -> None:
        at_work, self._at_work = self._at_work, []
        for future in at_work:
            future.result()

    def _hash(self, chunk: bytes) -> None:
        self._md5.update(chunk)
        self._sha256.update(chunk)
