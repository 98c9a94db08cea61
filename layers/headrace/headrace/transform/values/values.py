"""One value at a time: from what the file says to what the warehouse takes, or the rule that forbids it.

This is the authority on what a valid value is. The fast path in `pattern` and `checks` may only accept what this
accepts; a property test compares the two.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import orjson

from headrace.domain.contract import Column, Kind
from headrace.domain.writing import CUT, HALF_EVEN, HALF_UP
from headrace.transform.values.json_text import (
    DEEPEST,
    MOST_DIGITS,
    SUPER_BYTES,
    has_long_number,
    has_vanishing_number,
    is_too_deep,
    repeated_key,
)
from headrace.transform.values.meaning import Cut, Replaced
from headrace.transform.values.numbers import example, is_rewritten, rewriter
from headrace.transform.values.times import date_reader, timestamp_reader

INTEGER = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
EXACT_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
TRUE_TOKENS = ("true", "t", "yes", "y", "1")
FALSE_TOKENS = ("false", "f", "no", "n", "0")
MODES = {HALF_UP: ROUND_HALF_UP, HALF_EVEN: ROUND_HALF_EVEN, CUT: ROUND_DOWN}
ENOUGH_DIGITS = Context(prec=100)
"""Any number that fits a DECIMAL has fewer."""
MAX_DIGITS = 400
LONGEST_INTEGER = 20
"""Digits that no column of integers has."""
SHOWN = 60
NO_CHARACTER = "\ufffd"
"""What Unicode has for a character that is not known."""
SURROGATE = re.compile("[\ud800-\udfff]")


class Broken(Exception):  # noqa: N818 - a signal between the readers and the row, not an error of the program
    """A value breaks `rule`, for `reason`."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


def shown(value: object) -> str:
    """A value as a message quotes it, cut to a readable length."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")


def text_reader(column: Column) -> Callable[[str], Any]:
    """A function from a value's text to the value; it raises Broken. Null tokens are the caller's matter."""
    readers: dict[Kind, Callable[[Column], Callable[[str], Any]]] = {
        Kind.STRING: _string,
        Kind.INTEGER: _integer,
        Kind.FLOAT: _float,
        Kind.DECIMAL: _decimal,
        Kind.BOOLEAN: _boolean,
        Kind.DATE: _date,
        Kind.TIMESTAMP: _timestamp,
        Kind.SUPER: lambda column: _unknown if column.unknown else _super,
    }
    read = readers[column.kind](column)
    return _rewriting(column, read) if is_rewritten(column) else read


def _rewriting(column: Column, read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Reads numbers that are written in another than the usual way."""
    rewritten, wanted = rewriter(column.writing, exponents=column.kind is Kind.FLOAT), example(column.writing)

    def read_written(text: str) -> Any:
        usual = rewritten(text) if len(text) <= MAX_DIGITS else None
        if usual is None:
            reason = f"{shown(text)} is not a number as the contract writes them, such as {wanted}{_hint(text)}"
            raise Broken("logicalType", reason)
        return read(usual)

    return read_written


def _string(column: Column) -> Callable[[str], str]:
    def read(text: str) -> str:
        if "\0" in text:
            if not column.writing.replaces:
                raise Broken("encoding", "it contains a NUL character, which the warehouse cannot store")
            text = Replaced(text.replace("\0", NO_CHARACTER))
        if column.writing.cut:
            return _cut(text, column)
        if column.max_bytes and len(text) * 4 > column.max_bytes:
            _fits(len(text.encode()), column)
        return text

    return read


def is_changing(column: Column) -> bool:
    """Whether the column's texts may be changed to be kept."""
    return column.writing.cut or column.writing.replaces or column.unknown


def _cut(text: str, column: Column) -> str:
    """As much of a text as the column holds."""
    kept = text if column.max_length is None else text[: column.max_length]
    if column.max_bytes and len(kept) * 4 > column.max_bytes:
        kept = kept.encode()[: column.max_bytes].decode(errors="ignore")
    return text if len(kept) == len(text) else Cut(kept)


def with_characters(undecodable: bytes) -> Replaced:
    """Bytes as a text, with a character in the place of those that are none in the file's encoding."""
    try:
        text = undecodable.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return Replaced(undecodable.decode("utf-8", "replace"))
    return Replaced(SURROGATE.sub(NO_CHARACTER, text))


