"""`headrace quarantine`: rows that could not be loaded."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len
from rich.text import Text

from headrace.domain.file_names import printable
from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.output.highlight import fault_span
from headrace_cli.stack.bad_rows import bad_rows
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

LONGEST_RAW = 160


def quarantine(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="A deployed dataset; `headrace contracts` lists them.")],
    limit: Annotated[int, typer.Option(help="Rows to show.", min=1)] = 20,
    file: Annotated[str | None, typer.Option(help="Only this file's rows: its key, or the end of it.")] = None,
    batch: Annotated[str | None, typer.Option(help="Only this batch's rows.")] = None,
    as_json: Json = False,
) -> None:
    """Show a dataset's bad rows, newest batch first: where each was, what was wrong, and its raw text.

    Example: `headrace quarantine readings --limit 5`
    """
    document = collect(target_of(context), dataset, limit, file=file, batch=batch)
    emit(document, render, as_json=as_json)


def collect(target: Target, dataset: str, limit: int, *, file: str | None = None, batch: str | None = None) -> Document:
    """`{"dataset", "rows": [{"file", "row_number", "column", "rule", "reason", "raw", "errors", …}], "more"}`."""
    name = target.contract(dataset).dataset
    found = list(islice(bad_rows(target, name, batch=batch, file=file), limit + 1))
    return {"dataset": dataset, "rows": found[:limit], "more": len(found) > limit}


def render(document: Document) -> ConsoleRenderable:
    """The rows below each other."""
    if not document["rows"]:
        return lines(f"No row of {document['dataset']} is in quarantine.")
    more = ["There are more: --limit shows them."] if document["more"] else []
    return lines(*bad_rows_text(document["rows"]), *more)


def bad_rows_text(rows: Iterable[dict[str, Any]]) -> list[ConsoleRenderable]:
    """Bad rows, each with its place, every rule that it broke, and its raw text."""
    return [part for row in rows for part in (_place(row), *map(_broken, row["errors"]), _raw(row))]


def _place(row: dict[str, Any]) -> Text:
    return Text(f"{row['file']}, row {row['row_number']:,}", style="bold")


def _broken(error: dict[str, Any]) -> Text:
    column = error["column"] or "the row"
    return Text.assemble("  ", column, " ", (error["rule"], "yellow"), f": {error['reason']}")


def _raw(row: dict[str, Any]) -> Text:
    """The raw text on one line, with carets under the first fault where that is certain."""
    raw = row["raw"]
    text = f"  │ {printable(raw[:LONGEST_RAW])}{'…' if len(raw) > LONGEST_RAW else ''}\n"
    span = fault_span(raw, row["rule"], row["reason"])
    if span and span[1] <= LONGEST_RAW:
        before, fault = cell_len(printable(raw[: span[0]])), cell_len(printable(raw[slice(*span)]))
        text += f"  │ {' ' * before}{'^' * max(fault, 1)}\n"
    return Text(text, style="dim", no_wrap=True, overflow="ellipsis")
