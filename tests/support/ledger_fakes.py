"""The ledger in memory: its ports over one set of records, with the promises of the table in DynamoDB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.adapters.ledger.storms import CLAIMED_SECONDS
from headrace.domain.audit import AuditEntry
from headrace.domain.clock import now
from headrace.domain.ingest.counts import Tally, counts_of, place_of
from headrace.domain.ingest.coverage import Coverage
from headrace.domain.ingest.lane import REMEMBERED, LaneState, Pause, Sleeper
from headrace.domain.ingest.ledger import BEFORE, MERGE, BatchRecord, BatchStatus, Event, FileRecord, FileStatus, texts
from headrace.domain.ingest.reported import Reported
from headrace.domain.ingest.storm import MOST_COUNTED, MOST_EXAMPLES, MOST_FOLDERS, Counted, Group

DECIDED = {BatchStatus.RELEASED, BatchStatus.REJECTED}


@dataclass
class Records:
    """What is written down. `waiting` is by lane and file, `copies` by holder and place.

    `unlisted` are files whose arrival was not written to its end.
    """

    files: dict[str, FileRecord] = field(default_factory=dict)
    batches: dict[str, BatchRecord] = field(default_factory=dict)
    lanes: dict[tuple[str, str], LaneState] = field(default_factory=dict)
    waiting: dict[tuple[str, str], FileRecord] = field(default_factory=dict)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)
    copies: dict[str, dict[tuple[str, str], FileRecord]] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    unlisted: set[str] = field(default_factory=set)
    events: dict[str, list[Event]] = field(default_factory=dict)
    troubles: dict[tuple[str, str], Reported] = field(default_factory=dict)
    coverage: dict[str, Coverage] = field(default_factory=dict)

    def lane(self, dataset: str, lane: str) -> LaneState:
        return self.lanes.get((dataset, lane), LaneState())

    def still(self, was: FileRecord) -> bool:
        """Whether a file is what it was."""
        known = self.files[was.file_id]
        return (known.status, known.batch, known.merge, known.group) == (was.status, was.batch, was.merge, was.group)


class MemoryStorms:
    """Groups of refused objects by hour and name, and the files that are counted in each."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str, str], Group] = {}
        self.files: dict[tuple[str, str], dict[str, str]] = {}
        self._taken: Counter[str] = Counter()
        self._reported: set[tuple[str, str]] = set()
        self._claims: dict[tuple[str, str], float] = {}
        self._hour: str | None = None

    def join(self, group: Group) -> Group:
        if (group.hour, group.name) not in self.groups and group.strays:
            self._taken[group.hour] += 1
            group = group if self._taken[group.hour] <= MOST_FOLDERS else group.of_any_folder()
        return self.groups.setdefault((group.hour, group.name), group)

    def reported_hour(self) -> str | None:
        return self._hour

    def note_reported_hour(self, hour: str) -> None:
        self._hour = max(self._hour or hour, hour)

    def unreported(self, hour: str) -> list[Group]:
        found = [key for key in self.groups if key[0] == hour and key not in self._reported]
        return [self.groups[key] for key in sorted(found)]

    def claim(self, group: Group, now: float) -> bool:
        key = (group.hour, group.name)
        if key not in self.groups or key in self._reported or self._claims.get(key, 0) >= int(now):
            return False
        self._claims[key] = int(now) + CLAIMED_SECONDS
        return True

    def note_reported(self, group: Group) -> None:
        self._reported.add((group.hour, group.name))

    def counted(self, group: Group) -> Counted:
        files = self.files.get((group.hour, group.name), {})
        keys = [files[name] for name in sorted(files)]
        return Counted(min(len(keys), MOST_COUNTED), tuple(keys[:MOST_EXAMPLES]), more=len(keys) > MOST_COUNTED)


