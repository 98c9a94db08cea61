"""A function is killed, by time or memory: others are kept waiting for as short as can be, nothing fails by mistake."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import BinaryIO

import pytest

from headrace.domain import clock
from headrace.domain.clock import now
from headrace.domain.ingest.lane import MAX_ATTEMPTS, PATIENCE_SECONDS
from headrace.domain.ingest.ledger import (
    LIVE,
    TRANSFORMED,
    BatchRecord,
    BatchStatus,
    Event,
    FileRecord,
    FileStatus,
    RowCounts,
)
from headrace.domain.ingest.packing import UNIT_BYTES
from headrace.errors import TransientError
from headrace.usecases import lake_paths
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.killed_units import blamed
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import record_failure
from headrace.usecases.quality.hold import release
from headrace.usecases.unit.transform import transform_unit
from tests.support.fakes import MemoryServices, file


def waiting(*names: str) -> tuple[MemoryServices, list[FileRecord]]:
    services = MemoryServices()
    return services, [services.ledger.files.record_arrival(file(name, arrived_at=name)) for name in names]


def take(services: MemoryServices, generation: int) -> BatchRecord:
    recorded = record_batch("readings", LIVE, generation, f"readings-{generation}", services)
    return services.ledger.batches.get(recorded["batch"])


def load(services: MemoryServices, batch: BatchRecord) -> None:
    loaded = [replace(f.cleared, status=FileStatus.LOADED) for f in services.ledger.files.get_all(batch.file_ids)]
    services.ledger.batches.settle(batch, loaded)
    services.ledger.batches.save(replace(batch, status=BatchStatus.LOADED, rows=RowCounts(1, 1)))


TIMED_OUT = ("Sandbox.Timedout", "RequestId: 1 Error: Task timed out after 900.00 seconds")


def run_with_killers(services: MemoryServices, *killers: str) -> list[tuple[int, int]]:
    """Executions until nothing waits. Returns for each one how many units it had, and how many of them were killed."""
    seen: list[tuple[int, int]] = []
    for generation in range(1, 50):
        recorded = record_batch("readings", LIVE, generation, f"readings-{generation}", services)
        if recorded["batch"] is None:
            return seen
        batch = services.ledger.batches.get(recorded["batch"])
        killed = [
            number
            for number in recorded["units"]
            if {item["file_id"] for item in services.lake.read_json(lake_paths.unit(batch.batch, number))}
            & set(killers)
        ]
        for number in recorded["units"]:
            listed = [item["file_id"] for item in services.lake.read_json(lake_paths.unit(batch.batch, number))]
            for file_id in itertools.takewhile(lambda file_id: file_id not in killers, listed):
                services.ledger.events.note_file(file_id, TRANSFORMED)
        if killed:
            record_failure(batch, *TIMED_OUT, services, killed)
        else:
            load(services, batch)
        seen.append((len(recorded["units"]), len(killed)))
        hand_over("readings", LIVE, generation, services)
    raise AssertionError("it does not end")


@pytest.mark.parametrize("others", [1, 40, 250])
def test_a_file_that_kills_its_function_keeps_others_waiting_for_one_time_out(others: int) -> None:
    services, files = waiting(*(f"{number:03}" for number in range(others + 1)))
    killer = files[others // 2].file_id
    executions = run_with_killers(services, killer)
    assert [killed for _, killed in executions] == [1, 0, 1], "the others are loaded before the file is tried again"
    assert executions[-1] == (1, 1), "alone"
    for known in services.ledger.files.get_all(f.file_id for f in files):
        assert known.status is (FileStatus.FAILED if known.file_id == killer else FileStatus.LOADED)
        assert known.file_id == killer or known.failing_since is None
    assert "timed out" in str(services.ledger.files.get(killer).reason)


def test_a_file_that_has_killed_its_function_is_tried_again_however_many_others_come() -> None:
    services, files = waiting(*"abc")
    killer = files[1].file_id
    for generation in range(1, 5):
        services.ledger.files.record_arrival(file(f"new-{generation}", arrived_at=f"new-{generation}"))
        batch = take(services, generation)
        if killer in batch.file_ids:
            if generation == 1:
                services.ledger.events.note_file(files[0].file_id, TRANSFORMED)
            record_failure(batch, *TIMED_OUT, services, [1])
        else:
            load(services, batch)
        hand_over("readings", LIVE, generation, services)
    assert services.ledger.files.get(killer).status is FileStatus.FAILED


def test_files_that_waited_for_a_killer_do_not_wait_for_one_after_the_other() -> None:
    """Five of them among a hundred: the first costs a time-out, all others together two."""
    services, files = waiting(*(f"{number:03}" for number in range(100)))
    killers = [files[number].file_id for number in (3, 20, 50, 70, 99)]
    executions = run_with_killers(services, *killers)
    assert sum(1 for _, killed in executions if killed) <= 4
    for known in services.ledger.files.get_all(f.file_id for f in files):
        assert known.status is (FileStatus.FAILED if known.file_id in killers else FileStatus.LOADED)


def test_a_unit_that_was_killed_when_all_its_files_were_done_is_taken_apart() -> None:
    services, files = waiting(*"abc")
    batch = take(services, 1)
    for one in files:
        services.ledger.events.note_file(one.file_id, TRANSFORMED)
    assert blamed(batch, [1], services) == {one.file_id for one in files}


def test_what_an_earlier_call_of_the_unit_was_done_with_counts_for_nothing() -> None:
    services, files = waiting(*"abc")
    batch = replace(take(services, 1), started_at="2026-01-01T00:00:00Z")
    told = {0: ("00:01", "00:05"), 1: ("00:02",), 2: ()}
    for number, times in told.items():
        lines = [Event(f"2026-01-01T{at}:00Z", TRANSFORMED) for at in times]
        services.ledger.records.events[files[number].file_id] = lines
    assert blamed(batch, [1], services) == {files[1].file_id}


def test_a_call_that_is_killed_at_its_first_file_is_not_taken_for_the_one_before() -> None:
    """An earlier call of the unit ended by a TransientError at the third file, and Step Functions called again."""
    services, files = waiting(*"abc")
    for one in files:
        services.lake.land(one, b"meter,read_at,value\nm1,2026-01-01T00:00:00Z,1\n")
    batch = take(services, 1)

    def end_at(place: int, error: BaseException) -> None:
        def open_at(bucket: str, key: str, version: str) -> BinaryIO:
            if key == files[place].key:
                raise error
            return opened(bucket, key, version)

        opened, services.lake.open = services.lake.open, open_at  # type: ignore[method-assign]
        with pytest.raises(type(error)):
            transform_unit(batch, 1, services)
        services.lake.open = opened  # type: ignore[method-assign]

    end_at(2, TransientError("S3 is slow"))
    end_at(0, KeyboardInterrupt())
    assert blamed(batch, [1], services) == {files[0].file_id}
    end_at(1, KeyboardInterrupt())
    assert blamed(batch, [1], services) == {files[1].file_id}


def test_where_nothing_else_loads_a_file_that_is_killed_alone_waits_and_is_then_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lambda may be in trouble: hours of it fail no file, and one that is at fault waits for a person in the end."""
    services, (only,) = waiting("a")
    start = clock.seconds()
    for generation in range(1, 30):
        monkeypatch.setattr(clock, "seconds", lambda after=generation * 1500: start + after)
        batch = take(services, generation)
        record_failure(batch, *TIMED_OUT, services, [1])
        hand_over("readings", LIVE, generation, services)
        if services.ledger.files.get(only.file_id).status is FileStatus.HELD:
            break
    assert PATIENCE_SECONDS < generation * 1500 < PATIENCE_SECONDS + 4000
    told = [notice.lines[-1] for notice in services.topic.notices]
    assert [line.split(":")[0].split(",")[0] for line in told] == [
        "The batch is being split to isolate the failing file",
        "Nothing else of its lane loads either",
        "It is held",
    ]
    released = release(services.ledger.batches.get(batch.batch), "me", services)
    assert [one.file_id for one in released.files] == [only.file_id]
    load(services, take(services, generation + 1))
    assert services.ledger.files.get(only.file_id).status is FileStatus.LOADED


