"""A batch that fails is split until the file that does it is alone; its neighbours are loaded without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.domain.ingest.lane import MAX_ATTEMPTS, LaneState
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.packing import APART
from headrace.usecases.ingest.bisect_batch import give_up
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import record_failure
from headrace.usecases.ingest.run_statements import LOAD_REFUSED
from tests.support.fakes import MemoryServices, file


def waiting(*names: str) -> tuple[MemoryServices, list[FileRecord]]:
    services = MemoryServices()
    return services, [services.ledger.files.record_arrival(file(name, arrived_at=name)) for name in names]


def take(services: MemoryServices, generation: int) -> BatchRecord:
    recorded = record_batch("readings", LIVE, generation, f"readings-{generation}", services)
    return services.ledger.batches.get(recorded["batch"])


def load(services: MemoryServices, batch: BatchRecord) -> None:
    loaded = [
        replace(f, status=FileStatus.LOADED, suspects=None) for f in services.ledger.files.get_all(batch.file_ids)
    ]
    services.ledger.batches.settle(batch, loaded)
    services.ledger.batches.save(replace(batch, status=BatchStatus.LOADED))


def run(services: MemoryServices, culprit: str) -> int:
    """Executions until nothing waits; how many it took."""
    for generation in range(1, 50):
        if record_batch("readings", LIVE, generation, f"readings-{generation}", services)["batch"] is None:
            return generation
        batch = services.ledger.batches.get(str(services.ledger.lanes.state("readings", LIVE).open_batch))
        if culprit in batch.file_ids:
            record_failure(batch, LOAD_REFUSED, "ERROR: value too long for type character varying(6)", services)
        else:
            load(services, batch)
        hand_over("readings", LIVE, generation, services)
    raise AssertionError("it does not end")


def test_the_file_that_fails_its_batch_is_found_and_its_neighbours_are_loaded() -> None:
    services, files = waiting(*"abcdefgh")
    assert run(services, files[5].file_id) < 10
    for known in services.ledger.files.get_all(f.file_id for f in files):
        assert known.status is (FileStatus.FAILED if known.key.endswith("f") else FileStatus.LOADED)
        assert known.suspects is None
    assert "value too long" in str(services.ledger.files.get(files[5].file_id).reason)


def test_people_are_told_of_the_first_failure_and_of_the_file() -> None:
    services, files = waiting(*"abcd")
    run(services, files[0].file_id)
    assert [notice.level for notice in services.topic.notices] == ["warning", "error"]
    assert "split" in services.topic.notices[0].lines[-1]


def test_a_tombstone_stands_before_any_file_is_let_go() -> None:
    services, _ = waiting("a", "b")
    batch = take(services, 1)
    record_failure(batch, LOAD_REFUSED, "ERROR: division by zero", services)
    assert "readings-1" in services.warehouse.ran[1]
    assert services.ledger.batches.get("readings-1").status is BatchStatus.FAILED
    assert [f.suspects for f in services.ledger.lanes.pending("readings", LIVE, 9)] == ["readings-1-a", "readings-1-b"]


def test_suspects_are_not_tried_three_times_before_they_are_split_further() -> None:
    services, _ = waiting("a", "b", "c", "d")
    for generation in range(1, MAX_ATTEMPTS + 1):
        assert record_failure(take(services, generation), "Runtime.ExitError", "", services) == (
            generation < MAX_ATTEMPTS
        )
        hand_over("readings", LIVE, generation, services)
    halved = take(services, MAX_ATTEMPTS + 1)
    assert len(halved.file_ids) == 2
    assert not record_failure(halved, "Runtime.ExitError", "", services)


def test_giving_up_goes_on_where_it_was_left() -> None:
    services, files = waiting("a", "b")
    batch = take(services, 1)
    services.ledger.batches.save(replace(batch, condemned=True, reason="no"))
    running = services.ledger.files.get(files[0].file_id)
    services.ledger.files.requeue(replace(running, suspects="readings-1-a", batch=None), running)
    hand_over("readings", LIVE, 1, services)
    taken = take(services, 2)
    assert (taken.batch, taken.file_ids) == ("readings-2", (files[0].file_id,))
    assert services.ledger.batches.get("readings-1").status is BatchStatus.FAILED
    assert services.ledger.files.get(files[1].file_id).suspects == "readings-1-b"


def test_a_late_failure_gives_nothing_up_that_another_execution_has_taken_up() -> None:
    services, _ = waiting("a", "b")
    early = take(services, 1)
    hand_over("readings", LIVE, 1, services)  # stopped while it wrote its failure down, and recovered
    again = take(services, 2)
    assert (again.batch, again.attempts) == (early.batch, 2)
    record_failure(early, LOAD_REFUSED, "ERROR: value too long for type character varying(6)", services)
    assert services.ledger.batches.get(early.batch) == again
    assert not services.warehouse.ran
    assert {file.batch for file in services.ledger.files.get_all(early.file_ids)} == {again.batch}


def test_a_file_that_cannot_be_loaded_again_keeps_the_rows_that_it_has() -> None:
    services, (only,) = waiting("a")
    rows = RowCounts(read=2, loaded=2)
    services.ledger.given(replace(services.ledger.files.get(only.file_id), rows=rows, reload=True))
    give_up(take(services, 1), "ERROR: division by zero", services)
    kept = services.ledger.files.get(only.file_id)
    assert (kept.status, kept.rows, kept.reload) == (FileStatus.LOADED, rows, False)
    assert "could not be loaded again" in str(kept.reason)


def tried(services: MemoryServices, executions: int, cause: str) -> list[bool]:
    """Whether the batch was to be tried again after each of so many executions that ended in the same error."""
    answers = []
    for generation in range(1, executions + 1):
        answers.append(record_failure(take(services, generation), LOAD_REFUSED, cause, services))
        hand_over("readings", LIVE, generation, services)
    return answers


@pytest.mark.parametrize(
    "cause", ["FATAL: terminating connection", "Query cancelled.", "ERROR: relation x does not exist", "Disk Full"]
)
def test_what_passes_is_waited_out_and_told_once(cause: str) -> None:
    services, files = waiting("a", "b")
    assert all(tried(services, 12, cause))
    assert len(services.topic.notices) == 1
    assert not services.warehouse.ran
    load(services, take(services, 13))
    assert {file.status for file in services.ledger.files.get_all(f.file_id for f in files)} == {FileStatus.LOADED}


def test_an_error_that_nobody_knows_gets_three_executions() -> None:
    services, _ = waiting("a", "b")
    assert tried(services, 3, "a sentence that nobody has read yet") == [True, True, False]
    assert services.warehouse.ran


@pytest.mark.parametrize("stopped", [1, MAX_ATTEMPTS - 1, MAX_ATTEMPTS])
def test_stopping_executions_fails_no_file_that_was_set_apart(stopped: int) -> None:
    """Its first execution is its only one, and others have loaded since: an error would fail it, a stop may not."""
    services, files = waiting("a")
    apart = replace(files[0], suspects=APART, apart_since="2026-01-01T00:00:00Z", failing_since="2026-01-01T00:00:00Z")
    services.ledger.records.files[apart.file_id] = services.ledger.records.waiting[LIVE, apart.file_id] = apart
    services.ledger.records.lanes["readings", LIVE] = LaneState(loaded_at="2026-01-02T00:00:00Z")
    for generation in range(1, stopped + 1):
        take(services, generation)
        hand_over("readings", LIVE, generation, services)  # by the function that finds it stopped
    recorded = record_batch("readings", LIVE, stopped + 1, f"readings-{stopped + 1}", services)
    known = services.ledger.files.get(apart.file_id)
    if stopped < MAX_ATTEMPTS:
        assert (recorded["files"], known.status) == (1, FileStatus.RUNNING)
    else:
        assert (recorded["batch"], known.status) == (None, FileStatus.HELD)
        assert "headrace release" in str(services.topic.notices[-1].to_json())


def test_an_error_in_its_only_execution_still_fails_it() -> None:
    services, files = waiting("a")
    apart = replace(files[0], suspects=APART, apart_since="2026-01-01T00:00:00Z", failing_since="2026-01-01T00:00:00Z")
    services.ledger.records.files[apart.file_id] = services.ledger.records.waiting[LIVE, apart.file_id] = apart
    services.ledger.records.lanes["readings", LIVE] = LaneState(loaded_at="2026-01-02T00:00:00Z")
    assert not record_failure(take(services, 1), "OddError", "nobody knows it", services)
    assert services.ledger.files.get(apart.file_id).status is FileStatus.FAILED