class MemoryFiles:
    """Files."""

    def __init__(self, records: Records, storms: MemoryStorms) -> None:
        self.records = records
        self._storms = storms

    def record_arrival(self, file: FileRecord, group: Group | None = None) -> FileRecord:
        if file.file_id in self.records.files:
            return self.delivered_again(file.file_id)
        self.records.files[file.file_id] = file
        if file.status is FileStatus.PENDING:
            self.records.waiting[file.lane, file.file_id] = file
        if group:
            self._storms.files.setdefault((group.hour, group.name), {})[file.file_id] = file.key
        return file

    def delivered_again(self, file_id: str) -> FileRecord:
        """A known file: what a call that died has left out is written, if the file still waits."""
        known = self.records.files[file_id]
        known = self.records.files[file_id] = replace(known, deliveries=known.deliveries + 1)
        if known.status is FileStatus.PENDING:
            self.complete(known)
        return known

    def unlisted(self, files: Iterable[FileRecord]) -> list[FileRecord]:
        pending = [file for file in files if file.status is FileStatus.PENDING]
        return [file for file in pending if file.file_id in self.records.unlisted]

    def complete(self, known: FileRecord) -> bool:
        if self.records.files[known.file_id].status is not FileStatus.PENDING:
            return False
        self.records.waiting[known.queue, known.file_id] = known
        self.records.unlisted.discard(known.file_id)
        return True

    def knows(self, file_id: str) -> bool:
        return file_id in self.records.files

    def get(self, file_id: str) -> FileRecord:
        return self.records.files[file_id]

    def get_all(self, file_ids: Iterable[str]) -> list[FileRecord]:
        return [self.records.files[file_id] for file_id in file_ids]

    def known(self, file_ids: Iterable[str]) -> dict[str, FileRecord]:
        return {file_id: self.records.files[file_id] for file_id in file_ids if file_id in self.records.files}

    def of_dataset(self, dataset: str, since: str = "", until: str = "") -> Iterator[FileRecord]:
        wanted = "" if dataset.startswith("#") else dataset
        since_then = (f for f in self.records.files.values() if f.dataset == wanted and f.arrived_at >= since)
        return iter([f for f in since_then if not until or f.arrived_at <= until])

    def number(self, dataset: str, since: str = "") -> int:
        return sum(1 for _ in self.of_dataset(dataset, since))

    def newest(self, dataset: str, most: int) -> list[FileRecord]:
        return sorted(self.of_dataset(dataset), key=lambda f: f.arrived_at, reverse=True)[:most]

    def change(self, file: FileRecord, was: FileRecord) -> bool:
        if not self.records.still(was):
            return False
        self.records.files[file.file_id] = file
        return True

    def requeue(self, file: FileRecord, was: FileRecord) -> bool:
        if not self.records.still(was):
            return False
        waiting = file if file.status is FileStatus.STAGED else replace(file, status=FileStatus.PENDING)
        self.records.files[file.file_id] = self.records.waiting[waiting.queue, file.file_id] = waiting
        return True

    def release_rows(self, origin: FileRecord, replay: str, rows: int) -> bool:
        known = self.records.files[origin.file_id]
        if known.batch != origin.batch or replay in known.replays:
            return False
        left, gone = known.rows.quarantined - rows, known.rows.superseded + rows
        counts = replace(known.rows, quarantined=left, superseded=gone)
        replays, replayed = (*known.replays, replay), known.replayed + rows
        self.records.files[origin.file_id] = replace(known, rows=counts, replayed=replayed, replays=replays)
        return True

    def discard_rows(self, file: FileRecord, listed: str, rows: int) -> bool:
        known = self.records.files[file.file_id]
        if known.batch != file.batch or listed in known.replays:
            return False
        left, gone = known.rows.quarantined - rows, known.rows.discarded + rows
        counts = replace(known.rows, quarantined=left, discarded=gone)
        self.records.files[file.file_id] = replace(known, rows=counts, replays=(*known.replays, listed))
        return True

    def correct_rows(self, files: Iterable[FileRecord]) -> None:
        for file in files:
            known = self.records.files[file.file_id]
            if known.batch == file.batch and known.rows.loaded > file.rows.loaded:
                gone = known.replayed + file.rows.superseded - file.replayed
                counts = replace(known.rows, loaded=file.rows.loaded, superseded=gone)
                self.records.files[file.file_id] = replace(known, rows=counts)


