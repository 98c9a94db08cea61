"""The services of `usecases.ports` in memory, for tests that want no server; they keep the real ones' promises."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from headrace.adapters.storms import CLAIMED_SECONDS
from headrace.domain.clock import now
from headrace.domain.contract import Column, Contract, FileFormat, Kind
from headrace.domain.export import Export
from headrace.domain.ingest.coverage import Coverage
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import BEFORE, LIVE, MERGE, BatchRecord, BatchStatus, Event, FileRecord, FileStatus
from headrace.domain.ingest.reported import Reported
from headrace.domain.ingest.storm import MOST_COUNTED, MOST_EXAMPLES, MOST_FOLDERS, Counted, Group
from headrace.domain.judgement import Scope
from headrace.domain.notice import Notice
from headrace.errors import ObjectGoneError
from headrace_compiler.sql.load import load_sql, table_sql, views_sql
from headrace_compiler.sql.metrics import measure_sql
from headrace_compiler.sql.staged import append_sql, merge_sql, stage_sql

DECIDED = {BatchStatus.RELEASED, BatchStatus.REJECTED}


def contract(dataset: str = "readings", **changes: Any) -> Contract:
    """A small contract: readings of meters, one row per meter and time."""
    columns = (
        Column("meter", "meter", Kind.STRING, "VARCHAR(16)", required=True, max_bytes=16),
        Column("read_at", "read_at", Kind.TIMESTAMP, "TIMESTAMP", required=True),
        Column("value", "value", Kind.INTEGER, "BIGINT", minimum="0"),
    )
    given: dict[str, Any] = {
        "dataset": dataset,
        "version": "1.0.0",
        "digest": "0" * 64,
        "prefix": f"{dataset}/",
        "schema": "public",
        "table": dataset,
        "columns": columns,
        "primary_key": ("meter",),
        "ordering": ("read_at",),
    }
    return Contract(**{"format": FileFormat()} | given | changes)


def file(name: str = "a.csv", **changes: Any) -> FileRecord:
    """A pending file of `readings`."""
    given: dict[str, Any] = {
        "file_id": name.encode().hex().ljust(24, "0")[:24],
        "dataset": "readings",
        "lane": LIVE,
        "bucket": "landing",
        "key": f"readings/{name}",
        "version": "v1",
        "size": 100,
        "etag": "e",
        "sequencer": "01",
        "arrived_at": "2026-01-01T00:00:00Z",
        "status": FileStatus.PENDING,
    }
    return FileRecord(**given | changes)


class MemoryCatalog:
    """Contracts given in the test."""

    def __init__(self, *contracts: Contract) -> None:
        self._contracts = {item.dataset: item for item in contracts}

    def all(self) -> list[Contract]:
        return list(self._contracts.values())

    def contract(self, dataset: str) -> Contract:
        return self._contracts[dataset]

    def exports(self) -> list[Export]:
        return []

    def load_sql(self, dataset: str) -> str:
        contract = self._contracts[dataset]
        return append_sql(contract) if contract.staged else load_sql(contract)

    def merge_sql(self, dataset: str) -> str:
        return merge_sql(self._contracts[dataset])

    def stage_sql(self, dataset: str) -> str:
        return stage_sql(self._contracts[dataset])

    def table_sql(self, dataset: str) -> str:
        return table_sql(self._contracts[dataset])

    def views_sql(self, dataset: str) -> str:
        return views_sql(self._contracts[dataset])

    def measure_sql(self, dataset: str, scope: Scope) -> str:
        return measure_sql(self._contracts[dataset], scope)

    def migrations(self) -> list[tuple[str, str]]:
        return [("0001_x.sql", "CREATE TABLE etl.x (a INTEGER);\n")]


class MemoryStorms:
    """Groups of refused objects by hour and name, and the files that are counted in each."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str, str], Group] = {}
        self.files: dict[tuple[str, str], dict[str, str]] = {}
        self._taken: Counter[str] = Counter()
        self._told: set[tuple[str, str]] = set()
        self._claims: dict[tuple[str, str], float] = {}
        self._hour: str | None = None

    def join(self, group: Group) -> Group:
        if (group.hour, group.name) not in self.groups and group.strays:
            self._taken[group.hour] += 1
            group = group if self._taken[group.hour] <= MOST_FOLDERS else group.of_any_folder()
        return self.groups.setdefault((group.hour, group.name), group)

    def told_hour(self) -> str | None:
        return self._hour

    def note_told_hour(self, hour: str) -> None:
        self._hour = max(self._hour or hour, hour)

    def untold(self, hour: str) -> list[Group]:
        found = [key for key in self.groups if key[0] == hour and key not in self._told]
        return [self.groups[key] for key in sorted(found)]

    def claim(self, group: Group, now: float) -> bool:
        key = (group.hour, group.name)
        if key not in self.groups or key in self._told or self._claims.get(key, 0) >= int(now):
            return False
        self._claims[key] = int(now) + CLAIMED_SECONDS
        return True

    def note_told(self, group: Group) -> None:
        self._told.add((group.hour, group.name))

    def counted(self, group: Group) -> Counted:
        files = self.files.get((group.hour, group.name), {})
        keys = [files[name] for name in sorted(files)]
        return Counted(min(len(keys), MOST_COUNTED), tuple(keys[:MOST_EXAMPLES]), more=len(keys) > MOST_COUNTED)


