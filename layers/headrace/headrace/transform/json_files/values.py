"""One JSON value at a time: what a column of each kind takes from a JSON document."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import orjson

from headrace.domain.contract import Column, Kind
from headrace.transform.values.json_text import MOST_DIGITS, SUPER_BYTES
from headrace.transform.values.meaning import Cut
from headrace.transform.values.numbers import is_rewritten
from headrace.transform.values.times import has_epochs
from headrace.transform.values.values import (
    Broken,
    decimal_fits,
    fitting,
    float_fits,
    integer_fits,
    numbers_fit,
    shown,
    super_fits,
    text_reader,
    whole_number,
)

WRITABLE_LEVELS = 254
"""orjson writes no more."""
BEYOND_INTEGERS = 1 << 63
"""The parser makes doubles of whole numbers that no 64 bits hold."""
NUMBERS = frozenset({int, float, Decimal})
NAMES = {
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    Decimal: "a number",
    dict: "an object",
    list: "a list",
}


class Immense(str):
    """A number, as the file writes it, whose exponent no decimal has."""

    __slots__ = ()


class AsWritten(str):
    """A number as the file writes it, for a column of texts."""

    __slots__ = ()


def exact_number(text: str) -> Decimal | Immense:
    """A JSON number with all its digits."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Immense(text)


def needs_all_digits(column: Column) -> bool:
    """Whether a double could be another value of the column than the number that the file writes."""
    rounds = column.kind is Kind.INTEGER and takes_fractions(column)
    return rounds or column.kind is Kind.DECIMAL or has_epochs(column)


def takes_numbers_as_texts(column: Column) -> bool:
    """Whether a number is a text as it is written: `1.50` is not `1.5` then."""
    return column.kind is Kind.STRING and column.writing.loose


def takes_fractions(column: Column) -> bool:
    """Whether an integer may be written as a number with a point or exponent."""
    return bool(column.writing.rounding) or column.writing.exponents


def json_reader(column: Column) -> Callable[[Any], Any]:
    """A function from a parsed JSON value to the column's value; it raises Broken. null is the caller's matter.

    What the contract says of how values are written is said of texts.
    """
    strict = _strict_reader(column)
    of_texts = column.writing.loose or is_rewritten(column) or bool(column.writing.true)
    return _loose_reader(column, strict) if of_texts else strict


def _loose_reader(column: Column, strict: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Takes texts for what they say, and what is no text as it is written."""
    read_text = text_reader(column)

    def read(value: Any) -> Any:
        if type(value) is str:
            return read_text(value)
        if column.kind is Kind.STRING and type(value) in {bool, AsWritten}:
            return read_text(str(value).lower() if type(value) is bool else str(value))
        return strict(value)

    return read


def _strict_reader(column: Column) -> Callable[[Any], Any]:
    match column.kind:
        case Kind.INTEGER:
            return _integer(column)
        case Kind.FLOAT:
            return _float(column)
        case Kind.DECIMAL:
            return _decimal(column)
        case Kind.BOOLEAN:
            return _boolean
        case Kind.SUPER:
            return _unknown if column.unknown else _super
        case Kind.STRING | Kind.DATE | Kind.TIMESTAMP:
            return _text(column)


def _wrong(value: Any, wanted: str) -> Broken:
    return Broken("logicalType", f"{_shown(value)} is {NAMES[type(value)]}, not {wanted}")


def _shown(value: Any) -> str:
    """As the file says it; numbers read exactly are no JSON for orjson any more. What is too deep cannot be quoted."""
    if not isinstance(value, dict | list | bool):
        return shown(value)
    try:
        return shown(orjson.dumps(value, default=str).decode())
    except TypeError:
        return f"what is nested in more than {WRITABLE_LEVELS} levels"


def _text(column: Column) -> Callable[[Any], Any]:
    read = text_reader(column)
    wanted = "text" if column.kind is Kind.STRING else f"text with a {column.kind}"
    numbers = has_epochs(column)

    def read_text(value: Any) -> Any:
        if numbers and type(value) in NUMBERS:
            return read(_digits(value))
        if type(value) is not str:
            raise _wrong(value, wanted)
        return read(value)

    return read_text


def _integer(column: Column) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if takes_fractions(column) and type(value) in {float, Decimal}:
            return whole_number(Decimal(str(value)), column)
        if isinstance(value, Immense):
            raise Broken("physicalType", f"{shown(value)} does not fit {column.redshift_type}")
        if type(value) is float and abs(value) >= BEYOND_INTEGERS:
            raise Broken("physicalType", f"{shown(value)} does not fit {column.redshift_type}")
        if type(value) is not int:
            raise _wrong(value, "an integer" if type(value) is not float else "a whole number without a fraction")
        integer_fits(value, column)
        return value

    return read


def _float(column: Column) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if type(value) is not float and type(value) is not int:
            raise _wrong(value, "a number")
        return float_fits(float(value), column, value)

    return read


def _decimal(column: Column) -> Callable[[Any], Decimal]:
    read_text = text_reader(column)

    def read(value: Any) -> Decimal:
        if type(value) is str:
            return cast("Decimal", read_text(value))
        if isinstance(value, Immense):
            raise Broken("physicalType", f"{shown(value)} does not fit {column.redshift_type}")
        if isinstance(value, Decimal):
            return decimal_fits(value, column)
        if type(value) is not float and type(value) is not int:
            raise _wrong(value, "a decimal number")
        return decimal_fits(Decimal(repr(value)), column)

    return read


def _digits(value: float | Decimal) -> str:
    """A number without an exponent, unless it is without measure."""
    exact = Decimal(str(value))
    return f"{exact:f}" if abs(exact.adjusted()) < MOST_DIGITS else str(exact)


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise _wrong(value, "true or false")
    return value


def _unknown(value: Any) -> str:
    """Fields that no column wants never cost their row: the longest are left out where they are too long together."""
    try:
        too_long = type(value) is dict and len(orjson.dumps(value)) > SUPER_BYTES
    except TypeError:  # too deep, as `_super` says
        too_long = False
    return Cut(_super(fitting(value))) if too_long else _super(value)


def _super(value: Any) -> str:
    try:
        text = orjson.dumps(value)
    except TypeError:
        raise Broken("physicalType", f"the JSON is nested in more than {WRITABLE_LEVELS} levels") from None
    super_fits(text, len(text))
    numbers_fit(text.decode())
    return text.decode()
