"""People are notified once of what does not come, comes wrong or waits too long, and once that it is over."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headrace.domain import clock
from headrace.domain.clock import written
from headrace.domain.expected.calendar import Expectation
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import DELETED, LANES, LIVE, FileStatus, RowCounts
from headrace.domain.ingest.replay import replay_name
from headrace.domain.ingest.reported import WATCHED
from headrace.usecases.recovery import watch_arrivals as module
from headrace.usecases.recovery.pause import pause, resume
from headrace.usecases.recovery.watch_arrivals import watch_arrivals
from tests.support.fakes import MemoryServices, contract, contracts_of, file

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
REPLAYED = f"readings/replay/{replay_name('0' * 24, 'readings-1', [1])}.csv"
TWO = Expectation("morning", minutes=360, weekdays=(0, 1, 2, 3, 4), least=2, most=2, least_bytes=50)


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
        self.made = contract(channel="#meters", **changes)
        self.services = MemoryServices(contracts_of(self.made))
        self.now = MONDAY - timedelta(days=7)
        monkeypatch.setattr(clock, "utc", lambda: self.now)

    def land(self, name: str, at: datetime, **changes: Any) -> None:
        self.services.ledger.given(file(name, arrived_at=written(at), **changes))

    def look(self, at: datetime | None = None) -> list[str]:
        self.now = at or self.now
        return watch_arrivals(self.services)

    def each_hour(self, until: datetime) -> None:
        while self.now < until:
            self.look(self.now + timedelta(hours=1))

    def two(self, day: datetime, hour: float = 4) -> None:
        for number in range(2):
            self.land(f"{day:%d}-{number}.csv", day + timedelta(hours=hour))

    def titles(self) -> list[str]:
        return [notice.title for notice in self.services.topic.notices]

    def redeploy(self, **changes: Any) -> None:
        self.services.contracts = contracts_of(contract(channel="#meters", **changes))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(monkeypatch, expected=(TWO,))
    made.look()
    for number in range(-6, -2):
        made.two(MONDAY + timedelta(days=number))
    made.each_hour(MONDAY)
    assert made.titles() == []
    return made


def test_what_is_missing_is_one_incident_that_is_resolved_when_it_has_come(world: World) -> None:
    world.two(MONDAY, hour=8)
    world.each_hour(MONDAY + timedelta(hours=12))
    begun, ended = world.services.topic.notices
    assert begun.title == "readings: no file has come by Mon 2026-03-02 06:00 UTC"
    assert begun.lines[-1] == "`headrace files readings --since 2026-02-27T06:00Z` lists what has come."
    assert (begun.level, begun.cause, begun.channel) == ("critical", "files-missing", "#meters")
    assert begun.incident is not None
    assert ended.incident is not None
    assert (begun.incident.action, ended.incident.action) == ("trigger", "resolve")
    assert begun.key == ended.key == "headrace/files-missing/readings/morning"
    assert ended.lines[0] == "The files due Mon 2026-03-02 06:00 UTC are complete, 2 h late."


def test_too_few_say_how_many_and_which_is_too_small(world: World) -> None:
    world.land("a.csv", MONDAY + timedelta(hours=3), size=1000)
    world.land("b.csv", MONDAY + timedelta(hours=3), size=49)
    world.each_hour(MONDAY + timedelta(hours=8))
    (notice,) = world.services.topic.notices
    assert notice.title == "readings: 1 good file by Mon 2026-03-02 06:00 UTC, 2 expected"
    assert notice.lines[0] == "readings/b.csv has less than 50 bytes."


def test_too_many_is_a_warning_until_the_next_day_is_as_expected(world: World) -> None:
    world.two(MONDAY)
    world.land("another.csv", MONDAY + timedelta(hours=5))
    world.two(MONDAY + timedelta(days=1))
    world.each_hour(MONDAY + timedelta(days=2))
    begun, ended = world.services.topic.notices
    assert (begun.level, begun.cause, begun.incident) == ("warning", "files-too-many", None)
    assert begun.title == "readings: 3 files by Mon 2026-03-02 06:00 UTC, 2 expected"
    assert ended.lines[0] == "Those due Tue 2026-03-03 06:00 UTC have come in time."


def test_what_no_supplier_sent_does_not_count(world: World) -> None:
    world.land("gone.csv", MONDAY + timedelta(hours=4), version=f"{DELETED}1")
    world.services.ledger.given(file("r", key=REPLAYED, arrived_at=written(MONDAY + timedelta(hours=4))))
    world.each_hour(MONDAY + timedelta(hours=8))
    assert world.titles() == ["readings: no file has come by Mon 2026-03-02 06:00 UTC"]


def test_markers_do_not_count_and_names_must_fit_the_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    only = Expectation("north", minutes=360, pattern="north-*.csv")
    world = World(monkeypatch, expected=(only,), marker="*.done")
    world.look()
    for day in range(-7, 1):
        start = MONDAY + timedelta(days=day, hours=1)
        for name in ("north.done", "south-1.csv", *(["north-1.csv"] if day < 0 else [])):
            world.land(f"{day}{name}"[len(str(day)) :], start + timedelta(days=0), file_id=f"{day}{name}")
    world.each_hour(MONDAY + timedelta(hours=8))
    assert [title.partition(" by")[0] for title in world.titles()] == ["readings: no file has come"]


def test_of_many_files_that_no_pattern_fits_so_many_are_read_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    north, south = (Expectation(name, minutes=360, pattern=f"{name}-*.csv") for name in ("north", "south"))
    world = World(monkeypatch, expected=(north, south))
    monkeypatch.setattr(module, "MOST_LOOKED_AT", 50)
    world.look()
    for day in range(-7, 0):
        for name in ("north", "south"):
            world.land(f"{name}-{day}.csv", MONDAY + timedelta(days=day, hours=1), file_id=f"{name}{day}")
    world.each_hour(MONDAY)
    assert world.titles() == []
    for minute in range(300):
        world.land(f"{minute:03}", MONDAY + timedelta(minutes=minute))
    numbers = count_reads(world, monkeypatch)
    for look in range(6):
        world.look(MONDAY + timedelta(minutes=365 + 5 * look))
    assert numbers == [51] * 6, "one time each look, and the file that shows that there are more"
    keys = {f"headrace/files-missing/readings/{name}" for name in ("north", "south")}
    assert {notice.key for notice in world.services.topic.notices} == keys
    assert len(world.titles()) == 2
    for notice in world.services.topic.notices:
        assert notice.lines[0].startswith("Only the first 50 files of the dataset were read, up to 2026-03-02 00:50Z")


def test_times_of_which_one_has_too_many_files_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [Expectation(name, minutes=360, pattern=f"{name}-*.csv", late_seconds=36000) for name in ("a", "b", "c")]
    world = World(monkeypatch, expected=tuple(kinds))
    monkeypatch.setattr(module, "MOST_LOOKED_AT", 50)
    world.look()
    for day in range(-7, 0):
        for name in ("a", "b", "c"):
            world.land(f"{name}-{day}.csv", MONDAY + timedelta(days=day, hours=1), file_id=f"{name}{day}")
    world.each_hour(MONDAY)
    for minute in range(30):
        world.land(f"{minute:03}", MONDAY + timedelta(minutes=minute))
    world.each_hour(MONDAY + timedelta(hours=8))
    world.land("c-1.csv", MONDAY + timedelta(hours=8, minutes=1))
    for minute in range(30):
        world.land(f"{minute:03}x", MONDAY + timedelta(hours=8, minutes=2))
    for look in range(1, 5):
        world.look(MONDAY + timedelta(hours=8, minutes=5 * look))
    assert [notice.key for notice in world.services.topic.notices if notice.level == "ok"] == [
        "headrace/files-missing/readings/c"
    ]


def test_nothing_is_read_behind_the_time_until_which_files_are_late(monkeypatch: pytest.MonkeyPatch) -> None:
    only = Expectation("north", minutes=360, pattern="north-*.csv", late_seconds=60)
    world = World(monkeypatch, expected=(only,))
    world.look()
    world.each_hour(MONDAY)
    world.look(MONDAY + timedelta(minutes=200))
    for minute in range(380, 480):
        world.land(f"{minute}", MONDAY + timedelta(minutes=minute))
    numbers = count_reads(world, monkeypatch)
    world.look(MONDAY + timedelta(hours=9))
    assert numbers == [0]


def count_reads(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files each listing yields from here on."""
    numbers, of_dataset = list[int](), world.services.files.of_dataset

    def counted(*asked: str) -> Any:
        numbers.append(0)
        place = len(numbers) - 1
        for one in sorted(of_dataset(*asked), key=lambda file: file.arrived_at):
            numbers[place] += 1
            yield one

    monkeypatch.setattr(world.services.files, "of_dataset", counted)
    return numbers


