"""The kinds of values, which columns, checks and exports have in common."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a column's values are, independent of how a file writes them."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    SUPER = "super"


NUMBERS = frozenset({Kind.INTEGER, Kind.FLOAT, Kind.DECIMAL})
TIMES = frozenset({Kind.DATE, Kind.TIMESTAMP})
