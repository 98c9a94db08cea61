"""When the next execution of a lane begins, and how long it waits first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.domain.clock import written
from headrace.domain.executions import execution_name
from headrace.domain.ingest.lane import ALONE, LaneState
from headrace.domain.ingest.ledger import LIVE, MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.domain.ingest.packing import APART
from headrace.usecases.ingest.hand_over import IDLE_SECONDS, hand_over
from tests.support.fakes import MemoryServices, contract, contracts_of
from tests.support.fakes import file as any_file


def ago(seconds: float) -> str:
    return written(datetime.now(UTC) - timedelta(seconds=seconds))


def file(name: str = "a.csv", **changes: Any) -> FileRecord:
    """A file that has just arrived."""
    return any_file(name, **{"arrived_at": ago(0)} | changes)


class Lane:
    """A lane whose first execution has ended, and its batch with it; groups wait for a minute."""

    def __init__(self, *waiting: FileRecord, lane: str = LIVE, state: LaneState = LaneState(), **changes: Any) -> None:  # noqa: B008
        self.services = MemoryServices(contracts=contracts_of(contract(wait_seconds=60, **changes)))
        self.lane = lane
        self.services.ledger.records.lanes["readings", lane] = state
        self.batch = execution_name("readings", lane, 1)
        ended = BatchRecord(self.batch, "readings", lane, 1, BatchStatus.FAILED, (), "t")
        self.services.ledger.records.batches[self.batch] = ended
        for each in waiting:
            self.services.ledger.given(each)
            self.services.ledger.records.waiting[each.queue, each.file_id] = each

    def goes_on(self) -> bool:
        return hand_over("readings", self.lane, 1, self.services)

    @property
    def waits(self) -> list[int]:
        return self.services.workflow.waits


def test_where_nothing_waits_nothing_is_started_and_the_generation_moves_on() -> None:
    lane = Lane()
    assert not lane.goes_on()
    assert (lane.waits, lane.services.ledger.lanes.state("readings", LIVE).generation) == ([], 2)
    assert not lane.goes_on(), "once more it changes nothing"
    assert lane.services.ledger.lanes.state("readings", LIVE).generation == 2


def test_what_waits_is_taken_up_after_the_wait_for_its_group() -> None:
    lane = Lane(file())
    assert lane.goes_on()
    assert lane.waits[0] == pytest.approx(60, abs=3)
    assert lane.services.workflow.status("readings", LIVE, 2) == "RUNNING"


def test_a_file_that_came_while_the_batch_before_was_loaded_waits_from_its_arrival() -> None:
    lane = Lane(
        file("a.csv", arrived_at=ago(40)), file("b.csv"), file("c.csv", arrived_at=ago(50), released="readings-0")
    )
    lane.goes_on()
    assert lane.waits[0] == pytest.approx(20, abs=3), "a released file was held up by people"
    alone = Lane(file("a.csv", arrived_at=ago(40)))
    alone.services.wake_ups = ALONE
    alone.goes_on()
    assert alone.waits == [60]


@pytest.mark.parametrize("held", [True, False])
def test_while_people_are_to_decide_the_lane_waits_if_the_contract_wants_that(held: bool) -> None:
    state = LaneState(held=("readings-0",) if held else ())
    assert Lane(file(), state=state, wait_while_held=True).goes_on() is not held
    assert Lane(file(), state=state).goes_on()


def test_a_batch_that_was_left_open_goes_on_even_if_nothing_else_waits() -> None:
    for waiting in ([], [file()]):
        lane = Lane(*waiting, state=LaneState(open_batch="readings-1", held=("readings-0",)), wait_while_held=True)
        lane.services.ledger.records.batches["readings-1"] = BatchRecord(
            "readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, (), "t", attempts=2
        )
        assert lane.goes_on()
        assert lane.waits == [16]


@pytest.mark.parametrize(
    ("files", "wait"),
    [
        ([file(suspects="readings-1")], 0),
        ([file(), file("b", suspects="readings-1")], 0),
        ([file(suspects=APART, apart_since="2026-01-02")], 60),
        ([file(suspects=APART, apart_since="2025-12-30")], 0),
    ],
    ids=["suspects", "beside others", "they wait for others", "others have loaded"],
)
def test_the_search_for_a_file_that_fails_its_batch_does_not_wait(files: list[FileRecord], wait: int) -> None:
    lane = Lane(*files, state=LaneState(loaded_at="2026-01-01"))
    lane.goes_on()
    assert lane.waits[0] == pytest.approx(wait, abs=3)


@pytest.mark.parametrize(
    ("ages", "waits"),
    [((100,), 50), ((100, 300), 150), ((100, None), 60)],
    ids=["one", "the longest", "another that may load"],
)
def test_where_all_that_waits_has_been_failing_it_is_tried_ever_later(ages: tuple[Any, ...], waits: int) -> None:
    files = [
        file(str(number), suspects=APART, failing_since=ago(age)) if age else file(str(number))
        for number, age in enumerate(ages)
    ]
    lane = Lane(*files)
    lane.goes_on()
    assert lane.waits[0] == pytest.approx(waits, abs=3)


STAGED = file(status=FileStatus.STAGED, batch="readings-1")


@pytest.mark.parametrize(("staged", "started"), [(True, True), (False, False)])
def test_what_a_batch_has_staged_is_announced_to_the_merges(staged: bool, started: bool) -> None:
    lane = Lane(STAGED, staged=staged, merge_seconds=900)
    assert not lane.goes_on()
    assert (lane.services.workflow.status("readings", MERGE, 1) == "RUNNING") is started


def test_where_nothing_is_staged_no_merge_is_woken() -> None:
    lane = Lane(file(), staged=True, merge_seconds=900)
    lane.goes_on()
    assert lane.services.workflow.status("readings", MERGE, 1) is None


@pytest.mark.parametrize(("files", "at_once"), [(1, False), (2, True), (3, True)])
def test_a_merge_that_is_full_does_not_wait_for_its_time(files: int, at_once: bool) -> None:
    waiting = [replace(STAGED, file_id=str(number)) for number in range(files)]
    lane = Lane(*waiting, lane=MERGE, staged=True, merge_seconds=900, most_files=2)
    lane.goes_on()
    assert (lane.waits[0] == 0) is at_once
    full = Lane(*(file(str(number)) for number in range(2)), most_files=2)
    full.goes_on()
    assert full.waits[0] > 50, "loads wait for their group"


@pytest.mark.parametrize("made", [True, False])
def test_behind_an_execution_that_made_no_batch_the_next_waits(made: bool) -> None:
    """Nobody could take what waits: else one execution after the other would begin and end at once."""
    lane = Lane(file(suspects="1"))
    if not made:
        del lane.services.ledger.records.batches[lane.batch]
    assert lane.goes_on()
    assert lane.waits == ([0] if made else [IDLE_SECONDS])