def test_nobody_is_called_in_a_pause_and_what_is_still_missing_after_it_is_reported(world: World) -> None:
    pause("readings", "ann", None, "", world.services)
    world.each_hour(MONDAY + timedelta(hours=9))
    assert world.titles() == []
    world.two(MONDAY, hour=8)
    resume("readings", world.services)
    world.each_hour(MONDAY + timedelta(hours=12))
    assert world.titles() == [], "they came meanwhile"
    pause("readings", "ann", written(MONDAY + timedelta(days=1, hours=9)), "", world.services)
    world.each_hour(MONDAY + timedelta(days=1, hours=9))
    resume("readings", world.services)
    world.look()
    assert len(world.titles()) == 1


def test_what_a_contract_no_longer_expects_is_over(world: World) -> None:
    world.each_hour(MONDAY + timedelta(hours=8))
    assert len(world.titles()) == 1
    world.redeploy()
    assert world.look() == ["readings"]
    assert world.look() == []
    assert world.services.topic.notices[-1].level == "ok"
    assert world.titles()[1:] == ["readings: no longer watched, the contract has changed (morning)"]


def test_a_time_that_is_moved_is_watched_from_the_next_on_and_calls_nobody_today(world: World) -> None:
    """Moved from six to nine o'clock after the files have come."""
    world.two(MONDAY)
    world.each_hour(MONDAY + timedelta(hours=7))
    world.redeploy(expected=(replace(TWO, minutes=9 * 60),))
    world.each_hour(MONDAY + timedelta(hours=23))
    assert world.titles() == []
    world.each_hour(MONDAY + timedelta(days=1, hours=12))
    assert world.titles() == ["readings: no file has come by Tue 2026-03-03 09:00 UTC"]
    world.redeploy(expected=(replace(TWO, minutes=12 * 60),))
    world.each_hour(MONDAY + timedelta(days=1, hours=20))
    assert world.titles()[1:] == ["readings: no longer watched, the contract has changed (morning)"]