class MemoryContents:
    """Contents and versions."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def claim(self, dataset: str, sha256: str, file_id: str, instead_of: str | None = None) -> str:
        holder = self.records.claims.get((dataset, sha256), file_id)
        if holder in {file_id, instead_of}:
            self.records.claims[dataset, sha256] = holder = file_id
        return holder

    def note(self, file: FileRecord, sha256: str) -> None:
        known = self.records.files[file.file_id]
        if known.status is FileStatus.RUNNING and known.batch == file.batch:
            self.records.files[file.file_id] = replace(known, sha256=sha256)

    def note_copy(self, holder: str, copy: FileRecord) -> None:
        known = self.records.copies.setdefault(holder, {})
        known[copy.place] = max(known.get(copy.place, copy), copy, key=lambda file: file.order)

    def copies(self, holder: str) -> list[FileRecord]:
        copies = self.records.copies.get(holder, {})
        return [self.records.files[copies[place].file_id] for place in sorted(copies)][:100]

    def versions(self, bucket: str, key: str, before: FileRecord | None = None) -> list[FileRecord]:
        same = [file for file in self.records.files.values() if file.place == (bucket, key)]
        fitting = [file for file in same if before is None or file.order < before.order]
        return sorted(fitting, key=lambda file: file.order)[-100:]

    def loaded_versions(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[FileRecord]]:
        found: dict[tuple[str, str], list[FileRecord]] = {place: [] for place in places}
        for file in self.records.files.values():
            if file.place in found and file.has_rows and file.file_id not in self.records.forgotten:
                found[file.place].append(file)
        return {place: sorted(files, key=lambda file: file.order)[-700:] for place, files in found.items()}

    def forget_loaded(self, files: Iterable[FileRecord]) -> None:
        self.records.forgotten |= {file.file_id for file in files}


class MemoryBatches:
    """Batches."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def get(self, batch: str) -> BatchRecord:
        return self.records.batches[batch]

    def open(self, batch: BatchRecord) -> BatchRecord | None:
        known, state = self.records.batches, self.records.lane(batch.dataset, batch.lane)
        if batch.batch in known:
            return known[batch.batch] if state.open_batch == batch.batch else None
        if state.generation != batch.generation or state.open_batch is not None:
            return None
        known[batch.batch] = batch
        opened = replace(state, open_batch=batch.batch, began_at=batch.started_at)
        self.records.lanes[batch.dataset, batch.lane] = opened
        return batch

    def take(self, batch: BatchRecord) -> list[FileRecord]:
        for file_id in batch.file_ids:
            self.take_one(batch, self.records.files[file_id])
        return [self.records.files[file_id] for file_id in batch.file_ids]

    def take_one(self, batch: BatchRecord, file: FileRecord) -> None:
        """One file, if it is still as it was when it was read and its batch still runs."""
        known = self.records.batches.get(batch.batch)
        runs = known and known.status is BatchStatus.RUNNING and not known.condemned
        if runs and file.waits_in(batch.lane) and self.records.files[file.file_id].status is file.status:
            self.records.files[file.file_id] = file.taken_by(batch)
            self.records.waiting.pop((batch.lane, file.file_id), None)

    def save(self, batch: BatchRecord) -> None:
        known = self.records.batches
        written = batch.batch not in known or known[batch.batch].status in BEFORE[batch.status]
        if written:
            known[batch.batch] = batch
        state = self.records.lane(batch.dataset, batch.lane)
        held = set(state.held) - {batch.batch} if batch.status in DECIDED else set(state.held)
        held |= {batch.batch} if batch.status is BatchStatus.HELD and written else set()
        state = self.records.lanes[batch.dataset, batch.lane] = replace(state, held=tuple(sorted(held)))
        if batch.status is not BatchStatus.RUNNING and state.open_batch == batch.batch:
            state = replace(state, open_batch=None)
            took = state.took if batch.seconds is None else (*state.took, batch.seconds)[-REMEMBERED:]
            loaded = replace(state, loaded_at=now(), notified=(), took=took)
            self.records.lanes[batch.dataset, batch.lane] = loaded if batch.brought_rows else state

    def take_up(self, batch: BatchRecord, execution: str) -> BatchRecord:
        known = self.records.batches[batch.batch]
        if known.status is BatchStatus.RUNNING and known.execution == batch.execution:
            self.records.batches[batch.batch] = replace(known, execution=execution, attempts=known.attempts + 1)
        return self.records.batches[batch.batch]

    def condemn(self, batch: BatchRecord, reason: str) -> bool:
        known = self.records.batches[batch.batch]
        open_to_it = known.status in {BatchStatus.RUNNING, BatchStatus.FAILED} and known.execution == batch.execution
        if open_to_it:
            self.records.batches[batch.batch] = replace(known, condemned=True, reason=reason)
        return open_to_it

    def note_reason(self, batch: BatchRecord, reason: str) -> None:
        known = self.records.batches[batch.batch]
        ended = known.status is not BatchStatus.RUNNING or known.condemned
        if known.execution == batch.execution and not ended:
            failed_at = known.failed_at or batch.failed_at or now()
            self.records.batches[batch.batch] = replace(known, reason=reason, failed_at=failed_at)

    def note_corrected(self, batch: BatchRecord, last: str) -> None:
        self.records.batches[batch.batch] = replace(self.records.batches[batch.batch], corrected=last)

    def settle(self, batch: BatchRecord, files: Iterable[FileRecord]) -> None:
        for file in files:
            known = self.records.files[file.file_id]
            mine = (known.merge if batch.lane == MERGE else known.batch) == batch.batch
            if mine and _unsettled(known, file, batch.lane):
                self.records.files[file.file_id] = file
                self.records.forgotten.discard(file.file_id)


