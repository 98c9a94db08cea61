"""What is remembered of each file on a server, and what a poll does with each file that a listing shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from headrace.domain.remote import CHECKSUMS, TEMPORARY, RemoteFile, matches, same_file
from headrace.domain.source import After, Checksum, Complete, Source

MOST_ATTEMPTS = 3
"""How many polls try a file that is wrong before it is held for a person."""


class SourceStatus(StrEnum):
    """SEEN: not whole yet, or not taken yet. TAKEN: it is in S3. HELD: wrong too often. REFUSED: never taken.

    GONE: it was deleted or renamed there before it was taken.
    """

    SEEN = "seen"
    TAKEN = "taken"
    HELD = "held"
    REFUSED = "refused"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of one server, as it looked when it was last dealt with.

    `since` is when it was first seen looking so, by our clock: the server's is never trusted for that. `partner` is
    how the checksum beside it looked. `upload` and `staged` lead to what an unfinished transfer has brought already.
    `stamp` is the time that the server gave when it was asked for this file alone, while it was taken. `settled` is
    whether it was moved or deleted there, where the contract wants that. `key` and `sha256` are of what landed last,
    also while a newer version waits; `taken_at` and `md5` only of a file that looks as it did then.
    """

    server: str
    dataset: str
    path: str
    size: int | None
    modified: datetime | None
    precision: int
    since: datetime
    status: SourceStatus = SourceStatus.SEEN
    key: str | None = None
    sha256: str | None = None
    md5: str | None = None
    taken_at: datetime | None = None
    attempts: int = 0
    reason: str | None = None
    partner: str | None = None
    upload: str | None = None
    staged: str | None = None
    stamp: datetime | None = None
    settled: bool = False

    def looks_like(self, file: RemoteFile) -> bool:
        """Whether the file is as it was."""
        return same_file(self.size, self.modified, self.precision, file)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that is to be taken now, what is known of it, and the checksum file beside it."""

    file: RemoteFile
    record: SourceFile
    partner: RemoteFile | None = None


@dataclass(slots=True)
class Plan:
    """What one look at a source leads to. `changed` are records to write before anything else happens.

    `gone` are those as they were of files that disappeared before they were taken. `ready_in` is how many seconds until
    the first of the waiting files may be whole; None if time alone will not do.
    """

    ready: list[Candidate] = field(default_factory=list)
    changed: list[SourceFile] = field(default_factory=list)
    unsettled: list[Candidate] = field(default_factory=list)
    gone: list[SourceFile] = field(default_factory=list)
    listed: int = 0
    waiting: int = 0
    ready_in: float | None = None


def plan(
    source: Source,
    files: Iterable[RemoteFile],
    known: Mapping[str, SourceFile],
    now: datetime,
    *,
    hashes: bool = False,
    whole: bool = True,
) -> Plan:
    """Decide about each file of a listing. `hashes` is whether the server computes checksums itself.

    `whole` is whether every folder could be listed: only then a file that is not in the listing is not there.
    """
    by_path = {file.path: file for file in files}
    made = Plan()
    for file in sorted(by_path.values(), key=_oldest_first):
        if not wanted(source, file.name):
            continue
        partner = _checksum_beside(source, file, by_path)
        record = _record(source, file, partner, known.get(file.path), now)
        candidate = Candidate(file, record, partner)
        if record.status is SourceStatus.TAKEN:
            if source.after is not After.LEAVE and not record.settled:
                made.unsettled.append(candidate)
        elif record.status is SourceStatus.SEEN:
            _sort_in(source, candidate, by_path, now, made, hashes=hashes)
        if record is not known.get(file.path):
            made.changed.append(record)
    if whole:
        made.gone = [record for record in known.values() if _gone(source, record, by_path)]
        made.changed += [after_leaving(record) for record in made.gone]
    return made


def _gone(source: Source, record: SourceFile, by_path: Mapping[str, RemoteFile]) -> bool:
    waits = record.status in {SourceStatus.SEEN, SourceStatus.HELD}
    return waits and record.path not in by_path and source.covers(record.path)


def wanted(source: Source, name: str) -> bool:
    """Whether a file of this name is one of the source's, and not one that only speaks of another."""
    if name.endswith((*TEMPORARY, *CHECKSUMS, source.marker)):
        return False
    return matches(name, source.segments[-1])


