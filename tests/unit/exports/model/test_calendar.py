"""A day's export over every change of the clocks: no day is left out, none comes twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from headrace.exports.model.calendar import DAILY, Calendar

ZONES = [
    "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Africa/Cairo", "Asia/Tokyo", "Asia/Tehran",
    "Australia/Lord_Howe", "Pacific/Apia", "America/Havana", "Atlantic/Azores",
]  # fmt: skip
TIMES = [time(0, 0), time(0, 30), time(1, 30), time(2, 30), time(5, 0), time(19, 30), time(23, 30)]
FIRST, LAST = date(1970, 1, 2), date(2037, 12, 30)


def changes(zone: ZoneInfo) -> Iterator[date]:
    """The days on which the zone's offset is another one than on the day before."""
    day, before = FIRST, None
    while day <= LAST:
        offset = datetime.combine(day, time(12), zone).utcoffset()
        if offset != before and before is not None:
            yield day
        day, before = day + timedelta(days=1), offset


def firings(zone: ZoneInfo, at: time, first: date, days: int) -> Iterator[datetime]:
    """When the scheduler fires: a time that does not exist is left out, one that comes twice is taken once."""
    for number in range(days):
        wall = datetime.combine(first + timedelta(days=number), at)
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
            yield moment


@pytest.mark.parametrize("name", ZONES)
def test_every_day_from_1970_to_2037_is_due_once_over_each_change_of_the_clocks(name: str) -> None:
    zone, found = ZoneInfo(name), 0
    for change in changes(zone):
        for at in TIMES:
            calendar = Calendar(f"cron({at.minute} {at.hour} * * ? *)", name)
            first = change - timedelta(days=4)
            dates = [day for moment in firings(zone, at, first, 9) for day in calendar.due(moment)]
            assert dates == sorted(set(dates))
            expected = [(first + timedelta(days=number)).isoformat() for number in range(9)]
            assert dates[:8] == expected[:8], f"{name} {at} around {change}"
        found += 1
    assert found > 5 or name == "Asia/Tokyo"


def test_the_day_that_is_left_out_comes_with_the_next_one() -> None:
    calendar = Calendar("cron(30 2 * * ? *)", "Europe/Berlin")
    assert calendar.due(datetime(2026, 3, 28, 1, 30, tzinfo=UTC)) == ["2026-03-28"]
    assert calendar.due(datetime(2026, 3, 30, 0, 30, tzinfo=UTC)) == ["2026-03-29", "2026-03-30"]
    assert calendar.due(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == ["2026-10-25"]


def test_the_date_is_that_of_the_place_not_that_of_utc() -> None:
    assert Calendar(zone="Asia/Tokyo").day(datetime(2026, 1, 30, 20, 0, tzinfo=UTC)) == "2026-01-31"
    assert Calendar(zone="America/New_York").day(datetime(2026, 2, 1, 0, 30, tzinfo=UTC)) == "2026-01-31"


@pytest.mark.parametrize(
    "schedule", ["cron(30 2 ? * MON *)", "cron(30 2 1 * ? *)", "cron(30 2,14 * * ? *)", "rate(1 day)"]
)
def test_a_schedule_that_is_not_for_every_day_has_no_day_before(schedule: str) -> None:
    assert not DAILY.fullmatch(schedule)
    assert Calendar(schedule, "Europe/Berlin").due(datetime(2026, 3, 30, 0, 30, tzinfo=UTC)) == ["2026-03-30"]


@pytest.mark.parametrize("schedule", ["cron(30 2 * * ? *)", "cron(30 2 ? * * *)", "cron(30  2 */1 * ? *)"])
def test_the_ways_to_write_every_day(schedule: str) -> None:
    assert DAILY.fullmatch(schedule)