def _unsettled(known: FileRecord, file: FileRecord, lane: str) -> bool:
    """Whether a file has neither lost rows since it was loaded, nor been taken by a merge."""
    if known.status is FileStatus.MERGING:
        return lane == MERGE
    same = file.status is FileStatus.LOADED and known.rows.loaded >= file.rows.loaded and not known.replayed
    return known.status is not FileStatus.LOADED or same


class MemoryLanes:
    """Lanes."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def state(self, dataset: str, lane: str) -> LaneState:
        return self.records.lane(dataset, lane)

    def pending(self, dataset: str, lane: str, limit: int) -> list[FileRecord]:
        waiting = [f for f in self.records.waiting.values() if (f.dataset, f.queue) == (dataset, lane)]
        return sorted(waiting, key=lambda f: (f.arrived_at, f.file_id))[:limit]

    def advance(self, dataset: str, lane: str, generation: int) -> bool:
        state = self.state(dataset, lane)
        if state.generation == generation:
            self.records.lanes[dataset, lane] = replace(state, generation=generation + 1)
        return state.generation == generation

    def unlist(self, dataset: str, lane: str, batch: str) -> None:
        state = self.state(dataset, lane)
        held = tuple(name for name in state.held if name != batch)
        open_batch = None if state.open_batch == batch else state.open_batch
        self.records.lanes[dataset, lane] = replace(state, open_batch=open_batch, held=held)

    def drop_marker(self, file: FileRecord, lane: str) -> None:
        known = self.records.files.get(file.file_id)
        if known is None or not known.waits_in(lane):
            self.records.waiting.pop((lane, file.file_id), None)

    def note_trouble(self, batch: BatchRecord, cause: str, *, waits: bool) -> None:
        state = self.state(batch.dataset, batch.lane)
        since = state.failing_since or (batch.failed_at or now() if waits else None)
        known = tuple(sorted({*state.notified, cause}))
        self.records.lanes[batch.dataset, batch.lane] = replace(state, failing_since=since, notified=known)

    def pause(self, dataset: str, lane: str, pause: Pause) -> None:
        self.records.lanes[dataset, lane] = replace(self.state(dataset, lane), pause=pause)

    def resume(self, dataset: str, lane: str, pause: Pause) -> bool:
        state = self.state(dataset, lane)
        if state.pause is None or state.pause.since != pause.since:
            return False
        self.records.lanes[dataset, lane] = replace(state, pause=None, resumed_at=now())
        return True

    def note_given_up(self, batch: BatchRecord, at: str) -> None:
        state = self.state(batch.dataset, batch.lane)
        self.records.lanes[batch.dataset, batch.lane] = replace(state, given_up_at=at)

    def end_given_up(self, dataset: str, lane: str, at: str) -> None:
        state = self.state(dataset, lane)
        if state.given_up_at == at:
            self.records.lanes[dataset, lane] = replace(state, given_up_at=None)

    def end_trouble(self, dataset: str, lane: str, since: str) -> None:
        state = self.state(dataset, lane)
        if state.failing_since == since:
            self.records.lanes[dataset, lane] = replace(state, failing_since=None)


class MemorySleepers:
    """Lanes whose execution waits."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.noted: dict[tuple[str, str], Sleeper] = {}

    def note(self, sleeper: Sleeper) -> None:
        self.noted[sleeper.dataset, sleeper.lane] = replace(sleeper, until=int(sleeper.until))

    def all(self) -> list[Sleeper]:
        return [self.noted[place] for place in sorted(self.noted)]

    def take(self, sleeper: Sleeper) -> bool:
        place = sleeper.dataset, sleeper.lane
        state, noted = self.records.lane(*place), self.noted.get(place)
        same = noted is not None and noted.generation == sleeper.generation == state.generation
        if not same or state.open_batch is not None:
            return False
        del self.noted[place]
        self.records.lanes[place] = replace(state, generation=state.generation + 1)
        return True


