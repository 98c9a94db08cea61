"""Quarantined rows come back through the front door when the contract lets them, and leave quarantine then."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.domain.contract import Contract, FileFormat
from headrace.domain.ingest.ledger import LIVE, FileRecord, FileStatus, RowCounts
from headrace.transform import read_quarantine
from headrace.usecases import lake_paths
from headrace.usecases.ingest import starter
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.prepare_load import prepare_load
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_outcome import record_outcome
from headrace.usecases.ingest.results import unit_results
from headrace.usecases.recovery.replay import Quarantine, Replayed, Wanted, replay
from headrace.usecases.unit.transform import transform_unit
from tests.support.fakes import MemoryLanding, MemoryServices, contract, contracts_of, file

BAD = b"value,meter,read_at\n1,m1,2026-01-01T00:00:00Z\n-5,m2,2026-01-01T00:00:00Z\nx,m3,2026-01-01T00:00:00Z\n"


def without_minimum(**changes: Any) -> Contract:
    given = contract(**changes)
    return replace(given, columns=tuple(replace(column, minimum=None) for column in given.columns))


class World:
    """A dataset in memory that loads what lands."""

    def __init__(self, data: bytes, **changes: Any) -> None:
        changes = {"max_bad_share": 1.0} | changes
        self.services = MemoryServices(contracts=contracts_of(contract(**changes)))
        self.landing = MemoryLanding()
        self.origin = file(size=len(data))
        self.services.ledger.files.record_arrival(self.origin)
        self.services.lake.land(self.origin, data)
        self.changes = changes
        self.generation = 0
        self.load()

    def mend(self) -> Contract:
        mended = without_minimum(**self.changes)
        self.services.contracts = contracts_of(mended)
        return mended

    def replay(self, wanted: Wanted = Wanted(), *, dry_run: bool = False) -> list[Replayed]:  # noqa: B008
        return replay(self.services.contracts.get("readings"), wanted, self.landing, self.services, dry_run=dry_run)

    def arrive(self) -> FileRecord:
        """What landed last is told."""
        landed = self.landing.all_versions[-1]
        known = starter.record(landed.arrival("02"), self.services)
        self.services.lake.land(known, self.landing.bodies[landed.key])
        return known

    def load(self) -> None:
        self.generation += 1
        recorded = record_batch("readings", LIVE, self.generation, f"readings-{self.generation}", self.services)
        batch = self.services.ledger.batches.get(recorded["batch"])
        transform_unit(batch, 1, self.services)
        results = [result for unit in unit_results(self.services.lake, batch) for result in unit.files]
        self.services.warehouse.answers["etl.load_files"] = [
            [result.file_id, batch.batch, result.rows_good, result.rows_good, 0] for result in results
        ]
        record_outcome(batch, results, self.services)
        hand_over("readings", LIVE, self.generation, self.services)

    def rows(self) -> RowCounts:
        return self.services.ledger.files.get(self.origin.file_id).rows

    def quarantined(self) -> list[int]:
        quarantine = Quarantine(self.services)
        objects = [data for key, data in self.services.lake.objects.items() if key.startswith("quarantine/")]
        return [row.row_number for data in objects for row in read_quarantine(data) if quarantine.holds(row)]


def test_rows_that_are_good_now_go_in_and_leave_quarantine_when_they_load() -> None:
    world = World(BAD)
    world.mend()
    (answer,) = world.replay()
    assert (answer.rows, answer.good) == (2, 1)
    assert world.landing.bodies[str(answer.landed_as)] == b"value,meter,read_at\n-5,m2,2026-01-01T00:00:00Z\n"
    assert world.quarantined() == [2, 3]
    world.arrive()
    world.load()
    assert world.quarantined() == [3]
    assert world.rows() == RowCounts(read=3, loaded=1, superseded=1, quarantined=1)
    assert world.services.ledger.files.get(world.origin.file_id).replayed == 1


def test_rows_of_a_parquet_come_back_as_json_lines() -> None:
    sink = io.BytesIO()
    times = pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 3, pa.timestamp("ms", "UTC"))
    pq.write_table(pa.table({"value": [1.0, -5.0, 2.5], "meter": ["m1", "m2", "m3"], "read_at": times}), sink)
    world = World(sink.getvalue(), format=FileFormat("parquet", null_tokens=()))
    assert world.quarantined() == [2, 3]
    world.mend()
    (answer,) = world.replay()
    assert (answer.rows, answer.good) == (2, 1)
    assert str(answer.landed_as).endswith(".jsonl")
    line = b'{"value":-5,"meter":"m2","read_at":"2026-01-01T00:00:00Z"}\n'
    assert world.landing.bodies[str(answer.landed_as)] == line
    world.arrive()
    world.load()
    assert world.quarantined() == [3]
    assert world.rows() == RowCounts(read=3, loaded=1, superseded=1, quarantined=1)


def test_as_long_as_the_contract_is_the_same_nothing_lands() -> None:
    world = World(BAD)
    (answer,) = world.replay()
    assert (answer.good, answer.landed_as) == (0, None)
    assert not world.landing.all_versions


def test_again_it_lands_nothing_while_it_is_on_its_way_or_loaded() -> None:
    world = World(BAD)
    world.mend()
    world.replay()
    world.arrive()
    assert "on its way" in world.replay()[0].why
    world.load()
    assert [answer.good for answer in world.replay()] == [0]
    assert len(world.landing.all_versions) == 1


def test_recording_the_outcome_again_releases_no_row_twice() -> None:
    world = World(BAD)
    world.mend()
    world.replay()
    world.arrive()
    world.load()
    before = world.services.ledger.files.get(world.origin.file_id)
    batch = world.services.ledger.batches.get("readings-2")
    record_outcome(batch, [r for unit in unit_results(world.services.lake, batch) for r in unit.files], world.services)
    assert world.services.ledger.files.get(world.origin.file_id) == before
    assert before.rows.balanced


def test_a_dry_run_lands_nothing() -> None:
    world = World(BAD)
    world.mend()
    assert world.replay(dry_run=True)[0].good == 1
    assert not world.landing.all_versions
    assert not [key for key in world.services.lake.objects if key.startswith("replays/")]


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (Wanted(rule="minimum"), 1),
        (Wanted(rule="value: minimum"), 1),
        (Wanted(rule="pattern"), 0),
        (Wanted(since="2026-01-01"), 2),
        (Wanted(since="2027-01-01"), 0),
        (Wanted(batch="readings-1"), 2),
        (Wanted(batch="readings-9"), 0),
    ],
)
def test_rows_are_chosen(wanted: Wanted, rows: int) -> None:
    assert sum(answer.rows for answer in World(BAD).replay(wanted, dry_run=True)) == rows


def test_rows_of_a_file_that_was_loaded_again_are_those_of_its_last_load() -> None:
    world = World(BAD)
    known = world.services.ledger.files.get(world.origin.file_id)
    world.services.ledger.files.requeue(replace(known, batch=None, reload=True), known)
    world.load()
    assert world.quarantined() == [2, 3]


def test_compression_and_encoding_are_those_of_the_contract() -> None:
    given = {"format": FileFormat(compression="gzip", encoding="iso8859-1")}
    world = World(gzip.compress("meter,read_at,value\nmü,2026-01-01T00:00:00Z,-1\n".encode("latin-1")), **given)
    world.mend()
    (answer,) = world.replay()
    landed = gzip.decompress(world.landing.bodies[str(answer.landed_as)])
    assert landed == "meter,read_at,value\nmü,2026-01-01T00:00:00Z,-1\n".encode("latin-1")


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8", "auto"), ("utf-8-sig", "auto"), ("utf-16", "auto"), ("utf-16-le", "auto"), ("utf-16", "utf-16")],
)
def test_rows_come_back_in_an_encoding_that_tells_itself(encoding: str, declared: str) -> None:
    data = "meter,read_at,value\nmü,2026-01-01T00:00:00Z,-1\nm2,2026-01-01T00:00:00Z,1\n".encode(encoding)
    world = World(data, format=FileFormat(encoding=declared))
    world.mend()
    assert [answer.good for answer in world.replay()] == [1]
    world.arrive()
    world.load()
    assert world.rows() == RowCounts(read=2, loaded=1, superseded=1)


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_json_lines_have_no_header(kind: str) -> None:
    row = b'{"meter": "m1", "read_at": "2026-01-01T00:00:00Z", "value": -1}'
    world = World(row + b"\n", format=FileFormat(kind=kind))
    world.mend()
    (answer,) = world.replay()
    assert str(answer.landed_as).endswith(".jsonl")
    assert world.landing.bodies[str(answer.landed_as)] == row + b"\n"


def test_an_open_quote_stays_and_takes_no_neighbour_along() -> None:
    world = World(b'meter,read_at,value\n"m1,2026-01-01T00:00:00Z,1\nm2,2026-01-01T00:00:00Z,-2\n')
    world.mend()
    (answer,) = world.replay()
    assert world.landing.bodies[str(answer.landed_as)] == b"meter,read_at,value\nm2,2026-01-01T00:00:00Z,-2\n"


def test_the_plan_is_written_before_the_rows_land() -> None:
    world = World(BAD)
    world.mend()

    class Full(MemoryLanding):
        def put(self, key: str, body: bytes) -> None:
            raise ConnectionError

    world.landing = Full()
    with pytest.raises(ConnectionError):
        world.replay()
    assert [key for key in world.services.lake.objects if key.startswith(lake_paths.replay("readings", "")[:-5])]


NEWER = b"meter,read_at,value\nm2,2026-01-01T00:00:00Z,5\n"


def newer_version(world: World, data: bytes = NEWER) -> FileRecord:
    newer = file(file_id="f" * 24, version="v2", sequencer="09", size=len(data))
    world.services.ledger.files.record_arrival(newer)
    world.services.lake.land(newer, data)
    return newer


def test_a_newer_version_of_the_file_replaces_the_rows_that_came_back_too() -> None:
    world = World(BAD)
    world.mend()
    world.replay()
    replayed = world.arrive()
    world.load()
    newer_version(world)
    recorded = record_batch("readings", LIVE, 3, "readings-3", world.services)
    batch = world.services.ledger.batches.get(recorded["batch"])
    transform_unit(batch, 1, world.services)
    assert set(prepare_load(batch, "default", world.services)["replaced"]) == {world.origin.file_id, replayed.file_id}


def test_a_newer_version_in_another_format_replaces_the_rows_that_came_back_too() -> None:
    world = World(BAD)
    world.mend()
    world.replay()
    replayed = world.arrive()
    world.load()
    world.services.contracts = contracts_of(contract(format=FileFormat(kind="jsonl", null_tokens=())))
    newer_version(world, b'{"meter": "m2", "read_at": "2026-01-01T00:00:00Z", "value": 5}\n')
    recorded = record_batch("readings", LIVE, 3, "readings-3", world.services)
    batch = world.services.ledger.batches.get(recorded["batch"])
    transform_unit(batch, 1, world.services)
    assert set(prepare_load(batch, "default", world.services)["replaced"]) == {world.origin.file_id, replayed.file_id}


def test_rows_that_come_back_too_late_are_not_loaded_over_a_newer_version() -> None:
    world = World(BAD)
    world.mend()
    world.replay()
    newer_version(world)
    world.load()
    replayed = world.arrive()
    recorded = record_batch("readings", LIVE, 3, "readings-3", world.services)
    batch = world.services.ledger.batches.get(recorded["batch"])
    transform_unit(batch, 1, world.services)
    assert prepare_load(batch, "default", world.services)["replaced"] == [replayed.file_id]


@pytest.mark.parametrize(
    ("status", "advice"), [(FileStatus.FAILED, "headrace retry"), (FileStatus.HELD, "headrace release")]
)
def test_rows_of_a_file_that_is_not_loaded_do_not_come_back_alone(status: FileStatus, advice: str) -> None:
    world = World(BAD)
    failed = replace(world.services.ledger.files.get(world.origin.file_id), status=status)
    world.services.ledger.given(failed)
    world.mend()
    (answer,) = world.replay()
    assert (answer.landed_as, advice in answer.why) == (None, True)


def test_rows_that_equal_another_files_are_loaded_when_they_come_back() -> None:
    """What comes back from quarantine is no copy, of a file or of other rows that came back."""
    world = World(BAD)
    world.mend()
    world.replay()
    replayed = world.arrive()
    data = world.services.lake.landed[replayed.bucket, replayed.key, replayed.version]
    twin = file("twin.csv", file_id="e" * 24, size=len(data))
    other = file("", key=f"readings/replay/{'d' * 24}-{'0' * 16}.csv", file_id="d" * 24, size=len(data))
    for one in (twin, other):
        world.services.ledger.files.record_arrival(one)
        world.services.lake.land(one, data)
    name = record_batch("readings", LIVE, 2, "readings-2", world.services)["batch"]
    batch = world.services.ledger.batches.get(name)
    transform_unit(batch, 1, world.services)
    verdicts = {
        result.file_id: result.verdict for unit in unit_results(world.services.lake, batch) for result in unit.files
    }
    assert verdicts == dict.fromkeys((replayed.file_id, twin.file_id, other.file_id), "good")
