"""What is remembered of each file on a server, and what a poll does with each file that a listing shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from headrace.domain.bounds import LONGEST_REASON, cut
from headrace.domain.files.names import matches
from headrace.domain.source import After, Checksum, Complete, Source
from headrace.sources.model.remote_file import CHECKSUMS, TEMPORARY, RemoteFile, same_file

MOST_ATTEMPTS = 3
"""How many polls try a file that is wrong before it is held."""
FIRST_RETRY, LONGEST_RETRY = timedelta(hours=1), timedelta(days=1)
"""After which a held file is tried again by itself: what a server refuses for an hour it may give the next day."""
RENEWED_AFTER = timedelta(days=10)
"""How exact `listed_at` is. A record that expires must be kept for much longer after it."""
LONGEST_ABSENCE = timedelta(days=90)
"""For so long a server may be out of reach, or show an empty folder by mistake, without any record being forgotten."""


class SourceStatus(StrEnum):
    """SEEN: not whole yet, or not taken yet. TAKEN: it is in S3. HELD: wrong too often. REFUSED: never taken.

    GONE: it was deleted or renamed there before it was taken. SEEN and HELD are open: something is still to come.
    """

    SEEN = "seen"
    TAKEN = "taken"
    HELD = "held"
    REFUSED = "refused"
    GONE = "gone"


OPEN = frozenset({SourceStatus.SEEN, SourceStatus.HELD})


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of one server, as it looked when it was last dealt with.

    `since` is when it was first seen looking so, by our clock: the server's is never trusted for that. `partner` is
    how the checksum beside it looked. `upload` and `staged` lead to what an unfinished transfer has brought already.
    `stamp` is the time that the server gave when it was asked for this file alone, while it was taken. `settled` is
    whether it was moved or deleted there, where the contract wants that. `key` and `sha256` are of what landed last,
    also while a newer version waits; `taken_at` and `md5` only of a file that looks as it did then. `retry_at` is when
    a held file is tried again. `listed_at` is when a listing last showed it, exact to RENEWED_AFTER: only a file that
    no listing has shown for long may be forgotten, or it would be fetched again.
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
    retry_at: datetime | None = None
    listed_at: datetime | None = None

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
    the first of the waiting files may be whole; None if time alone will not do. `odd` are paths that could not be
    judged, with the reason.
    """

    ready: list[Candidate] = field(default_factory=list)
    changed: list[SourceFile] = field(default_factory=list)
    unsettled: list[Candidate] = field(default_factory=list)
    gone: list[SourceFile] = field(default_factory=list)
    odd: list[tuple[str, str]] = field(default_factory=list)
    listed: int = 0
    waiting: int = 0
    ready_in: float | None = None


def plan(
    source: Source,
    files: Iterable[RemoteFile],
    known: Mapping[str, SourceFile],
    now: datetime,
    *,
    hashes: bool,
    whole: bool,
) -> Plan:
    """Decide about each file of a listing. `hashes` is whether the server computes checksums itself.

    `known` has the records of the files that are listed and wanted, and of all that are open.
    `whole` is whether every folder could be listed: only then a file that is not in the listing is not there.
    """
    look = _Look(source, {file.path: file for file in files}, known, now, hashes, Plan())
    for file in sorted(look.by_path.values(), key=_oldest_first):
        if wanted(source, file.name):
            try:
                look.decide(file)
            except Exception as error:
                look.made.odd.append((file.path, f"it could not be judged: {type(error).__name__}: {error}"))
    made = look.made
    made.ready.sort(key=_begun_before)
    if whole:
        made.gone = [record for record in known.values() if _gone(source, record, look.by_path)]
        made.changed += [after_leaving(record) for record in made.gone]
    return made