def test_an_outage_that_kills_every_function_fails_no_file() -> None:
    services, files = waiting(*(f"{number:03}" for number in range(12)))
    for generation in range(1, 13):
        batch = take(services, generation)
        record_failure(batch, *TIMED_OUT, services, range(1, batch.units + 1))
        hand_over("readings", LIVE, generation, services)
    for generation in range(13, 30):
        recorded = record_batch("readings", LIVE, generation, f"readings-{generation}", services)
        if recorded["batch"]:
            load(services, services.ledger.batches.get(recorded["batch"]))
            hand_over("readings", LIVE, generation, services)
    assert {known.status for known in services.ledger.files.get_all(f.file_id for f in files)} == {FileStatus.LOADED}


def test_files_of_a_unit_whose_culprit_is_not_known_are_units_alone_the_next_time() -> None:
    services, files = waiting(*"abcd")
    for name, known in list(services.ledger.records.files.items()):
        services.ledger.records.files[name] = replace(known, failing_since=now())
    assert run_with_killers(services, files[1].file_id)[:3] == [(1, 1), (4, 1), (1, 0)]


def test_people_hear_that_files_are_set_apart_and_which_one_failed() -> None:
    services, files = waiting(*"abcd")
    run_with_killers(services, files[1].file_id)
    assert [notice.level for notice in services.topic.notices] == ["warning", "error"]