class MemoryLedger:
    """The ledger as dictionaries."""

    def __init__(self) -> None:
        self.all_files: dict[str, FileRecord] = {}
        self.batches: dict[str, BatchRecord] = {}
        self.lanes: dict[tuple[str, str], LaneState] = {}
        self.claims: dict[tuple[str, str], str] = {}
        self.noted: dict[str, dict[tuple[str, str], FileRecord]] = {}
        self.forgotten: set[str] = set()
        self.told: dict[str, list[Event]] = {}
        self.troubles: dict[tuple[str, str], Reported] = {}
        self.covered: dict[str, Coverage] = {}
        self._pending: dict[tuple[str, str], FileRecord] = {}
        self.storms = MemoryStorms()

    def reported(self, dataset: str, matter: str) -> Reported:
        return self.troubles.get((dataset, matter), Reported())

    def note_reported(self, dataset: str, matter: str, was: Reported, becomes: Reported) -> bool:
        if self.reported(dataset, matter).since != was.since:
            return False
        self.troubles[dataset, matter] = becomes
        return True

    def knows(self, file_id: str) -> bool:
        return file_id in self.all_files

    def record_arrival(self, file: FileRecord, group: Group | None = None) -> FileRecord:
        known = self.all_files.get(file.file_id)
        if known:
            self.all_files[file.file_id] = replace(known, deliveries=known.deliveries + 1)
            return self.all_files[file.file_id]
        self.all_files[file.file_id] = file
        if file.status is FileStatus.PENDING:
            self._pending[file.lane, file.file_id] = file
        if group:
            self.storms.files.setdefault((group.hour, group.name), {})[file.file_id] = file.key
        return file

    def requeue(self, file: FileRecord, was: FileRecord) -> bool:
        if not self._still(was):
            return False
        waiting = file if file.status is FileStatus.STAGED else replace(file, status=FileStatus.PENDING)
        self.all_files[file.file_id] = self._pending[waiting.queue, file.file_id] = waiting
        return True

    def files_of(self, dataset: str, since: str = "") -> Iterator[FileRecord]:
        wanted = "" if dataset.startswith("#") else dataset
        return iter([f for f in self.all_files.values() if f.dataset == wanted and f.arrived_at >= since])

    def newest(self, dataset: str, most: int) -> list[FileRecord]:
        return sorted(self.files_of(dataset), key=lambda f: f.arrived_at, reverse=True)[:most]

    def coverage(self, dataset: str) -> Coverage:
        return self.covered.get(dataset, Coverage())

    def note_coverage(self, dataset: str, coverage: Coverage) -> bool:
        if coverage.turn != self.coverage(dataset).turn:
            return False
        self.covered[dataset] = replace(coverage, turn=coverage.turn + 1)
        return True

    def pending(self, dataset: str, lane: str, limit: int) -> list[FileRecord]:
        waiting = [f for f in self._pending.values() if (f.dataset, f.queue) == (dataset, lane)]
        return sorted(waiting, key=lambda f: (f.arrived_at, f.file_id))[:limit]

    def lane_state(self, dataset: str, lane: str) -> LaneState:
        return self.lanes.get((dataset, lane), LaneState())

    def advance_generation(self, dataset: str, lane: str, generation: int) -> None:
        state = self.lane_state(dataset, lane)
        if state.generation == generation:
            self.lanes[dataset, lane] = replace(state, generation=generation + 1)

    def open_batch(self, batch: BatchRecord) -> BatchRecord | None:
        state = self.lane_state(batch.dataset, batch.lane)
        if batch.batch in self.batches:
            return self.batches[batch.batch] if state.open_batch == batch.batch else None
        if state.generation != batch.generation or state.open_batch is not None:
            return None
        self.batches[batch.batch] = batch
        self.lanes[batch.dataset, batch.lane] = replace(state, open_batch=batch.batch)
        return batch

    def take(self, batch: BatchRecord) -> list[FileRecord]:
        for file_id in batch.file_ids:
            self.take_one(batch, self.all_files[file_id])
        return self.files(batch.file_ids)

    def take_one(self, batch: BatchRecord, file: FileRecord) -> None:
        """One file, if it is still as it was when it was read and its batch still runs."""
        known = self.batches.get(batch.batch)
        runs = known and known.status is BatchStatus.RUNNING and not known.condemned
        if runs and file.waits_in(batch.lane) and self.all_files[file.file_id].status is file.status:
            self.all_files[file.file_id] = file.taken_by(batch)
            self._pending.pop((batch.lane, file.file_id), None)

    def save_batch(self, batch: BatchRecord) -> None:
        written = batch.batch not in self.batches or self.batches[batch.batch].status in BEFORE[batch.status]
        if written:
            self.batches[batch.batch] = batch
        state = self.lane_state(batch.dataset, batch.lane)
        held = set(state.held) - {batch.batch} if batch.status in DECIDED else set(state.held)
        held |= {batch.batch} if batch.status is BatchStatus.HELD and written else set()
        state = self.lanes[batch.dataset, batch.lane] = replace(state, held=tuple(sorted(held)))
        if batch.status is not BatchStatus.RUNNING and state.open_batch == batch.batch:
            state = replace(state, open_batch=None)
            loaded = replace(state, loaded_at=now(), told=())
            self.lanes[batch.dataset, batch.lane] = loaded if batch.brought_rows else state

    def unlist(self, dataset: str, lane: str, batch: str) -> None:
        state = self.lane_state(dataset, lane)
        held = tuple(name for name in state.held if name != batch)
        open_batch = None if state.open_batch == batch else state.open_batch
        self.lanes[dataset, lane] = replace(state, open_batch=open_batch, held=held)

    def drop_marker(self, file: FileRecord, lane: str) -> None:
        known = self.all_files.get(file.file_id)
        if known is None or not known.waits_in(lane):
            self._pending.pop((lane, file.file_id), None)

    def take_up(self, batch: BatchRecord, execution: str) -> BatchRecord:
        known = self.batches[batch.batch]
        if known.status is BatchStatus.RUNNING and known.execution == batch.execution:
            self.batches[batch.batch] = replace(known, execution=execution, attempts=known.attempts + 1)
        return self.batches[batch.batch]

    def condemn(self, batch: BatchRecord, reason: str) -> bool:
        known = self.batches[batch.batch]
        open_to_it = known.status in {BatchStatus.RUNNING, BatchStatus.FAILED} and known.execution == batch.execution
        if open_to_it:
            self.batches[batch.batch] = replace(known, condemned=True, reason=reason)
        return open_to_it

    def note_reason(self, batch: BatchRecord, reason: str) -> None:
        known = self.batches[batch.batch]
        ended = known.status is not BatchStatus.RUNNING or known.condemned
        if known.execution == batch.execution and not ended:
            failed_at = known.failed_at or batch.failed_at or now()
            self.batches[batch.batch] = replace(known, reason=reason, failed_at=failed_at)

    def note_trouble(self, batch: BatchRecord, told: str, *, waits: bool) -> None:
        state = self.lane_state(batch.dataset, batch.lane)
        since = state.failing_since or (batch.failed_at or now() if waits else None)
        known = tuple(sorted({*state.told, told}))
        self.lanes[batch.dataset, batch.lane] = replace(state, failing_since=since, told=known)

    def end_trouble(self, dataset: str, lane: str, since: str) -> None:
        state = self.lane_state(dataset, lane)
        if state.failing_since == since:
            self.lanes[dataset, lane] = replace(state, failing_since=None)

    def batch(self, batch: str) -> BatchRecord:
        return self.batches[batch]

    def claim_content(self, dataset: str, sha256: str, file_id: str, instead_of: str | None = None) -> str:
        holder = self.claims.get((dataset, sha256), file_id)
        if holder in {file_id, instead_of}:
            self.claims[dataset, sha256] = holder = file_id
        return holder

    def note_copy(self, holder: str, copy: FileRecord) -> None:
        known = self.noted.setdefault(holder, {})
        known[copy.place] = max(known.get(copy.place, copy), copy, key=lambda file: file.order)

    def copies(self, holder: str) -> list[FileRecord]:
        copies = self.noted.get(holder, {})
        return [self.all_files[copies[place].file_id] for place in sorted(copies)][:100]

    def file(self, file_id: str) -> FileRecord:
        return self.all_files[file_id]

    def files(self, file_ids: Iterable[str]) -> list[FileRecord]:
        return [self.all_files[file_id] for file_id in file_ids]

    def known(self, file_ids: Iterable[str]) -> dict[str, FileRecord]:
        return {file_id: self.all_files[file_id] for file_id in file_ids if file_id in self.all_files}

    def settle(self, batch: BatchRecord, files: Iterable[FileRecord]) -> None:
        for file in files:
            known = self.all_files[file.file_id]
            if (known.merge if batch.lane == MERGE else known.batch) == batch.batch:
                self.all_files[file.file_id] = file
                self.forgotten.discard(file.file_id)

    def correct_rows(self, files: Iterable[FileRecord]) -> None:
        for file in files:
            known = self.all_files[file.file_id]
            if known.batch == file.batch and known.rows.loaded > file.rows.loaded:
                gone = known.replayed + file.rows.superseded - file.replayed
                counts = replace(known.rows, loaded=file.rows.loaded, superseded=gone)
                self.all_files[file.file_id] = replace(known, rows=counts)

    def note_corrected(self, batch: BatchRecord, last: str) -> None:
        self.batches[batch.batch] = replace(self.batches[batch.batch], corrected=last)

    def given(self, file: FileRecord) -> None:
        """What a test takes as given."""
        self.all_files[file.file_id] = file

    def note_content(self, file: FileRecord, sha256: str) -> None:
        known = self.all_files[file.file_id]
        if known.status is FileStatus.RUNNING and known.batch == file.batch:
            self.all_files[file.file_id] = replace(known, sha256=sha256)

    def release_rows(self, origin: FileRecord, replay: str, rows: int) -> bool:
        known = self.all_files[origin.file_id]
        if known.batch != origin.batch or replay in known.replays:
            return False
        left, gone = known.rows.quarantined - rows, known.rows.superseded + rows
        counts = replace(known.rows, quarantined=left, superseded=gone)
        replays = (*known.replays, replay)
        self.all_files[origin.file_id] = replace(known, rows=counts, replayed=known.replayed + rows, replays=replays)
        return True

    def change(self, file: FileRecord, was: FileRecord) -> bool:
        if not self._still(was):
            return False
        self.all_files[file.file_id] = file
        return True

    def _still(self, was: FileRecord) -> bool:
        known = self.all_files[was.file_id]
        return (known.status, known.batch, known.merge) == (was.status, was.batch, was.merge)

    def versions(self, bucket: str, key: str, before: FileRecord | None = None) -> list[FileRecord]:
        same = [file for file in self.all_files.values() if file.place == (bucket, key)]
        fitting = [file for file in same if before is None or file.order < before.order]
        return sorted(fitting, key=lambda file: file.order)[-100:]

    def loaded_versions(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[FileRecord]]:
        found: dict[tuple[str, str], list[FileRecord]] = {place: [] for place in places}
        for file in self.all_files.values():
            if file.place in found and file.has_rows and file.file_id not in self.forgotten:
                found[file.place].append(file)
        return {place: sorted(files, key=lambda file: file.order)[-700:] for place, files in found.items()}

    def forget_loaded(self, files: Iterable[FileRecord]) -> None:
        self.forgotten |= {file.file_id for file in files}

    def scrub(self, file_id: str, text: str, *, dry_run: bool) -> int:
        lines = self.told.get(file_id, [])
        found = [index for index, line in enumerate(lines) if text in json.dumps(line.detail, ensure_ascii=False)]
        for index in found if not dry_run else ():
            lines[index] = Event(lines[index].at, lines[index].step, {"detail": "erased"})
        return len(found)

    def tell_file(self, file_id: str, step: str, detail: dict[str, Any] | None = None) -> None:
        self.told.setdefault(file_id, []).append(Event("", step, detail or {}))

    def tell_batch(self, batch: str, step: str, detail: dict[str, Any] | None = None) -> None:
        self.told.setdefault(batch, []).append(Event("", step, detail or {}))


