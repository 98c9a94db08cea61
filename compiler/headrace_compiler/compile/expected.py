"""Files that a contract expects: `timeOfAvailability` and `frequency` among its slaProperties."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from open_data_contract_standard.model import CustomProperty, ServiceLevelAgreementProperty

from headrace.domain.expected.calendar import DAY, HOLIDAY, HOUR, LAST, MONTH, WEEKDAYS, Expectation, is_rule
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

TIME, FREQUENCY = {"timeOfAvailability", "ta"}, {"frequency", "fy"}
UNITS = {
    "h": HOUR, "hr": HOUR, "hour": HOUR, "hours": HOUR, "d": DAY, "day": DAY, "days": DAY,
    "m": MONTH, "mo": MONTH, "month": MONTH, "months": MONTH,
}  # fmt: skip
AT = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)(?::00)?(Z|[+-]\d\d:?\d\d)?")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
FILES = re.compile(r"(\d{1,4})(\+|-(\d{1,5}))?")
PROPERTIES_SINCE = ("v3.2.0",)
"""The versions of ODCS whose slaProperties have customProperties."""
MOST = 20
MOST_FILES = 1_000
"""Of which one look counts each: the least number that may be expected."""
MOST_HOLIDAYS = 200
MOST_MINUTES = 24 * 60


def expectations(
    promises: Sequence[ServiceLevelAgreementProperty], api_version: str | None, problems: Problems
) -> tuple[Expectation, ...]:
    """What the slaProperties expect, each `timeOfAvailability` one; nothing without."""
    every, hours = _frequency(promises, problems)
    found = list[Expectation]()
    for index, promise in enumerate(promises):
        here: Where = ("slaProperties", index)
        if promise.customProperties and api_version not in PROPERTIES_SINCE:
            reason = (
                f"customProperties of a promise are ODCS {PROPERTIES_SINCE[0]}: write apiVersion: {PROPERTIES_SINCE[0]}"
            )
            problems.add((*here, "customProperties"), reason)
        known = custom.EXPECTED if promise.property in TIME else custom.NO_PROPERTIES
        values = custom.read_custom(promise.customProperties, known, here, problems)
        if promise.property in TIME and (made := _expectation(promise, every, hours, values, here, problems)):
            if made.name in {other.name for other in found}:
                reason = f"two times of availability are called {made.name!r}: give each an id"
                problems.add(here, reason)
            found.append(made)
    if len(found) > MOST:
        problems.add(("slaProperties",), f"{len(found)} times of availability: {MOST} at most")
    return tuple(found)


def _frequency(promises: Sequence[ServiceLevelAgreementProperty], problems: Problems) -> tuple[str, int]:
    """How often files are expected: a unit, and of hours how many."""
    expects = any(promise.property in TIME for promise in promises)
    given = [(index, promise) for index, promise in enumerate(promises) if promise.property in FREQUENCY]
    if not expects or not given:
        return DAY, 1
    index, promise = given[0]
    here = ("slaProperties", index)
    if len(given) > 1:
        problems.add(("slaProperties", given[1][0]), "frequency is promised twice")
    unit, value = UNITS.get((promise.unit or "d").lower()), promise.value
    if unit is None:
        problems.add(
            (*here, "unit"), "beside a timeOfAvailability, frequency needs a unit of h, d or m (weekly: weekdays)"
        )
        return DAY, 1
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < 1:
        problems.add((*here, "value"), "frequency must be a whole number: every so many hours, or 1 day or month")
        return unit, 1
    if (unit == HOUR and 24 % int(value)) or (unit != HOUR and value != 1):
        problems.add(
            (*here, "value"), "files are expected every 1, 2, 3, 4, 6, 8, 12 or 24 hours, every day, or every month"
        )
        return unit, 1
    return unit, int(value)


def _expectation(
    promise: ServiceLevelAgreementProperty, every: str, hours: int, values: dict[str, Any], here: Where,
    problems: Problems,
) -> Expectation | None:  # fmt: skip
    name = str(promise.id or "files")
    if not NAME.fullmatch(name):
        problems.add(
            (*here, "id"), "an id has letters, digits, - and _, 40 at most: it names the expectation to people"
        )
    at = AT.fullmatch(promise.value) if isinstance(promise.value, str) else None
    minutes = int(at[1]) * 60 + int(at[2]) if at else 0
    if at is None or minutes > MOST_MINUTES:
        problems.add((*here, "value"), 'timeOfAvailability needs a time in quotes: "06:00", "06:00Z" or "06:00+01:00"')
        return None
    if every == HOUR and minutes >= hours * 60:
        reason = f"of files every {hours} h the time is that after the beginning of the hours, below {hours:02}:00"
        problems.add((*here, "value"), reason)
    place = _Placed(promise.customProperties, here, values, problems)
    least, most = place.files()
    return Expectation(
        name=name,
        every=every,
        hours=hours,
        minutes=minutes,
        zone=place.zone(at[3]),
        weekdays=place.weekdays(),
        month_days=place.month_days(every),
        holidays=place.holidays(),
        least=least,
        most=most,
        least_bytes=int(values.get("minimumBytes", 0)),
        pattern=place.pattern(),
        late_seconds=int(values["lateHours"] * 3600) if "lateHours" in values else None,
    )


class _Placed:
    """The customProperties of one promise: what is wrong is said of the place where it stands."""

    def __init__(
        self, properties: Sequence[CustomProperty] | None, here: Where, values: dict[str, Any], problems: Problems
    ) -> None:
        self._properties, self._here, self._values, self._problems = properties, here, values, problems

    def _refuse(self, name: str, reason: str) -> None:
        self._problems.add(custom.place_of(self._properties, name, self._here), reason)

    def zone(self, offset: str | None) -> str:
        """The time zone; an offset in the time is one that the clocks do not change."""
        named = self._values.get("timezone")
        if offset and named:
            self._refuse("timezone", "the time has an offset already: write it without, or leave out timezone")
        if offset and offset != "Z":
            hours, minutes = int(offset[1:3]), int(offset[-2:])
            if minutes or hours > 14:
                self._refuse("timezone", f"{offset} is no whole number of hours: name the timezone instead")
            sign = "-" if offset[0] == "+" else "+"  # as POSIX has it: Etc/GMT-1 is an hour ahead of UTC
            return f"Etc/GMT{sign}{hours}" if hours else "UTC"
        zone = str(named or "UTC")
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            self._refuse("timezone", f"there is no time zone {zone!r}: write one such as Europe/Zurich")
            return "UTC"
        return zone

    def weekdays(self) -> tuple[int, ...]:
        """The days of the week, 0 for Monday."""
        given = [str(day).lower()[:3] for day in self._values.get("weekdays", WEEKDAYS)]
        if not given or (unknown := [day for day in given if day not in WEEKDAYS]):
            hint = suggestion(unknown[0], WEEKDAYS) if given else ""
            self._refuse("weekdays", f"weekdays are some of {', '.join(WEEKDAYS)}{hint}")
            return (0, 1, 2, 3, 4, 5, 6)
        return tuple(sorted({WEEKDAYS.index(day) for day in given}))

    def month_days(self, every: str) -> tuple[int, ...]:
        """The days of the month, of what is expected monthly."""
        if "monthDays" not in self._values:
            return (1,) if every == MONTH else ()
        if every != MONTH:
            self._refuse("monthDays", "monthDays go with a frequency of 1 m")
            return ()
        given = [str(day).lower() for day in self._values["monthDays"]]
        days = {LAST if day == "last" else int(day) if day.isdecimal() else -1 for day in given}
        if not days or not all(day == LAST or 1 <= day <= 31 for day in days) or "0" in given:
            self._refuse("monthDays", 'monthDays are some of "1" to "31" and last')
            return (1,)
        return tuple(sorted(days))

    def holidays(self) -> tuple[str, ...]:
        """The days that expect nothing."""
        given = tuple(map(str, self._values.get("holidays", ())))
        if wrong := [rule for rule in given if not is_rule(rule)]:
            self._refuse("holidays", f"{wrong[0][:40]!r} is no holiday: write {HOLIDAY}")
        if len(given) > MOST_HOLIDAYS:
            self._refuse("holidays", f"{len(given)} holidays: {MOST_HOLIDAYS} at most")
        return tuple(rule for rule in given if rule not in wrong)

    def files(self) -> tuple[int, int | None]:
        """From how many to how many files."""
        given = str(self._values.get("files", "1+")).replace(" ", "")
        found = FILES.fullmatch(given)
        least = int(found[1]) if found else 0
        most = None if found and found[2] == "+" else int(found[3] or least) if found else None
        if not found or not 1 <= least <= MOST_FILES or (most is not None and most < least):
            self._refuse(
                "files", f'files is a number (3), a range ("2-4") or at least so many ("2+"), up to {MOST_FILES:,}'
            )
            return 1, None
        return least, most

    def pattern(self) -> str:
        """The names that count."""
        given = str(self._values.get("pattern", ""))
        if "/" in given or len(given) > 200:
            self._refuse("pattern", "a pattern is one of names, such as region-*.csv, without /")
        return given
