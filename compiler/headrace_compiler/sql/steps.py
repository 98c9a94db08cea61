"""What the SQL of loads is made of."""

from __future__ import annotations

from collections.abc import Sequence

Step = tuple[str, str]
"""A comment, or the condition under which it is left out, and a statement."""
FIRST_IN = "CASE WHEN STRPOS(_arrival, '#') = 0 THEN _arrival || '#' || _file ELSE _arrival END"
"""The place of the file in which a file's rows came first: of rows that come back from quarantine, another one's."""


def selected(names: Sequence[str]) -> str:
    """What follows a SELECT: a single name on its line, others below it."""
    return f" {names[0]}" if len(names) == 1 else "\n" + listed(list(names), 2)


def where(conditions: list[str], indent: int = 0) -> str:
    """The conditions that all must hold, on one line if there is one."""
    before = " " * indent
    if len(conditions) == 1:
        return f"{before}WHERE {conditions[0]}"
    return f"{before}WHERE\n{before}  " + f"\n{before}  AND ".join(conditions)


def listed(items: list[str], indent: int) -> str:
    """The items of a list, one a line."""
    return ",\n".join(" " * indent + item for item in items)
