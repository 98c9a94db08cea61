"""A dataset that is quiet for longer than usual, and one that is as quiet as it always is."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from headrace.domain.expected.calendar import Expectation
from headrace.domain.expected.quiet import ALL, Rhythm, begun, is_quiet, usual_hours

HOLIDAYS = Expectation("x", holidays=("easter-2", "easter+1", "05-01", "12-25", "12-26", "01-01", "2026-10-26"))
START = datetime(2026, 2, 2, tzinfo=UTC)
Feed = Callable[[datetime, random.Random], bool]


def office_hours(here: datetime, chance: random.Random) -> bool:
    """Every few minutes of a working day."""
    return here.weekday() < 5 and not HOLIDAYS.is_holiday(here.date()) and 8 <= here.hour < 18 and chance.random() < 0.9


def each_night(here: datetime, chance: random.Random) -> bool:
    """Once, some time between four and six."""
    return here.hour == 4 + here.day % 2


def weekly(here: datetime, chance: random.Random) -> bool:
    """On Mondays."""
    return here.weekday() == 0 and here.hour == 6


def with_a_season(here: datetime, chance: random.Random) -> bool:
    """All the time, and ever less towards the summer."""
    return chance.random() < (0.9 if here.month < 4 else 0.5 if here.month < 5 else 0.3)


def run(feed: Feed, days: int, *, start: datetime = START, stops: int = 10**6) -> list[datetime]:
    """When it was found quiet, hour by hour; the feed stops after so many days."""
    chance, zone, now, last = random.Random(1), ZoneInfo("Europe/Zurich"), start, None
    rhythm, found = begun(now), list[datetime]()
    for number in range(days * 24):
        now = start + timedelta(hours=number, minutes=5)
        if number < stops * 24 and feed(now.astimezone(zone), chance):
            last = now - timedelta(minutes=chance.randint(0, 4))
        rhythm = Rhythm.from_json(rhythm.at(now, last).to_json())
        assert rhythm.hours <= ALL
        if is_quiet(rhythm, now, HOLIDAYS.is_holiday):
            found.append(now)
    return found


@pytest.mark.parametrize("feed", [office_hours, each_night, weekly, with_a_season])
@pytest.mark.parametrize("start", [START, datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)])
def test_ninety_days_with_holidays_season_and_changed_clocks_are_as_quiet_as_usual(feed: Feed, start: datetime) -> None:
    assert run(feed, 90, start=start) == []


@pytest.mark.parametrize(
    ("feed", "hours"), [(office_hours, 24 * 3), (each_night, 44), (weekly, 24 * 13), (with_a_season, 24)]
)
def test_a_feed_that_stops_is_noticed(feed: Feed, hours: int) -> None:
    found = run(feed, 60, stops=42)
    assert found
    assert found[0] - (START + timedelta(days=42)) < timedelta(hours=hours)


def test_office_hours_are_noticed_at_the_end_of_the_first_day_not_at_the_weekend() -> None:
    found = run(office_hours, 44, stops=35 + 7)
    assert f"{found[0]:%a}" == "Mon"
    assert 17 <= found[0].hour <= 21


def test_nothing_is_unusual_in_the_first_weeks_nor_where_nothing_ever_came() -> None:
    assert run(office_hours, 21, stops=7) == []
    assert run(lambda *_: False, 60) == []
    rhythm = begun(START)
    assert usual_hours(rhythm, START, lambda _: False) is None


def test_after_a_holiday_the_longest_quiet_counts() -> None:
    def no_easter(here: datetime, chance: random.Random) -> bool:
        return office_hours(here, chance) and here.date() != date(2026, 4, 7)

    found = run(no_easter, 70)
    assert found == [], "the day after Easter Monday is off, too"
