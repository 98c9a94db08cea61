"""Counted arrivals against what is expected: each incident is one, and quiet days are quiet."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain.expected.calendar import HOUR, MONTH, Expectation
from headrace.domain.expected.verdict import FEW, MANY, MISSING, SMALL, Came, State, look

WORKDAYS = (0, 1, 2, 3, 4)
THREE = Expectation("morning", minutes=360, zone="Europe/Zurich", weekdays=WORKDAYS, least=3, most=3, least_bytes=100)
LOOK = timedelta(minutes=5)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass
class Feed:
    """A feed that is looked at every five minutes; what was wrong, as it came and went."""

    expectation: Expectation
    now: datetime
    arrivals: list[Came] = field(default_factory=list)
    state: State | None = None
    incidents: list[tuple[str, str]] = field(default_factory=list)
    read: int = 0
    times: list[datetime] = field(default_factory=list)

    def came_after(self, since: datetime, _until: datetime) -> Iterable[Came]:
        known = sorted(came.at for came in self.arrivals) if len(self.arrivals) != len(self.times) else self.times
        if known is not self.times:
            self.arrivals.sort(key=lambda came: came.at)
            self.times = known
        for came in self.arrivals[bisect_right(self.times, since) : bisect_right(self.times, self.now)]:
            self.read += 1
            yield came

    def come(self, at: datetime, key: str, size: int = 1000) -> None:
        self.arrivals.append(Came(at, key, size))

    def run(self, until: datetime, step: timedelta = LOOK) -> None:
        while self.now < until:
            self.now += step
            before = self.state.incident if self.state else ""
            self.state = look(self.expectation, self.state, self.came_after, self.now)
            if self.state.incident != before:
                assert State.from_json(self.state.to_json()) == self.state
                self.incidents.append((f"{self.now:%d %H:%M}", self.state.incident))


def feed(expectation: Expectation = THREE, watched_since: datetime = MONDAY - timedelta(days=3)) -> Feed:
    return Feed(expectation, watched_since)


def three(feed: Feed, day: datetime, hour: float = 4, number: int = 3, size: int = 1000) -> None:
    for name in range(number):
        feed.come(day + timedelta(hours=hour, minutes=name), f"{day:%d}-{name}", size)


def test_files_in_time_are_no_news_and_none_are_missing_at_the_weekend() -> None:
    f = feed()
    for number in range(14):
        day = MONDAY + timedelta(days=number)
        if day.weekday() < 5:
            three(f, day)
    f.run(MONDAY + timedelta(days=14))
    assert f.incidents == []


def test_what_does_not_come_is_missing_once_and_late_when_it_comes() -> None:
    f = feed()
    three(f, MONDAY, hour=8)
    three(f, MONDAY + timedelta(days=1))
    f.run(MONDAY + timedelta(days=2))
    assert f.incidents == [("02 05:05", MISSING), ("02 08:05", "")]


def test_a_feed_that_stays_away_for_days_is_one_incident_and_the_next_delivery_is_its_own_days() -> None:
    f = feed()
    three(f, MONDAY + timedelta(days=3))
    f.run(MONDAY + timedelta(days=4))
    assert f.incidents == [("02 05:05", MISSING), ("05 05:05", "")]
    assert f.state is not None
    assert (f.state.came, f.state.missing, f.state.complete_at) == (3, 0, None)


def test_too_few_are_complete_when_the_rest_comes() -> None:
    f = feed()
    three(f, MONDAY, number=2)
    f.come(MONDAY + timedelta(hours=9), "02-2")
    three(f, MONDAY + timedelta(days=1))
    f.run(MONDAY + timedelta(days=2))
    assert f.incidents == [("02 05:05", MISSING), ("02 09:00", "")]


def test_too_many_are_one_incident_until_the_next_time() -> None:
    f = feed(watched_since=MONDAY - timedelta(days=4))
    three(f, MONDAY - timedelta(days=3))
    three(f, MONDAY, number=4)
    three(f, MONDAY + timedelta(days=1))
    f.run(MONDAY + timedelta(days=2))
    assert f.incidents == [("02 05:05", MANY), ("03 05:05", "")]


def test_a_file_that_is_too_small_is_not_counted_until_it_is_sent_again() -> None:
    f = feed()
    three(f, MONDAY, number=2)
    f.come(MONDAY + timedelta(hours=4), "02-2", size=10)
    f.come(MONDAY + timedelta(hours=7), "02-2", size=1000)
    three(f, MONDAY + timedelta(days=1))
    f.run(MONDAY + timedelta(hours=6))
    assert f.state is not None
    assert (f.state.problem, f.state.small, f.state.missing) == (FEW, ("02-2",), 1)
    f.run(MONDAY + timedelta(days=2))
    assert f.incidents == [("02 05:05", MISSING), ("02 07:00", "")]


def test_enough_files_of_which_one_is_too_small_are_an_incident_too() -> None:
    f = feed(Expectation("any", minutes=360, least=1, least_bytes=100))
    f.come(MONDAY, "a")
    f.come(MONDAY + timedelta(seconds=1), "b", size=3)
    f.come(MONDAY + timedelta(days=1), "c")
    f.run(MONDAY + timedelta(hours=6, minutes=10))
    assert f.state is not None
    assert f.state.problem == SMALL
    f.run(MONDAY + timedelta(days=1, hours=7))
    assert f.state.problem == ""


def test_a_new_version_of_a_key_is_no_other_file() -> None:
    f = feed()
    three(f, MONDAY)
    three(f, MONDAY, hour=4.5)
    f.run(MONDAY + timedelta(hours=12))
    assert f.incidents == []


def test_a_dataset_that_was_created_today_is_not_late_for_yesterday_nor_for_this_morning() -> None:
    f = feed(watched_since=MONDAY + timedelta(hours=4, minutes=30))
    f.run(MONDAY + timedelta(days=1))
    assert f.incidents == []
    f.run(MONDAY + timedelta(days=1, hours=12))
    assert f.incidents == [("03 05:05", MISSING)]


def test_files_that_come_late_on_the_first_day_are_not_counted_for_the_second() -> None:
    f = feed(watched_since=MONDAY + timedelta(hours=4, minutes=30))
    three(f, MONDAY, hour=7)
    three(f, MONDAY + timedelta(days=1))
    f.run(MONDAY + timedelta(days=2))
    assert f.incidents == []


@pytest.mark.parametrize("missed", [5, 8])
@pytest.mark.parametrize("hours_before", [1, 9, 13, 20, 22.5])
def test_a_missed_day_is_one_incident_however_early_files_usually_come(missed: int, hours_before: float) -> None:
    daily = Expectation("daily", minutes=360, least=2, most=2)
    f = feed(daily, MONDAY - timedelta(days=2))
    for day in range(-1, 12):
        for name in range(2 if day != missed else 0):
            f.come(MONDAY + timedelta(days=day, hours=6 - hours_before, minutes=10 * name), f"{day}-{name}")
    f.run(MONDAY + timedelta(days=11), step=timedelta(minutes=30))
    assert [incident for _, incident in f.incidents] == [MISSING, ""]
    assert [at.split()[1] for at, _ in f.incidents] == ["06:30", "06:30"]


@pytest.mark.parametrize("key", ["a", "correction"])
@pytest.mark.parametrize("days", [1, 2])
def test_a_correction_soon_after_the_time_calls_nobody_the_next_days(days: int, key: str) -> None:
    """Files come at 05:00, and a correction at 06:02; later ones come at 06:03, before they are looked at."""
    f = feed(Expectation("daily", minutes=360, least=1), MONDAY - timedelta(days=2))
    for day in range(-2, 3):
        f.come(MONDAY + timedelta(days=day, hours=5), "a")
    for day in range(3, 3 + days):
        f.come(MONDAY + timedelta(days=day - 1, hours=6, minutes=2), key)
        f.come(MONDAY + timedelta(days=day, hours=5, minutes=50), "a")
    for day in range(3 + days, 12):
        f.come(MONDAY + timedelta(days=day, hours=6, minutes=3), "a")
    f.run(MONDAY + timedelta(days=11, hours=12), step=timedelta(minutes=1))
    assert f.incidents == []


def test_a_file_within_the_grace_is_no_news_where_the_next_files_come_soon_after_the_time() -> None:
    f = feed(Expectation("daily", minutes=360, least=2, most=2), MONDAY - timedelta(days=2))
    for name in range(2):
        f.come(MONDAY + timedelta(days=-2, hours=5), f"first-{name}")
        for day in range(-1, 8):
            f.come(MONDAY + timedelta(days=day - 1, hours=6, minutes=1), f"{day}-{name}")
        f.come(MONDAY + timedelta(days=8, hours=6, minutes=3), f"8-{name}")
    f.run(MONDAY + timedelta(days=8, hours=12))
    assert f.incidents == []


def test_an_event_that_is_recorded_hours_late_still_ends_the_incident() -> None:
    f = feed()
    f.run(MONDAY + timedelta(hours=6))
    three(f, MONDAY, hour=4)
    f.run(MONDAY + timedelta(hours=7))
    assert f.incidents == [("02 05:05", MISSING), ("02 06:05", "")]
    assert f.state is not None
    assert f.state.complete_at is None, "they came in time, their events did not"


def test_a_sweeper_that_stood_for_days_judges_the_last_times() -> None:
    f = feed()
    f.run(MONDAY - timedelta(days=1))
    for number in range(3):
        three(f, MONDAY + timedelta(days=number))
    f.now = MONDAY + timedelta(days=3, hours=12)
    f.run(f.now + LOOK)
    assert f.incidents == [("05 12:05", MISSING)]
    hourly = feed(Expectation("hourly", every=HOUR), watched_since=MONDAY)
    hourly.run(MONDAY + LOOK)
    hourly.now = MONDAY + timedelta(days=30)
    hourly.come(hourly.now - timedelta(minutes=10), "x")
    hourly.run(hourly.now + LOOK)
    assert hourly.state is not None
    assert hourly.state.due == MONDAY + timedelta(days=30)
    assert hourly.incidents == []


@pytest.mark.parametrize("number", [1, 5000])
def test_what_is_read_does_not_grow_with_what_came_where_any_number_is_enough(number: int) -> None:
    f = feed(Expectation("any", minutes=360))
    for name in range(number):
        f.come(MONDAY + timedelta(seconds=name), str(name))
    f.run(MONDAY + timedelta(hours=12), step=timedelta(hours=1))
    assert f.read <= 2


CALENDARS = [
    THREE,
    Expectation("ny", minutes=17 * 60, zone="America/New_York", weekdays=WORKDAYS, least=1, most=2),
    Expectation("night", minutes=2 * 60 + 30, zone="Europe/Zurich", least=2, most=2),
    Expectation("hourly", every=HOUR, hours=4, minutes=20, zone="Europe/Zurich", least=1, most=1),
    Expectation("ends", every=MONTH, month_days=(0, 15), minutes=600, weekdays=WORKDAYS, least=1, most=1),
]
HOLIDAYS = ("easter-2", "easter+1", "05-01", "12-25", "12-26", "01-01", "2026-10-26")


@pytest.mark.parametrize("calendar", CALENDARS, ids=lambda calendar: calendar.name)
@pytest.mark.parametrize("start", ["2026-02-20", "2026-10-01", "2026-12-10"])
def test_ninety_quiet_days_with_season_holidays_and_changed_clocks_call_nobody(
    calendar: Expectation, start: str
) -> None:
    """Files come at any time between the time before and the one they are due at, more of them on some days."""
    holidays = Expectation(**{name: getattr(calendar, name) for name in calendar.__slots__} | {"holidays": HOLIDAYS})
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    chance = random.Random(f"{calendar.name} {start}")
    f = feed(holidays, first)
    due = first
    for following in holidays.due_after(first):
        if following > first + timedelta(days=90):
            break
        for name in range(chance.randint(holidays.least, holidays.most or 9)):
            f.come(due + (following - due) * chance.uniform(0.001, 1), f"{following:%m%dT%H}-{name}")
        due = following
    f.run(first + timedelta(days=90), step=timedelta(hours=2))
    assert f.incidents == []
    assert len(f.arrivals) >= 4


INCIDENTS = st.lists(
    st.tuples(st.sampled_from(["late", "missing", "few", "many", "small"]), st.integers(0, 8)), min_size=1, max_size=5
)


@settings(max_examples=60, deadline=None)
@given(INCIDENTS, st.integers(0, 2**16))
def test_each_incident_is_opened_once_and_resolved_once(incidents: list[tuple[str, int]], seed: int) -> None:
    """Ten days, some with an incident, each with a good day after it."""
    chance = random.Random(seed)
    daily = Expectation("daily", minutes=360, least=2, most=2, least_bytes=10)
    f = feed(daily, MONDAY - timedelta(days=2))
    of_day = {2 * day: kind for kind, day in incidents}
    for day in range(-1, 20):
        start, kind = MONDAY + timedelta(days=day), of_day.get(day, "")
        hour = 7 + 8 * chance.random() if kind == "late" else 6 * chance.random()
        number = {"missing": 0, "few": 1, "many": 3}.get(kind, 2)
        for name in range(number):
            f.come(start + timedelta(hours=hour), f"{day}-{name}", 1 if kind == "small" and name else 50)
    f.run(MONDAY + timedelta(days=20), step=timedelta(hours=1))
    opened = [problem for _, problem in f.incidents if problem]
    assert len(opened) == len(of_day)
    assert len(f.incidents) == 2 * len(of_day)
    assert [problem for _, problem in f.incidents[1::2]] == [""] * len(of_day)
