"""The warehouse: a statement in, its rows out; only what reads, as the user who only reads if the stack has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace_cli.commands.look import sql
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.reading import only_reads
from headrace_cli.stack.services import READER
from headrace_cli.stack.warehouse import Ends, going_on

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target

SHOWN = 500
"""Rows on a page; the file has all."""
LONGEST_CELL = 400
DRAWN = 60
"""Rows of a result that is drawn: a name and a number each."""


LONGEST_SECONDS = 1800
"""A query that a page waits for is cancelled after this time."""


def collect(target: Target, text: str, ends: Ends = going_on) -> dict[str, Any]:
    """The document of `headrace sql`, with which columns are numbers and what can be drawn. Raises CommandError."""
    reads(text)
    found = sql.collect(target, text, SHOWN, ends=ends)
    rows: list[list[Any]] = found["rows"]
    numeric = [all(isinstance(row[place], int | float | None) for row in rows) and bool(rows)
               for place in range(len(found["columns"]))]  # fmt: skip
    return found | {"numeric": numeric, "chart": chart(rows, numeric)}


def has_reader(target: Target) -> bool:
    """Whether the stack has a user who may only read. Without one, the owner of the tables reads."""
    return READER in target.outputs


def reads(text: str) -> None:
    """Raise CommandError for a statement that does not only read."""
    if not only_reads(text):
        raise CommandError("this is not a query: `headrace sql --write` runs it, as the owner of the tables")


def chart(rows: list[list[Any]], numeric: list[bool]) -> list[tuple[str, int | float, float]]:
    """Each row's name, number and share of the largest number; nothing unless the rows are a name and a number."""
    if len(numeric) != 2 or not numeric[1] or not 1 < len(rows) <= DRAWN:
        return []
    values: list[int | float] = [row[1] or 0 for row in rows]
    top = max(values)
    if top <= 0 or min(values) < 0:
        return []
    return [(str(row[0]), value, value / top) for row, value in zip(rows, values, strict=True)]
