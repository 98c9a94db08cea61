"""Dates and times as files write them: ISO 8601 unless the contract gives its own formats.

A format is written in the letters that ODCS borrows from Java (`dd/MM/yyyy HH:mm:ss.SSS XXX`) or in strptime's
(`%d/%m/%Y %H:%M`). Letters that stand for themselves go in single quotes: `yyyy-MM-dd'T'HH:mm`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_FLOOR, Context, Decimal
from functools import cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from headrace.domain.contract import Column
from headrace.domain.writing import EARLIER, LATER, USUAL, Writing

STRPTIME = {
    "%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss", "%f": "SSSSSS", "%z": "XXX",
    "%F": "yyyy-MM-dd", "%T": "HH:mm:ss", "%%": "'%'", "%y": "yy", "%b": "MMM", "%B": "MMMM", "%a": "EEE",
    "%A": "EEEE", "%I": "hh", "%p": "a",
}  # fmt: skip
TOKEN = re.compile(r"'((?:[^']|'')*)'|S\*|([A-Za-z])\2*|[^A-Za-z']", re.DOTALL)
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HALVES = ("am", "pm", "a.m.", "p.m.")
MONTH_NUMBERS = {name: n for n, month in enumerate(MONTHS, 1) for name in (month, month[:3])} | {"sept": 9}
WEEKDAY_NUMBERS = {name: n for n, day in enumerate(WEEKDAYS) for name in (day, day[:3])}


def _named(names: Iterable[str]) -> str:
    """The expression for one of the names, in any letters."""
    either = ("".join(map(_either, name)) for name in sorted(names, key=len, reverse=True))
    return f"(?:{'|'.join(either)})"


def _either(mark: str) -> str:
    return f"[{mark.upper()}{mark}]" if mark.isalpha() else re.escape(mark)


USUAL_DIGITS = {
    "yyyy": r"[0-9]{4}",
    "MM": r"(?:0[1-9]|1[0-2])",
    "dd": r"(?:0[1-9]|[12][0-9]|3[01])",
    "HH": r"(?:[01][0-9]|2[0-3])",
    "mm": r"[0-5][0-9]",
    "ss": r"[0-5][0-9]",
    "XXX": r"(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])",
} | {"S" * n: f"[0-9]{{{n}}}" for n in range(1, 10)}
"""What a time says in as many digits as the format has letters, and in digits alone."""
DIGITS = USUAL_DIGITS | {
    "yy": "[0-9]{2}",
    "M": r"(?:1[0-2]|0?[1-9])",
    "d": r"(?:3[01]|[12][0-9]|0?[1-9])",
    "H": r"(?:2[0-3]|[01]?[0-9])",
    "h": r"(?:1[0-2]|0?[1-9])",
    "hh": r"(?:0[1-9]|1[0-2])",
    "m": "[0-5]?[0-9]",
    "s": "[0-5]?[0-9]",
    "S*": "[0-9]+",
    "a": _named(HALVES),
    "MMM": _named({month[:3] for month in MONTHS} | {"sept"}),
    "MMMM": _named(MONTHS),
    "EEE": _named(day[:3] for day in WEEKDAYS),
    "EEEE": _named(WEEKDAYS),
}
LIKE = {"h": "H", "E": "E"}
"""Letters that give the same part of a time as others."""
LAST_HOUR = {"HH": r"(?:[01][0-9]|2[0-4])", "H": r"(?:2[0-4]|[01]?[0-9])"}
"""Hours where 24:00 ends a day."""
OF_ANY_LENGTH = frozenset({"M", "d", "H", "h", "m", "s", "S*"})
OF_DIGITS = frozenset(DIGITS) - {"a", "MMM", "MMMM", "EEE", "EEEE", "XXX"}
EPOCHS = {"epochSeconds": 0, "epochMilliseconds": 3, "epochMicroseconds": 6, "epochNanoseconds": 9}
"""Numbers since 1970, and the decimals that they have as seconds."""
ISO = "iso"
"""The usual writing, among others."""
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - in UTC, without saying so
LONGEST_EPOCH = 40
ALL_DIGITS = Context(prec=2 * LONGEST_EPOCH)
TOO_FINE = "it is finer than a microsecond, the finest that the warehouse keeps"
ISO_EXAMPLE = "2024-05-31T13:45:00.5+02:00"
ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
ISO_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:[.,](\d+))?)?(Z|z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
ISO_PARTS = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ]([01]\d|2[0-4]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d+))?)?(Z|z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
EPOCH_NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?)", re.ASCII)


class FormatError(ValueError):
    """A format that cannot be read; the text says why and what to write instead."""


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """A compiled format: its parts in order, each a token such as `yyyy`, or a literal text with an empty token."""

    parts: tuple[tuple[str, str], ...]

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens in the order of the text."""
        return tuple(token for token, _ in self.parts if token)

    @property
    def is_usual(self) -> bool:
        """Whether it has digits alone, as many as it has letters."""
        return all(token in USUAL_DIGITS for token in self.tokens)

    def regex(self, digits: Mapping[str, str] = DIGITS) -> str:
        """The format as a regular expression of Python, with a group for each token."""
        return "".join(f"({digits[token]})" if token else re.escape(literal) for token, literal in self.parts)


