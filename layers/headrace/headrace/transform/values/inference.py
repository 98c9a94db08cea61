"""What a column could be, going by values that were seen: the narrowest type that takes all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from headrace.transform.values.json_text import MOST_DIGITS
from headrace.transform.values.times import date_reader, timestamp_reader
from headrace.transform.values.values import EXACT_NUMBER, INTEGER, NUMBER

DATES = ("", "dd/MM/yyyy", "MM/dd/yyyy", "dd.MM.yyyy", "yyyy/MM/dd", "dd-MM-yyyy")
CLOCKS = ("HH:mm", "HH:mm:ss")
TIMES = ("", *(f"{day} {clock}" for day in DATES if day for clock in CLOCKS))
LONGEST_VARCHAR = 65535
DECIMALS = 4
"""Numbers with more decimals than this are taken for measurements, which a double holds well enough."""
DOUBLE_DIGITS = 15
"""A double keeps every number of so many digits."""
LEADING_ZERO = re.compile(r"[+-]?0[0-9]")
CODE = re.compile(r"\+[0-9]{6}|[0-9]+[eE][0-9]+$")
"""A sign or an exponent as phone numbers and article codes have them: `+4915…`, `10E2`."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A type in the words of a contract. `formats` are all that fit a date or time, the likeliest first."""

    logical: str
    physical: str | None = None
    formats: tuple[str, ...] = ()


def guess(values: Sequence[Any], *, typed: bool = False) -> Guess:
    """The type of values: texts of a delimited file, or, `typed`, what JSON says. Without values it is text."""
    if any(isinstance(value, dict | list) for value in values):
        return Guess("array" if all(isinstance(value, list) for value in values) else "object")
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return Guess("boolean")
    if kinds and kinds <= {int, float, Decimal}:
        return _typed_number([str(value) for value in values])
    if typed and kinds - {str}:
        return Guess("object")
    return _text([value if isinstance(value, str) else repr(value) for value in values], typed=typed)


def _typed_number(texts: list[str]) -> Guess:
    """What JSON's numbers are: doubles where they have more digits than any other number."""
    found = _number(texts)
    return found if found.logical != "string" else Guess("number", "DOUBLE PRECISION")


def _text(texts: list[str], *, typed: bool) -> Guess:
    if not typed and (found := _plain(texts)):
        return found
    if formats := _formats(texts, DATES, date_reader):
        return Guess("date", None, formats)
    if formats := _formats(texts, TIMES, timestamp_reader):
        return Guess("timestamp", None, formats)
    return Guess("string", f"VARCHAR({_length(texts)})")


def _plain(texts: list[str]) -> Guess | None:
    """A boolean or a number."""
    if texts and all(text.lower() in {"true", "false"} for text in texts):
        return Guess("boolean")
    if not texts or not all(map(NUMBER.fullmatch, texts)) or any(map(LEADING_ZERO.match, texts)):
        return None
    return None if any(map(CODE.match, texts)) else _number(texts)


def _number(texts: list[str]) -> Guess:
    """The narrowest number that keeps every digit, or text where none does."""
    scale = max(len(_mantissa(text).partition(".")[2]) for text in texts)
    whole = max(len(_mantissa(text).partition(".")[0].lstrip("+-")) for text in texts)
    if all(map(INTEGER.fullmatch, texts)):
        if all(-(1 << 63) <= int(text) < 1 << 63 for text in texts):
            return Guess("integer", "BIGINT")
        return Guess("number", f"DECIMAL({MOST_DIGITS},0)") if whole <= MOST_DIGITS else _text_of(texts)
    exact = all(map(EXACT_NUMBER.fullmatch, texts))
    if exact and scale <= DECIMALS and whole <= 18 - scale:
        return Guess("number", f"DECIMAL(18,{max(scale, 1)})")
    if max(map(_digits, texts)) <= DOUBLE_DIGITS:
        return Guess("number", "DOUBLE PRECISION")
    return (
        Guess("number", f"DECIMAL({MOST_DIGITS},{scale})")
        if exact and whole + scale <= MOST_DIGITS
        else _text_of(texts)
    )


def _mantissa(text: str) -> str:
    return text.lower().partition("e")[0]


def _digits(text: str) -> int:
    """How many digits of a number count."""
    return len(_mantissa(text).lstrip("+-").replace(".", "").strip("0"))


def _text_of(texts: list[str]) -> Guess:
    return Guess("string", f"VARCHAR({_length(texts)})")


def _formats(
    texts: list[str], candidates: Sequence[str], reader: Callable[[tuple[str, ...]], Callable[[str], Any]]
) -> tuple[str, ...]:
    return tuple(text for text in candidates if texts and _reads_all(reader((text,) if text else ()), texts))


def _reads_all(read: Callable[[str], Any], texts: list[str]) -> bool:
    try:
        for text in texts:
            read(text)
    except ValueError:
        return False
    return True


def _length(texts: list[str]) -> int:
    """Bytes for the longest text and half as much again, as a round number."""
    needed = max((len(text.encode()) for text in texts), default=1) * 3 // 2
    length = 16
    while length < needed:
        length *= 2
    return min(length, LONGEST_VARCHAR)
