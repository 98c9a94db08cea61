"""Files that are read as one: a group's, one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import BinaryIO

from headrace.domain.contract import Contract
from headrace.domain.ingest.groups import Member
from headrace.transform.decode.landed_bytes import Guard, Stream
from headrace.transform.detected import Detected
from headrace.transform.file import FileTransform
from headrace.transform.key_columns import key_columns
from headrace.transform.outcome import Block, FileRejected, FileReport

Opened = Callable[[Member], AbstractContextManager[BinaryIO]]
"""Opens a file of the group."""


@dataclass(slots=True)
class _Hashed:
    """A stream that makes the MD5 of what is read."""

    stream: Stream
    md5: hashlib._Hash

    def read(self, size: int = -1, /) -> bytes:
        piece = self.stream.read(size)
        self.md5.update(piece)
        return piece


class GroupTransform:
    """Streams the files of a group once each; iterate it for its blocks, then read `report`, which is of all of them.

    Rows are numbered through the files. Iterating raises what `FileTransform` raises, with the key of the file at
    fault, and FileRejected for bytes that are not those that a manifest says. `at` is the key of the file that is read.
    """

    def __init__(  # noqa: PLR0913 - what identifies the group, and how to read it
        self,
        contract: Contract,
        members: Sequence[Member],
        opened: Opened,
        *,
        name: str,
        file_id: str,
        batch_id: str,
        guard: Guard = lambda: None,
    ) -> None:
        self._contract = contract
        self._members = [member for member in members if member.size]
        self._opened = opened
        self._ids = (file_id, batch_id)
        self._guard = guard
        self._detected = Detected(contract)
        self._content = hashlib.sha256()
        self.at = name
        self.report = FileReport(name, file_id, detected=self._detected.values)

    def __iter__(self) -> Iterator[Block]:
        for member in self._members:
            self.at = member.key
            try:
                yield from self._blocks(member)
            except FileRejected as rejected:
                raise FileRejected(rejected.code, f"{member.key}: {rejected.reason}", rejected.line) from rejected
        self.report.sha256 = self._content.hexdigest()

    def _blocks(self, member: Member) -> Iterator[Block]:
        before = replace(self.report)
        file_id, batch_id = self._ids
        hashed = hashlib.md5(usedforsecurity=False)
        with self._opened(member) as stream:
            one = FileTransform(
                self._contract,
                _Hashed(stream, hashed) if member.md5 else stream,
                name=member.key,
                file_id=file_id,
                batch_id=batch_id,
                guard=self._guard,
                rows_before=before.rows_read,
                detected=self._detected,
            )
            for block in one:
                self.report.rows_read = before.rows_read + one.report.rows_read
                self.report.rows_good = before.rows_good + one.report.rows_good
                self.report.rows_bad = before.rows_bad + one.report.rows_bad
                yield block
        self.report.bytes_read = before.bytes_read + one.report.bytes_read
        _check_hashes(member, str(one.report.sha256), hashed.hexdigest())
        self._content.update(f"{one.report.sha256} {self._key_text(member)}\n".encode())

    def _key_text(self, member: Member) -> str:
        """The same bytes are other rows where columns have another value in the key."""
        columns = key_columns(self._contract, member.key)
        return columns.text if columns else ""


def _check_hashes(member: Member, sha256: str, md5: str) -> None:
    for name, wanted, has in (("SHA-256", member.sha256, sha256), ("MD5", member.md5, md5)):
        if wanted not in {"", has}:
            reason = f"its {name} is {has}, its manifest says {wanted}: send file and manifest again"
            raise FileRejected("checksum", reason)