class MemoryLake:
    """Objects by key; landed ones by bucket, key and version."""

    bucket = "lake"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.landed: dict[tuple[str, str, str], bytes] = {}

    def land(self, file: FileRecord, data: bytes) -> None:
        self.landed[file.bucket, file.key, file.version] = data

    def open(self, bucket: str, key: str, version: str) -> BinaryIO:
        try:
            return io.BytesIO(self.landed[bucket, key, version])
        except KeyError:
            raise ObjectGoneError(key) from None

    def upload(self, key: str, path: Path) -> int:
        self.objects[key] = path.read_bytes()
        return len(self.objects[key])

    replace = upload

    def write_json(self, key: str, value: Any) -> None:
        self.objects[key] = json.dumps(value).encode()

    def read_json(self, key: str) -> Any:
        return json.loads(self.objects[key])

    def read(self, key: str) -> bytes:
        return self.objects[key]

    def find_json(self, key: str) -> Any | None:
        return self.read_json(key) if key in self.objects else None

    def listing(self, prefix: str) -> Iterator[tuple[str, int]]:
        return iter([(key, len(data)) for key, data in self.objects.items() if key.startswith(prefix)])


class MemoryWorkflow:
    """Executions by dataset, lane and generation."""

    def __init__(self) -> None:
        self.executions: dict[tuple[str, str, int], str] = {}
        self.waits: list[int] = []

    def start(self, dataset: str, lane: str, generation: int, wait_seconds: int) -> bool:
        if (dataset, lane, generation) in self.executions:
            return False
        self.executions[dataset, lane, generation] = "RUNNING"
        self.waits.append(wait_seconds)
        return True

    def status(self, dataset: str, lane: str, generation: int) -> str | None:
        return self.executions.get((dataset, lane, generation))