def _oldest_first(file: RemoteFile) -> tuple[float, str]:
    return (file.modified.timestamp() if file.modified else 0.0, file.path)


def _sort_in(
    source: Source,
    candidate: Candidate,
    by_path: Mapping[str, RemoteFile],
    now: datetime,
    made: Plan,
    *,
    hashes: bool,
) -> None:
    left = _seconds_until_whole(source, candidate, by_path, now, hashes=hashes)
    if left == 0:
        made.ready.append(candidate)
        return
    made.waiting += 1
    if left is not None:
        made.ready_in = left if made.ready_in is None else min(left, made.ready_in)


def _seconds_until_whole(
    source: Source, candidate: Candidate, by_path: Mapping[str, RemoteFile], now: datetime, *, hashes: bool
) -> float | None:
    """0 for a file that is whole, None for one that waits for something else than time."""
    if source.checksum is Checksum.REQUIRED and candidate.partner is None and not hashes:
        return None
    if source.complete is Complete.MARKER:
        return 0 if _marked(source, candidate.file, by_path) else None
    if source.complete is Complete.RENAME:
        return 0
    still = now - candidate.record.since
    return max(0.0, (timedelta(seconds=source.stable_seconds) - still).total_seconds())


def _marked(source: Source, file: RemoteFile, by_path: Mapping[str, RemoteFile]) -> bool:
    """Whether `events.csv.done` or `events.done` is beside `events.csv`."""
    folder, _, name = file.path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return any(f"{folder}/{base}{source.marker}" in by_path for base in (name, stem))


def _checksum_beside(source: Source, file: RemoteFile, by_path: Mapping[str, RemoteFile]) -> RemoteFile | None:
    if source.checksum is Checksum.IGNORE:
        return None
    beside = (by_path.get(file.path + suffix) for suffix in reversed(CHECKSUMS))
    return next((found for found in beside if found), None)


def _record(
    source: Source, file: RemoteFile, partner: RemoteFile | None, known: SourceFile | None, now: datetime
) -> SourceFile:
    """What is known of a file that still looks as it did; else a fresh record.

    A taken file whose checksum beside it is another than it was may be another too, even if it looks the same.
    """
    sign = f"{partner.size} {partner.modified}" if partner else None
    if known is None:
        return _fresh(source, file, sign, now)
    if known.status is SourceStatus.GONE or not known.looks_like(file):
        return replace(_fresh(source, file, sign, now), key=known.key, sha256=known.sha256)
    if known.partner == sign:
        return known
    if known.status is SourceStatus.SEEN:
        return replace(known, partner=sign)
    if known.status is SourceStatus.HELD or (known.status is SourceStatus.TAKEN and partner is not None):
        return replace(known, status=SourceStatus.SEEN, attempts=0, partner=sign, reason=None)
    return known


def _fresh(source: Source, file: RemoteFile, sign: str | None, now: datetime) -> SourceFile:
    return SourceFile(
        source.server, source.dataset, file.path, file.size, file.modified, file.precision, since=now, partner=sign
    )


def after_leaving(record: SourceFile) -> SourceFile:
    """The record after its file disappeared from the server."""
    return replace(record, status=SourceStatus.GONE, attempts=0, reason=None, upload=None, staged=None)


def after_problem(record: SourceFile, reason: str) -> SourceFile:
    """The record after a poll found the file wrong."""
    attempts = record.attempts + 1
    status = SourceStatus.HELD if attempts >= MOST_ATTEMPTS else SourceStatus.SEEN
    return replace(record, status=status, attempts=attempts, reason=reason, upload=None, staged=None)
