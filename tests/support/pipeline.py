"""The deployed use cases over a warehouse that runs the load's own SQL; the other services are in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headrace.domain.contract import Column, Contract, Kind
from headrace.domain.ingest.deletion import Deletion
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LIVE, MERGE, Arrival, BatchRecord, FileRecord
from headrace.domain.ingest.load import split_statements
from headrace.domain.operations import OPERATIONS
from headrace.usecases.ingest import starter
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.prepare_load import prepare_load
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import record_failure
from headrace.usecases.ingest.record_outcome import record_outcome
from headrace.usecases.ingest.results import file_results
from headrace.usecases.ingest.run_statements import LOAD_REFUSED
from headrace.usecases.quality.judge_batch import judge_batch
from headrace.usecases.unit.transform import transform_unit
from headrace_compiler.sql.load import history_sql, table_sql
from headrace_compiler.sql.staged import stage_sql
from tests.support.duck_warehouse import DuckWarehouse
from tests.support.fakes import MemoryLanding, MemoryServices, contract, contracts_of

MIGRATIONS = sorted((Path(__file__).parents[2] / "sql" / "migrations").glob("*.sql"))
REFUSED = "ERROR: value too long for type character varying(6)"
Change = tuple[str, int, int, str]
Row = tuple[str, int, int] | tuple[str, int, int | str, str]
"""Meter, round, value; in a change log also the operation, and a delete may have no value."""


def meters(**changes: Any) -> Contract:
    """One row per meter, the contract's `ordering` aside."""
    columns = (
        Column("meter", "meter", Kind.STRING, "VARCHAR(16)", required=True, max_bytes=16),
        Column("round", "round", Kind.INTEGER, "INTEGER", required=True, bits=32),
        Column("value", "value", Kind.INTEGER, "BIGINT", required=True, minimum="0"),
    )
    return contract(**{"columns": columns, "ordering": ()} | changes)


def changes(*, marked: bool = False, **given: Any) -> Contract:
    """The same from a change log: rows that it deletes go, or are marked."""
    columns = list(meters().columns)
    columns[2] = replace(columns[2], required=False)
    operations = (*OPERATIONS, *given.get("truncates", ()))
    columns.append(Column("op", "op", Kind.STRING, "VARCHAR(6)", max_bytes=6, enum=operations))
    if marked:
        columns.append(Column("gone_at", "gone_at", Kind.TIMESTAMP, "TIMESTAMP"))
    return meters(columns=tuple(columns), operation="op", deleted_at="gone_at" if marked else None, **given)


@dataclass
class Loading:
    """A batch between its plan and its transaction."""

    batch: BatchRecord
    statements: list[str]
    measure: list[str]


