"""Dates and times as files write them: ISO 8601 unless the contract gives its own formats.

A format is written in the letters that ODCS borrows from Java (`dd/MM/yyyy HH:mm:ss.SSS XXX`) or in strptime's
(`%d/%m/%Y %H:%M`). Letters that stand for themselves go in single quotes: `yyyy-MM-dd'T'HH:mm`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache

STRPTIME = {
    "%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss", "%f": "SSSSSS", "%z": "XXX",
    "%F": "yyyy-MM-dd", "%T": "HH:mm:ss", "%%": "'%'",
}  # fmt: skip
TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']", re.DOTALL)
DIGITS = {
    "yyyy": r"[0-9]{4}",
    "MM": r"(?:0[1-9]|1[0-2])",
    "dd": r"(?:0[1-9]|[12][0-9]|3[01])",
    "HH": r"(?:[01][0-9]|2[0-3])",
    "mm": r"[0-5][0-9]",
    "ss": r"[0-5][0-9]",
    "XXX": r"(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])",
} | {"S" * n: f"[0-9]{{{n}}}" for n in range(1, 10)}
ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
ISO_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:[.,](\d+))?)?(Z|z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)


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

    def regex(self) -> str:
        """The format as a regular expression of Python, with a group for each token."""
        return "".join(f"({DIGITS[token]})" if token else re.escape(literal) for token, literal in self.parts)


@cache
def parse_format(text: str) -> TimeFormat:
    """Compiles a format. Raises FormatError for letters that mean nothing here, or without a full date."""
    java = _in_java_letters(text) if "%" in text else text
    parts: list[tuple[str, str]] = []
    position = 0
    while position < len(java):
        match = TOKEN.match(java, position)
        if match is None:
            raise FormatError(f"the format {text!r} has a quote that is not closed")
        parts.append(_part(match, text))
        position = match.end()
    tokens = [token for token, _ in parts if token]
    if not {"yyyy", "MM", "dd"} <= set(tokens):
        raise FormatError(f"the format {text!r} does not give a whole date: it needs yyyy, MM and dd")
    kinds = [token[0] for token in tokens]
    if len(set(kinds)) < len(kinds):
        raise FormatError(f"the format {text!r} gives a part twice")
    return TimeFormat(tuple(parts))


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
    if match[2] is None:
        return "", token
    if token in {"X", "XX", "xxx", "Z"}:
        token = "XXX"  # noqa: S105 - a letter of the format
    if token not in DIGITS:
        raise FormatError(
            f"{token!r} in the format {text!r} is not supported: use yyyy MM dd HH mm ss S XXX, other letters in quotes"
        )
    return token, ""


def date_reader(formats: tuple[str, ...]) -> Callable[[str], date]:
    """Reads a date as one of the formats, or as YYYY-MM-DD without any; the reader raises ValueError.

    A date is what is written: a time of day and a zone beside it do not move it to another day.
    """
    if not formats:
        return _iso_date
    compiled = [_compiled(text) for text in formats]
    return lambda text: _assemble(_first_match(compiled, text) | {"X": None}).date()


def timestamp_reader(formats: tuple[str, ...]) -> Callable[[str], datetime]:
    """Reads a point in time, in UTC without a zone; a text without a zone is UTC. The reader raises ValueError."""
    if not formats:
        return _iso_timestamp
    compiled = [_compiled(text) for text in formats]
    return lambda text: _assemble(_first_match(compiled, text))


def _iso_date(text: str) -> date:
    match = ISO_DATE.fullmatch(text)
    if match is None:
        raise ValueError("it is not YYYY-MM-DD")
    return date(int(match[1]), int(match[2]), int(match[3]))


def _iso_timestamp(text: str) -> datetime:
    match = ISO_TIME.fullmatch(text)
    if match is None:
        raise ValueError("it is not written as 2024-05-31T13:45:00.5+02:00 (seconds, fraction and zone as wanted)")
    fraction, zone = match.groups()
    if fraction and fraction[6:].strip("0"):
        raise ValueError("it is finer than a microsecond, the finest that the warehouse keeps")
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


@cache
def _compiled(text: str) -> tuple[str, tuple[str, ...], re.Pattern[str]]:
    compiled = parse_format(text)
    return text, compiled.tokens, re.compile(compiled.regex())


def _first_match(formats: list[tuple[str, tuple[str, ...], re.Pattern[str]]], text: str) -> dict[str, str | None]:
    """The parts of a text, by their letter, as the first format reads it that fits."""
    for _, tokens, regex in formats:
        if match := regex.fullmatch(text):
            return dict(zip((token[0] for token in tokens), match.groups(), strict=True))
    raise ValueError("it is not written as " + " or ".join(name for name, _, _ in formats))


def _assemble(found: dict[str, str | None]) -> datetime:
    """From the parts by their letter. A fraction longer than six digits is cut, as the format says it is there."""
    year, month, day, hour, minute, second = (int(found.get(letter) or 0) for letter in "yMdHms")
    micros = int((found.get("S") or "")[:6].ljust(6, "0"))
    return _to_utc(datetime(year, month, day, hour, minute, second, micros), found.get("X"))  # noqa: DTZ001