def has_epochs(column: Column) -> bool:
    """Whether times may be numbers since 1970."""
    return any(text in EPOCHS for text in column.formats)


def is_special(text: str) -> bool:
    """Whether a format is a word for a way of writing, and not made of letters."""
    return text in EPOCHS or text == ISO


@cache
def parse_format(text: str) -> TimeFormat:
    """Compiles a format of letters. Raises FormatError for those that mean nothing here, or without a full date."""
    java = _in_java_letters(text) if "%" in text else text
    parts: list[tuple[str, str]] = []
    position = 0
    while position < len(java):
        match = TOKEN.match(java, position)
        if match is None:
            raise FormatError(f"the format {text!r} has a quote that is not closed")
        parts.append(_part(match, text))
        position = match.end()
    found = TimeFormat(tuple(parts))
    _check(found, text)
    return found


def _check(found: TimeFormat, text: str) -> None:
    """Raises FormatError for a format that does not say what a time is, or says it twice."""
    letters = [token[0] for token in found.tokens]
    if not set("yMd") <= set(letters):
        raise FormatError(f"the format {text!r} does not give a whole date: it needs yyyy, MM and dd")
    parts = [LIKE.get(letter, letter) for letter in letters]
    if len(set(parts)) < len(parts):
        raise FormatError(f"the format {text!r} gives a part twice")
    if ("h" in letters) != ("a" in letters):
        raise FormatError(f"the format {text!r} needs h and a together: a is AM or PM")
    for (one, _), (other, _) in pairwise(found.parts):
        if one in OF_ANY_LENGTH and other in OF_DIGITS:
            raise FormatError(f"the format {text!r}: where {one} ends and {other} begins cannot be seen")


def _in_java_letters(text: str) -> str:
    """A format in strptime's letters, where all others stand for themselves."""
    pieces = re.split("(%.)", text)
    return "".join(
        STRPTIME.get(piece, piece) if piece.startswith("%") else re.sub("[A-Za-z]+", r"'\g<0>'", piece)
        for piece in pieces
    )


def _part(match: re.Match[str], text: str) -> tuple[str, str]:
    token = match[0]
    if match[1] is not None:
        return "", match[1].replace("''", "'") or "'"
    if token == "S*":  # noqa: S105 - a letter of the format
        return token, ""
    if match[2] is None:
        return "", token
    if token in {"X", "XX", "xxx", "Z"}:
        token = "XXX"  # noqa: S105 - a letter of the format
    if token not in DIGITS:
        known = "yyyy yy MM M MMM dd d HH H hh h a mm ss S XXX EEE"
        raise FormatError(f"{token!r} in the format {text!r} is not supported: use {known}, other letters in quotes")
    return token, ""


