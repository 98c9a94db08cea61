"""`headrace sql`: query the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from headrace_cli.output.console import Document, Json, emit, lines, stdout, table
from headrace_cli.output.formatting import count, duration
from headrace_cli.output.progress import Progress
from headrace_cli.stack.target import Target, target_of
from headrace_cli.stack.warehouse import query

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def sql(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="One SQL statement.", metavar="SQL")],
    as_json: Json = False,
) -> None:
    """Run one statement in the warehouse, through the Redshift Data API, and show its rows.

    Example: `headrace sql "SELECT COUNT(*) FROM public.readings"`
    """
    emit(collect(target_of(context), text), render, as_json=as_json)


def collect(target: Target, text: str) -> Document:
    """`{"columns": […], "rows": [[…]], "changed", "seconds"}`."""
    with Progress() as progress:
        progress.show("the warehouse is working")
        answer = query(target, text)
    return {"columns": answer.columns, "rows": answer.rows, "changed": answer.changed, "seconds": answer.seconds}


def render(document: Document) -> ConsoleRenderable:
    """The rows as a table, or what was done when there are none to show."""
    took = duration(document["seconds"])
    if not document["columns"]:
        return lines(f"Done in {took}.")
    return lines(result_table(document), f"\n{count(len(document['rows']), 'row')} in {took}")


def result_table(document: Document) -> ConsoleRenderable:
    """The rows as a table; columns of numbers are right-aligned."""
    columns, cells = document["columns"], [[_cell(item) for item in row] for row in document["rows"]]
    if _width(columns, cells) > stdout().width:
        return lines(*(_record(number, columns, row) for number, row in enumerate(cells, start=1)))
    return table(columns, cells, numbers=_number_columns(columns, document["rows"]))


def _width(columns: list[str], cells: list[list[Text]]) -> int:
    """How wide the table is when nothing is folded."""
    widths = [max([len(name), *(row[i].cell_len for row in cells)]) for i, name in enumerate(columns)]
    return sum(widths) + 2 * len(widths)


def _record(number: int, columns: list[str], row: list[Text]) -> ConsoleRenderable:
    """A row too wide for the terminal: a line for each column."""
    longest = max(map(len, columns))
    named = [Text.assemble((f"{name:<{longest}}  ", "dim"), cell) for name, cell in zip(columns, row, strict=True)]
    return lines(Text(f"row {number}", style="bold"), *named)


def _number_columns(columns: list[str], rows: list[list[Any]]) -> list[str]:
    numeric = [all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(columns))]
    return [name for name, is_numeric in zip(columns, numeric, strict=True) if is_numeric]


def _cell(item: Any) -> Text:
    if item is None:
        return Text("NULL", style="dim")
    return Text(str(item).lower() if isinstance(item, bool) else str(item))
