"""One file: from the server, through the checks, into the landing bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from headrace.domain.contract import Contract
from headrace.domain.files.names import one_form
from headrace.domain.lake_folders import INCOMING
from headrace.domain.sizes import LARGEST_FILE, largest, too_large
from headrace.domain.source import Checksum, Source, shared_folder
from headrace.errors import CannotResumeError, ChecksumError, FileChangedError, FileProblemError, UnreachableError
from headrace.sources.model.remote_file import CHECKSUMS, RemoteFile, Stat, checksum_in, key_of
from headrace.sources.model.source_file import Candidate, SourceFile, SourceStatus
from headrace.sources.poll.connection import Connection, OutOfTimeError, check_time
from headrace.sources.poll.transfer import Transfer
from headrace.sources.ports import Clock, Incoming, Remote

LARGEST_CHECKSUM_FILE = 65536
Save = Callable[[SourceFile], None]


class Fetcher:
    """Fetches files of one source. `save` writes a record to the ledger."""

    def __init__(self, source: Source, contract: Contract, incoming: Incoming, clock: Clock, save: Save) -> None:
        self._source = source
        self._contract = contract
        self._incoming = incoming
        self._clock = clock
        self._save = save

    def fetch(self, candidate: Candidate, line: Connection) -> SourceFile:
        """The record once the file is safe in S3; it is not yet saved.

        Raises FileProblemError when the file is not as it should be, UnreachableError and its kin when the server is
        not, OutOfTimeError when the next poll has to go on.
        """
        record = replace(candidate.record, staged=candidate.record.staged or _staged(candidate.record))
        with Transfer(self._incoming, str(record.staged), lambda upload: self._begun(record, upload)) as transfer:
            try:
                return self._fetched(candidate, record, line, transfer)
            except FileProblemError:
                transfer.abandon()
                raise

    def _begun(self, record: SourceFile, upload: str) -> None:
        self._save(replace(record, upload=upload))

    def _fetched(self, candidate: Candidate, record: SourceFile, line: Connection, transfer: Transfer) -> SourceFile:
        if self._is_proven(candidate, line):
            return replace(candidate.record, status=SourceStatus.TAKEN, attempts=0, reason=None)
        before = line.do(lambda remote: _stat(remote, candidate.file))
        size = before.size if before.size is not None else candidate.file.size
        if reason := too_large(size):
            raise FileProblemError(reason)
        transfer.expect(size)
        if record.upload is not None:
            self._resume(record.upload, transfer)
        line.do(lambda remote: self._stream(remote, candidate.file, before, size, transfer), lambda: transfer.offset)
        digests = transfer.digests()
        self._compare(candidate, digests, line)
        return replace(self._landed(candidate, record, transfer, digests), stamp=before.modified)

    def _resume(self, upload: str, transfer: Transfer) -> None:
        try:
            transfer.resume(upload, lambda: check_time(self._clock, self._source))
        except OutOfTimeError as error:
            raise FileProblemError(
                "it is too large: what earlier polls have staged cannot be read again in the time of a poll, and would"
                " not be in the next"
            ) from error

    def _stream(self, remote: Remote, file: RemoteFile, before: Stat, size: int | None, transfer: Transfer) -> None:
        if transfer.offset and _stat(remote, file) != before:
            raise _changed(file)
        begun_at = transfer.offset
        try:
            for size_of_piece in remote.read(file.wire, transfer.offset, transfer.room):
                transfer.took(size_of_piece)
                if transfer.offset > largest(size):
                    break
                check_time(self._clock, self._source)
        except CannotResumeError:
            transfer.restart()
            raise
        self._check_size(file, size, begun_at, transfer.offset)
        if _stat(remote, file) != before:
            raise _changed(file)

    def _check_size(self, file: RemoteFile, size: int | None, begun_at: int, offset: int) -> None:
        if offset > LARGEST_FILE:
            raise FileProblemError(too_large(offset))
        if size is None or offset == size:
            return
        if begun_at < offset < size:
            raise UnreachableError(f"{file.path} ended after {offset:,} of {size:,} bytes")
        raise FileProblemError(f"the server says that it has {size:,} bytes, and sends {offset:,}")

    def _compare(self, candidate: Candidate, digests: dict[str, str], line: Connection) -> None:
        if self._source.checksum is Checksum.IGNORE:
            return
        where, expected = self._expected(candidate, line)
        if not expected and self._source.checksum is Checksum.REQUIRED:
            raise ChecksumError("the contract requires a checksum, and there is none to be had")
        for name, digest in expected.items():
            if digests[name] != digest:
                raise ChecksumError(f"its {name.upper()} is {digests[name]}, {where} says {digest}")

    def _is_proven(self, candidate: Candidate, line: Connection) -> bool:
        """Whether a file that was taken looks the same, and its checksum, which is new, is that of what was taken."""
        record = candidate.record
        if record.taken_at is None or candidate.partner is None:
            return False
        _, expected = self._expected(candidate, line)
        return expected.items() <= {"md5": record.md5, "sha256": record.sha256}.items()

    def _expected(self, candidate: Candidate, line: Connection) -> tuple[str, dict[str, str]]:
        """Who says so, and what the file's digests should be."""
        partner = candidate.partner
        if partner is None:
            return "the server", line.do(lambda remote: _own_checksum(remote, candidate.file))
        body = line.do(lambda remote: _small_body(remote, partner))
        digest = checksum_in(body, candidate.file.name)
        name = next(kind for suffix, kind in CHECKSUMS.items() if partner.path.endswith(suffix))
        if digest is None or len(digest) != hashlib.new(name, usedforsecurity=False).digest_size * 2:
            raise ChecksumError(f"there is no {name.upper()} of it in {partner.name}")
        return partner.name, {name: digest}

    def _landed(
        self, candidate: Candidate, record: SourceFile, transfer: Transfer, digests: dict[str, str]
    ) -> SourceFile:
        """Land it, unless it is what was landed before: some servers give a file a new time now and then."""
        now = self._clock.now()
        key = self._key(candidate.file, record, now)
        if record.key is not None and record.sha256 == digests["sha256"]:
            transfer.abandon()
            key = record.key
        else:
            notes = {"source-server": self._source.server, "sha256": digests["sha256"], "md5": digests["md5"]}
            transfer.land(key, notes)
        return replace(
            record, status=SourceStatus.TAKEN, key=key, md5=digests["md5"], sha256=digests["sha256"], taken_at=now,
            attempts=0, reason=None, upload=None, staged=None,
        )  # fmt: skip

    def _key(self, file: RemoteFile, record: SourceFile, now: datetime) -> str:
        """A changed file is a new version of its key where the contract lets versions replace each other."""
        if record.key is not None and self._contract.replace_versions:
            return record.key
        folder = shared_folder(each for each in self._contract.sources if each.server == self._source.server)
        relative = file.path.removeprefix(one_form(folder))
        return key_of(self._contract.prefix, self._source.server, file.modified or now, relative)


def _staged(record: SourceFile) -> str:
    look = f"{record.dataset}\0{record.path}\0{record.size}\0{record.modified}\0{record.since}"
    return f"{INCOMING}/{record.server}/{hashlib.sha256(look.encode()).hexdigest()[:32]}"


def _stat(remote: Remote, file: RemoteFile) -> Stat:
    found = remote.stat(file.wire)
    if found is None:
        raise FileChangedError(f"{file.path} is no longer there")
    return found


def _changed(file: RemoteFile) -> FileChangedError:
    return FileChangedError(f"{file.path} was replaced while it was read")


def _own_checksum(remote: Remote, file: RemoteFile) -> dict[str, str]:
    return remote.checksum(file.wire) if remote.hashes else {}


def _small_body(remote: Remote, file: RemoteFile) -> bytes:
    body, room = b"", memoryview(bytearray(LARGEST_CHECKSUM_FILE))
    for size in remote.read(file.wire, 0, lambda: room):
        body += room[:size]
        if len(body) > LARGEST_CHECKSUM_FILE:
            raise ChecksumError(f"{file.name} is too large for a checksum")
    return body
