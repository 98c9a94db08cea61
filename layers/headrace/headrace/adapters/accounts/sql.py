"""What the accounts have in common: the warehouse that they are asked of, the lock, and values as SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

LOCK = "LOCK TABLE etl.guard_{dataset}"
"""The lock that loads take."""
LONGEST_SENTENCE = 2000
LONGEST_NAME = 256
"""Bytes, as the columns have them."""


class Statements(Protocol):
    """A warehouse that runs statements in one transaction, and queries."""

    def run(self, statements: list[str]) -> None: ...
    def query(self, sql: str) -> list[list[Any]]: ...


def numbers(rows: Iterable[list[Any]]) -> dict[str, int]:
    """Numbers by name."""
    return {str(name): int(number) for name, number in rows}


def listed(names: Iterable[str]) -> str:
    """Names as the list that stands after IN."""
    return ", ".join(f"'{name}'" for name in sorted(names))
