"""The services of `usecases.ports` in memory, for tests that want no server; they keep the real ones' promises."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from headrace.adapters.accounts import AccountServices
from headrace.domain import clock
from headrace.domain.contract import Column, Contract, FileFormat, Kind
from headrace.domain.contracts import Contracts, Exports
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.lane import WakeUps
from headrace.domain.ingest.ledger import LIVE, FileRecord, FileStatus
from headrace.domain.notice import Notice
from headrace.errors import ObjectGoneError
from headrace_compiler.sql.texts import CompiledSql
from tests.support.ledger_fakes import (
    MemoryBatches,
    MemoryContents,
    MemoryCounters,
    MemoryEvents,
    MemoryFiles,
    MemoryLanes,
    MemoryLedger,
    MemorySleepers,
    MemoryStorms,
    MemoryWatches,
)


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


def contracts_of(*contracts: Contract) -> Contracts:
    """The contracts of a deployment that has just these."""
    return Contracts(contracts)


class MemorySql(CompiledSql):
    """The SQL of contracts, with one migration."""

    def __init__(self, contracts: Contracts) -> None:
        super().__init__(contracts, Path())

    def migrations(self) -> list[tuple[str, str]]:
        return [("0001_x.sql", "CREATE TABLE etl.x (a INTEGER);\n")]


class MemoryLake:
    """Objects by key; landed ones by bucket, key and version."""

    bucket = "lake"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.times: dict[str, datetime] = {}
        self.landed: dict[tuple[str, str, str], bytes] = {}

    def land(self, file: FileRecord, data: bytes) -> None:
        self.landed[file.bucket, file.key, file.version] = data

    def open_at(self, bucket: str, key: str, version: str, start: int) -> BinaryIO:
        stream = self.open(bucket, key, version)
        stream.seek(start)
        return stream

    def open(self, bucket: str, key: str, version: str) -> BinaryIO:
        try:
            return io.BytesIO(self.landed[bucket, key, version])
        except KeyError:
            raise ObjectGoneError(key) from None

    def upload(self, key: str, path: Path) -> int:
        self.objects[key] = path.read_bytes()
        self.times[key] = clock.utc()
        return len(self.objects[key])

    replace = upload

    def remove(self, key: str) -> None:
        self.objects.pop(key, None)

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

    def written(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        return iter([(key, self.times.get(key, clock.utc())) for key in list(self.objects) if key.startswith(prefix)])


class MemoryWorkflow:
    """Executions by dataset, lane and generation."""

    def __init__(self) -> None:
        self.executions: dict[tuple[str, str, int], str] = {}
        self.errors: dict[tuple[str, str, int], tuple[str, str]] = {}
        self.waits: list[int] = []

    def start(self, dataset: str, lane: str, generation: int, wait_seconds: int) -> bool:
        if (dataset, lane, generation) in self.executions:
            return False
        self.executions[dataset, lane, generation] = "RUNNING"
        self.waits.append(wait_seconds)
        return True

    def status(self, dataset: str, lane: str, generation: int) -> str | None:
        return self.executions.get((dataset, lane, generation))

    def error(self, dataset: str, lane: str, generation: int) -> tuple[str, str]:
        return self.errors.get((dataset, lane, generation), ("", ""))


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
        self.deletions: list[Landed] = []

    def put(self, key: str, body: bytes) -> None:
        number = len(self.all_versions)
        at = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
        self.all_versions.append(Landed(self.bucket, key, f"v{number}", len(body), "e", at, latest=True))
        self.bodies[key] = body

    def has(self, key: str, version: str) -> bool:
        return any((item.key, item.version) == (key, version) for item in self.all_versions)

    def delete(self, key: str, version: str) -> None:
        self.all_versions = [item for item in self.all_versions if (item.key, item.version) != (key, version)]

    def history(self, prefix: str) -> Iterator[Landed]:
        yield from self.versions(prefix)
        yield from (item for item in self.deletions if item.key.startswith(prefix))

    def histories(self, keys: Iterable[str]) -> dict[str, list[Landed]]:
        return {key: [item for item in self.history(key) if item.key == key] for key in keys}

    def versions(self, prefix: str, after: str = "") -> Iterator[Landed]:
        fitting = [item for item in self.all_versions if item.key.startswith(prefix) and item.key > after]
        newest = {item.key: item for item in fitting if item.key not in self.deleted}
        fitting.reverse()
        for item in sorted(fitting, key=lambda item: item.key):
            yield replace(item, latest=newest.get(item.key) == item)


@dataclass
class MemoryServices(AccountServices):
    """All of them; the ledger's ports are those of `ledger`."""

    contracts: Contracts = field(default_factory=lambda: contracts_of(contract()))
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    lake: MemoryLake = field(default_factory=MemoryLake)
    workflow: MemoryWorkflow = field(default_factory=MemoryWorkflow)
    warehouse: MemoryWarehouse = field(default_factory=MemoryWarehouse)
    topic: MemoryTopic = field(default_factory=MemoryTopic)
    landing: MemoryLanding = field(default_factory=MemoryLanding)
    declared_exports: Exports = field(default_factory=lambda: Exports([]))
    spark: bool = False
    wake_ups: WakeUps = field(default_factory=WakeUps)

    @property
    def sql(self) -> MemorySql:
        return MemorySql(self.contracts)

    @property
    def files(self) -> MemoryFiles:
        return self.ledger.files

    @property
    def contents(self) -> MemoryContents:
        return self.ledger.contents

    @property
    def batches(self) -> MemoryBatches:
        return self.ledger.batches

    @property
    def lanes(self) -> MemoryLanes:
        return self.ledger.lanes

    @property
    def sleepers(self) -> MemorySleepers:
        return self.ledger.sleepers

    @property
    def events(self) -> MemoryEvents:
        return self.ledger.events

    @property
    def watches(self) -> MemoryWatches:
        return self.ledger.watches

    @property
    def counters(self) -> MemoryCounters:
        return self.ledger.counters

    @property
    def storms(self) -> MemoryStorms:
        return self.ledger.storms
