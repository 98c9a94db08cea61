"""An execution that no Catch could save: what its batch learns of it, and what the next execution makes of that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.domain.ingest.failure import named
from headrace.domain.ingest.lane import MAX_ATTEMPTS, LaneState
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileStatus
from headrace.errors import TransientError
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.recovery.one_by_one import BrokenError, OneByOne
from headrace.usecases.recovery.recover import recover, sweep
from headrace.usecases.recovery.watch_freshness import watch_promises
from tests.support.fakes import MemoryServices, contract, contracts_of, file

TOO_LARGE = (
    "States.DataLimitExceeded",
    "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit.",
)
SPLITS = named("step-functions-data-limit")


class Lane:
    """A dataset's lane whose executions record a batch and then end with an error."""

    def __init__(self, *names: str) -> None:
        self.services = MemoryServices()
        self.files = [self.services.ledger.files.record_arrival(file(name, arrived_at=name)) for name in names]
        self.services.workflow.start("readings", LIVE, 1, 0)

    @property
    def generation(self) -> int:
        return self.services.lanes.state("readings", LIVE).generation

    def record(self) -> BatchRecord | None:
        """What an execution does first."""
        generation = self.generation
        name = record_batch("readings", LIVE, generation, f"readings-{generation}", self.services)["batch"]
        return self.services.batches.get(name) if name else None

    def die(self, error: str, cause: str = "") -> None:
        self.services.workflow.executions["readings", LIVE, self.generation] = "FAILED"
        self.services.workflow.errors["readings", LIVE, self.generation] = (error, cause)

    def statuses(self) -> list[FileStatus]:
        return [each.status for each in self.services.files.get_all(one.file_id for one in self.files)]

    def told(self) -> str:
        return "\n".join(line for notice in self.services.topic.notices for line in notice.lines)


def swept(lane: Lane) -> None:
    sweep(lane.services, (LIVE,))


def recovered(lane: Lane) -> None:
    assert recover("readings", LIVE, lane.generation, lane.services)


@pytest.mark.parametrize("found_dead", [recovered, swept])
def test_a_batch_that_was_too_large_is_split_by_the_next_execution(found_dead: object) -> None:
    lane = Lane("a", "b")
    whole = lane.record()
    assert whole
    lane.die(*TOO_LARGE)
    assert callable(found_dead)
    found_dead(lane)
    half = lane.record()
    assert half
    assert (len(whole.file_ids), len(half.file_ids)) == (2, 1)
    assert lane.services.batches.get(whole.batch).status is BatchStatus.FAILED
    assert [statement for statement in lane.services.warehouse.ran if f"'{whole.batch}'" in statement]
    assert lane.told().count(SPLITS.advice) == 1


def test_a_single_file_that_is_too_large_fails_with_the_reason() -> None:
    lane = Lane("a")
    assert lane.record()
    lane.die(*TOO_LARGE)
    recovered(lane)
    assert lane.record() is None
    assert lane.statuses() == [FileStatus.FAILED]
    assert "exceeding the maximum number of bytes" in str(lane.services.files.get(lane.files[0].file_id).reason)
    assert SPLITS.advice in lane.told()


def test_the_story_says_what_no_catch_saw() -> None:
    lane = Lane("a", "b")
    batch = lane.record()
    assert batch
    lane.die(*TOO_LARGE)
    recovered(lane)
    (failed,) = [event for event in lane.services.ledger.events.records.events[batch.batch] if event.step == "Failed"]
    assert failed.detail["failure"] == SPLITS.name


def test_another_error_that_no_catch_sees_is_tried_as_often_as_any_and_then_named() -> None:
    lane = Lane("a", "b")
    for attempt in range(MAX_ATTEMPTS):
        batch = lane.record()
        assert batch
        assert (batch.attempts, len(batch.file_ids)) == (attempt + 1, 2)
        lane.die("States.Runtime", "The execution reached the maximum number of history events (25000).")
        recovered(lane)
        assert lane.told().count("maximum number of history events") == 1, "at the first time, and once"
    half = lane.record()
    assert half
    assert len(half.file_ids) == 1
    assert "maximum number of history events" in lane.told()


