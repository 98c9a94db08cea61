"""The ledger's promises, kept by the table in DynamoDB and by the fake that other tests use."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from headrace.adapters.ledger import UNROUTABLE, DynamoLedger
from headrace.adapters.ledger.items import marker, pending_pk, pending_sk, saving
from headrace.adapters.ledger.threads import DynamoThreads
from headrace.adapters.table import Table, to_item
from headrace.domain import causes, clock
from headrace.domain.audit import BEGUN, MOST_NAMED, AuditEntry
from headrace.domain.clock import now
from headrace.domain.ingest.arrival import Cause
from headrace.domain.ingest.coverage import Coverage
from headrace.domain.ingest.lane import REMEMBERED, LaneState, Pause, Sleeper
from headrace.domain.ingest.ledger import (
    BACKFILL,
    LIVE,
    MERGE,
    Arrival,
    BatchRecord,
    BatchStatus,
    Event,
    FileRecord,
    FileStatus,
    RowCounts,
)
from headrace.domain.ingest.reported import LATE, Reported, stale
from headrace.domain.ingest.storm import MOST_FOLDERS, Group, group_of
from headrace.domain.notice import Matter
from headrace.domain.thread import Heard, Thread
from headrace.usecases.ingest import starter
from headrace.usecases.recovery.report_storms import report_storms
from headrace_local import laptop
from tests.support.fakes import MemoryServices, file
from tests.support.ledger_fakes import MemoryLedger
from tests.support.metered import TABLE, create_table


@pytest.fixture(scope="module")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("ledger") / "home"
    state = laptop.up(home)
    yield boto3.client("dynamodb", **state.client_arguments())
    laptop.down(home)


def test_the_messages_of_a_tool_are_begun_counted_claimed_and_closed(dynamodb: Any) -> None:
    create_table(dynamodb)
    try:
        threads = DynamoThreads(Table(dynamodb, TABLE), "slack")
        first = Matter(causes.FILE_NOT_LOADED, "readings").notice("t", ("why",))
        given = Thread("#m", first.key, "m1", 100, first)
        assert threads.find("#m", first.key) is None
        assert threads.open(given) == given
        assert threads.open(replace(given, opened_by="m2")) == given
        for message in ("m1", "m2", "m1"):
            threads.note(given, message, "why", 100)
        assert threads.heard(given) == Heard(2, 100, (("why", 2),))
        assert threads.claim(given, "m1", 100) == given
        assert threads.claim(given, "m2", 160) is None
        assert threads.claim(given, "m1", 100) == given
        shown = replace(given, ref="C/1", shown=2, shown_at=101)
        threads.note_shown(replace(shown, shown=1), "m2")
        assert threads.find("#m", first.key) == given, "another call's claim"
        threads.note_shown(shown, "m1")
        assert threads.all() == [shown]
        assert threads.claim(given, "m2", 102) == shown
        threads.close(replace(given, opened_by="m2"))
        assert threads.all() == [shown]
        threads.close(shown)
        assert (threads.all(), threads.claim(shown, "m1", 500)) == ([], None)
        again = replace(given, opened_by="m9")
        assert (threads.open(again), threads.heard(again).number, threads.all()) == (again, 0, [again])
    finally:
        dynamodb.delete_table(TableName=TABLE)


@pytest.fixture
def table(dynamodb: Any) -> Iterator[DynamoLedger]:
    create_table(dynamodb)
    yield DynamoLedger(dynamodb, TABLE)
    dynamodb.delete_table(TableName=TABLE)


@pytest.fixture(params=["memory", "table"])
def ledger(request: pytest.FixtureRequest) -> Any:
    return MemoryLedger() if request.param == "memory" else request.getfixturevalue("table")


def batch(**changes: Any) -> BatchRecord:
    given: dict[str, Any] = {
        "batch": "readings-1",
        "dataset": "readings",
        "lane": LIVE,
        "generation": 1,
        "started_at": "t",
        "units": 1,
    }
    given |= {"status": BatchStatus.RUNNING, "file_ids": (file().file_id,)}
    return BatchRecord(**given | changes)


def given(ledger: Any, record: FileRecord) -> None:
    """What a test takes as given: the file as it is, whatever is known of it."""
    if isinstance(ledger, MemoryLedger):
        ledger.given(record)
    else:
        items: Table = ledger.files._table
        items.update(saving(items, record))


def test_an_arrival_is_written_once_and_counted(ledger: Any) -> None:
    assert not ledger.files.knows(file().file_id)
    assert ledger.files.record_arrival(file()).deliveries == 1
    assert ledger.files.knows(file().file_id)
    assert ledger.files.record_arrival(replace(file(), arrived_at="later")).deliveries == 2
    assert [waiting.arrived_at for waiting in ledger.lanes.pending("readings", LIVE, 10)] == [file().arrived_at]


class DiesAfter:
    """A client whose process is gone after so many writes."""

    def __init__(self, client: Any, writes: int) -> None:
        self._client = client
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if not name.startswith(("put", "update", "transact")):
            return member

        def write(**request: Any) -> Any:
            if not self._left:
                raise InterruptedError
            self._left -= 1
            return member(**request)

        return write


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_what_a_call_that_died_left_out_is_written_when_the_event_is_delivered_again(
    dynamodb: Any, table: DynamoLedger, writes: int
) -> None:
    with pytest.raises(InterruptedError):
        DynamoLedger(DiesAfter(dynamodb, writes), TABLE).files.record_arrival(file())
    table.files.record_arrival(file())
    assert [waiting.file_id for waiting in table.lanes.pending("readings", LIVE, 9)] == [file().file_id]
    assert [known.file_id for known in table.files.of_dataset("readings")] == [file().file_id]
    assert [known.file_id for known in table.contents.versions("landing", file().key)] == [file().file_id]


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_file_whose_arrival_was_not_written_to_its_end_is_found_and_completed(
    dynamodb: Any, table: DynamoLedger, writes: int
) -> None:
    with suppress(InterruptedError):
        DynamoLedger(DiesAfter(dynamodb, writes), TABLE).files.record_arrival(file())
    known = table.files.get(file().file_id)
    assert table.files.unlisted([known]) == ([known] if writes < 3 else [])
    assert table.files.complete(known)
    assert not table.files.unlisted([known])
    assert [waiting.file_id for waiting in table.lanes.pending("readings", LIVE, 9)] == [known.file_id]
    assert table.batches.open(batch())
    table.batches.take(batch())
    assert not table.files.unlisted([known]), "it was taken since it was read"
    assert not table.files.complete(known)


def test_an_event_that_comes_again_lets_no_file_wait_that_a_batch_has(ledger: Any) -> None:
    ledger.files.record_arrival(file())
    assert ledger.batches.open(batch())
    ledger.batches.take(batch())
    assert ledger.files.record_arrival(file()).status is FileStatus.RUNNING
    assert not ledger.lanes.pending("readings", LIVE, 9)


def test_the_history_of_a_file_begins_with_its_arrival(table: DynamoLedger) -> None:
    table.files.record_arrival(file())
    table.events.note_file(file().file_id, "Transformed")
    lines = table.events.of_file(file().file_id)
    assert [line.step for line in lines] == ["Arrived", "Seen by the starter", "Transformed"]
    assert lines[0] == Event(file().arrived_at, "Arrived", {"key": file().key, "size": 100, "version": file().version})


def test_a_record_that_is_in_the_index_itself_stays_listed_once(dynamodb: Any, table: DynamoLedger) -> None:
    old = file(status=FileStatus.UNROUTABLE, dataset="")
    item = {
        name: value for name, value in asdict(old).items() if name not in {"rows", "replays", "seen_at", "revision"}
    }
    keys = {"pk": f"FILE#{old.file_id}", "sk": "FILE", "dataset_files": UNROUTABLE}
    dynamodb.put_item(TableName=TABLE, Item=to_item(item | keys))
    assert [known.file_id for known in table.files.of_dataset(UNROUTABLE)] == [old.file_id]
    assert table.files.requeue(replace(old, dataset="readings"), old)
    assert not list(table.files.of_dataset(UNROUTABLE))
    table.files.record_arrival(file())
    assert [known.deliveries for known in table.files.of_dataset("readings")] == [2]
    assert [known.deliveries for known in table.files.newest("readings", 9)] == [2]


def test_pending_files_come_oldest_first_and_only_of_their_lane(ledger: Any) -> None:
    for name, at in (("b", "2"), ("a", "3"), ("c", "1")):
        ledger.files.record_arrival(file(name, arrived_at=at))
    ledger.files.record_arrival(file("d", lane="backfill"))
    ledger.files.record_arrival(file("e", status=FileStatus.FAILED, reason="empty"))
    assert [waiting.key[-1] for waiting in ledger.lanes.pending("readings", LIVE, 2)] == ["c", "b"]


def test_a_generation_moves_on_once(ledger: Any) -> None:
    assert ledger.lanes.state("readings", LIVE) == LaneState(1)
    ledger.lanes.advance("readings", LIVE, 1)
    ledger.lanes.advance("readings", LIVE, 1)
    assert ledger.lanes.state("readings", LIVE) == LaneState(2)


def test_what_waits_is_noted_once_per_lane_and_taken_once(ledger: Any) -> None:
    first, second = Sleeper("readings", LIVE, 1, 100), Sleeper("readings", BACKFILL, 1, 50)
    for sleeper in (replace(first, until=90.5), first, second):
        ledger.sleepers.note(sleeper)
    assert ledger.sleepers.all() == [second, first]
    assert [ledger.sleepers.take(first), ledger.sleepers.take(first)] == [True, False]
    assert ledger.sleepers.all() == [second]
    assert [ledger.lanes.state("readings", lane).generation for lane in (LIVE, BACKFILL)] == [2, 1]


def test_what_has_begun_or_moved_on_is_not_taken(ledger: Any) -> None:
    ledger.sleepers.note(Sleeper("readings", LIVE, 1, 100))
    ledger.batches.open(batch())
    assert not ledger.sleepers.take(Sleeper("readings", LIVE, 1, 100)), "its batch is open"
    ledger.lanes.advance("readings", LIVE, 1)
    assert not ledger.sleepers.take(Sleeper("readings", LIVE, 1, 100))
    assert ledger.lanes.state("readings", LIVE).generation == 2
    ledger.sleepers.note(Sleeper("readings", LIVE, 2, 200))
    assert not ledger.sleepers.take(Sleeper("readings", LIVE, 1, 100)), "another execution waits by now"


def test_the_seconds_of_the_last_loads_are_remembered(ledger: Any) -> None:
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(1, REMEMBERED + 3):
        ended = begun + timedelta(seconds=number * 10)
        one = batch(batch=f"readings-{number}", generation=number, started_at=clock.written(begun))
        ledger.batches.open(one)
        rows = RowCounts(1, 1 if number != REMEMBERED + 2 else 0)
        ledger.batches.save(replace(one, status=BatchStatus.LOADED, ended_at=clock.written(ended), rows=rows))
        ledger.lanes.advance("readings", LIVE, number)
    assert sorted(ledger.lanes.state("readings", LIVE).took) == [20, 30, 40, 50, 60], "the last one brought no rows"


def test_a_batch_is_open_until_it_has_ended(ledger: Any) -> None:
    ledger.files.record_arrival(file())
    ledger.batches.open(batch())
    state = ledger.lanes.state("readings", LIVE)
    assert (state.open_batch, state.began_at) == ("readings-1", batch().started_at)
    taken = ledger.batches.take(batch())
    again = ledger.batches.take(batch())
    assert [(f.status, f.batch) for f in taken + again] == [(FileStatus.RUNNING, "readings-1")] * 2
    assert ledger.lanes.pending("readings", LIVE, 1) == []
    ended = batch(status=BatchStatus.LOADED, rows=RowCounts(3, 2, 0, 1))
    ledger.batches.save(ended)
    assert ledger.batches.get("readings-1") == ended
    assert ledger.lanes.state("readings", LIVE).open_batch is None


def test_many_files_are_taken_and_those_that_are_elsewhere_by_now_are_not(ledger: Any) -> None:
    files = [file(f"{number}.csv") for number in range(120)]
    for one in files:
        ledger.files.record_arrival(one)
    opened = batch(file_ids=tuple(one.file_id for one in files))
    assert ledger.batches.open(opened)
    given(ledger, replace(files[7], status=FileStatus.FAILED))
    taken = ledger.batches.take(opened)
    assert [one.status for one in taken].count(FileStatus.RUNNING) == 119
    assert taken[7].status is FileStatus.FAILED
    assert len(ledger.lanes.pending("readings", LIVE, 200)) == 1
    assert ledger.batches.take(opened) == taken


@pytest.mark.parametrize("end", [{"condemned": True}, {"status": BatchStatus.FAILED}])
def test_a_batch_that_is_given_up_takes_no_file(ledger: Any, end: dict[str, Any]) -> None:
    ledger.files.record_arrival(file())
    opened = batch(file_ids=(file().file_id,))
    assert ledger.batches.open(opened)
    ledger.batches.save(replace(opened, **end))
    assert ledger.batches.take(opened)[0].status is FileStatus.PENDING
    assert len(ledger.lanes.pending("readings", LIVE, 9)) == 1


def test_ending_a_batch_does_not_close_another(ledger: Any) -> None:
    assert ledger.batches.open(batch(batch="readings-2"))
    ledger.batches.save(batch(status=BatchStatus.FAILED))
    assert ledger.lanes.state("readings", LIVE).open_batch == "readings-2"


def test_a_function_whose_execution_was_stopped_opens_no_batch_beside_the_next(ledger: Any) -> None:
    ledger.lanes.advance("readings", LIVE, 1)
    assert not ledger.batches.open(batch())
    first = batch(batch="readings-2", generation=2)
    assert ledger.batches.open(first) == first
    assert ledger.batches.open(replace(first, file_ids=("f" * 24,))) == first
    assert not ledger.batches.open(batch(batch="readings-x", generation=2))
    assert ledger.lanes.state("readings", LIVE) == LaneState(2, "readings-2", began_at=first.started_at)


def test_a_batch_that_has_ended_never_runs_again(ledger: Any) -> None:
    ledger.batches.open(batch())
    ledger.batches.save(batch(status=BatchStatus.LOADED))
    ledger.batches.save(batch(attempts=2))
    assert ledger.batches.get("readings-1").status is BatchStatus.LOADED
    ledger.batches.save(batch(status=BatchStatus.LOADED, attempts=3))
    assert ledger.batches.get("readings-1").attempts == 3


def test_a_batch_is_taken_up_once_by_each_execution(ledger: Any) -> None:
    first = batch(execution="readings-1")
    assert ledger.batches.open(first)
    second = ledger.batches.take_up(first, "readings-2")
    assert (second.execution, second.attempts) == ("readings-2", 2)
    assert ledger.batches.take_up(first, "readings-3") == second  # it had read the batch before
    ledger.batches.save(replace(second, status=BatchStatus.LOADED))
    assert ledger.batches.take_up(second, "readings-3").attempts == 2


def test_only_the_execution_that_has_a_batch_condemns_it(ledger: Any) -> None:
    first = batch(execution="readings-1")
    assert ledger.batches.open(first)
    second = ledger.batches.take_up(first, "readings-2")
    assert not ledger.batches.condemn(first, "late")
    assert ledger.batches.condemn(second, "refused")
    assert ledger.batches.condemn(second, "refused")
    assert ledger.batches.get(first.batch) == replace(second, condemned=True, reason="refused")
    ledger.batches.save(replace(second, condemned=True, status=BatchStatus.FAILED))
    assert ledger.batches.condemn(second, "refused")  # done again to its end


def test_a_batch_that_is_loaded_is_not_condemned(ledger: Any) -> None:
    only = batch(execution="readings-1")
    assert ledger.batches.open(only)
    ledger.batches.save(replace(only, status=BatchStatus.LOADED))
    assert not ledger.batches.condemn(only, "refused")


@pytest.mark.parametrize(
    ("settled", "late"),
    [
        (BatchStatus.FAILED, BatchStatus.LOADED),
        (BatchStatus.LOADED, BatchStatus.FAILED),
        (BatchStatus.LOADED, BatchStatus.STAGED),
        (BatchStatus.LOADED, BatchStatus.RELEASED),
        (BatchStatus.FAILED, BatchStatus.RUNNING),
    ],
)
def test_a_late_function_does_not_change_how_a_batch_ended(
    ledger: Any, settled: BatchStatus, late: BatchStatus
) -> None:
    assert ledger.batches.open(batch())
    ledger.batches.save(batch(status=settled))
    ledger.batches.save(batch(status=late))
    assert ledger.batches.get("readings-1").status is settled
    assert ledger.lanes.state("readings", LIVE).open_batch is None


def test_one_decision_about_a_held_batch_counts(ledger: Any) -> None:
    assert ledger.batches.open(batch())
    ledger.batches.save(batch(status=BatchStatus.HELD))
    ledger.batches.save(batch(status=BatchStatus.REJECTED))
    ledger.batches.save(batch(status=BatchStatus.RELEASED))
    assert ledger.batches.get("readings-1").status is BatchStatus.REJECTED


def test_a_batch_is_opened_once_also_when_it_has_ended(ledger: Any) -> None:
    assert ledger.batches.open(batch())
    ledger.batches.save(batch(status=BatchStatus.LOADED))
    assert ledger.batches.open(batch()) is None  # by a second call of the same function
    assert ledger.batches.get("readings-1").status is BatchStatus.LOADED
    assert ledger.lanes.state("readings", LIVE).open_batch is None


@pytest.mark.parametrize("now", [{"status": FileStatus.DUPLICATE}, {"batch": "readings-2"}])
def test_the_content_of_a_file_is_noted_while_its_batch_works_on_it(ledger: Any, now: dict[str, Any]) -> None:
    running = file(status=FileStatus.RUNNING, batch="readings-1")
    given(ledger, running)
    ledger.contents.note(running, "f" * 64)
    assert ledger.files.get(running.file_id).sha256 == "f" * 64
    changed = replace(running, **now, rows=RowCounts(2, duplicate=2))
    given(ledger, changed)
    ledger.contents.note(running, "e" * 64)
    assert replace(ledger.files.get(running.file_id), updated_at=None) == changed


def test_rows_that_came_back_are_counted_once_for_each_replay(ledger: Any) -> None:
    origin = file(status=FileStatus.LOADED, batch="readings-1", rows=RowCounts(9, 5, 0, 4))
    given(ledger, origin)
    assert ledger.files.release_rows(origin, "p", 1)
    assert not ledger.files.release_rows(origin, "p", 1)
    assert ledger.files.release_rows(origin, "q", 2)  # it was read before the first one
    assert not ledger.files.release_rows(replace(origin, batch="readings-0"), "r", 1)
    known = ledger.files.get(origin.file_id)
    assert (known.rows, known.replayed, known.replays) == (RowCounts(9, 5, 3, 1), 3, ("p", "q"))


def test_rows_that_are_given_up_are_counted_once_for_each_list(ledger: Any) -> None:
    known = file(status=FileStatus.LOADED, batch="readings-1", rows=RowCounts(9, 5, 0, 4))
    given(ledger, known)
    assert ledger.files.discard_rows(known, "p", 1)
    assert not ledger.files.discard_rows(known, "p", 1)
    assert ledger.files.discard_rows(known, "q", 2)
    assert not ledger.files.discard_rows(replace(known, batch="readings-0"), "r", 1)
    after = ledger.files.get(known.file_id)
    assert (after.rows, after.replayed, after.replays) == (RowCounts(9, 5, 0, 1, discarded=3), 0, ("p", "q"))


@pytest.mark.parametrize("lane", [LIVE, MERGE])
def test_a_file_that_is_in_another_batch_by_now_does_not_wait_again(ledger: Any, lane: str) -> None:
    status, waits = (
        (FileStatus.MERGING, FileStatus.STAGED) if lane == MERGE else (FileStatus.RUNNING, FileStatus.PENDING)
    )
    name = "merge" if lane == MERGE else "batch"
    was = file(status=status, **{name: "readings-1"})
    given(ledger, file(status=status, **{name: "readings-2"}))
    apart = file(status=waits)
    assert not ledger.files.requeue(apart, was)
    assert not ledger.files.change(apart, was)
    assert not ledger.lanes.pending("readings", lane, 9)
    assert ledger.files.requeue(apart, ledger.files.get(was.file_id))


def test_a_pause_lasts_until_it_is_ended_and_its_end_ends_no_other(ledger: Any) -> None:
    first, second = Pause("ann", "2026-01-01", "2026-01-02"), Pause("ben", "2026-01-03", "2026-01-04", "rebuild")
    assert not ledger.lanes.resume("readings", LIVE, first)
    ledger.lanes.pause("readings", LIVE, first)
    assert ledger.lanes.state("readings", LIVE) == LaneState(pause=first)
    ledger.lanes.advance("readings", LIVE, 1)
    ledger.lanes.pause("readings", LIVE, second)
    assert not ledger.lanes.resume("readings", LIVE, first)
    assert ledger.lanes.state("readings", LIVE) == LaneState(2, pause=second)
    assert ledger.lanes.resume("readings", LIVE, second)
    state = ledger.lanes.state("readings", LIVE)
    assert (state.generation, state.pause) == (2, None)
    assert state.waits_since("2026-01-01") == state.resumed_at
    assert state.waits_since("9999") == "9999"


def test_a_held_batch_is_listed_until_it_is_decided(ledger: Any) -> None:
    held, begun = batch(status=BatchStatus.HELD), LaneState(began_at=batch().started_at)
    assert ledger.batches.open(batch())
    for _ in range(2):
        ledger.batches.save(held)
        assert ledger.lanes.state("readings", LIVE) == replace(begun, held=(held.batch,))
    ledger.batches.save(replace(held, status=BatchStatus.RELEASED))
    assert ledger.lanes.state("readings", LIVE) == begun
    ledger.batches.save(held)  # by a function that was stopped, and does not know
    assert ledger.batches.get(held.batch).status is BatchStatus.RELEASED
    assert ledger.lanes.state("readings", LIVE) == begun


def test_a_file_changes_only_while_it_is_what_it_was(ledger: Any) -> None:
    running = file(status=FileStatus.RUNNING, batch="b-1")
    ledger.files.record_arrival(running)
    given(ledger, running)
    held = replace(running, status=FileStatus.HELD)
    assert not ledger.files.change(held, replace(running, batch="b-2"))
    assert ledger.files.change(held, running)
    assert not ledger.files.change(held, running)
    assert ledger.files.get(running.file_id).status is FileStatus.HELD


def test_the_newest_files_come_first(ledger: Any) -> None:
    for number in range(4):
        ledger.files.record_arrival(file(f"{number}", arrived_at=f"2026-01-0{number + 1}T00:00:00Z"))
    assert [item.arrived_at[9] for item in ledger.files.newest("readings", 3)] == ["4", "3", "2"]


def test_how_far_the_nights_have_come_is_noted_by_who_knew_it(ledger: Any) -> None:
    nothing = ledger.watches.coverage("readings")
    assert nothing == Coverage()
    begun = nothing.begun("2026-01-10", since="2026-01-07").at("readings/a", 3)
    assert ledger.watches.note_coverage("readings", begun)
    assert ledger.watches.coverage("readings") == replace(begun, turn=1)
    assert not ledger.watches.note_coverage("readings", nothing.begun("2026-01-11", since="2026-01-08"))
    assert ledger.watches.note_coverage("readings", replace(begun, turn=1).completed("2026-01-12"))
    assert ledger.watches.coverage("others") == Coverage()


def test_a_content_has_one_holder(ledger: Any) -> None:
    assert ledger.contents.claim("readings", "s", "a") == "a"
    assert ledger.contents.claim("readings", "s", "a") == "a"
    assert ledger.contents.claim("readings", "s", "b") == "a"
    assert ledger.contents.claim("readings", "s", "b", instead_of="x") == "a"
    assert ledger.contents.claim("readings", "s", "b", instead_of="a") == "b"
    assert ledger.contents.claim("others", "s", "a") == "a"


def test_a_file_is_kept_as_it_is_and_deliveries_are_kept_beside(ledger: Any) -> None:
    ledger.files.record_arrival(file())
    ledger.files.record_arrival(file())
    done = replace(
        ledger.files.get(file().file_id),
        status=FileStatus.LOADED,
        rows=RowCounts(5, 3, 1, 1),
        sha256="f" * 64,
        detected={"encoding": "utf-8", "columns": ["a"]},
    )
    given(ledger, done)
    assert replace(ledger.files.get(done.file_id), updated_at=None) == replace(done, updated_at=None)
    given(ledger, replace(done, sha256=None))
    assert ledger.files.get(done.file_id).sha256 is None


def test_a_file_waits_again_at_its_old_place_if_it_is_what_it_was(ledger: Any) -> None:
    ledger.files.record_arrival(file("b", arrived_at="2", status=FileStatus.FAILED, reason="no"))
    ledger.files.record_arrival(file("c", arrived_at="3"))
    failed = ledger.files.get(file("b").file_id)
    assert ledger.files.requeue(replace(failed, reason=None, suspects="x", reload=True), failed)
    assert not ledger.files.requeue(failed, failed)
    waiting = ledger.lanes.pending("readings", LIVE, 9)
    assert [found.key[-1] for found in waiting] == ["b", "c"]
    assert (waiting[0].status, waiting[0].reason, waiting[0].suspects) == (FileStatus.PENDING, None, "x")
    assert ledger.files.get(failed.file_id).reload
    opened = batch(file_ids=(failed.file_id,))
    assert ledger.batches.open(opened)
    (taken,) = ledger.batches.take(opened)
    assert (taken.status, taken.reload) == (FileStatus.RUNNING, True)
    assert len(ledger.lanes.pending("readings", LIVE, 9)) == 1


def test_what_came_back_from_quarantine_is_kept(ledger: Any) -> None:
    ledger.files.record_arrival(file())
    given(ledger, replace(file(), replayed=2, replays=("p",)))
    assert (ledger.files.get(file().file_id).replayed, ledger.files.get(file().file_id).replays) == (2, ("p",))


def test_versions_come_in_the_order_of_their_sequencers(ledger: Any) -> None:
    in_order = ["0055AED6DCD9D5E6F7", "0055AED6DCD9D5E8", "0055AED6DCD9D5E8-000001", "0055AED6DCD9D5E81B", "0055AF"]
    for number, sequencer in enumerate(reversed(in_order)):
        ledger.files.record_arrival(file("a.csv", file_id=f"{number:024x}", sequencer=sequencer))
    assert [version.sequencer for version in ledger.contents.versions("landing", "readings/a.csv")] == in_order


def test_the_index_lists_files_by_dataset(table: DynamoLedger) -> None:
    table.files.record_arrival(file("a"))
    table.files.record_arrival(file("x", dataset="", status=FileStatus.UNROUTABLE))
    assert [found.key for found in table.files.of_dataset("readings")] == ["readings/a"]
    assert [found.key for found in table.files.of_dataset(UNROUTABLE)] == ["readings/x"]


def test_the_index_lists_files_since_a_time(table: DynamoLedger) -> None:
    for day in ("01", "02", "03"):
        table.files.record_arrival(file(day, arrived_at=f"2026-01-{day}T00:00:00.000000Z"))
    assert [found.key for found in table.files.of_dataset("readings", "2026-01-02T00:00:00.000000Z")] == [
        "readings/02",
        "readings/03",
    ]


def test_the_newest_copy_under_each_key_is_remembered(ledger: Any) -> None:
    copies = [file("a"), file("b", file_id="1" * 24), file("b", file_id="2" * 24, sequencer="02")]
    for copy in copies:
        ledger.files.record_arrival(copy)
    for copy in (*copies, copies[1]):
        ledger.contents.note_copy("holder", copy)
    assert {copy.file_id for copy in ledger.contents.copies("holder")} == {copies[0].file_id, copies[2].file_id}
    assert ledger.contents.copies("another") == []


def test_a_file_of_no_dataset_waits_once_one_takes_it(ledger: Any) -> None:
    stray = ledger.files.record_arrival(file("x", dataset="", status=FileStatus.UNROUTABLE, reason="no contract"))
    taken = replace(stray, dataset="readings", lane=BACKFILL, reason=None)
    assert ledger.files.requeue(taken, stray)
    assert not ledger.files.requeue(taken, stray), "it is no longer what it was"
    (waiting,) = ledger.lanes.pending("readings", BACKFILL, 9)
    assert waiting.file_id == stray.file_id
    known = ledger.files.get(stray.file_id)
    assert (known.dataset, known.lane, known.status, known.reason) == ("readings", BACKFILL, FileStatus.PENDING, None)
    assert not list(ledger.files.of_dataset(UNROUTABLE))
    assert [found.key for found in ledger.files.of_dataset("readings")] == ["readings/x"]


def test_unknown_files_are_named(ledger: Any) -> None:
    with pytest.raises(KeyError):
        ledger.files.get("nobody")


def test_many_files_are_read_in_the_order_asked(ledger: Any) -> None:
    files = [file(f"{number}.csv") for number in range(150)]
    for one in files:
        given(ledger, one)
    wanted = [one.file_id for one in reversed(files)]
    assert [one.file_id for one in ledger.files.get_all([*wanted, wanted[0]])] == [*wanted, wanted[0]]
    assert ledger.files.known([wanted[3], "0" * 24]).keys() == {wanted[3]}


def test_stories_are_told_in_order(table: DynamoLedger) -> None:
    for step in ("Arrived", "Transformed"):
        table.events.note_file("f", step, {"n": 1})
    table.events.note_batch("b", "Recorded")
    assert [(event.step, event.detail) for event in table.events.of_file("f")] == [
        ("Arrived", {"n": 1}),
        ("Transformed", {"n": 1}),
    ]
    assert [event.step for event in table.events.of_batch("b")] == ["Recorded"]


def test_the_newest_line_of_a_files_history_is_its_last(ledger: Any) -> None:
    ledger.files.record_arrival(file("a"))
    assert ledger.events.last_of_file("nobody") is None
    for step in ("Transformed", "Set apart", "Transformed"):
        ledger.events.note_file(file("a").file_id, step, {"n": 1})
        found = ledger.events.last_of_file(file("a").file_id)
        assert (found.step, found.detail) == (step, {"n": 1})


@pytest.mark.parametrize("dry_run", [True, False])
def test_lines_of_a_history_lose_a_text_wherever_it_stands_in_them(ledger: Any, dry_run: bool) -> None:
    details = [{"reason": "of M-17"}, {"broken": {'M"17': 1}}, {"rows": [{"n": 17}]}, {"reason": "of nobody"}, {}]
    for detail in details:
        ledger.events.note_file("f", "Failed", detail)
        ledger.events.note_batch("b", "Failed", detail)
    ledger.events.note_file("other", "Failed", details[0])

    def goes(text: str) -> bool:
        return "17" in text

    assert ledger.events.scrub_file("f", goes, dry_run=dry_run) == 3
    assert ledger.events.scrub_batch("b", goes, dry_run=dry_run) == 3
    erased = {"detail": "erased"}
    left = details if dry_run else [erased, erased, erased, *details[3:]]
    for lines in (ledger.events.of_file("f"), ledger.events.of_batch("b")):
        assert [(line.step, line.detail) for line in lines] == [("Failed", detail) for detail in left]
    assert [line.detail for line in ledger.events.of_file("other")] == [details[0]]


def test_what_people_were_told_of_a_promise_is_kept(ledger: Any) -> None:
    late = Reported("2026-01-31T00:00:00Z")
    quiet = Reported(late.since, "words", "2026-01-31T01:00:00Z")
    assert ledger.watches.reported("readings", LATE) == Reported()
    assert ledger.watches.note_reported("readings", LATE, Reported(), late)
    assert not ledger.watches.note_reported("readings", LATE, Reported(), Reported("2026-02-01T00:00:00Z"))
    assert ledger.watches.reported("readings", LATE) == late
    assert (
        ledger.watches.reported("readings", stale("by_hour")) == ledger.watches.reported("others", LATE) == Reported()
    )
    assert ledger.watches.note_reported("readings", LATE, late, quiet)
    assert ledger.watches.reported("readings", LATE) == quiet
    assert ledger.watches.note_reported("readings", LATE, quiet, Reported())
    assert not ledger.watches.note_reported("readings", LATE, quiet, late)
    assert ledger.watches.reported("readings", LATE) == Reported()


def test_stories_and_notes_of_copies_expire_and_what_decisions_hang_on_stays(
    dynamodb: Any, table: DynamoLedger
) -> None:
    ledger = DynamoLedger(dynamodb, TABLE, keep_days=30)
    record = ledger.files.record_arrival(file())
    ledger.contents.claim("readings", "sha", record.file_id)
    ledger.contents.note_copy(record.file_id, file("copy"))
    ledger.batches.open(batch())
    ledger.events.note_batch("readings-1", "Loaded", {"rows": 1})
    items = dynamodb.scan(TableName=TABLE)["Items"]
    expiring = {(item["pk"]["S"][:4], item["sk"]["S"][:5]) for item in items if "expires" in item}
    staying = {item["pk"]["S"].partition("#")[0] for item in items if "expires" not in item}
    assert {sk if sk == "EVENT" else pk for pk, sk in expiring} == {"EVENT", "COPI"}
    assert staying == {"FILE", "KEY", "PENDING", "CONTENT", "BATCH", "LANE"}
    left = {int(item["expires"]["N"]) - time.time() for item in items if "expires" in item}
    assert all(29.9 < seconds / 86_400 < 30.1 for seconds in left)
    assert [event.step for event in ledger.events.of_batch("readings-1")] == ["Loaded"]


def test_nothing_expires_unless_asked(dynamodb: Any, table: DynamoLedger) -> None:
    table.files.record_arrival(file())
    assert not any("expires" in item for item in dynamodb.scan(TableName=TABLE)["Items"])


def test_versions_are_read_from_the_newest_and_no_more_than_a_few(ledger: Any) -> None:
    for number in range(120):
        given_version(ledger, number)
    found = ledger.contents.versions("landing", "readings/a.csv")
    assert [version.sequencer for version in found] == [f"{number:04}" for number in range(20, 120)]
    before = ledger.contents.versions("landing", "readings/a.csv", before=found[-1])
    assert [version.sequencer for version in before[-2:]] == ["0117", "0118"]


def given_version(ledger: Any, number: int) -> None:
    ledger.files.record_arrival(file("a.csv", file_id=f"{number:024x}", sequencer=f"{number:04}", version=str(number)))


def test_versions_with_rows_are_listed_until_they_are_forgotten(ledger: Any) -> None:
    taken = [
        file("a.csv", file_id=f"{number:024x}", sequencer=f"{number:04}", status=FileStatus.RUNNING, batch="readings-1")
        for number in range(3)
    ]
    for one in taken:
        ledger.files.record_arrival(one)
    place = taken[0].place
    assert ledger.contents.loaded_versions([place]) == {place: []}
    ends: list[dict[str, Any]] = [
        {"rows": RowCounts(2, 0, 2)},
        {"status": FileStatus.DUPLICATE},
        {"rows": RowCounts(2, 2)},
    ]
    loaded = [replace(one, **{"status": FileStatus.LOADED} | end) for one, end in zip(taken, ends, strict=True)]
    ledger.batches.settle(batch(), loaded)
    assert [one.sequencer for one in ledger.contents.loaded_versions([place])[place]] == ["0000", "0002"]
    ledger.contents.forget_loaded([loaded[0]])
    assert [one.sequencer for one in ledger.contents.loaded_versions([place])[place]] == ["0002"]


def test_a_version_that_is_loaded_again_is_not_forgotten(table: DynamoLedger) -> None:
    spent = file(status=FileStatus.RUNNING, batch="readings-1")
    table.files.record_arrival(spent)
    spent = replace(spent, status=FileStatus.LOADED, rows=RowCounts(2, 0, 2))
    table.batches.settle(batch(), [spent])
    given(table, replace(spent, rows=RowCounts(2, 2)))
    table.contents.forget_loaded([spent])
    assert table.contents.loaded_versions([spent.place])[spent.place]


def test_rows_that_a_file_loses_are_written_once_and_never_come_back(ledger: Any) -> None:
    earlier = file(status=FileStatus.LOADED, batch="readings-1", rows=RowCounts(9, 5, 1, 3))
    given(ledger, earlier)
    assert ledger.files.release_rows(earlier, "p", 2)  # meanwhile
    ledger.files.correct_rows([replace(earlier, rows=RowCounts(9, 3, 3, 3))])
    assert ledger.files.get(earlier.file_id).rows == RowCounts(9, 3, 5, 1)
    ledger.files.correct_rows([replace(earlier, rows=RowCounts(9, 4, 2, 3))])  # by a late function
    ledger.files.correct_rows([replace(earlier, batch="readings-0", rows=RowCounts(9, 0, 6, 3))])
    assert ledger.files.get(earlier.file_id).rows == RowCounts(9, 3, 5, 1)


def test_a_late_outcome_takes_nothing_back(ledger: Any) -> None:
    """Its function was stopped; the batch was recorded by another, and a later one has taken rows out since."""
    runs = file(status=FileStatus.RUNNING, batch="readings-1")
    given(ledger, runs)
    loaded = replace(runs, status=FileStatus.LOADED, rows=RowCounts(9, 6, 0, 3))
    ledger.batches.settle(batch(), [loaded])
    ledger.batches.settle(batch(), [replace(loaded, reason="again")])
    assert ledger.files.get(runs.file_id).reason == "again", "doing it again is allowed"
    ledger.files.correct_rows([replace(loaded, rows=RowCounts(9, 0, 6, 3))])
    for late in (loaded, replace(runs, status=FileStatus.FAILED), replace(runs, status=FileStatus.DUPLICATE)):
        ledger.batches.settle(batch(), [late])
        known = ledger.files.get(runs.file_id)
        assert (known.status, known.rows) == (FileStatus.LOADED, RowCounts(9, 0, 6, 3))


def test_a_late_outcome_takes_no_replay_back(ledger: Any) -> None:
    loaded = file(status=FileStatus.LOADED, batch="readings-1", rows=RowCounts(9, 6, 0, 3))
    given(ledger, loaded)
    assert ledger.files.release_rows(loaded, "p", 2)
    ledger.batches.settle(batch(), [loaded])
    assert ledger.files.get(loaded.file_id).rows == RowCounts(9, 6, 2, 1)


def test_a_late_outcome_leaves_what_a_merge_has_taken(ledger: Any) -> None:
    merging = file(status=FileStatus.MERGING, batch="readings-1", merge="readings-merge-4", rows=RowCounts(9, staged=9))
    given(ledger, merging)
    ledger.batches.settle(batch(), [replace(merging, status=FileStatus.FAILED, merge=None)])
    assert ledger.files.get(merging.file_id) == replace(
        merging, updated_at=ledger.files.get(merging.file_id).updated_at
    )
    merge = batch(batch="readings-merge-4", lane=MERGE)
    ledger.batches.settle(merge, [replace(merging, status=FileStatus.LOADED, rows=RowCounts(9, 9))])
    assert ledger.files.get(merging.file_id).rows == RowCounts(9, 9)


def test_scrubbing_a_file_leaves_its_counts_alone(ledger: Any) -> None:
    loaded = file(
        status=FileStatus.LOADED, batch="readings-1", rows=RowCounts(9, 6, 0, 3), reason="M-17", detected={"a": 1}
    )
    given(ledger, loaded)
    ledger.events.note_file(loaded.file_id, "Transformed", {"first": "M-17"})
    assert ledger.events.scrub_file(loaded.file_id, "M-17".__eq__, dry_run=True) == 2
    ledger.files.correct_rows([replace(loaded, rows=RowCounts(9, 0, 6, 3))])
    assert ledger.events.scrub_file(loaded.file_id, "M-17".__eq__, dry_run=False) == 2
    known = ledger.files.get(loaded.file_id)
    assert (known.reason, known.detected, known.rows) == ("erased", {}, RowCounts(9, 0, 6, 3))
    assert ledger.events.scrub_file(loaded.file_id, "M-17".__eq__, dry_run=False) == 0


def test_how_far_an_outcome_has_come_is_kept(ledger: Any) -> None:
    opened = batch(execution="readings-1")
    assert ledger.batches.open(opened)
    ledger.batches.note_corrected(opened, "f" * 24)
    assert ledger.batches.get(opened.batch).corrected == "f" * 24


def test_a_key_that_was_written_thousands_of_times_costs_as_few_requests(table: DynamoLedger, dynamodb: Any) -> None:
    """Counted on the wire: queries, and reads of the records that they name."""
    calls: list[str] = []

    def note(request: Any, **_: Any) -> None:
        calls.append(request.headers["X-Amz-Target"])

    dynamodb.meta.events.register("before-send.dynamodb", note)
    counted = []
    for start, versions in ((0, 10), (10, 3_000)):
        keys = [f"{number:040}#{number:024x}" for number in range(start, versions)]
        items = [{"pk": "KEY#landing/readings/a.csv", "sk": sk, "file_id": sk[-24:]} for sk in keys]
        items += [asdict(file("a.csv", file_id=sk[-24:], sequencer=sk[:40])) | {"pk": f"FILE#{sk[-24:]}", "sk": "FILE"}
                  for sk in keys]  # fmt: skip
        puts = [{"PutRequest": {"Item": to_item(item | {"status": "duplicate"})}} for item in items]
        for first in range(0, len(puts), 25):
            dynamodb.batch_write_item(RequestItems={TABLE: puts[first : first + 25]})
        calls.clear()
        assert len(table.contents.versions("landing", "readings/a.csv")) == min(versions, 100)
        table.contents.loaded_versions([("landing", "readings/a.csv")])
        counted.append(len(calls))
    assert counted[0] == counted[1] <= 4


def test_a_lane_names_a_batch_no_more(ledger: Any) -> None:
    assert ledger.batches.open(batch())
    ledger.lanes.unlist("readings", LIVE, "readings-0")
    assert ledger.lanes.state("readings", LIVE).open_batch == "readings-1"
    ledger.batches.save(batch(status=BatchStatus.HELD))
    for _ in range(2):
        ledger.lanes.unlist("readings", LIVE, "readings-1")
        assert ledger.lanes.state("readings", LIVE) == LaneState(1, began_at=batch().started_at)


def test_a_mark_is_taken_away_from_a_file_that_does_not_wait(ledger: Any) -> None:
    waiting = ledger.files.record_arrival(file("a"))
    loaded = ledger.files.record_arrival(file("b"))
    given(ledger, replace(loaded, status=FileStatus.LOADED))
    for one in (waiting, loaded):
        ledger.lanes.drop_marker(one, LIVE)
    assert [found.key for found in ledger.lanes.pending("readings", LIVE, 9)] == ["readings/a"]


@pytest.mark.parametrize(
    ("status", "waits_in"),
    [
        (FileStatus.PENDING, BACKFILL),
        (FileStatus.STAGED, MERGE),
        (FileStatus.RUNNING, None),
        (FileStatus.MERGING, None),
    ],
)
def test_a_mark_stays_only_in_the_lane_in_which_its_file_waits(
    table: DynamoLedger, status: FileStatus, waits_in: str | None
) -> None:
    """A late one of a file that waits for its merge by now, for example, or in another lane since."""
    one = file("a", lane=BACKFILL, status=status)
    given(table, one)
    items = table.files._table
    for lane in (LIVE, BACKFILL, MERGE):
        items.put(items.putting(pending_pk("readings", lane), pending_sk(one), marker(one)))
        table.lanes.drop_marker(one, lane)
    left = [lane for lane in (LIVE, BACKFILL, MERGE) if table.lanes.pending("readings", lane, 9)]
    assert left == ([waits_in] if waits_in else [])


def test_a_lane_knows_when_it_loaded_last_and_since_when_it_fails(ledger: Any) -> None:
    opened = batch(execution="readings-1")
    ledger.batches.open(opened)
    ledger.batches.note_reason(replace(opened, failed_at="2026-01-01T00:00:00.000000Z"), "busy")
    ledger.batches.note_reason(replace(opened, failed_at="2026-01-02T00:00:00.000000Z"), "busy still")
    failed = ledger.batches.get("readings-1")
    assert (failed.reason, failed.failed_at) == ("busy still", "2026-01-01T00:00:00.000000Z")
    for told in ("AGAIN one", "AGAIN one", "KEPT two"):
        ledger.lanes.note_trouble(failed, told, waits=True)
    state = ledger.lanes.state("readings", LIVE)
    assert (state.failing_since, state.notified) == (failed.failed_at, ("AGAIN one", "KEPT two"))
    assert not state.recovered
    ledger.batches.save(replace(failed, status=BatchStatus.LOADED, rows=RowCounts(1, 1)))
    ended = ledger.lanes.state("readings", LIVE)
    assert ended.recovered
    assert (ended.notified, ended.open_batch) == ((), None)
    ledger.lanes.end_trouble("readings", LIVE, "another time")
    assert ledger.lanes.state("readings", LIVE).failing_since
    ledger.lanes.end_trouble("readings", LIVE, str(failed.failed_at))
    assert not ledger.lanes.state("readings", LIVE).failing_since


def test_what_is_told_alone_is_no_trouble_and_a_batch_without_rows_no_sign_of_life(ledger: Any) -> None:
    ledger.batches.open(batch())
    ledger.lanes.note_trouble(batch(), "AGAIN unknown", waits=False)
    ledger.batches.save(batch(status=BatchStatus.LOADED, rows=RowCounts(3, duplicate=3)))
    state = ledger.lanes.state("readings", LIVE)
    assert (state.failing_since, state.loaded_at, state.notified) == (None, None, ("AGAIN unknown",))


def test_a_file_that_is_set_apart_waits_with_the_times_of_its_failure(ledger: Any) -> None:
    ledger.files.record_arrival(file())
    ledger.batches.open(batch(file_ids=(file().file_id,)))
    (taken,) = ledger.batches.take(batch(file_ids=(file().file_id,)))
    apart = replace(taken, batch=None, suspects="apart", failing_since="t1", apart_since="t2")
    assert ledger.files.requeue(apart, taken)
    (waiting,) = ledger.lanes.pending("readings", LIVE, 9)
    assert (waiting.suspects, waiting.failing_since, waiting.apart_since) == ("apart", "t1", "t2")


SEVEN = datetime(2026, 11, 30, 7, tzinfo=UTC).timestamp()


def refused(name: str, cause: Cause = Cause.EMPTY, **changes: Any) -> tuple[FileRecord, Group]:
    """A file that is refused at half past seven, with its group."""
    one = file(name, **{"status": FileStatus.FAILED, "reason": "no", "arrived_at": "2026-11-30T07:29:59Z"} | changes)
    return one, group_of(one, cause, "#meters", SEVEN + 1800)


def test_the_first_of_a_kind_opens_the_group_that_the_others_join(ledger: Any) -> None:
    storms = ledger.storms
    (first, group), (_, other) = refused("a"), refused("b")
    assert storms.join(group) == group
    assert storms.join(other) == storms.join(group) == group
    assert group.opened_by == first.file_id
    assert storms.join(refused("c", Cause.TOO_LARGE)[1]).opened_by != first.file_id
    assert storms.unreported("2026-11-30T06") == []
    assert [item.cause for item in storms.unreported("2026-11-30T07")] == ["empty", "too large"]
    assert storms.unreported("2026-11-30T07")[0] == group


def test_a_file_is_counted_with_its_record_once(ledger: Any) -> None:
    group = ledger.storms.join(refused("a")[1])
    for name in "bcdefgh" * 2:
        ledger.files.record_arrival(refused(name)[0], group)
    counted = ledger.storms.counted(group)
    assert (counted.number, len(counted.examples), counted.more) == (7, 5, False)
    assert all(key.startswith("readings/") for key in counted.examples)
    later = replace(group, hour="2026-11-30T08")
    ledger.files.record_arrival(refused("b")[0], later)
    assert ledger.storms.counted(later).number == 0


def test_very_many_are_not_counted_to_their_end(ledger: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.adapters.ledger.storms.MOST_COUNTED", 3)
    monkeypatch.setattr("tests.support.ledger_fakes.MOST_COUNTED", 3)
    group = ledger.storms.join(refused("a")[1])
    for name, more in (("b", False), ("c", False), ("d", False), ("e", True)):
        ledger.files.record_arrival(refused(name)[0], group)
        assert ledger.storms.counted(group).more is more
    assert ledger.storms.counted(group).number == 3


def test_strays_make_no_more_groups_than_there_is_room_for(ledger: Any) -> None:
    for n in range(MOST_FOLDERS + 5):
        stray = refused("x", Cause.STRAY, dataset="", key=f"{n}/x", file_id=f"{n:024}")[1]
        folder = stray.folder if n < MOST_FOLDERS else "*"
        assert ledger.storms.join(stray).folder == ledger.storms.join(stray).folder == folder
    assert len(ledger.storms.unreported("2026-11-30T07")) == MOST_FOLDERS + 1


def test_a_group_is_claimed_by_one_at_a_time_until_it_is_told(ledger: Any) -> None:
    storms = ledger.storms
    assert not storms.claim(refused("a")[1], SEVEN)
    group = storms.join(refused("a")[1])
    assert storms.claim(group, SEVEN)
    assert not storms.claim(group, SEVEN + 300)
    assert storms.claim(group, SEVEN + 301)
    storms.note_reported(group)
    assert not storms.claim(group, SEVEN + 1000)
    assert storms.unreported(group.hour) == []


def test_the_hour_that_was_told_moves_forward_only(ledger: Any) -> None:
    assert ledger.storms.reported_hour() is None
    for hour in ("2026-11-30T07", "2026-11-30T09", "2026-11-30T08"):
        ledger.storms.note_reported_hour(hour)
    assert ledger.storms.reported_hour() == "2026-11-30T09"


def test_everything_about_a_group_goes_after_a_week(table: DynamoLedger, dynamodb: Any) -> None:
    group = table.storms.join(refused("a", Cause.STRAY, dataset="")[1])
    table.files.record_arrival(refused("b", Cause.STRAY, dataset="")[0], group)
    items = [item for item in dynamodb.scan(TableName=TABLE)["Items"] if item["pk"]["S"].startswith("NOTICES")]
    assert len(items) == 3
    assert all(6 < (int(item["expires"]["N"]) - time.time()) / 86_400 < 7.1 for item in items)


def test_three_hundred_refused_objects_are_seven_messages_also_when_ten_functions_record_them(
    table: DynamoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = SEVEN + 60
    monkeypatch.setattr(clock, "seconds", lambda: at)
    services = MemoryServices(ledger=table)  # type: ignore[arg-type]
    keys = [f"readings/{n}.csv" for n in range(150)] + [f"stray/{n}.csv" for n in range(99)] + ["alone.csv"]
    arrivals = [Arrival("landing", key, "v", 0 if "readings" in key else 5, "e", "01", now()) for key in keys]
    arrivals += [Arrival("landing", f"folder{n}/", "v", 0, "e", "01", now()) for n in range(50)]
    with ThreadPoolExecutor(10) as starters:
        list(starters.map(lambda arrival: starter.record(arrival, services), arrivals + arrivals[::10]))
    assert len(services.topic.notices) == 4
    at += 3600 + 120
    assert report_storms(services) == 3
    titles = sorted(notice.title for notice in services.topic.notices[4:])
    assert [title.partition(" more ")[0] for title in titles] == [
        "Unroutable: 49",
        "Unroutable: 98",
        "readings: 149",
    ]
    assert report_storms(services) == 0


def test_the_audit_is_in_order_over_months_and_an_entry_becomes_what_came_of_it(ledger: Any) -> None:
    old = AuditEntry("a1", "2025-11-30T23:59:00Z", "retry", "ada", "host", "readings", ("f1",), 1, "fixed")
    new = AuditEntry("a2", "2026-01-01T00:00:00Z", "erase", "ada", "host", about=tuple(map(str, range(200))))
    for entry in (new, old):
        ledger.audit.write(entry)
    ledger.audit.write(replace(old, outcome="done"))
    found = list(ledger.audit.since("2025-11-30T00:00:00Z"))
    assert [(entry.id, entry.outcome) for entry in found] == [("a1", "done"), ("a2", BEGUN)]
    assert found[0] == replace(old, outcome="done")
    assert (len(found[1].about), found[1].number) == (MOST_NAMED, 200)
    assert [entry.id for entry in ledger.audit.since("2026-01-01T00:00:00Z")] == ["a2"]


def test_the_audit_expires_after_days_of_its_own(dynamodb: Any, table: DynamoLedger) -> None:
    entry = AuditEntry("a1", now(), "retry", "ada", "host")
    DynamoLedger(dynamodb, TABLE, keep_days=1, audit_days=10).audit.write(entry)
    item = dynamodb.scan(TableName=TABLE)["Items"][0]
    assert int(item["expires"]["N"]) == pytest.approx(time.time() + 10 * 86_400, abs=60)
    table.audit.write(entry)
    assert "expires" not in dynamodb.scan(TableName=TABLE)["Items"][0]
