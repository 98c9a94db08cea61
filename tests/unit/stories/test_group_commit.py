"""Group commit: one execution per lane, no lost wake-up, and a batch that died is taken up again."""

from __future__ import annotations

from dataclasses import replace

from headrace.domain.ingest.lane import MAX_ATTEMPTS, LaneState
from headrace.domain.ingest.ledger import LIVE, Arrival, BatchStatus, FileStatus
from headrace.domain.ingest.packing import APART
from headrace.usecases.ingest import starter
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.recovery.recover import recover, sweep
from tests.support.fakes import MemoryServices, contract, contracts_of, file


def arrive(services: MemoryServices, name: str, **changes: object) -> str:
    given = {
        "bucket": "b",
        "key": f"readings/{name}",
        "version": "1",
        "size": 9,
        "etag": "",
        "sequencer": "1",
        "at": "t",
    }
    record = starter.record(Arrival(**given | changes), services)  # type: ignore[arg-type]
    if record.status is FileStatus.PENDING:
        starter.wake(record.dataset, services)
    return record.file_id


def test_files_of_one_dataset_share_an_execution() -> None:
    services = MemoryServices()
    arrive(services, "a.csv")
    arrive(services, "b.csv")
    assert services.workflow.executions == {("readings", LIVE, 1): "RUNNING"}
    recorded = record_batch("readings", LIVE, 1, "readings-1", services)
    assert (recorded["batch"], recorded["files"], recorded["units"]) == ("readings-1", 2, [1])


def test_a_second_delivery_changes_nothing_but_wakes() -> None:
    services = MemoryServices()
    first = arrive(services, "a.csv")
    services.workflow.executions.clear()  # the first starter died before it started the execution
    assert arrive(services, "a.csv") == first
    assert services.workflow.executions == {("readings", LIVE, 1): "RUNNING"}
    assert services.ledger.files.get(first).deliveries == 2


def test_recording_the_batch_again_gives_the_same_batch() -> None:
    services = MemoryServices()
    arrive(services, "a.csv")
    first = record_batch("readings", LIVE, 1, "readings-1", services)
    arrive(services, "b.csv")
    assert record_batch("readings", LIVE, 1, "readings-1", services) == first
    assert services.ledger.batches.get("readings-1").attempts == 1


def test_an_execution_out_of_turn_does_nothing() -> None:
    services = MemoryServices()
    arrive(services, "a.csv")
    assert record_batch("readings", LIVE, 7, "readings-7", services)["files"] == 0


def test_a_file_that_comes_late_gets_the_next_generation() -> None:
    services = MemoryServices()
    arrive(services, "a.csv")
    record_batch("readings", LIVE, 1, "readings-1", services)
    late = arrive(services, "late.csv")
    batch = services.ledger.batches.get("readings-1")
    services.ledger.batches.save(replace(batch, status=BatchStatus.LOADED))
    assert hand_over("readings", LIVE, 1, services)
    assert ("readings", LIVE, 2) in services.workflow.executions
    record_batch("readings", LIVE, 2, "readings-2", services)
    assert services.ledger.files.get(late).batch == "readings-2"


def test_nothing_waits_nothing_starts() -> None:
    services = MemoryServices()
    assert not hand_over("readings", LIVE, 1, services)
    assert services.ledger.lanes.state("readings", LIVE) == LaneState(2)
    assert not services.workflow.executions


def test_a_dead_execution_leaves_its_batch_to_the_next() -> None:
    services = MemoryServices()
    arrive(services, "a.csv")
    record_batch("readings", LIVE, 1, "readings-1", services)
    assert recover("readings", LIVE, 1, services)
    taken_up = record_batch("readings", LIVE, 2, "readings-2", services)
    assert taken_up["batch"] == "readings-1"
    assert services.ledger.batches.get("readings-1").attempts == 2
    assert services.workflow.waits[-1] > 0  # longer after a failure


def test_recovering_an_execution_that_handed_over_changes_nothing() -> None:
    services = MemoryServices()
    services.ledger.records.lanes["readings", LIVE] = LaneState(5)
    assert not recover("readings", LIVE, 3, services)
    assert services.ledger.lanes.state("readings", LIVE).generation == 5


def test_a_batch_that_never_gets_through_is_given_up_behind_a_tombstone() -> None:
    services = MemoryServices()
    failed = arrive(services, "a.csv")
    for generation in range(1, MAX_ATTEMPTS + 2):
        record_batch("readings", LIVE, generation, f"readings-{generation}", services)
        hand_over("readings", LIVE, generation, services)
    assert (
        services.ledger.files.get(failed).suspects == APART
    )  # nothing else has loaded that would show that it is the file
    assert services.ledger.batches.get("readings-1").status is BatchStatus.FAILED
    assert services.warehouse.ran[0] == "LOCK TABLE etl.guard_readings"
    assert "etl.loads" in services.warehouse.ran[1]
    assert services.ledger.files.get(failed).batch == f"readings-{MAX_ATTEMPTS + 1}"


def test_the_sweeper_starts_what_stands_still_and_leaves_the_rest() -> None:
    services = MemoryServices()
    services.contracts = contracts_of(contract(), contract("others"))
    services.ledger.files.record_arrival(file())  # written, but its starter died
    assert sweep(services) == ["readings/live"]
    assert sweep(services) == []
    services.workflow.executions["readings", LIVE, 1] = "TIMED_OUT"
    assert sweep(services) == ["readings/live"]
    assert services.ledger.lanes.state("readings", LIVE).generation == 2


def test_what_cannot_be_loaded_is_told_once() -> None:
    services = MemoryServices()
    lost = arrive(services, "x", key="nowhere/x.csv")
    arrive(services, "x", key="nowhere/x.csv")
    assert services.ledger.files.get(lost).status is FileStatus.UNROUTABLE
    assert len(services.topic.notices) == 1
    assert not services.workflow.executions