@pytest.mark.parametrize("error", ["LoadRefused", "States.Timeout", ""])
def test_an_error_that_a_catch_saw_or_that_names_no_cause_changes_no_batch(error: str) -> None:
    lane = Lane("a", "b")
    batch = lane.record()
    assert batch
    lane.die(error, "busy")
    recovered(lane)
    assert lane.services.batches.get(batch.batch).reason is None


def test_an_event_that_comes_late_does_not_blame_the_next_executions_batch() -> None:
    lane = Lane("a", "b")
    assert lane.record()
    lane.die(*TOO_LARGE)
    recovered(lane)
    assert lane.record()
    recover("readings", LIVE, 1, lane.services)
    open_batch = lane.services.lanes.state("readings", LIVE).open_batch
    assert open_batch
    assert lane.services.batches.get(open_batch).reason is None


def test_an_execution_that_died_before_it_had_a_batch_is_followed_by_the_next() -> None:
    lane = Lane("a")
    lane.die(*TOO_LARGE)
    recovered(lane)
    assert lane.generation == 2


def test_the_first_failure_that_no_catch_saw_begins_the_patience_and_a_later_one_does_not() -> None:
    lane = Lane("a", "b")
    batch = lane.record()
    assert batch
    lane.die("States.Runtime", "The execution reached the maximum number of history events (25000).")
    recovered(lane)
    first = lane.services.batches.get(batch.batch).failed_at
    assert first
    assert lane.record()
    lane.die("States.Runtime", "The execution reached the maximum number of history events (25000).")
    recovered(lane)
    assert lane.services.batches.get(batch.batch).failed_at == first


def test_a_failure_that_no_catch_saw_goes_on_with_the_patience_of_its_files() -> None:
    lane = Lane("a", "b")
    batch = lane.record()
    assert batch
    lane.services.ledger.records.batches[batch.batch] = replace(batch, failed_at="2026-01-01T00:00:00.000000Z")
    lane.die("States.Runtime", "odd")
    recovered(lane)
    assert lane.services.batches.get(batch.batch).failed_at == "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_a_lane_whose_execution_has_ended_without_handing_over_goes_on(status: str) -> None:
    lane = Lane("a")
    lane.services.workflow.executions["readings", LIVE, 1] = status
    assert sweep(lane.services, (LIVE,)) == ["readings/live"]
    assert lane.generation == 2


def test_only_lanes_with_something_to_do_are_started() -> None:
    lane = Lane("a")
    del lane.services.workflow.executions["readings", LIVE, 1]
    assert sweep(lane.services) == ["readings/live"], "not backfill, not merge"
    assert sweep(lane.services) == [], "it runs"
    batch = lane.record()
    assert batch
    del lane.services.workflow.executions["readings", LIVE, 1]
    lane.services.ledger.records.waiting.clear()
    assert sweep(lane.services) == ["readings/live"], "its open batch is left"


def test_a_lane_that_waits_for_a_decision_is_not_started() -> None:
    lane = Lane("a")
    del lane.services.workflow.executions["readings", LIVE, 1]
    lane.services.contracts = contracts_of(contract(wait_while_held=True))
    lane.services.ledger.records.lanes["readings", LIVE] = LaneState(held=("readings-0",))
    assert sweep(lane.services) == []


def test_a_broken_record_keeps_no_other_dataset_from_being_helped() -> None:
    """The lane of `meters` names a batch that the ledger does not have: so does each look at it."""
    lane = Lane("a")
    lane.services.contracts = contracts_of(contract("meters", freshness_seconds=60), contract())
    lane.services.ledger.records.lanes["meters", LIVE] = LaneState(open_batch="meters-7")
    del lane.services.workflow.executions["readings", LIVE, 1]
    for look in (sweep, watch_promises):
        with pytest.raises(BrokenError, match=r"left out: .*meters.*KeyError at .*get\)$"):
            look(lane.services)
    assert ("readings", LIVE, 1) in lane.services.workflow.executions


def test_what_may_pass_for_all_that_were_left_out_is_transient() -> None:
    each = OneByOne()
    for number in range(30):
        with each.of(f"readings-{number}"):
            raise TransientError("throttled")
    with pytest.raises(TransientError, match=r"readings-19 .*, 10 more$"):
        each.end()
    OneByOne().end()
