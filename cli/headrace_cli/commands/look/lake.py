"""`headrace lake`: query the lake's tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace_cli.commands.look.sql import result_table
from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count, duration, size
from headrace_cli.output.progress import Progress
from headrace_cli.stack.reading import only_reads
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

SHOWN = 1000
"""Rows that are shown unless more are asked for."""
MOST_IN_JSON = 100_000
"""Rows of one JSON document."""


def lake(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="One SELECT, in Athena's SQL.", metavar="SQL")],
    limit: Annotated[
        int | None, typer.Option(help=f"Rows to show. Default: {SHOWN:,}; in JSON all, up to {MOST_IN_JSON:,}.", min=1)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write all rows to this file, as CSV.", dir_okay=False)] = None,
    as_json: Json = False,
) -> None:
    """Run one query over the lake's tables through Athena, and show its rows.

    Each dataset is a table of all rows that ever came; with `_current` at its end, of those that count, and with
    `_quarantine` of the bad ones. The warehouse is not asked. Needs `pip install 'headrace[lake]'`.

    Examples: `headrace lake "SELECT count(*) FROM readings_current"`, `headrace lake "SELECT …" --out all.csv`
    """
    if not only_reads(text):
        raise CommandError("this is not a query: make tables and views of your own in a database of your own")
    emit(collect(target_of(context), text, limit, out, as_json=as_json), render, as_json=as_json)


def collect(
    target: Target, text: str, limit: int | None = None, out: Path | None = None, *, as_json: bool = False
) -> Document:
    """`{"columns", "rows", "total", "seconds", "scanned"}`, or "file" instead of "rows"; `scanned` counts bytes."""
    from headrace_cli.stack.athena import Athena

    most = limit or (MOST_IN_JSON if as_json else SHOWN)
    with Progress() as progress:
        progress.show("Athena is working")
        answer = Athena(target).query(text)
    document = {"columns": answer.columns, "seconds": answer.seconds, "scanned": answer.scanned}
    if out:
        return document | {"file": str(out), "total": answer.write_csv(out)}
    rows, total = answer.first(most)
    if as_json and limit is None and total > most:
        raise CommandError(f"the result has {total:,} rows: give --limit, or --out FILE for all of them")
    return document | {"rows": rows, "total": total}


def render(document: Document) -> ConsoleRenderable:
    """The rows as a table, or where they are."""
    total, scanned = document["total"], f"{size(document['scanned'])} scanned"
    took = f"{duration(document['seconds'])}, {scanned}"
    if "file" in document:
        return lines(f"{count(total, 'row')} written to {document['file']}; the query took {took}.")
    shown = len(document["rows"])
    if shown < total:
        more = f"\nThe first {shown:,} of {count(total, 'row')}, in {took}: --limit shows more, --out FILE writes all."
        return lines(result_table(document), more)
    return lines(result_table(document), f"\n{count(shown, 'row')} in {took}")