def test_another_holiday_or_number_is_the_same_expectation(world: World) -> None:
    world.redeploy(expected=(replace(TWO, least=1, holidays=("12-25",)),))
    world.each_hour(MONDAY + timedelta(hours=8))
    assert world.titles() == ["readings: no file has come by Mon 2026-03-02 06:00 UTC"]


def test_a_crash_before_the_note_notifies_again_and_not_never(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world.services.ledger.watches, "note_reported", lambda *_: 1 / 0)
        with pytest.raises(Exception, match="readings"):
            world.look(MONDAY + timedelta(hours=7))
    world.look()
    world.look()
    assert len(world.titles()) == 2


def test_a_dataset_that_expects_nothing_writes_and_reads_nothing_of_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    monkeypatch.setattr(world.services.ledger.files, "of_dataset", lambda *_: 1 / 0)
    monkeypatch.setattr(world.services.ledger.files, "newest", lambda *_: 1 / 0)
    assert world.look() == []
    assert world.services.ledger.records.troubles == {}


# -- the share in quarantine ---------------------------------------------------------------------------------------


def loaded(world: World, name: str, read: int, bad: int, lane: str = LIVE) -> None:
    world.now += timedelta(minutes=5)
    rows = RowCounts(read, read - bad, quarantined=bad)
    world.land(name, world.now, status=FileStatus.LOADED, rows=rows)
    lanes = world.services.ledger.records.lanes
    before = lanes.get(("readings", lane), LaneState())
    loaded_at = written(world.now) if read > bad else before.loaded_at
    lanes["readings", lane] = replace(before, generation=before.generation + 1, loaded_at=loaded_at)


def test_a_share_over_the_limit_is_one_incident_until_it_is_well_below(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, quarantine_limit=0.1)
    loaded(world, "a.csv", 100, 10)
    assert (world.look(), world.titles()) == ([], [])
    loaded(world, "b.csv", 100, 12)
    assert world.look() == ["readings"]
    assert world.look() == [], "nothing new has loaded"
    loaded(world, "c.csv", 50, 0)
    assert world.look() == [], "8.8 % are not yet below four fifths"
    loaded(world, "d.csv", 50, 0)
    assert world.look() == ["readings"]
    begun, ended = world.services.topic.notices
    assert begun.title == "readings: 11.00% of the rows are quarantined"
    assert begun.lines[:2] == (
        "22 of 200 rows of the newest 2 files: the contract's limit is 10 %.",
        "readings/b.csv: 12 of 100",
    )
    assert (ended.level, ended.key) == ("ok", begun.key)


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("bad", [99, 100])
def test_a_batch_of_any_lane_starts_a_look_even_one_without_a_good_row(
    lane: str, bad: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch, quarantine_limit=0.1)
    loaded(world, "a.csv", 100, 0)
    assert world.look() == []
    loaded(world, "b.csv", 100, bad, lane)
    assert world.look() == ["readings"]
    world.redeploy()
    world.look()
    assert world.titles()[1:] == ["readings: no longer watched, the contract has changed"]