class MemoryEvents:
    """Events of files and batches."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def note_file(self, file_id: str, step: str, detail: dict[str, Any] | None = None) -> None:
        self.records.events.setdefault(file_id, []).append(Event(now(), step, detail or {}))

    def last_of_file(self, file_id: str) -> Event | None:
        return next(reversed(self.records.events.get(file_id, [])), None)

    def note_batch(self, batch: str, step: str, detail: dict[str, Any] | None = None) -> None:
        self.records.events.setdefault(batch, []).append(Event(now(), step, detail or {}))

    def of_file(self, file_id: str) -> list[Event]:
        return list(self.records.events.get(file_id, []))

    def of_batch(self, batch: str) -> list[Event]:
        return list(self.records.events.get(batch, []))

    def scrub_batch(self, file_id: str, goes: Callable[[str], bool], *, dry_run: bool) -> int:
        lines = self.records.events.get(file_id, [])
        found = [index for index, line in enumerate(lines) if any(map(goes, texts(line.detail)))]
        for index in found if not dry_run else ():
            lines[index] = Event(lines[index].at, lines[index].step, {"detail": "erased"})
        return len(found)

    def scrub_file(self, file_id: str, goes: Callable[[str], bool], *, dry_run: bool) -> int:
        known, lines = self.records.files.get(file_id), self.scrub_batch(file_id, goes, dry_run=dry_run)
        found = known is not None and any(map(goes, texts([known.reason, known.detected])))
        if known and found and not dry_run:
            self.records.files[file_id] = replace(known, reason=known.reason and "erased", detected={})
        return lines + found


class MemoryWatches:
    """What is remembered between two looks."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def reported(self, dataset: str, matter: str) -> Reported:
        return self.records.troubles.get((dataset, matter), Reported())

    def note_reported(self, dataset: str, matter: str, was: Reported, becomes: Reported) -> bool:
        if self.reported(dataset, matter).since != was.since:
            return False
        self.records.troubles[dataset, matter] = becomes
        return True

    def coverage(self, dataset: str) -> Coverage:
        return self.records.coverage.get(dataset, Coverage())

    def note_coverage(self, dataset: str, coverage: Coverage) -> bool:
        if coverage.turn != self.coverage(dataset).turn:
            return False
        self.records.coverage[dataset] = replace(coverage, turn=coverage.turn + 1)
        return True


class MemoryAudit:
    """What people did by hand, as last written."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], AuditEntry] = {}

    def write(self, entry: AuditEntry) -> None:
        self.entries[entry.at, entry.id] = entry.bounded

    def since(self, since: str) -> Iterator[AuditEntry]:
        return (entry for _, entry in sorted(self.entries.items()) if entry.at >= since)


class MemoryCounters:
    """Counters, which are what the records are."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.whole: set[str] = set()

    def totals(self) -> dict[str, Tally]:
        return {name: self.total(name) for name in self.whole}

    def total(self, dataset: str) -> Tally:
        numbers = sum((tally.numbers for tally in self.days(dataset).values()), Counter[str]())
        return Tally(numbers, dataset in self.whole)

    def days(self, dataset: str, since: str = "") -> dict[str, Tally]:
        found: dict[str, Tally] = {}
        for file in self.records.files.values():
            (name, day), numbers = place_of(file), counts_of(file)
            if name == dataset and day >= since and numbers:
                found.setdefault(day, Tally()).numbers.update(numbers)
        return found

    def correct(self, dataset: str, day: str, numbers: dict[str, int], was: Tally) -> bool:
        raise AssertionError(f"the counters of {dataset} on {day} are off by {numbers}: {was}")

    def note_whole(self, dataset: str) -> None:
        self.whole.add(dataset)

    def note_backfilled(self, dataset: str) -> None:
        """The lane is looked at in any case."""


class MemoryLedger:
    """All of the ledger's ports over the same records. A test gives the port that is to behave otherwise."""

    def __init__(
        self,
        files: type[MemoryFiles] = MemoryFiles,
        contents: type[MemoryContents] = MemoryContents,
        batches: type[MemoryBatches] = MemoryBatches,
    ) -> None:
        self.records = Records()
        self.storms = MemoryStorms()
        self.files = files(self.records, self.storms)
        self.contents = contents(self.records)
        self.batches = batches(self.records)
        self.lanes = MemoryLanes(self.records)
        self.sleepers = MemorySleepers(self.records)
        self.events = MemoryEvents(self.records)
        self.watches = MemoryWatches(self.records)
        self.audit = MemoryAudit()
        self.counters = MemoryCounters(self.records)

    def given(self, file: FileRecord) -> None:
        """What a test takes as given."""
        self.records.files[file.file_id] = file
