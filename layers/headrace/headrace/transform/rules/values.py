"""The contract's rules on one value: enum, pattern, lengths, bounds, required."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Column
from headrace.domain.writing import Writing
from headrace.transform.outcome import RowError
from headrace.transform.values.values import Broken, shown, text_reader

Rule = Callable[[Any], str | None]
"""From a value to what is wrong with it, as the end of a sentence that begins with the value; None if nothing is."""


REMEMBERED = 128
"""Verdicts on texts of up to this many characters are kept, which bounds a warm function's cache to a few MB."""


def matches(pattern: str, text: str) -> bool:
    """Whether RE2 finds the pattern in the text. RE2, as the vectorised check uses it: one authority, one dialect."""
    return _matches_again(pattern, text) if len(text) <= REMEMBERED else _matches(pattern, text)


def _matches(pattern: str, text: str) -> bool:
    return bool(pc.match_substring_regex(pa.array([text], pa.string()), pattern)[0].as_py())


_matches_again = lru_cache(maxsize=4096)(_matches)


def value_rules(column: Column) -> list[tuple[str, Rule]]:
    """The column's rules by their ODCS names, in the order in which they are checked."""
    rules: list[tuple[str, Rule]] = []
    if column.unpadded:
        rules.append(("key", _unpadded))
    if column.enum:
        rules.append(("enum", _enum(column)))
    if column.pattern is not None:
        rules.append(("pattern", _pattern(column.pattern)))
    if column.min_length is not None:
        rules.append(("minLength", _min_length(column.min_length)))
    if column.max_length is not None:
        rules.append(("maxLength", _max_length(column.max_length)))
    return rules + _bounds(column)


def bound_texts(column: Column) -> dict[str, str]:
    """The column's bounds by their ODCS names, as the contract writes them."""
    texts = {
        "minimum": column.minimum,
        "maximum": column.maximum,
        "exclusiveMinimum": column.exclusive_minimum,
        "exclusiveMaximum": column.exclusive_maximum,
    }
    return {name: text for name, text in texts.items() if text is not None}


def bound_values(column: Column) -> dict[str, Any]:
    """The column's bounds by their ODCS names, read as the column's own kind."""
    read = text_reader(without_formats(column))
    return {name: read(text) for name, text in bound_texts(column).items()}


def enum_values(column: Column) -> list[Any]:
    """The allowed values, read as the column's own kind."""
    read = text_reader(without_formats(column))
    return [read(text) for text in column.enum]


def is_needed(column: Column) -> bool:
    """Whether a row must have a value: nothing stands in its place."""
    return column.required and column.writing.default is None


def without_formats(column: Column) -> Column:
    """Bounds, enum values and defaults are in ISO, in any format of file; times without a zone in the column's."""
    return Column(
        column.name, column.source, column.kind, column.redshift_type,
        bits=column.bits, precision=column.precision, scale=column.scale, max_bytes=column.max_bytes,
        writing=Writing(zone=column.writing.zone, ambiguous=column.writing.ambiguous),
    )  # fmt: skip


def _unpadded(value: str) -> str | None:
    return "ends in a blank, which Redshift ignores when it compares keys" if value.endswith(" ") else None


def _enum(column: Column) -> Rule:
    allowed = frozenset(enum_values(column))
    listed = ", ".join(column.enum[:10]) + (", …" if len(column.enum) > 10 else "")
    return lambda value: None if value in allowed else f"is not one of {listed}"


def _pattern(pattern: str) -> Rule:
    return lambda value: None if matches(pattern, value) else f"does not match {pattern}"


def _min_length(limit: int) -> Rule:
    return lambda value: None if len(value) >= limit else f"has {len(value)} characters, at least {limit} are required"


def _max_length(limit: int) -> Rule:
    return lambda value: None if len(value) <= limit else f"has {len(value)} characters, at most {limit} are allowed"


def _bounds(column: Column) -> list[tuple[str, Rule]]:
    makers: dict[str, Callable[[Any, str | None], Rule]] = {
        "minimum": lambda bound, text: lambda v: None if v >= bound else f"is less than the minimum {text}",
        "maximum": lambda bound, text: lambda v: None if v <= bound else f"is more than the maximum {text}",
        "exclusiveMinimum": lambda bound, text: lambda v: None if v > bound else f"is not more than {text}",
        "exclusiveMaximum": lambda bound, text: lambda v: None if v < bound else f"is not less than {text}",
    }
    texts = bound_texts(column)
    return [(name, makers[name](bound, texts[name])) for name, bound in bound_values(column).items()]


class ColumnReader:
    """Reads the values of one column, with every rule that the contract puts on them.

    `missing` is what is wrong with having no value here: nothing, or that one is required. `meant` gives what a text
    means, None for nothing.
    """

    def __init__(
        self, column: Column, read: Callable[[Any], Any], meant: Callable[[str], str | None] = lambda text: text
    ) -> None:
        self.name = column.name
        self.unknown = column.unknown
        self.missing = (RowError(column.name, "required", "it has no value"),) if is_needed(column) else ()
        self.meant = meant
        self.replaces = column.writing.replaces
        self._read = read
        self._rules = value_rules(column)

    def value(self, said: Any, errors: list[RowError]) -> Any:
        """The value, or None after adding every rule it breaks to `errors`."""
        try:
            value = self._read(said)
        except Broken as broken:
            errors.append(RowError(self.name, broken.rule, broken.reason))
            return None
        for name, rule in self._rules:
            if reason := rule(value):
                errors.append(RowError(self.name, name, f"{shown(said)} {reason}"))
        return value