def date_reader(formats: tuple[str, ...], written: Writing = USUAL) -> Callable[[str], date]:
    """Reads a date as one of the formats, or as YYYY-MM-DD without any; the reader raises ValueError.

    A date is what is written: a time of day and a zone beside it do not move it to another day.
    """
    if not formats:
        return _iso_date
    matching = _matcher(formats, written, dates=True)

    def read(text: str) -> date:
        found = matching(text)
        return (_since_epoch(found, written) if "@" in found else _day(found, written)).date()

    return read


def timestamp_reader(formats: tuple[str, ...], written: Writing = USUAL) -> Callable[[str], datetime]:
    """Reads a point in time, in UTC without a zone; a text without a zone is of the column's. Raises ValueError."""
    if not formats and not (written.zone or written.finer or written.hour24):
        return _iso_timestamp
    matching = _matcher(formats or (ISO,), written)
    return lambda text: _assemble(matching(text), written, cuts=bool(formats))


def _iso_date(text: str) -> date:
    match = ISO_DATE.fullmatch(text)
    if match is None:
        raise ValueError("it is not YYYY-MM-DD")
    return date(int(match[1]), int(match[2]), int(match[3]))


def _iso_timestamp(text: str) -> datetime:
    match = ISO_TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"it is not written as {ISO_EXAMPLE} (seconds, fraction and zone as wanted)")
    fraction, zone = match.groups()
    if fraction and fraction[6:].strip("0"):
        raise ValueError(TOO_FINE)
    return _to_utc(datetime.fromisoformat(text[: match.start(2)] if zone else text), zone)


def _to_utc(value: datetime, zone: str | None) -> datetime:
    if zone is None or zone in "Zz":
        return value
    digits = zone[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(f"{zone} is not a time zone")
    offset = timedelta(hours=hours, minutes=minutes)
    aware = value.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))
    try:
        return aware.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise ValueError("in UTC it is outside the years 1 to 9999") from None


Found = dict[str, str | None]
"""The parts of a time by their letter: `y M d H m s S X`, `a` and `E`, `@` for a number since 1970."""


class _Compiled(NamedTuple):
    """The letters of a format's groups, its expression, and what it says of every text."""

    letters: tuple[str, ...]
    regex: re.Pattern[str]
    always: Mapping[str, str]


@cache
def _matcher(formats: tuple[str, ...], written: Writing, *, dates: bool = False) -> Callable[[str], Found]:
    """A function from a text to its parts, as the first format reads it that fits; it raises ValueError."""
    usual = _Compiled(tuple("yMd"), ISO_DATE, {}) if dates else _Compiled(tuple("yMdHmsSX"), ISO_PARTS, {"iso": "1"})
    compiled = [usual if text == ISO else _compiled(text, hour24=written.hour24) for text in formats]
    example = "YYYY-MM-DD" if dates else ISO_EXAMPLE

    def matching(text: str) -> Found:
        for letters, regex, always in compiled:
            if match := regex.fullmatch(text):
                return {**dict(zip(letters, match.groups(), strict=True)), **always}
        names = [example if name == ISO else name for name in formats]
        raise ValueError("it is not written as " + " or ".join(names))

    return matching


def _compiled(text: str, *, hour24: bool) -> _Compiled:
    if text in EPOCHS:
        return _Compiled(("@",), EPOCH_NUMBER, {"decimals": str(EPOCHS[text])})
    compiled = parse_format(text)
    letters = tuple(_letter(token) for token in compiled.tokens)
    return _Compiled(letters, re.compile(compiled.regex(DIGITS | LAST_HOUR if hour24 else DIGITS)), {})


def _letter(token: str) -> str:
    """What a token gives, by which its group is known; a fraction of any length has no cut announced."""
    return "S*" if token == "S*" else LIKE.get(token[0], token[0])  # noqa: S105 - a letter of the format