def test_where_every_unit_is_killed_it_is_not_the_files() -> None:
    services, _ = waiting(*"abcd")
    services.ledger.records.files = {
        name: replace(known, size=UNIT_BYTES) for name, known in services.ledger.records.files.items()
    }
    services.ledger.records.waiting = {
        name: replace(known, size=UNIT_BYTES) for name, known in services.ledger.records.waiting.items()
    }
    batch = take(services, 1)
    assert batch.units == 4
    assert record_failure(batch, *TIMED_OUT, services, [1, 2, 3, 4])
    assert services.ledger.batches.get(batch.batch).status is BatchStatus.RUNNING


def test_giving_up_that_breaks_off_after_a_kill_is_gone_on_with() -> None:
    services, _ = waiting(*"abcd")
    batch = take(services, 1)
    services.ledger.batches.condemn(batch, "Sandbox.Timedout: it was killed")
    recorded = record_batch("readings", LIVE, 1, "readings-1", services)
    assert recorded["batch"] is None or recorded["batch"] != batch.batch
    assert {f.suspects for f in services.ledger.lanes.pending("readings", LIVE, 9)} == {"readings-1-a", "readings-1-b"}


def test_each_failure_is_in_the_story_of_its_batch() -> None:
    services, _ = waiting("a", "b")
    batch = take(services, 1)
    record_failure(batch, "LoadRefused", "ERROR: permission denied for relation readings", services)
    (line,) = [line for line in services.ledger.records.events["readings-1"] if line.step == "Failed"]
    assert line.detail["error"] == "LoadRefused"
    assert "permission denied" in line.detail["reason"]
    assert line.detail["failure"]


@pytest.mark.parametrize(
    ("units", "killed", "attempts", "blames"),
    [
        (2, [1, 2], 1, True),
        (3, [1, 2, 3], 1, False),
        (4, [1, 2, 3], 1, True),
        (3, [1, 2, 3], MAX_ATTEMPTS - 1, False),
        (3, [1, 2, 3], MAX_ATTEMPTS, True),
    ],
)
def test_files_are_blamed_unless_every_unit_of_several_was_killed(
    units: int, killed: list[int], attempts: int, blames: bool
) -> None:
    services, files = waiting(*"abcd")
    batch = replace(take(services, 1), units=units, attempts=attempts)
    for number in range(1, units + 1):
        reference = [{"file_id": files[number - 1].file_id}]
        services.lake.write_json(lake_paths.unit(batch.batch, number), reference)
    wanted = {files[number - 1].file_id for number in killed} if blames else set()
    assert blamed(batch, killed, services) == wanted


def test_what_was_done_at_the_moment_the_batch_began_was_done_in_it() -> None:
    services, files = waiting(*"ab")
    batch = take(services, 1)
    at = batch.started_at
    services.ledger.records.events[files[0].file_id] = [Event(at, TRANSFORMED)]
    assert blamed(batch, [1], services) == {files[1].file_id}
    services.ledger.records.events[files[1].file_id] = [Event(at, TRANSFORMED)]
    assert blamed(batch, [1], services) == {files[0].file_id, files[1].file_id}, "all were done: it may be any"
