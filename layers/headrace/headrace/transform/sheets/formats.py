"""What a number in a cell means, which its format says: a date, a time, a code with zeros before it."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from math import isfinite, ulp

from headrace.domain.contract import Column, Kind


class Shown(StrEnum):
    """How a number is shown."""

    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    DURATION = "duration"
    BOTH = "date and time"
    CODE = "code"


BUILT_IN = (
    dict.fromkeys((14, 15, 16, 17, *range(27, 32), 36, *range(50, 59)), Shown.DATE)
    | dict.fromkeys((18, 19, 20, 21, *range(32, 36), 45, 47), Shown.TIME)
    | {22: Shown.BOTH, 46: Shown.DURATION}
)
"""ECMA-376, part 1, 18.8.30: formats that a workbook does not write down; those of East Asia are among them."""
NO_LETTERS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
"""What stands for itself in a format, or says a colour, a condition or a language."""
ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]")
"""Hours, minutes or seconds in all, which do not begin again after a day (18.8.31)."""
ZEROS = re.compile("0{2,30}")
FIRST_DAY, FIRST_DAY_OF_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - local, as in the sheet
LEAP_DAY = 60
"""29 February 1900, which was none: days before it are counted from a day later (18.17.4.1)."""
NO_DAYS = {0: "1900-01-00", LEAP_DAY: "1900-02-29"}
"""Days that Excel shows and no calendar has."""
LAST_DAY = 2_958_466
MILLISECONDS = 86_400_000
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?")
DIGITS, NOISY = 15, 17
"""Excel shows 15 digits. In texts of 17 what comes after them may be how a double holds a shorter decimal."""
LONGEST = 4_000
"""Characters of a number; a longer text is left as it is."""
MOST_PLACES = 40
"""Numbers with more places before or behind the point keep their exponent."""
BEYOND_INTEGERS = 1 << 63


def number_in(text: str) -> Decimal | None:
    """The number that a cell's text is, with all its digits; None for what is none, or none that a double holds."""
    if len(text) > LONGEST or not NUMBER.fullmatch(text) or not isfinite(float(text)):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent without measure
        return None


def shown_as(code: str) -> Shown:
    """What a format of a workbook's own shows."""
    if ZEROS.fullmatch(code):
        return Shown.CODE
    letters = NO_LETTERS.sub("", code.partition(";")[0]).lower().replace("general", "")
    has_clock = bool(re.search("[hs]", letters))
    has_day = bool(re.search("[yd]", letters)) or ("m" in letters and not has_clock)
    if ELAPSED.search(letters):
        return Shown.DURATION
    if has_day:
        return Shown.BOTH if has_clock else Shown.DATE
    return Shown.TIME if has_clock else Shown.NUMBER


def meant(exact: Decimal, shown: Shown, zeros: int, column: Column | None, *, from_1904: bool) -> str | int | Decimal:
    """What a number means to a column: a time in ISO 8601, a code of as many digits as its format has zeros, or itself.

    To a column of dates, midnight is a date; to one of timestamps any date has a time. A duration is hours, minutes and
    seconds; of a time of day the day is not shown.
    """
    kind, number = column.kind if column is not None else None, float(exact)
    if shown is Shown.CODE and kind in {Kind.STRING, None} and number >= 0 and _is_whole(exact):
        return str(int(exact)).zfill(zeros)
    if shown is Shown.DURATION and abs(number) < LAST_DAY:
        return _duration(number)
    if shown in {Shown.NUMBER, Shown.CODE, Shown.DURATION} or not 0 <= number < LAST_DAY:
        return plain(exact if kind is Kind.FLOAT else _without_noise(exact))
    at = _time(number, from_1904=from_1904)
    if shown is Shown.TIME:
        return _without_zeros(at.time().isoformat("auto"))
    if not from_1904 and int(number) in NO_DAYS:
        return NO_DAYS[int(number)]
    return _of_day(at, kind, only_date=shown is Shown.DATE)


def meant_iso(text: str, column: Column | None) -> str:
    """What a date or time in ISO 8601 means to a column, as `meant` has it; a text that is none is left as it is."""
    kind = column.kind if column is not None else None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo else _of_day(at, kind, only_date=len(text) == len(date.min.isoformat()))


def plain(number: Decimal) -> int | Decimal:
    """A whole number without a point."""
    return int(number) if _is_whole(number) and abs(number) < BEYOND_INTEGERS else number


def digits(number: Decimal) -> str:
    """A number as JSON has it."""
    if number.is_zero() or abs(number.adjusted()) > MOST_PLACES:
        return str(number)
    return f"{int(number)}" if _is_whole(number) else f"{number:f}"


def _is_whole(number: Decimal) -> bool:
    return abs(number.adjusted()) <= MOST_PLACES and number == number.to_integral_value()


def _without_noise(number: Decimal) -> Decimal:
    """The decimal that a double was made of or computed for. An integer that is written as one is never another."""
    _, written, exponent = number.as_tuple()
    if exponent == 0 or len(written) < NOISY:
        return number
    held = float(number)
    rounded = f"{held:.{DIGITS}g}"
    return Decimal(rounded) if abs(float(rounded) - held) <= ulp(held) else number


def _duration(days: float) -> str:
    """Hours in all, minutes and seconds."""
    milliseconds = round(abs(days) * MILLISECONDS)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{rest % 1000:03d}" if rest % 1000 else ""
    sign = "-" if days < 0 and milliseconds else ""
    return _without_zeros(f"{sign}{hours:02d}:{minutes:02d}:{rest // 1000:02d}{fraction}")


def _of_day(at: datetime, kind: Kind | None, *, only_date: bool) -> str:
    has_time = at.time() != at.min.time()
    if kind is not Kind.TIMESTAMP and not has_time and (kind is Kind.DATE or only_date):
        return at.date().isoformat()
    return _without_zeros(at.isoformat("T", "auto"))


def _time(number: float, *, from_1904: bool) -> datetime:
    first = FIRST_DAY_OF_1904 if from_1904 else FIRST_DAY
    days = number + 1 if not from_1904 and number < LEAP_DAY else number
    return first + timedelta(milliseconds=round(days * MILLISECONDS))


def _without_zeros(text: str) -> str:
    return text.rstrip("0") if "." in text else text