def _fits(size: int, column: Column) -> None:
    if size > column.max_bytes:
        raise Broken("physicalType", f"it takes {size} bytes in UTF-8, {column.redshift_type} holds {column.max_bytes}")


def integer_fits(value: int, column: Column) -> None:
    """Raises Broken for an integer outside the column's width."""
    limit = 1 << (column.bits - 1)
    if not -limit <= value < limit:
        raise Broken("physicalType", f"{shown(value)} does not fit {column.redshift_type} ({-limit} to {limit - 1})")


def _integer(column: Column) -> Callable[[str], int]:
    if column.writing.rounding or column.writing.exponents:
        return _rounded_integer(column)

    def read(text: str) -> int:
        if not INTEGER.fullmatch(text):
            raise Broken("logicalType", f"{shown(text)} is not an integer{_hint(text)}")
        if len(text) > MAX_DIGITS:
            raise Broken("physicalType", f"{shown(text)} does not fit {column.redshift_type}")
        value = int(text)
        integer_fits(value, column)
        return value

    return read


def _rounded_integer(column: Column) -> Callable[[str], int]:
    """Reads whole numbers that may be written with decimals or an exponent."""
    exact = _exact_number(column, "an integer")
    return lambda text: whole_number(exact(text), column)


def whole_number(value: Decimal, column: Column) -> int:
    """The value as a column of integers keeps it. Raises Broken for one that does not fit, or may not be rounded."""
    if value and value.adjusted() > LONGEST_INTEGER:
        raise Broken("physicalType", f"{shown(value)} does not fit {column.redshift_type}")
    whole = int(rounded(value, column)) if value else 0
    integer_fits(whole, column)
    return whole


def _hint(text: str) -> str:
    if text != text.strip():
        return ": it has blanks around it"
    if not text:
        return ": it is empty, and the contract's null tokens do not include empty, or not in quotes"
    return ""


def float_fits(value: float, column: Column, said: object) -> float:
    """The value as the column keeps it; raises Broken when it is too large for the type."""
    try:
        kept: float = struct.unpack("f", struct.pack("f", value))[0] if column.bits == 32 else value
    except OverflowError:
        kept = float("inf")
    if kept - kept != 0:
        raise Broken("physicalType", f"{shown(said)} does not fit {column.redshift_type}")
    return kept


def _float(column: Column) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not NUMBER.fullmatch(text):
            raise Broken("logicalType", f"{shown(text)} is not a number{_hint(text)}")
        return float_fits(float(text), column, text)

    return read


def decimal_fits(value: Decimal, column: Column) -> Decimal:
    """The value with exactly the column's scale. Raises Broken when that would round, or does not fit."""
    step = Decimal(1).scaleb(-column.scale)
    if not value.is_finite() or (value.adjusted() >= column.precision - column.scale and value):
        raise Broken("physicalType", f"{shown(value)} does not fit {column.redshift_type}")
    said = value
    value = rounded(value, column)
    if value.adjusted() >= column.precision - column.scale and value:
        raise Broken("physicalType", f"{shown(said)} is rounded to {value}, which does not fit {column.redshift_type}")
    sign, digits, exponent = value.as_tuple()
    spare = -int(exponent) - column.scale
    if spare > 0:
        return Decimal((sign, digits[:-spare] or (0,), -column.scale))
    return Decimal((sign, (*digits, *[0] * -spare), -column.scale)) if value else Decimal(0) * step


def rounded(value: Decimal, column: Column) -> Decimal:
    """The value with no more decimals than the column's scale, but for zeros. Raises Broken where it may not be so."""
    _, digits, exponent = value.as_tuple()
    spare = -int(exponent) - column.scale
    if spare <= 0 or not any(digits[-spare:]):
        return value
    mode = MODES.get(column.writing.rounding)
    if mode is None:
        more = f"more than {column.scale} decimals" if column.scale else "decimals"
        raise Broken("physicalType", f"{shown(value)} has {more}: it would be rounded")
    if value.adjusted() < -column.scale - 1:
        return Decimal(0)
    return value.quantize(Decimal(1).scaleb(-column.scale), mode, ENOUGH_DIGITS) or Decimal(0)


