"""Many refused objects are few messages, and none of them is lost, whatever dies on the way."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.adapters.channels.slack_text import slack_message
from headrace.domain import clock
from headrace.domain.ingest.arrival import MAX_FILE_BYTES
from headrace.domain.ingest.ledger import Arrival, FileStatus
from headrace.domain.ingest.storm import MOST_FOLDERS, Counted, Group, hours_to_report
from headrace.domain.notice import Notice, group_notice
from headrace.usecases.ingest import starter
from headrace.usecases.recovery.one_by_one import BrokenError
from headrace.usecases.recovery.report_storms import report_storms
from tests.support.fakes import MemoryServices, contract, contracts_of

SEVEN = datetime(2026, 11, 30, 7, tzinfo=UTC).timestamp()
MINUTE, HOUR = 60, 3600


class World:
    """Objects that land, sweeps, and the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.services = MemoryServices(contracts=contracts_of(contract(channel="#meters"), contract("orders")))
        self.at = SEVEN + MINUTE
        monkeypatch.setattr(clock, "seconds", lambda: self.at)

    def land(self, key: str, size: int = 0) -> FileStatus:
        at = datetime.fromtimestamp(self.at, UTC).isoformat()
        return starter.record(Arrival("landing", key, "v", size, "e", "01", at), self.services).status

    def sweep(self, at: float) -> list[Notice]:
        """What a sweep at that time sends."""
        self.at = at
        before = len(self.sent)
        assert report_storms(self.services) == len(self.sent) - before
        return self.sent[before:]

    @property
    def sent(self) -> list[Notice]:
        return self.services.topic.notices


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def storm(world: World) -> None:
    """Three hundred objects of four causes, and one that is well."""
    for n in range(150):
        world.land(f"readings/{n}.csv")
    for n in range(100):
        world.land(f"stray/{n}.csv", 5)
    for n in range(30):
        world.land(f"orders/{n}.csv", MAX_FILE_BYTES + 1)
    for n in range(20):
        world.land(f"folder{n}/")
    assert world.land("orders/good.csv", 5) is FileStatus.PENDING


def test_three_hundred_objects_are_a_message_per_cause_and_one_for_the_rest_of_each(world: World) -> None:
    storm(world)
    assert [notice.title for notice in world.sent] == [
        "readings: readings/0.csv is not loaded",
        "Unroutable: stray/0.csv is not loaded",
        "orders: orders/0.csv is not loaded",
        "Unroutable: folder0/ is not loaded",
    ]
    first = world.sent[0]
    assert (first.level, first.channel) == ("error", "#meters")
    listing = "`headrace status readings --failed --since 2026-11-30T07:00Z` lists them"
    others = f"Others like it are reported together after 08:00 UTC; {listing} now."
    assert first.lines == ("the file is empty (0 bytes)", others)
    assert world.sweep(SEVEN + 59 * MINUTE) == world.sweep(SEVEN + 61 * MINUTE) == []
    summed = {notice.title: notice for notice in world.sweep(SEVEN + 62 * MINUTE)}
    assert sorted(summed) == [
        "Unroutable: 19 more objects not loaded since 07:00 UTC",
        "Unroutable: 99 more objects in stray/ not loaded since 07:00 UTC",
        "orders: 29 more objects not loaded since 07:00 UTC",
        "readings: 149 more objects not loaded since 07:00 UTC",
    ]
    rest = summed["readings: 149 more objects not loaded since 07:00 UTC"]
    assert (rest.level, rest.channel, rest.dataset) == ("error", "#meters", "readings")
    assert rest.lines[0] == "The files are empty (0 bytes)."
    assert sum(line.startswith("for example readings/") for line in rest.lines) == 5
    assert rest.lines[-1] == f"{listing}."
    assert world.sweep(SEVEN + 67 * MINUTE) == []
    statuses = Counter(file.status for file in world.services.ledger.records.files.values())
    assert statuses == {FileStatus.FAILED: 180, FileStatus.UNROUTABLE: 120, FileStatus.PENDING: 1}


