"""Python values as DynamoDB's attribute values and back: {"S": "text"} for "text".

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html. boto3 has this too, but with it
every function imports all of boto3, which costs its cold start more than the ledger's own code does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any

NUMBERS = Context(prec=38, Emin=-128, Emax=126, traps=[Clamped, Overflow, Inexact, Rounded, Underflow])
"""What a number may be: 38 digits. Others raise one of these instead of being rounded."""


def attribute_of(value: Any) -> dict[str, Any]:
    """The attribute of None, bool, int, Decimal, str, bytes, a list, tuple or mapping of these, or a set of str.

    Raises TypeError for anything else, for float above all: a float is rarely the number that was meant.
    """
    for types, kind, content in TO_ATTRIBUTE:
        if isinstance(value, types):
            return {kind: content(value)}
    raise TypeError(f"DynamoDB has no type for {type(value).__name__}")


def value_of(attribute: dict[str, Any]) -> Any:
    """The value of an attribute; a whole number is an int, any other a Decimal. Raises TypeError for sets of others."""
    ((kind, content),) = attribute.items()
    if kind not in FROM_ATTRIBUTE:
        raise TypeError(f"the ledger has no attributes of the type {kind}")
    return FROM_ATTRIBUTE[kind](content)


def _number(value: int | Decimal) -> str:
    number = NUMBERS.create_decimal(value)
    if not number.is_finite():
        raise TypeError(f"DynamoDB has no number {value}")
    return str(number)


def _int_or_decimal(text: str) -> int | Decimal:
    if text.isdecimal():
        return int(text)
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


def _texts(values: set[str] | frozenset[str]) -> list[str]:
    if not values or not all(isinstance(value, str) for value in values):
        raise TypeError("only texts are kept as a set, and at least one")
    return list(values)


TO_ATTRIBUTE: tuple[tuple[type | tuple[type, ...], str, Callable[[Any], Any]], ...] = (
    (str, "S", str),
    (bool, "BOOL", bool),
    ((int, Decimal), "N", _number),
    (bytes, "B", bytes),
    (type(None), "NULL", lambda _: True),
    (Mapping, "M", lambda items: {name: attribute_of(item) for name, item in items.items()}),
    ((list, tuple), "L", lambda items: [attribute_of(item) for item in items]),
    ((set, frozenset), "SS", _texts),
)
FROM_ATTRIBUTE: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "BOOL": bool,
    "N": _int_or_decimal,
    "B": bytes,
    "NULL": lambda _: None,
    "M": lambda items: {name: value_of(item) for name, item in items.items()},
    "L": lambda items: [value_of(item) for item in items],
    "SS": set,
}