# -- held for too long ---------------------------------------------------------------------------------------------


def test_a_batch_that_is_held_for_too_long_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, held_seconds=4 * 3600)
    lanes = world.services.ledger.records.lanes
    lanes["readings", "backfill"] = LaneState(held=("readings-backfill-1",))
    world.look()
    world.each_hour(MONDAY)
    lanes["readings", LIVE] = LaneState(held=("readings-9",))
    world.each_hour(MONDAY + timedelta(hours=8))
    assert world.titles() == ["readings: 1 batch held for more than 4 h"]
    lanes.clear()
    world.look()
    assert world.titles()[1:] == ["readings: no batch has waited for so long"]
    assert world.services.ledger.records.troubles["readings", WATCHED].what == json.dumps({})


# -- quiet ---------------------------------------------------------------------------------------------------------


def test_a_dataset_that_falls_silent_is_reported_if_the_contract_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, notify_quiet=True)
    start = world.now
    for hour in range(24 * 28):
        world.land("x.csv", start + timedelta(hours=hour))
        world.look(start + timedelta(hours=hour, minutes=1))
    assert world.titles() == []
    world.each_hour(world.now + timedelta(hours=12))
    assert world.titles() == ["readings: nothing has come for longer than usual"]
    world.land("x.csv", world.now)
    world.look()
    assert world.titles()[1:] == ["readings: a file has come"]


def test_a_quiet_dataset_is_one_trouble_until_a_file_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files come each hour of the working days until a Thursday: towards the weekend ever more quiet is usual."""
    world = World(monkeypatch, notify_quiet=True)
    world.now = MONDAY
    dies = MONDAY + timedelta(days=4 * 7 + 3, hours=17)
    while world.now < dies + timedelta(days=7):
        if world.now <= dies and world.now.weekday() < 5 and 8 <= world.now.hour <= 17:
            world.land("x.csv", world.now)
        for minute in (1, 31, 60):
            world.look(world.now.replace(minute=0) + timedelta(minutes=minute))
    assert world.titles() == ["readings: nothing has come for longer than usual"]
    world.land("x.csv", world.now)
    world.look()
    assert world.titles()[1:] == ["readings: a file has come"]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("x.csv", {"version": f"{DELETED}1"}),
        ("x.csv", {"status": FileStatus.FAILED}),
        ("x.done", {}),
        ("r", {"key": REPLAYED}),
    ],
)
def test_what_no_supplier_sent_does_not_end_a_quiet(
    name: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch, notify_quiet=True, marker="*.done")
    start = world.now
    for hour in range(24 * 28):
        world.land("x.csv", start + timedelta(hours=hour))
        world.look(start + timedelta(hours=hour, minutes=1))
    for hour in range(48):
        world.land(name, world.now, file_id=f"another {hour}", **changes)
        world.look(world.now + timedelta(hours=1))
    assert world.titles() == ["readings: nothing has come for longer than usual"]


# -- all of it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["2026-02-23", "2026-09-28", "2026-12-07"])
def test_ninety_quiet_days_with_season_and_holidays_call_nobody(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is watched: a feed of two files each working day, none in the holidays, a batch held at times."""
    holidays = ("easter-2", "easter+1", "05-01", "12-25", "12-26", "01-01")
    feed = replace(TWO, zone="Europe/Zurich", holidays=holidays)
    world = World(monkeypatch, expected=(feed,), notify_quiet=True, quarantine_limit=0.05)
    world.now = first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    chance = random.Random(start)
    while world.now < first + timedelta(days=90):
        world.look(world.now + timedelta(hours=3))
        here = world.now.astimezone(ZoneInfo(feed.zone))
        if here.hour in {3, 4, 5} and feed.is_day(here.date()):
            for number in range(2):
                rows = RowCounts(1000, 980, quarantined=chance.randint(0, 40))
                world.land(f"{here:%m%d}-{number}.csv", world.now, status=FileStatus.LOADED, rows=rows)
            lane = LaneState(loaded_at=written(world.now), held=(f"readings-{here:%j}",) if here.day == 7 else ())
            world.services.ledger.records.lanes["readings", LIVE] = lane
    assert world.titles() == []
    assert len(world.services.ledger.records.files) > 110