def _exact_number(column: Column, noun: str) -> Callable[[str], Decimal]:
    """Reads a number with all its digits."""
    form = NUMBER if column.writing.exponents else EXACT_NUMBER

    def read(text: str) -> Decimal:
        if not form.fullmatch(text):
            raise Broken("logicalType", f"{shown(text)} is not {noun}{_hint(text)}")
        if len(text) > MAX_DIGITS:
            raise Broken("physicalType", f"{shown(text)} does not fit {column.redshift_type}")
        try:
            return Decimal(text)
        except InvalidOperation:
            raise Broken("physicalType", f"{shown(text)} does not fit {column.redshift_type}") from None

    return read


def _decimal(column: Column) -> Callable[[str], Decimal]:
    exact = _exact_number(column, "a decimal number")
    return lambda text: decimal_fits(exact(text), column)


def _boolean(column: Column) -> Callable[[str], bool]:
    true, false = column.writing.true or TRUE_TOKENS, column.writing.false or FALSE_TOKENS
    known = {text.lower(): True for text in true} | {text.lower(): False for text in false}
    is_usual = not column.writing.true

    def read(text: str) -> bool:
        value = known.get(text.lower()) if text.isascii() or not is_usual else None
        if value is None:
            raise Broken("logicalType", f"{shown(text)} is not a boolean ({', '.join((*true, *false))}){_hint(text)}")
        return value

    return read


def boolean_forms(column: Column) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Usual letters of the words for true and for false; other mixes of capitals mean the same."""
    said = (column.writing.true, column.writing.false) if column.writing.true else (TRUE_TOKENS, FALSE_TOKENS)
    return _forms(said[0]), _forms(said[1])


def _forms(words: tuple[str, ...]) -> tuple[str, ...]:
    """Words in small letters, capitals and with a capital, without those that are then other words, as SS of ß is."""
    lower = {word.lower() for word in words}
    forms = dict.fromkeys(form for word in words for form in (word, word.upper(), word.title()))
    return tuple(form for form in forms if form.lower() in lower)


def _date(column: Column) -> Callable[[str], Any]:
    return _temporal("date", date_reader(column.formats, column.writing), bool(column.formats))


def _timestamp(column: Column) -> Callable[[str], Any]:
    return _temporal("timestamp", timestamp_reader(column.formats, column.writing), bool(column.formats))


def _temporal(noun: str, reader: Callable[[str], Any], has_formats: bool) -> Callable[[str], Any]:
    rule = "format" if has_formats else "logicalType"

    def read(text: str) -> Any:
        try:
            return reader(text)
        except ValueError as error:
            raise Broken(rule, f"{shown(text)} is not a {noun}: {error}") from None

    return read


def super_fits(text: str | bytes, size: int) -> None:
    """Raises Broken when JSON text of `size` bytes cannot travel in a VARCHAR."""
    if size > SUPER_BYTES:
        start = text[: SHOWN * 4].decode(errors="ignore") if isinstance(text, bytes) else text
        raise Broken("physicalType", f"the JSON takes {size} bytes, {SUPER_BYTES} can be loaded: {shown(start)}")


def numbers_fit(text: str) -> None:
    """Raises Broken when a number in JSON has more digits than the warehouse has, or vanishes in a double."""
    if has_long_number(text):
        raise Broken("physicalType", f"the JSON has a number of more than {MOST_DIGITS} digits: {shown(text)}")
    if has_vanishing_number(text):
        raise Broken("physicalType", f"the JSON has a number that a double cannot hold: {shown(text)}")


def _unknown(text: str) -> str:
    """Fields that no column wants never cost their row: the longest are left out where they are too long together."""
    if len(text) * 4 <= SUPER_BYTES or len(text.encode()) <= SUPER_BYTES:
        return _super(text)
    return Cut(_super(orjson.dumps(fitting(orjson.loads(text))).decode()))


def fitting(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that can be loaded together, without the longest."""
    sizes = {name: len(orjson.dumps({name: value})) for name, value in fields.items()}
    left = sum(sizes.values())
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if left <= SUPER_BYTES:
            break
        left -= sizes.pop(name)
    return {name: fields[name] for name in fields if name in sizes}


def _super(text: str) -> str:
    raw = text.encode()
    super_fits(text, len(raw))
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Broken("logicalType", f"{shown(text)} is not JSON: {error}") from None
    if is_too_deep(text):
        raise Broken("physicalType", f"the JSON is nested in more than {DEEPEST} levels: {shown(text)}")
    numbers_fit(text)
    if (key := repeated_key(raw, document)) is not None:
        raise Broken("json", f"an object has the key {shown(key)} twice")
    return text