@dataclass
class Pipeline:
    """A dataset with its files, lanes and table."""

    contract: Contract
    services: MemoryServices = field(init=False)
    warehouse: DuckWarehouse = field(init=False)
    landing: MemoryLanding = field(default_factory=MemoryLanding)
    loading: dict[str, Loading] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.services = MemoryServices(contracts=contracts_of(self.contract), landing=self.landing)
        self.warehouse = DuckWarehouse(self.services.lake.read)
        self.services.warehouse = self.warehouse  # type: ignore[assignment]
        for path in MIGRATIONS:
            self.warehouse.run_file(path.read_text())
        self.warehouse.run_file(table_sql(self.contract))
        if self.contract.history:
            self.warehouse.run_file(history_sql(self.contract))
        if self.contract.staged:
            self.warehouse.run_alone(split_statements(stage_sql(self.contract))[0])

    def land(self, key: str, version: str, rows: Sequence[Row], at: str, sequencer: str) -> Arrival:
        """Put a version of a key into the bucket. Its event is not delivered yet."""
        names = [column.source for column in self.contract.row_columns if column.name != self.contract.deleted_at]
        body = "\n".join(
            [",".join(names[: len(rows[0])] if rows else names), *(",".join(map(str, row)) for row in rows), ""]
        ).encode()
        return self.put(key, version, body, at, sequencer)

    def put(self, key: str, version: str, body: bytes, at: str, sequencer: str) -> Arrival:
        """The same with the bytes of a file."""
        sent = Arrival("landing", f"readings/{key}", version, len(body), "e", sequencer, at)
        self.services.lake.landed["landing", sent.key, version] = body
        self.landing.deleted.discard(sent.key)
        self.landing.all_versions.append(Landed("landing", sent.key, version, len(body), "e", at, latest=True))
        return sent

    def deliver(self, arrival: Arrival) -> FileRecord:
        """Deliver an event."""
        return starter.record(arrival, self.services)

    def delete(self, key: str, at: str, sequencer: str) -> Deletion:
        """Delete a key from the bucket, which writes a delete marker. Its event is not delivered yet."""
        name = f"readings/{key}"
        self.landing.deleted.add(name)
        self.landing.deletions.append(Landed("landing", name, at, 0, "", at, latest=True, deleted=True))
        return Deletion("landing", name, "", sequencer, at, expired=False)

    def deliver_deletion(self, deletion: Deletion) -> FileRecord | None:
        """Deliver the event of a deletion."""
        return starter.record_deletion(deletion, self.services)

    def begin(self, lane: str = LIVE) -> bool:
        """Take a batch of a lane up to its plan. False when nothing waits, or one is under way."""
        generation = self._state(lane).generation
        if lane in self.loading:
            return False
        recorded = record_batch("readings", lane, generation, f"{lane}-{generation}", self.services)
        if not recorded["batch"]:
            return False
        batch = self.services.batches.get(recorded["batch"])
        for unit in recorded["units"] if lane != MERGE else ():
            transform_unit(batch, unit, self.services)
        prepared = prepare_load(batch, "default", self.services)
        self.loading[lane] = Loading(batch, prepared["statements"], prepared["measure"])
        return True

    def judge(self, lane: str = LIVE) -> bool:
        """Measure the batch that was begun, and judge it. False when it is held."""
        loading = self.loading[lane]
        self.warehouse.run(loading.measure)
        if judge_batch(loading.batch, self.services)["load"]:
            return True
        del self.loading[lane]
        hand_over("readings", lane, self._state(lane).generation, self.services)
        return False

    def finish(self, lane: str = LIVE, *, refused: bool = False) -> None:
        """Load the batch that was begun, and record what came of it; or the warehouse refuses it."""
        loading = self.loading.pop(lane, None)
        if loading is None:
            return
        if refused:
            record_failure(loading.batch, LOAD_REFUSED, REFUSED, self.services)
        else:
            self.warehouse.run(loading.statements)
            batch = self.services.batches.get(loading.batch.batch)
            _, notice = record_outcome(batch, file_results(batch, self.services), self.services)
            self.services.topic.publish(notice)
        hand_over("readings", lane, self._state(lane).generation, self.services)

    def crash(self, lane: str = LIVE, *, committed: bool) -> str:
        """The execution of the batch that was begun dies, before its load or after the commit. Returns its name."""
        loading = self.loading.pop(lane)
        if committed:
            self.warehouse.run(loading.statements)
        return loading.batch.batch

    def run(self, *lanes: str) -> None:
        """Load all that waits in these lanes."""
        for lane in lanes or (LIVE,):
            self.finish(lane)
            while self.begin(lane):
                self.finish(lane)

    def rows(self) -> dict[str, tuple[int, str, int]]:
        """The table: value, file and row by meter. Raises AssertionError where a meter has two rows."""
        gone = f" WHERE {self.contract.deleted_at} IS NULL" if self.contract.deleted_at else ""
        found = self.warehouse.query(f"SELECT meter, value, _file_id, _row_number FROM public.readings{gone}")
        table = {str(meter): (int(value), str(file_id), int(row)) for meter, value, file_id, row in found}
        assert len(table) == len(found)
        return table

    def _state(self, lane: str) -> LaneState:
        return self.services.lanes.state("readings", lane)