@dataclass(frozen=True, slots=True)
class _Look:
    """A listing beside what is known, and what has been decided so far."""

    source: Source
    by_path: Mapping[str, RemoteFile]
    known: Mapping[str, SourceFile]
    now: datetime
    hashes: bool
    made: Plan

    def decide(self, file: RemoteFile) -> None:
        """What becomes of one file."""
        partner = _checksum_beside(self.source, file, self.by_path)
        before = self.known.get(file.path)
        record = _listed(_record(self.source, file, partner, before, self.now), self.now)
        candidate = Candidate(file, record, partner)
        if record.status is SourceStatus.TAKEN:
            if self.source.after is not After.LEAVE and not record.settled:
                self.made.unsettled.append(candidate)
        elif record.status is SourceStatus.SEEN:
            self._sort_in(candidate)
        if record is not before:
            self.made.changed.append(record)

    def _sort_in(self, candidate: Candidate) -> None:
        left = self._seconds_until_whole(candidate)
        if left == 0:
            self.made.ready.append(candidate)
            return
        self.made.waiting += 1
        if left is not None:
            self.made.ready_in = left if self.made.ready_in is None else min(left, self.made.ready_in)

    def _seconds_until_whole(self, candidate: Candidate) -> float | None:
        """0 for a file that is whole, None for one that waits for something else than time."""
        source = self.source
        if source.checksum is Checksum.REQUIRED and candidate.partner is None and not self.hashes:
            return None
        if source.complete is Complete.MARKER:
            return 0 if _marked(source, candidate.file, self.by_path) else None
        if source.complete is Complete.RENAME:
            return 0
        still = self.now - candidate.record.since
        return max(0.0, (timedelta(seconds=source.stable_seconds) - still).total_seconds())


def _gone(source: Source, record: SourceFile, by_path: Mapping[str, RemoteFile]) -> bool:
    return record.status in OPEN and record.path not in by_path and source.covers(record.path)


def wanted(source: Source, name: str) -> bool:
    """Whether a file of this name is one of the source's, and not one that only speaks of another."""
    if name.endswith((*TEMPORARY, *CHECKSUMS, source.marker)) or source.ignores(name):
        return False
    return matches(name, source.segments[-1])


def _oldest_first(file: RemoteFile) -> tuple[float, str]:
    return (file.modified.timestamp() if file.modified else 0.0, file.path)


def _begun_before(candidate: Candidate) -> bool:
    """Files whose transfer could not be ended in an earlier poll come last: they must not keep all others waiting."""
    return candidate.record.upload is not None


def _listed(record: SourceFile, now: datetime) -> SourceFile:
    known = record.listed_at
    return replace(record, listed_at=now) if known is None or now - known >= RENEWED_AFTER else record


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
        due = known.status is SourceStatus.HELD and known.retry_at is not None and known.retry_at <= now
        return replace(known, status=SourceStatus.SEEN, retry_at=None) if due else known
    if known.status is SourceStatus.SEEN:
        return replace(known, partner=sign)
    if known.status is SourceStatus.HELD or (known.status is SourceStatus.TAKEN and partner is not None):
        return replace(known, status=SourceStatus.SEEN, attempts=0, partner=sign, reason=None, retry_at=None)
    return known


def _fresh(source: Source, file: RemoteFile, sign: str | None, now: datetime) -> SourceFile:
    return SourceFile(
        source.server, source.dataset, file.path, file.size, file.modified, file.precision, since=now, partner=sign
    )


def after_leaving(record: SourceFile) -> SourceFile:
    """The record after its file disappeared from the server."""
    return replace(record, status=SourceStatus.GONE, attempts=0, reason=None, upload=None, staged=None, retry_at=None)


def after_problem(record: SourceFile, reason: str, now: datetime, *, proven: bool) -> SourceFile:
    """The record after a poll found the file wrong. `proven` is whether only other bytes can put it right.

    All other reasons may pass by themselves: a lock, a full disk, a right that was taken away by mistake.
    """
    attempts = record.attempts + 1
    after = replace(record, attempts=attempts, reason=cut(reason, LONGEST_REASON), upload=None, staged=None)
    if attempts < MOST_ATTEMPTS:
        return after
    pause = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(attempts - MOST_ATTEMPTS, 10))
    return replace(after, status=SourceStatus.HELD, retry_at=None if proven else now + pause)


def forgotten_at(record: SourceFile, keep_days: int) -> datetime | None:
    """When the record may go, after so many days without its file in a listing. None while something is still to come.

    A file that comes back after that is fetched once more; its content is known, so none of its rows is loaded twice.
    """
    if record.status in OPEN or not keep_days:
        return None
    longest = max(timedelta(days=keep_days), RENEWED_AFTER + LONGEST_ABSENCE)
    return (record.listed_at or record.since) + longest


def was_held(record: SourceFile) -> bool:
    """Whether people know already that this file is wrong."""
    return record.attempts >= MOST_ATTEMPTS
