"""`headrace sql`: query the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from headrace_cli.output.console import Document, Json, emit, lines, stdout, table
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count, duration
from headrace_cli.output.progress import Progress
from headrace_cli.stack.reading import only_reads
from headrace_cli.stack.target import Target, target_of
from headrace_cli.stack.warehouse import Ends, going_on, query, write_csv

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


SHOWN = 1000
"""Rows that are shown unless more are asked for."""
MOST_IN_JSON = 100_000
"""Rows of one JSON document: more would need gigabytes, and nobody notices rows that are left out of a document."""


def sql(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="One SQL statement.", metavar="SQL")],
    limit: Annotated[
        int | None, typer.Option(help=f"Rows to show. Default: {SHOWN:,}; in JSON all, up to {MOST_IN_JSON:,}.", min=1)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write all rows to this file, as CSV.", dir_okay=False)] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Run it as the owner of the tables, who may change them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run one statement in the warehouse, through the Redshift Data API, and show its rows.

    It runs as a user who may read the tables and change none. `--write` runs it as their owner; without it, what is not
    a query is refused. The Data API keeps results up to 500 MB; for more, use UNLOAD.

    Examples: `headrace sql "SELECT COUNT(*) FROM public.readings"`, `headrace sql "SELECT …" --out all.csv`
    """
    if not write and not only_reads(text):
        raise CommandError("this is not a query: --write runs it, as the owner of the tables")
    target = target_of(context)
    if out:
        emit(collect_written(target, text, out, writes=write), render_written, as_json=as_json)
    else:
        emit(collect(target, text, limit, as_json=as_json, writes=write), render, as_json=as_json)


def collect(
    target: Target,
    text: str,
    limit: int | None = None,
    *,
    as_json: bool = False,
    writes: bool = False,
    ends: Ends = going_on,
) -> Document:
    """`{"columns": […], "rows": [[…]], "total", "changed", "seconds"}`; `total` counts the rows that there are."""
    most = limit or (MOST_IN_JSON if as_json else SHOWN)
    with Progress() as progress:
        progress.show("the warehouse is working")
        answer = query(target, text, most, writes=writes, ends=ends)
    if as_json and limit is None and answer.total > most:
        raise CommandError(f"the result has {answer.total:,} rows: give --limit, or --out FILE for all of them")
    return {
        "columns": answer.columns,
        "rows": answer.rows,
        "total": answer.total,
        "changed": answer.changed,
        "seconds": answer.seconds,
    }


def collect_written(target: Target, text: str, out: Path, *, writes: bool = False) -> Document:
    """`{"file", "rows", "seconds"}`. A file that could not be written whole is removed."""
    partial = out.with_name(out.name + ".partial")
    try:
        with Progress() as progress, partial.open("w", encoding="utf-8", newline="") as file:
            progress.show("the warehouse is working")
            done = write_csv(target, text, file, progress.show, writes=writes)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return {"file": str(out), "rows": done.rows, "seconds": done.seconds}


def render_written(document: Document) -> ConsoleRenderable:
    """What was written."""
    rows, took = count(document["rows"], "row"), duration(document["seconds"])
    return lines(f"{rows} written to {document['file']}; the query took {took}.")


def render(document: Document) -> ConsoleRenderable:
    """The rows as a table, or what was done when there are none to show."""
    took = duration(document["seconds"])
    if not document["columns"]:
        return lines(f"Done in {took}.")
    shown, total = len(document["rows"]), document["total"]
    if shown < total:
        more = f"\nThe first {shown:,} of {count(total, 'row')}, in {took}: --limit shows more, --out FILE writes all."
        return lines(result_table(document), more)
    return lines(result_table(document), f"\n{count(shown, 'row')} in {took}")


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