def _day(found: Found, written: Writing) -> datetime:
    """The date, at midnight."""
    year, month, day = found["y"] or "", found["M"] or "", int(found["d"] or 0)
    number = MONTH_NUMBERS[month.lower()] if month[:1].isalpha() else int(month)
    value = datetime(full_year(year, written), number, day)  # noqa: DTZ001 - its zone is applied to the whole
    name = found.get("E")
    if name and WEEKDAY_NUMBERS[name.lower()] != value.weekday():
        raise ValueError(f"that day is a {WEEKDAYS[value.weekday()].title()}")
    return value


def full_year(text: str, written: Writing) -> int:
    """The year of four digits, or of two within the hundred years that the contract says."""
    year = int(text)
    return year if len(text) > 2 else written.first_year + (year - written.first_year) % 100


def _hour(found: Found) -> int:
    hour, half = int(found.get("H") or 0), found.get("a")
    return hour % 12 + 12 * (half[0] in "pP") if half else hour


def _assemble(found: Found, written: Writing, *, cuts: bool) -> datetime:
    """From the parts by their letter. `cuts`: a format with a fraction of many digits says that it may be cut."""
    if "@" in found:
        return _since_epoch(found, written)
    day, hour = _day(found, written), _hour(found)
    minute, second = (int(found.get(letter) or 0) for letter in "ms")
    announced = cuts and "S" in found and "iso" not in found
    micros = _microseconds(found.get("S") or found.get("S*") or "", written.finer or ("cut" if announced else ""))
    if hour == 24 and (not written.hour24 or minute or second or micros):
        raise ValueError("24:00:00 is the last time of a day" if written.hour24 else "no day has an hour 24")
    try:
        value = day + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micros)
    except OverflowError:
        raise ValueError("it is outside the years 1 to 9999") from None
    zone = found.get("X")
    return _to_utc(value, zone) if zone or not written.zone else from_zone(value, written.zone, written.ambiguous)


def _microseconds(fraction: str, finer: str) -> int:
    """A fraction of a second of any length, whose digits beyond microseconds are zeros, cut or rounded."""
    micros, rest = int(fraction[:6].ljust(6, "0")), fraction[6:]
    if rest.strip("0") and not finer:
        raise ValueError(TOO_FINE)
    return micros + (finer == "round" and rest[:1] >= "5")


def _since_epoch(found: Found, written: Writing) -> datetime:
    """A number of seconds, or parts of them, since 1970."""
    text, decimals = found["@"] or "", int(found["decimals"] or 0)
    if len(text) > LONGEST_EPOCH:
        raise ValueError("it is outside the years 1 to 9999")
    micros = ALL_DIGITS.scaleb(Decimal(text), 6 - decimals)
    nearest = ALL_DIGITS.add(micros, Decimal("0.5")) if written.finer == "round" else micros
    whole = nearest.to_integral_value(ROUND_FLOOR)
    if whole != micros and not written.finer:
        raise ValueError(TOO_FINE)
    try:
        return EPOCH + timedelta(microseconds=int(whole))
    except OverflowError:
        raise ValueError("it is outside the years 1 to 9999") from None


def from_zone(value: datetime, zone: str, ambiguous: str) -> datetime:
    """A local time in UTC. Where clocks go back it is there twice, and `ambiguous` says which is meant.

    Raises ValueError for a time that the clocks leave out, and for one that is there twice if nothing says which.
    """
    info = ZoneInfo(zone)
    first, second = (value.replace(tzinfo=info, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    if first < second:
        raise ValueError(f"clocks in {zone} went forward over it: there is no such time")
    if first > second and ambiguous not in {EARLIER, LATER}:
        raise ValueError(f"it is there twice, as clocks in {zone} went back: `ambiguousTimes` can say which is meant")
    try:
        return value - (second if ambiguous == LATER else first)
    except OverflowError:
        raise ValueError("in UTC it is outside the years 1 to 9999") from None
