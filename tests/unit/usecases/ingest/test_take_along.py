"""What waits for its group is taken along by the next group of any dataset that begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.domain import clock
from headrace.domain.clock import written
from headrace.domain.ingest.lane import ALONE, MOST_TAKEN, LaneState, Sleeper, WakeUps
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import NO_BATCH, record_batch
from headrace.usecases.ingest.record_outcome import record_outcome
from headrace.usecases.ingest.starter import take_along, wake
from tests.support.fakes import MemoryServices, contract, contracts_of, file

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Two:
    """Two datasets: meters wait 13 minutes, alarms half a minute."""

    def __init__(self) -> None:
        self.at = NOON
        meters = contract("meters", wait_seconds=780, freshness_seconds=900)
        alarms = contract("alarms", wait_seconds=30, freshness_seconds=60)
        self.services = MemoryServices(contracts=contracts_of(meters, alarms))

    def lands(self, dataset: str, lane: str = LIVE) -> None:
        """A file, and the lane is woken."""
        landed = file(f"{self.at:%M%S}-{dataset}", dataset=dataset, lane=lane, arrived_at=clock.now())
        self.services.files.record_arrival(landed)
        wake(dataset, self.services, lane, landed.arrived_at)

    def begins(self, dataset: str, generation: int, lane: str = LIVE) -> str | None:
        """The batch that an execution makes after its wait."""
        name = record_batch(dataset, lane, generation, f"{dataset}-{generation}", self.services)["batch"]
        return str(name) if name else None

    def ends(self, dataset: str, generation: int) -> None:
        """A batch whose files were all loaded before."""
        batch = self.services.batches.get(f"{dataset}-{generation}")
        record_outcome(batch, [FileResult(each, Verdict.DUPLICATE, 1) for each in batch.file_ids], self.services)
        hand_over(dataset, LIVE, generation, self.services)

    def passes(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def started(self, dataset: str, generation: int, lane: str = LIVE) -> bool:
        return self.services.workflow.status(dataset, lane, generation) is not None


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Two:
    stack = Two()
    monkeypatch.setattr(clock, "utc", lambda: stack.at)
    return stack


@pytest.mark.parametrize("lane", [LIVE, BACKFILL])
def test_what_waits_begins_with_a_group_of_another_dataset(two: Two, lane: str) -> None:
    two.lands("meters", lane)
    two.passes(60)
    two.lands("alarms")
    two.passes(30)
    assert two.begins("alarms", 1) == "alarms-1"
    assert two.started("meters", 2, lane)
    assert two.services.workflow.waits == [780, 30, 0]
    assert two.begins("meters", 2, lane)
    two.passes(690)
    assert two.begins("meters", 1, lane) is None, "the execution that waited is out of its turn"


def test_an_execution_that_is_out_of_its_turn_starts_what_was_not_started(two: Two) -> None:
    two.lands("meters")
    (asleep,) = two.services.sleepers.all()
    two.services.sleepers.take(asleep)  # and the function that took it is killed
    two.passes(780)
    assert two.begins("meters", 1) is None
    assert hand_over("meters", LIVE, 1, two.services)
    assert two.services.workflow.waits == [780, 0], "at once: its time has come"
    assert two.begins("meters", 2) == "meters-2"


def test_a_file_that_starts_the_next_generation_first_counts_the_wait_from_those_before_it(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.lands("meters")
    two.passes(780)
    assert two.begins("meters", 1)
    two.lands("meters")  # while the batch is loaded
    two.passes(600)
    advance = two.services.lanes.advance

    def then_one_lands(*order: Any) -> None:
        advance(*order)
        two.lands("meters")

    monkeypatch.setattr(two.services.lanes, "advance", then_one_lands)
    two.ends("meters", 1)
    assert two.services.workflow.waits == [780, 180], "the file that came in the middle has waited for ten minutes"


def test_a_lane_that_was_taken_and_not_started_is_in_time_for_its_oldest_file(two: Two) -> None:
    two.lands("meters")
    (asleep,) = two.services.sleepers.all()
    two.services.sleepers.take(asleep)  # and the function that took it is killed
    two.passes(600)
    wake("meters", two.services, LIVE)  # the sweeper
    assert two.services.workflow.waits == [780, 180]


def test_files_that_stand_back_do_not_hide_the_oldest_that_is_promised(two: Two) -> None:
    early = file("early", dataset="meters", arrived_at=written(NOON), suspects="apart", failing_since=written(NOON))
    two.services.files.record_arrival(early)
    two.services.files.record_arrival(file("later", dataset="meters", arrived_at=written(NOON)))
    two.passes(600)
    two.lands("meters")
    assert two.services.workflow.waits == [180]


def test_a_dataset_that_loads_every_minute_takes_what_waits_along_at_the_last_time(two: Two) -> None:
    two.lands("meters")
    two.services.ledger.records.lanes["alarms", LIVE] = LaneState(loaded_at=written(NOON))
    for minute in range(1, 13):
        two.passes(60)
        loaded_at = written(two.at - timedelta(seconds=60))
        taken = take_along(loaded_at, two.services)
        assert bool(taken) is (minute == 12), "then a minute is left"


def test_a_dataset_whose_batches_bring_no_rows_takes_what_waits_along_at_the_last_time_as_well(two: Two) -> None:
    two.lands("alarms")
    two.passes(30)
    assert two.begins("alarms", 1)
    two.lands("meters")
    for minute in range(2, 15):
        two.ends("alarms", minute - 1)
        two.lands("alarms")
        two.passes(60)
        assert two.begins("alarms", minute)
        assert two.started("meters", 2) is (minute == 14), "then half a minute is left"


def test_a_batch_that_is_tried_again_takes_nothing_along(two: Two) -> None:
    two.lands("alarms")
    two.passes(30)
    assert two.begins("alarms", 1)
    two.lands("meters")
    two.passes(700)
    two.services.lanes.advance("alarms", LIVE, 1)  # its execution has failed
    assert two.begins("alarms", 2) == "alarms-1"
    assert not two.started("meters", 2)


def test_one_of_several_takes_a_lane_along(two: Two) -> None:
    two.lands("meters")
    (asleep,) = two.services.sleepers.all()
    assert [two.services.sleepers.take(asleep) for _ in range(2)] == [True, False]
    assert two.services.lanes.state("meters", LIVE).generation == 2


def test_a_lane_that_has_begun_is_left_alone(two: Two) -> None:
    two.lands("meters")
    two.begins("meters", 1)  # earlier than was noted
    assert take_along(None, two.services) == []
    assert two.services.lanes.state("meters", LIVE).generation == 1


def test_what_is_tried_again_and_what_is_to_be_merged_is_not_taken_along(two: Two) -> None:
    staged = contract("meters", wait_seconds=780, staged=True, merge_seconds=900)
    two.services.contracts = contracts_of(staged)
    two.passes(1)
    wake("meters", two.services, MERGE)
    two.lands("meters")
    two.begins("meters", 1)
    two.services.workflow.executions.clear()
    two.services.sleepers.noted.clear()
    wake("meters", two.services, LIVE)  # its batch is open: it was left by an execution
    assert (two.services.workflow.waits, two.services.sleepers.all()) == ([899, 779, 4], [])


@pytest.mark.parametrize("wake_ups", [ALONE, WakeUps(longest=5)])
def test_where_it_is_switched_off_or_waits_are_short_nothing_is_noted(two: Two, wake_ups: WakeUps) -> None:
    two.services.wake_ups = wake_ups
    two.lands("meters")
    assert two.services.sleepers.all() == []
    assert two.services.workflow.waits == [780 if wake_ups is ALONE else 5]
    two.services.sleepers.note(Sleeper("meters", LIVE, 1, clock.seconds() + 600))
    assert bool(take_along(None, two.services)) is wake_ups.shared


def test_a_batch_goes_on_where_nothing_can_be_taken_along(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    two.lands("meters")
    monkeypatch.setattr(two.services.sleepers, "take", lambda _: 1 / 0)
    two.lands("alarms")
    two.passes(30)
    assert two.begins("alarms", 1) == "alarms-1"


def test_an_execution_without_a_batch_takes_nothing_along(two: Two) -> None:
    two.lands("meters")
    assert record_batch("alarms", LIVE, 1, "alarms-1", two.services) == NO_BATCH
    assert not two.started("meters", 2)


def test_a_group_takes_so_many_lanes_along_and_the_others_come_in_their_own_time(two: Two) -> None:
    for number in range(MOST_TAKEN + 5):
        two.services.sleepers.note(Sleeper(f"meters_{number}", LIVE, 1, clock.seconds() + 600 - number))
    taken = take_along(None, two.services)
    assert len(taken) == MOST_TAKEN
    assert taken[0].dataset == f"meters_{MOST_TAKEN + 4}", "those whose time comes first"
