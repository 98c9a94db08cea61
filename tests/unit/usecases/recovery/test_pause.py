"""A dataset that is paused: what begins, who is notified, and how it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.domain import clock
from headrace.domain.clock import written
from headrace.domain.ingest.ledger import BACKFILL, LANES, LIVE, MERGE, BatchRecord, BatchStatus, FileStatus
from headrace.errors import TerminalError
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.recovery.pause import MOST_DAYS, pause, resume
from headrace.usecases.recovery.recover import sweep
from headrace.usecases.recovery.watch_freshness import watch_promises
from headrace.usecases.recovery.watch_waiting import watch_waiting
from tests.support.fakes import MemoryServices, contract, contracts_of, file

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
        self.services = MemoryServices(contracts_of(contract(freshness_seconds=600, channel="#meters", **changes)))
        self.now = NOON
        monkeypatch.setattr(clock, "utc", lambda: self.now)

    def land(self, name: str = "a.csv", lane: str = LIVE, **changes: Any) -> None:
        self.services.files.record_arrival(file(name, arrived_at=written(self.now), lane=lane, **changes))

    def pause(self, hours: float | None = 2, reason: str = "rebuild") -> None:
        until = written(self.now + timedelta(hours=hours)) if hours is not None else None
        pause("readings", "ann", until, reason, self.services)

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)

    def titles(self) -> list[str]:
        return [notice.title for notice in self.services.topic.notices]

    def started(self) -> list[str]:
        return [lane for _, lane, _ in self.services.workflow.executions]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_no_lane_begins_until_it_is_resumed(world: World) -> None:
    world.pause()
    for lane in (LIVE, BACKFILL):
        world.land(f"{lane}.csv", lane)
    assert sweep(world.services) == []
    assert record_batch("readings", LIVE, 1, "readings-1", world.services)["batch"] is None
    assert not hand_over("readings", LIVE, 1, world.services)
    assert world.started() == []
    ended = resume("readings", world.services)
    assert ended is not None
    assert (ended.by, ended.reason) == ("ann", "rebuild")
    assert sorted(world.started()) == [BACKFILL, LIVE]
    assert resume("readings", world.services) is None


def test_what_waited_is_loaded_in_the_order_of_its_arrival(world: World) -> None:
    world.pause()
    for name in ("b.csv", "c.csv", "a.csv"):
        world.land(name)
        world.pass_(minutes=1)
    resume("readings", world.services)
    batch = record_batch("readings", LIVE, 1, "readings-1", world.services)["batch"]
    files = world.services.files.get_all(world.services.batches.get(batch).file_ids)
    assert [item.key for item in files] == ["readings/b.csv", "readings/c.csv", "readings/a.csv"]


def test_a_batch_that_runs_is_named_and_retried_to_its_end(world: World) -> None:
    world.land()
    running = record_batch("readings", LIVE, 1, "readings-1", world.services)["batch"]
    paused = pause("readings", "ann", None, "", world.services)
    assert paused.running == (running,)
    world.land("later.csv")
    assert hand_over("readings", LIVE, 1, world.services), "its next attempt begins"
    assert record_batch("readings", LIVE, 2, "readings-2", world.services)["batch"] == running
    world.services.batches.save(BatchRecord(running, "readings", LIVE, 1, BatchStatus.FAILED, (file().file_id,), "t"))
    assert not hand_over("readings", LIVE, 2, world.services)


def test_staged_rows_wait_for_their_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, staged=True)
    world.services.ledger.given(staged := file(status=FileStatus.STAGED, batch="readings-1"))
    world.services.ledger.records.waiting[MERGE, staged.file_id] = staged
    world.pause()
    assert (sweep(world.services), world.started()) == ([], [])
    resume("readings", world.services)
    assert world.started() == [MERGE]


def test_it_ends_by_itself_and_people_are_notified_once(world: World) -> None:
    world.pause(hours=2)
    world.land()
    world.pass_(hours=1, minutes=59)
    assert (sweep(world.services), world.titles()) == ([], [])
    world.pass_(minutes=1)
    assert sweep(world.services) == ["readings/live"]
    assert sweep(world.services) == []
    assert world.titles() == ["readings: the pause has ended"]
    (notice,) = world.services.topic.notices
    assert notice.lines[0].startswith("ann had paused it at 2026-03-02T12:00:00.000000Z until 2026-03-02T14:00:00")
    assert (notice.level, notice.channel) == ("ok", "#meters")
    assert all(world.services.lanes.state("readings", lane).pause is None for lane in LANES)


def test_a_second_pause_takes_the_place_of_the_first(world: World) -> None:
    world.pause(hours=1)
    first = world.services.lanes.state("readings", LIVE).pause
    assert first is not None
    world.pass_(minutes=30)
    world.pause(hours=5)
    assert not world.services.lanes.resume("readings", LIVE, first), "nor does the end of the first end the second"
    world.pass_(hours=2)
    assert (sweep(world.services), world.titles()) == ([], [])


def test_it_ends_in_a_day_unless_it_says_otherwise_and_in_a_month_at_the_latest(world: World) -> None:
    world.pause(hours=None)
    paused = world.services.lanes.state("readings", LIVE).pause
    assert paused is not None
    assert paused.until == written(NOON + timedelta(days=1))
    world.pause(hours=24 * MOST_DAYS)
    with pytest.raises(TerminalError, match="30 days at most"):
        world.pause(hours=24 * MOST_DAYS + 0.1)
    with pytest.raises(TerminalError, match="which is past"):
        world.pause(hours=0)


def test_nobody_is_called_for_what_waits_and_late_counts_from_the_end(world: World) -> None:
    world.pause(hours=3)
    world.land()
    world.pass_(hours=2)
    assert watch_promises(world.services) == []
    resume("readings", world.services)
    world.pass_(minutes=9)
    assert watch_promises(world.services) == []
    world.pass_(minutes=2)
    assert watch_promises(world.services) == ["readings"]
    assert world.titles() == ["readings: data is late"]


def test_a_trouble_that_people_know_of_is_not_over_because_it_is_paused(world: World) -> None:
    world.land()
    world.pass_(minutes=11)
    assert watch_promises(world.services) == ["readings"]
    world.pause(hours=20)
    for _ in range(12):
        world.pass_(hours=1)
        assert watch_promises(world.services) == []
    assert world.titles() == ["readings: data is late"]


def test_files_without_a_marker_are_reported_after_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, marker="_SUCCESS", patience_seconds=3600)
    watch_waiting(world.services)
    world.pause(hours=3)
    world.land(status=FileStatus.WAITING)
    world.pass_(hours=2)
    assert watch_waiting(world.services) == []
    resume("readings", world.services)
    assert watch_waiting(world.services) == ["readings"]
    assert watch_waiting(world.services) == []


def test_what_has_waited_for_hours_does_not_wait_for_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, wait_seconds=500)
    world.pause(hours=3)
    world.land()
    world.pass_(hours=2)
    resume("readings", world.services)
    assert world.services.workflow.waits == [0]