class MemoryWarehouse:
    """Answers to queries by a word in them; statements that were run are kept."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.answers: dict[str, list[list[Any]]] = {}

    def run(self, statements: list[str]) -> None:
        self.ran += statements

    def run_alone(self, statement: str) -> None:
        self.ran.append(statement)

    def query(self, sql: str) -> list[list[Any]]:
        return next((rows for word, rows in self.answers.items() if word in sql), [])


class MemoryTopic:
    """Notices in the order in which they were published."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def publish(self, notice: Notice) -> None:
        self.notices.append(notice)


class MemoryLanding:
    """The landing bucket's listing: versions in the order in which they landed."""

    bucket = "landing"

    def __init__(self) -> None:
        self.all_versions: list[Landed] = []
        self.bodies: dict[str, bytes] = {}
        self.deleted: set[str] = set()

    def put(self, key: str, body: bytes) -> None:
        number = len(self.all_versions)
        at = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
        self.all_versions.append(Landed(self.bucket, key, f"v{number}", len(body), "e", at, latest=True))
        self.bodies[key] = body

    def has(self, key: str, version: str) -> bool:
        return any((item.key, item.version) == (key, version) for item in self.all_versions)

    def delete(self, key: str, version: str) -> None:
        self.all_versions = [item for item in self.all_versions if (item.key, item.version) != (key, version)]

    def versions(self, prefix: str, after: str = "") -> Iterator[Landed]:
        fitting = [item for item in self.all_versions if item.key.startswith(prefix) and item.key > after]
        newest = {item.key: item for item in fitting if item.key not in self.deleted}
        fitting.reverse()
        for item in sorted(fitting, key=lambda item: item.key):
            yield replace(item, latest=newest.get(item.key) == item)


@dataclass
class MemoryServices:
    """All of them."""

    catalog: MemoryCatalog = field(default_factory=lambda: MemoryCatalog(contract()))
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    lake: MemoryLake = field(default_factory=MemoryLake)
    workflow: MemoryWorkflow = field(default_factory=MemoryWorkflow)
    warehouse: MemoryWarehouse = field(default_factory=MemoryWarehouse)
    topic: MemoryTopic = field(default_factory=MemoryTopic)
