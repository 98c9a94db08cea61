"""Whether a dataset is quiet for longer than usual, learned from the hours in which its own files came.

What is usual depends on the time of the week: a feed of working hours is quiet every night and every weekend. So the
quiet of now is compared with that of the same time in the last weeks, give or take some hours, for changes of the
clocks and a supplier's moods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

WEEK = 7 * 24
WEEKS = 5
"""Weeks of which the hours with arrivals are remembered: 840 bits."""
FEWEST_WEEKS = 3
"""Weeks that must have been watched before anything is called unusual."""
AROUND = 12
"""Hours before and after the same time of a week that count as the same time."""
HALF_AS_LONG, MORE_HOURS = 0.5, 12
"""How much longer than the longest quiet of that time it must be: half as long, and twelve hours at least.

Where files come by chance, gaps of twice and three times what a few weeks have shown are not rare.
"""
ALL = (1 << WEEKS * WEEK) - 1


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The hours in which files came: bit n of `hours` is n hours before `head`, an hour since 1970; `first` is the
    first hour that was watched, `last` when the last file came.
    """

    head: int
    first: int
    hours: int = 0
    last: datetime | None = None

    def at(self, now: datetime, last: datetime | None) -> Rhythm:
        """The rhythm at a later look, which finds that the last file came then."""
        head = max(self.head, _hour(now))
        hours = (self.hours << (head - self.head)) & ALL
        if last:
            hours |= _bit(head - _hour(last))
        return replace(self, head=head, hours=hours, last=max(filter(None, (last, self.last)), default=None))

    def longest(self, now: datetime) -> int | None:
        """The longest quiet, in hours, at this time of the week so far; None while too little is known."""
        here = _hour(now)
        weeks = range(1, min(WEEKS, (here - self.first) // WEEK + 1))
        if len(weeks) < FEWEST_WEEKS:
            return None
        moments = (here - week * WEEK + hours for week in weeks for hours in range(-AROUND, AROUND + 1))
        quiet = [found for found in map(self._quiet, moments) if found is not None]
        return max(quiet, default=None)

    def longest_ever(self) -> int:
        """The longest quiet that is remembered, in hours."""
        places = [place for place in range(WEEKS * WEEK) if self.hours >> place & 1]
        return max((later - sooner for sooner, later in pairwise(places)), default=0)

    def _quiet(self, hour: int) -> int | None:
        """For how many hours nothing had come at an hour."""
        seen = self.hours >> (self.head - hour)
        return (seen & -seen).bit_length() - 1 if seen else None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        last = {"last": self.last.isoformat()} if self.last else {}
        return {"head": self.head, "first": self.first, "hours": f"{self.hours:x}"} | last

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Rhythm:
        """The inverse of `to_json`."""
        last = datetime.fromisoformat(value["last"]) if "last" in value else None
        return cls(value["head"], value["first"], int(value["hours"], 16), last)


def begun(now: datetime) -> Rhythm:
    """What is known of a dataset that is looked at for the first time."""
    return Rhythm(_hour(now), _hour(now))


def usual_hours(rhythm: Rhythm, now: datetime, is_holiday: Callable[[date], bool]) -> float | None:
    """For how many hours the dataset may be quiet now; None while too little is known.

    If there were holidays since the last file came, or the day before, the longest quiet of any time counts, and they
    do not.
    """
    longest = rhythm.longest(now)
    if longest is None or rhythm.last is None:
        return None
    holidays = sum(map(is_holiday, _days(rhythm.last, now)))
    if holidays:
        longest = max(longest, rhythm.longest_ever()) + 24 * holidays
    return longest + max(HALF_AS_LONG * longest, MORE_HOURS)


def is_quiet(rhythm: Rhythm, now: datetime, is_holiday: Callable[[date], bool]) -> bool:
    """Whether nothing has come for longer than usual."""
    usual = usual_hours(rhythm, now, is_holiday)
    return usual is not None and rhythm.last is not None and now - rhythm.last > timedelta(hours=usual)


def _days(first: datetime, last: datetime) -> Iterator[date]:
    days = min((last.date() - first.date()).days, WEEKS * 7)
    return (last.date() - timedelta(days=number) for number in range(days + 1))


def _hour(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp() // 3600)


def _bit(place: int) -> int:
    return 1 << place if 0 <= place < WEEKS * WEEK else 0