def test_a_single_object_is_a_single_message(world: World) -> None:
    world.land("readings/a.csv")
    assert len(world.sent) == 1
    assert world.sweep(SEVEN + 2 * HOUR) == []


def test_a_storm_that_goes_on_begins_again_with_the_hour(world: World) -> None:
    for hour in range(3):
        world.at = SEVEN + hour * HOUR
        for n in range(10):
            world.land(f"readings/{hour}-{n}.csv")
    assert len(world.sent) == 3
    assert [notice.title for notice in world.sweep(SEVEN + 4 * HOUR)] == [
        f"readings: 9 more objects not loaded since {hour:02}:00 UTC" for hour in (7, 8, 9)
    ]


def test_folders_of_strays_without_end_are_as_few_messages(world: World) -> None:
    for n in range(300):
        world.land(f"{n:03}-upload/data.csv", 5)
    assert len(world.sent) == MOST_FOLDERS + 1
    (rest,) = world.sweep(SEVEN + 2 * HOUR)
    assert rest.title == f"Unroutable: {300 - MOST_FOLDERS - 1} more objects not loaded since 07:00 UTC"


def test_a_dataset_has_its_message_whatever_strays_there_are(world: World) -> None:
    for n in range(MOST_FOLDERS + 5):
        world.land(f"{n}/data.csv", 5)
    before = len(world.sent)
    world.land("readings/a.csv")
    assert [notice.dataset for notice in world.sent[before:]] == ["readings"]


def test_an_object_that_is_delivered_again_is_counted_once(world: World) -> None:
    for _ in range(3):
        for n in range(4):
            world.land(f"readings/{n}.csv")
    world.at = SEVEN + HOUR + MINUTE
    world.land("readings/1.csv")
    assert len(world.sent) == 1
    assert [notice.title for notice in world.sweep(SEVEN + 3 * HOUR)] == [
        "readings: 3 more objects not loaded since 07:00 UTC"
    ]


class DiesError(BaseException):
    """A function that is stopped."""


def die(*_: Any, **__: Any) -> Any:
    raise DiesError


