"""How a dataset stands, as metrics: what waits, how old it is, what is held, what is in trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.domain import clock
from headrace.domain.clock import written
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.usecases.recovery.measure_lanes import measure_lanes, standing
from tests.support.fakes import MemoryServices, contract, contracts_of, file

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "seconds", NOW.timestamp)


@pytest.fixture
def services() -> MemoryServices:
    return MemoryServices(contracts_of(contract()))


def ago(seconds: float) -> str:
    return written(NOW - timedelta(seconds=seconds))


def arrived(services: MemoryServices, name: str, seconds: float, **changes: Any) -> FileRecord:
    return services.ledger.files.record_arrival(file(name, arrived_at=ago(seconds), **changes))


def test_a_dataset_without_files_has_no_newest_row(services: MemoryServices) -> None:
    assert standing("readings", services) == {
        "FilesWaiting": 0, "OldestWaitingSeconds": 0, "BatchesHeld": 0, "LanesInTrouble": 0,
    }  # fmt: skip


def test_files_that_wait_are_counted_in_every_lane_and_the_oldest_counts(services: MemoryServices) -> None:
    arrived(services, "a", 30)
    arrived(services, "b", 90)
    arrived(services, "old", 9_000, lane=BACKFILL)
    arrived(services, "again", 9_000, reload=True)
    measured = standing("readings", services)
    assert (measured["FilesWaiting"], measured["OldestWaitingSeconds"]) == (4, 90)


def test_a_file_that_is_worked_on_is_old_too(services: MemoryServices) -> None:
    running = file("a", arrived_at=ago(600), status=FileStatus.RUNNING, batch="readings-1")
    services.ledger.given(running)
    batch = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, (running.file_id,), ago(10))
    services.ledger.records.batches["readings-1"] = batch
    services.ledger.records.lanes["readings", LIVE] = LaneState(open_batch="readings-1")
    measured = standing("readings", services)
    assert (measured["FilesWaiting"], measured["OldestWaitingSeconds"]) == (0, 600)


def test_the_newest_row_the_held_and_the_troubled_are_those_of_all_lanes(services: MemoryServices) -> None:
    lanes = services.ledger.records.lanes
    lanes["readings", LIVE] = LaneState(loaded_at=ago(500), held=("readings-1", "readings-2"), failing_since=ago(100))
    lanes["readings", MERGE] = LaneState(loaded_at=ago(50), held=("readings-3",))
    lanes["readings", BACKFILL] = LaneState(loaded_at=ago(70), failing_since=ago(80))  # it has recovered
    measured = standing("readings", services)
    assert (measured["NewestRowAgeSeconds"], measured["BatchesHeld"], measured["LanesInTrouble"]) == (50, 3, 1)


def test_each_dataset_is_measured(services: MemoryServices, capsys: pytest.CaptureFixture[str]) -> None:
    services = replace(services, contracts=contracts_of(contract(), contract(dataset="notes", prefix="notes/")))
    assert measure_lanes(services) == 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert '"dataset":"notes"' in lines[0] + lines[1]
