"""What a number in a cell means, which its format says: a date, a time, a code with zeros before it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum

from headrace.domain.contract import Column, Kind


class Shown(StrEnum):
    """How a number is shown."""

    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    BOTH = "date and time"
    CODE = "code"


BUILT_IN = (
    dict.fromkeys((14, 15, 16, 17, *range(27, 32), 36, *range(50, 59)), Shown.DATE)
    | dict.fromkeys((18, 19, 20, 21, *range(32, 36), 45, 46, 47), Shown.TIME)
    | {22: Shown.BOTH}
)
"""ECMA-376, part 1, 18.8.30: formats that a workbook does not write down; those of East Asia are among them."""
NO_LETTERS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
"""What stands for itself in a format, or says a colour, a condition or a language."""
ZEROS = re.compile("0{2,30}")
FIRST_DAY, FIRST_DAY_OF_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - local, as in the sheet
LEAP_DAY = 60
"""29 February 1900, which was none: days before it are counted from a day later (18.17.4.1)."""
NO_DAYS = {0: "1900-01-00", LEAP_DAY: "1900-02-29"}
"""Days that Excel shows and no calendar has."""
LAST_DAY = 2_958_466
MILLISECONDS = 86_400_000
DIGITS = 15
"""Excel shows no more digits, and compares no more: what comes after them is how a double holds a decimal."""


def shown_as(code: str) -> Shown:
    """What a format of a workbook's own shows."""
    if ZEROS.fullmatch(code):
        return Shown.CODE
    letters = NO_LETTERS.sub("", code.partition(";")[0]).lower().replace("general", "")
    has_clock = bool(re.search("[hs]", letters))
    has_day = bool(re.search("[yd]", letters)) or ("m" in letters and not has_clock)
    if has_day:
        return Shown.BOTH if has_clock else Shown.DATE
    return Shown.TIME if has_clock else Shown.NUMBER


def meant(number: float, shown: Shown, zeros: int, column: Column | None, *, from_1904: bool) -> str | int | float:
    """What a number means to a column: a time in ISO 8601, a code of as many digits as its format has zeros, or itself.

    To a column of dates, midnight is a date; to one of timestamps any date has a time.
    """
    kind = column.kind if column is not None else None
    if shown is Shown.CODE and kind in {Kind.STRING, None} and number >= 0 and number.is_integer():
        return f"{number:.0f}".zfill(zeros)
    if shown in {Shown.NUMBER, Shown.CODE} or not 0 <= number < LAST_DAY:
        return plain(number if kind is Kind.FLOAT else float(f"{number:.{DIGITS}g}"))
    at = _time(number, from_1904=from_1904)
    if shown is Shown.TIME and number < 1:
        return _without_zeros(at.time().isoformat("auto"))
    if not from_1904 and int(number) in NO_DAYS:
        return NO_DAYS[int(number)]
    has_time = at.time() != at.min.time()
    if kind is not Kind.TIMESTAMP and not has_time and (kind is Kind.DATE or shown is Shown.DATE):
        return at.date().isoformat()
    return _without_zeros(at.isoformat("T", "auto"))


def plain(number: float) -> int | float:
    """A whole number without a point."""
    return int(number) if number.is_integer() and abs(number) < 10**DIGITS else number


def _time(number: float, *, from_1904: bool) -> datetime:
    first = FIRST_DAY_OF_1904 if from_1904 else FIRST_DAY
    days = number + 1 if not from_1904 and number < LEAP_DAY else number
    return first + timedelta(milliseconds=round(days * MILLISECONDS))


def _without_zeros(text: str) -> str:
    return text.rstrip("0") if "." in text else text