def test_whatever_dies_before_an_object_is_recorded_it_is_reported_or_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the first, its own retry sends the message again; of another, nothing is counted that is not recorded."""
    for key in ("readings/first.csv", "readings/second.csv"):
        with monkeypatch.context() as broken:
            broken.setattr(world.services.ledger.files, "record_arrival", die)
            with pytest.raises(DiesError):
                world.land(key)
    world.at = SEVEN + 5 * MINUTE
    world.land("readings/first.csv")
    world.at = SEVEN + HOUR + MINUTE
    world.land("readings/second.csv")
    assert [notice.title for notice in world.sent] == [
        "readings: readings/first.csv is not loaded",
        "readings: readings/first.csv is not loaded",
        "readings: readings/second.csv is not loaded",
    ]
    assert world.sweep(SEVEN + 4 * HOUR) == []


def test_a_first_message_that_could_not_be_sent_is_sent_by_the_retry(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(world.services.topic, "publish", die)
        with pytest.raises(DiesError):
            world.land("readings/first.csv")
    world.land("readings/second.csv")
    assert world.sent == []
    world.land("readings/first.csv")
    assert len(world.sent) == 1
    assert len(world.sweep(SEVEN + 2 * HOUR)) == 1


def test_a_sweep_that_dies_is_made_good_by_a_later_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    storm(world)
    with monkeypatch.context() as broken:
        broken.setattr(world.services.ledger.storms, "note_reported", die)
        world.at = SEVEN + 63 * MINUTE
        with pytest.raises(DiesError):
            report_storms(world.services)
    sent = len(world.sent)
    assert sent == 5
    assert world.sweep(SEVEN + 64 * MINUTE) == []
    again = world.sweep(SEVEN + 73 * MINUTE)
    assert len(again) == 4
    assert world.sweep(SEVEN + 74 * MINUTE) == []


def test_sweeps_at_the_same_time_report_a_group_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    storm(world)
    counted = world.services.ledger.storms.counted

    def meanwhile(group: Group) -> Counted:
        monkeypatch.setattr(world.services.ledger.storms, "counted", counted)
        assert report_storms(world.services) == 0
        return counted(group)

    monkeypatch.setattr(world.services.ledger.storms, "counted", meanwhile)
    assert len(world.sweep(SEVEN + 63 * MINUTE)) == 4
    assert world.sweep(SEVEN + 70 * MINUTE) == []


def test_nothing_is_lost_while_nothing_sweeps_for_two_days(world: World) -> None:
    world.sweep(SEVEN)
    storm(world)
    later = SEVEN + 48 * HOUR
    assert len([notice for _ in range(3) for notice in world.sweep(later)]) == 4


@pytest.mark.parametrize(
    ("told", "after", "hours"),
    [
        ("2026-11-30T06", 61 * MINUTE, []),
        ("2026-11-30T06", 62 * MINUTE, ["2026-11-30T07"]),
        ("2026-11-30T07", 62 * MINUTE, []),
        ("2026-11-30T09", 62 * MINUTE, []),
        ("2026-11-30T06", 3 * HOUR, ["2026-11-30T07", "2026-11-30T08"]),
    ],
)
def test_which_hours_have_ended(told: str, after: float, hours: list[str]) -> None:
    assert hours_to_report(told, SEVEN + after) == hours


@pytest.mark.parametrize("told", [None, "2020-01-01T00"])
def test_no_sweep_looks_at_more_than_a_day(told: str | None) -> None:
    hours = hours_to_report(told, SEVEN + 62 * MINUTE)
    assert len(hours) == 24
    assert hours[0] == ("2026-11-29T08" if told is None else "2026-11-23T07")


def test_a_group_too_large_to_count_says_so(world: World) -> None:
    world.land("readings/" + "\u202e" * 300)
    group = next(iter(world.services.ledger.storms.groups.values()))
    notice = group_notice(group, Counted(100_000, ("\x00" * 2_000,) * 5, more=True))
    assert notice.title == "readings: more than 100,000 more objects not loaded since 07:00 UTC"
    assert len(json.dumps(notice.to_json())) < 256_000
    assert slack_message(notice)["text"]


def test_the_command_lists_objects_whose_events_came_late(world: World) -> None:
    arrival = Arrival("landing", "readings/late.csv", "v", 0, "e", "01", "2026-11-29T23:59:59.000000Z")
    starter.record(arrival, world.services)
    assert "--failed --since 2026-11-29T23:00Z" in world.sent[0].lines[-1]


def test_a_group_that_cannot_be_reported_keeps_no_other_from_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays open, and so does its hour; the others are reported once, those of later hours too."""
    storm(world)
    world.at = SEVEN + HOUR + MINUTE
    for number in range(3):
        world.land(f"readings/later-{number}.csv")
    counted = world.services.ledger.storms.counted

    def broken(group: Group) -> Counted:
        if group.dataset == "readings" and group.hour.endswith("07"):
            raise KeyError("keys")
        return counted(group)

    with monkeypatch.context() as patched:
        patched.setattr(world.services.ledger.storms, "counted", broken)
        before, world.at = len(world.sent), SEVEN + 2 * HOUR + 3 * MINUTE
        with pytest.raises(BrokenError, match="readings"):
            report_storms(world.services)
        reported = len(world.sent) - before
        with pytest.raises(BrokenError):
            world.sweep(SEVEN + 3 * HOUR)
        assert len(world.sent) - before == reported, "nothing is reported twice"
    assert reported == 4
    assert len(world.sweep(SEVEN + 4 * HOUR)) == 1
    assert world.sweep(SEVEN + 5 * HOUR) == []
