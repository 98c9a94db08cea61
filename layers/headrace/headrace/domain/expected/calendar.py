"""When files are expected: a contract's calendar, and the moments by which its files are due."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import takewhile
from zoneinfo import ZoneInfo

HOUR, DAY, MONTH = EVERY = ("h", "d", "m")
"""How often files are expected: several times a day, on days of the week, on days of the month."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LAST = 0
"""The last day of a month, whichever it is."""
MOST_DAYS = 400
"""How far ahead or back a calendar is searched: one that has no day within a year expects nothing."""
MOST_MOVED = 31
"""Days by which a day of the month that is none of the calendar's may move."""
DATE = re.compile(r"(?:(?P<year>\d{4})-)?(?P<month>\d\d)-(?P<day>\d\d)")
NTH = re.compile(r"(?P<month>\d\d)-(?P<weekday>mon|tue|wed|thu|fri|sat|sun)-(?P<nth>[1-4]|last)")
EASTER = re.compile(r"easter(?P<days>[+-]\d{1,2})?")
HOLIDAY = "a date (2026-12-24), a day of every year (12-25, 11-thu-4, 05-mon-last) or easter, easter-2, easter+39"


@dataclass(frozen=True, slots=True)
class Expectation:
    """Files that a contract expects again and again. `name` tells it from the others of its dataset.

    `every` is one of `EVERY`; of `HOUR`, it is every so many `hours` of the day. Files are due `minutes` after
    midnight, or after the beginning of such hours, in the IANA `zone`. They are expected on `weekdays` (0 is Monday)
    that are no `holidays`, as `HOLIDAY` says; of `MONTH`, on these days of the month (`LAST`: its last), or the next
    such day after.

    From `least` to `most` files (None: any number) with `least_bytes` at least are expected, those whose name fits the
    `pattern` if there is one. Files still count as these for `late_seconds`; None: half of the time until the next.
    """

    name: str
    every: str = DAY
    hours: int = 1
    minutes: int = 0
    zone: str = "UTC"
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    month_days: tuple[int, ...] = ()
    holidays: tuple[str, ...] = ()
    least: int = 1
    most: int | None = None
    least_bytes: int = 0
    pattern: str = ""
    late_seconds: int | None = None

    @property
    def number(self) -> str:
        """How many files are expected, in words."""
        if self.most is None:
            return f"at least {self.least}" if self.least > 1 else "a file"
        return f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"

    @property
    def calendar(self) -> str:
        """A short text that differs where the times do. Holidays are none of it: they are added year by year."""
        times = (self.every, self.hours, self.minutes, self.zone, self.weekdays, self.month_days)
        return hashlib.sha256(repr(times).encode()).hexdigest()[:12]

    def here(self, at: datetime) -> str:
        """A moment as the calendar's zone has it: Mon 2026-03-02 06:00 Europe/Zurich."""
        return f"{at.astimezone(ZoneInfo(self.zone)):%a %Y-%m-%d %H:%M} {self.zone}"

    def is_day(self, day: date) -> bool:
        """Whether files are expected on a day."""
        if not self._is_open(day):
            return False
        return self.every != MONTH or self._is_named(day) or self._is_moved_to(day)

    def is_holiday(self, day: date) -> bool:
        """Whether a day is one of the holidays."""
        return any(_is_holiday(rule, day) for rule in self.holidays)

    def due_on(self, day: date) -> list[datetime]:
        """When files are due on a day, in UTC; none where it is not a day of the calendar."""
        if not self.is_day(day):
            return []
        starts = range(0, 24 * 60, self.hours * 60) if self.every == HOUR else (0,)
        both = self.every == HOUR and self.hours == 1
        moments = (_moments(day, start + self.minutes, self.zone, both=both) for start in starts)
        return sorted({moment for some in moments for moment in some})

    def next_due(self, after: datetime) -> datetime | None:
        """The first moment after this one by which files are due; None if there is none in more than a year."""
        return next((due for due in self.due_after(after)), None)

    def due_after(self, after: datetime) -> Iterator[datetime]:
        """The moments after this one, for more than a year."""
        first = after.astimezone(ZoneInfo(self.zone)).date() - timedelta(days=1)
        days = (first + timedelta(days=number) for number in range(MOST_DAYS))
        return (due for day in days for due in self.due_on(day) if due > after)

    def last_due(self, now: datetime) -> datetime | None:
        """The last moment up to now by which files were due; None if there was none in more than a year."""
        last = now.astimezone(ZoneInfo(self.zone)).date() + timedelta(days=1)
        days = (last - timedelta(days=number) for number in range(MOST_DAYS))
        return next((due for day in days for due in reversed(self.due_on(day)) if due <= now), None)

    def late_until(self, due: datetime) -> datetime:
        """Until when files count as those that were due then."""
        following = self.next_due(due) or due
        half = (following - due) / 2
        given = half if self.late_seconds is None else timedelta(seconds=self.late_seconds)
        return due + min(given, following - due)

    def _is_open(self, day: date) -> bool:
        return day.weekday() in self.weekdays and not self.is_holiday(day)

    def _is_named(self, day: date) -> bool:
        """Whether a day is one of the days of the month: in a short month, its last is all those that it lacks."""
        is_last = (day + timedelta(days=1)).day == 1
        return any(
            day.day == number or (is_last and (number == LAST or number > day.day)) for number in self.month_days
        )

    def _is_moved_to(self, day: date) -> bool:
        """Whether a day of the month before it has moved to this one, over days that are closed."""
        before = (day - timedelta(days=number) for number in range(1, MOST_MOVED))
        return any(map(self._is_named, takewhile(lambda earlier: not self._is_open(earlier), before)))


def is_rule(text: str) -> bool:
    """Whether a text names holidays."""
    if matched := DATE.fullmatch(text):
        try:
            date(int(matched["year"] or 2024), int(matched["month"]), int(matched["day"]))
        except ValueError:
            return False
        return True
    matched = NTH.fullmatch(text)
    return bool(EASTER.fullmatch(text)) or bool(matched and 1 <= int(matched["month"]) <= 12)


@cache
def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar: https://en.wikipedia.org/wiki/Date_of_Easter (Meeus, Jones, Butcher)."""
    century, of_century = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - moon - of_century % 4) % 7
    late = (year % 19 + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _is_holiday(rule: str, day: date) -> bool:
    if matched := EASTER.fullmatch(rule):
        return day == easter(day.year) + timedelta(days=int(matched["days"] or 0))
    if matched := NTH.fullmatch(rule):
        if (day.month, WEEKDAYS[day.weekday()]) != (int(matched["month"]), matched["weekday"]):
            return False
        is_last = (day + timedelta(days=7)).month != day.month
        return is_last if matched["nth"] == "last" else (day.day - 1) // 7 + 1 == int(matched["nth"])
    return rule in {f"{day:%m-%d}", day.isoformat()}


def _moments(day: date, minutes: int, zone: str, *, both: bool) -> tuple[datetime, ...]:
    """A time of day in UTC. One that the clocks skip or repeat is due at the later of what it may mean.

    With `both`, one that they repeat after an hour is due twice.
    """
    wall = datetime.combine(day, time(), ZoneInfo(zone)) + timedelta(minutes=minutes)
    first, second = (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return (first, second) if both and second - first >= timedelta(hours=1) else (max(first, second),)
