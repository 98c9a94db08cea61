"""When files are due, over weekends, holidays, months' ends and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.expected.calendar import HOUR, LAST, MONTH, Expectation, easter, is_rule

WORKDAYS = (0, 1, 2, 3, 4)
ZONES = ("UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns")


def dues(expectation: Expectation, first: str, number: int) -> list[str]:
    after = datetime.fromisoformat(first).replace(tzinfo=UTC)
    found = [due for due, _ in zip(expectation.due_after(after), range(number), strict=False)]
    return [f"{due:%Y-%m-%dT%H:%M}" for due in found]


def test_a_time_of_day_follows_the_clocks_of_its_zone() -> None:
    daily = Expectation("a", minutes=6 * 60, zone="Europe/Zurich")
    assert dues(daily, "2026-03-27T12:00", 3) == ["2026-03-28T05:00", "2026-03-29T04:00", "2026-03-30T04:00"]
    assert dues(daily, "2026-10-23T12:00", 3) == ["2026-10-24T04:00", "2026-10-25T05:00", "2026-10-26T05:00"]


def test_a_time_that_the_clocks_skip_or_repeat_is_due_at_the_later_of_both() -> None:
    skipped = Expectation("a", minutes=2 * 60 + 30, zone="Europe/Zurich")
    assert dues(skipped, "2026-03-28T12:00", 1) == ["2026-03-29T01:30"]
    assert dues(skipped, "2026-10-24T12:00", 1) == ["2026-10-25T01:30"]


def test_weekends_and_holidays_expect_nothing() -> None:
    holidays = ("12-25", "2026-12-24", "easter+1", "11-thu-4", "05-mon-last")
    feed = Expectation("a", minutes=360, weekdays=WORKDAYS, holidays=holidays)
    assert dues(feed, "2026-12-23T00:00", 3) == ["2026-12-23T06:00", "2026-12-28T06:00", "2026-12-29T06:00"]
    assert dues(feed, "2026-04-03T00:00", 2) == ["2026-04-03T06:00", "2026-04-07T06:00"]
    off = {day for day in days(2026) if feed.is_holiday(day)}
    assert off == {date(2026, 12, 25), date(2026, 12, 24), date(2026, 4, 6), date(2026, 11, 26), date(2026, 5, 25)}


def days(year: int) -> list[date]:
    return [date(year, 1, 1) + timedelta(days=number) for number in range(365)]


def test_days_of_the_month_move_to_the_next_open_day_also_into_the_next_month() -> None:
    ends = Expectation("a", every=MONTH, month_days=(LAST,), weekdays=WORKDAYS)
    assert dues(ends, "2026-01-15T00:00", 4) == [
        "2026-02-02T00:00", "2026-03-02T00:00", "2026-03-31T00:00", "2026-04-30T00:00",
    ]  # fmt: skip
    new_year = Expectation("a", every=MONTH, month_days=(1,), weekdays=WORKDAYS, holidays=("01-01", "01-02"))
    assert dues(new_year, "2025-12-31T00:00", 2) == ["2026-01-05T00:00", "2026-02-02T00:00"]
    thirty = Expectation("a", every=MONTH, month_days=(30,))
    assert dues(thirty, "2028-02-01T00:00", 2) == ["2028-02-29T00:00", "2028-03-30T00:00"]


def test_hours_of_the_day() -> None:
    hourly = Expectation("a", every=HOUR, hours=6, minutes=15, weekdays=(0,))
    assert dues(hourly, "2026-03-02T00:15", 4) == [
        "2026-03-02T06:15", "2026-03-02T12:15", "2026-03-02T18:15", "2026-03-09T00:15",
    ]  # fmt: skip
    each = Expectation("a", every=HOUR, zone="Europe/Zurich")
    assert len(dues(each, "2026-03-28T22:59", 23)) == 23, "the day with 23 hours"
    assert dues(each, "2026-03-28T22:59", 24)[-1] == "2026-03-29T22:00"


def test_an_hour_that_the_clocks_repeat_is_twice_a_time_of_what_comes_each_hour() -> None:
    each = Expectation("a", every=HOUR, minutes=15, zone="Europe/Zurich")
    assert dues(each, "2026-10-24T22:20", 4) == [
        "2026-10-24T23:15", "2026-10-25T00:15", "2026-10-25T01:15", "2026-10-25T02:15",
    ]  # fmt: skip
    assert len(each.due_on(date(2026, 10, 25))) == 25
    two = Expectation("a", every=HOUR, hours=2, zone="Europe/Zurich")
    assert len(two.due_on(date(2026, 10, 25))) == 12, "by the clocks on the wall"
    half = Expectation("a", every=HOUR, minutes=45, zone="Australia/Lord_Howe")
    assert len(half.due_on(date(2026, 4, 5))) == 24, "the clocks go back by half an hour"


@pytest.mark.parametrize(
    ("year", "sunday"),
    [(2024, "03-31"), (2025, "04-20"), (2026, "04-05"), (2027, "03-28"), (2038, "04-25"), (2285, "03-22")],
)
def test_easter(year: int, sunday: str) -> None:
    assert f"{easter(year):%m-%d}" == sunday


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("2026-12-24", True), ("12-25", True), ("02-29", True), ("easter", True), ("easter-2", True), ("11-thu-4", True),
     ("05-mon-last", True), ("13-01", False), ("2026-02-29", False), ("11-thu-5", False), ("13-thu-1", False),
     ("CH", False), ("easter 2", False), ("", False)],
)  # fmt: skip
def test_what_names_a_holiday(text: str, is_one: bool) -> None:
    assert is_rule(text) is is_one


EXPECTATIONS = st.builds(
    Expectation,
    st.just("a"),
    every=st.sampled_from(["h", "d", "m"]),
    hours=st.sampled_from([1, 2, 3, 6, 12]),
    minutes=st.integers(0, 59),
    zone=st.sampled_from(ZONES),
    weekdays=st.sets(st.integers(0, 6), min_size=1).map(sorted).map(tuple),
    month_days=st.sets(st.integers(0, 31), min_size=1, max_size=3).map(sorted).map(tuple),
    holidays=st.sets(st.sampled_from(["12-25", "01-01", "easter+1", "11-thu-4", "2026-07-01"])).map(tuple),
)
MOMENTS = st.integers(1_735_689_600, 1_830_297_600).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(EXPECTATIONS, MOMENTS)
def test_the_times_before_and_after_a_moment_are_the_same_calendar(expectation: Expectation, now: datetime) -> None:
    last, following = expectation.last_due(now), expectation.next_due(now)
    if last is None or following is None:
        return
    assert last <= now < following
    assert expectation.next_due(last) == following
    assert expectation.last_due(following) == following
    assert expectation.last_due(following - timedelta(microseconds=1)) == last
    assert last < expectation.late_until(last) < following
