"""`headrace status`: where every dataset stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from headrace.adapters.ledger import UNROUTABLE
from headrace_cli.accounts import dataset_account
from headrace_cli.output import Document, Json, emit, lines, table
from headrace_cli.target import Target, target_of
from headrace_cli.words import ROW_KINDS, STYLES, balanced, count, duration, number

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

FILE_STATES = ("pending", "running", "loaded", "failed", "duplicate")


def status(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    as_json: Json = False,
) -> None:
    """Show per dataset how many files and rows are where, and how fresh its table is.

    `loaded` rows are in the table now; `superseded` ones were replaced by newer rows. At any time
    read = loaded + superseded + quarantined + duplicate.

    Example: `headrace status`
    """
    emit(collect(target_of(context), dataset), render, as_json=as_json)


def collect(target: Target, dataset: str | None = None) -> Document:
    """`{"datasets": [{"dataset", "files", "rows", "last_load", "freshness_seconds"}], "unroutable"}`."""
    names = [target.contract(dataset).dataset] if dataset else list(target.contracts)
    now = datetime.now(UTC)
    return {
        "datasets": [dataset_account(name, target.ledger.files_of(name), now) for name in names],
        "unroutable": sum(1 for _ in target.ledger.files_of(UNROUTABLE)),
    }


def render(document: Document) -> ConsoleRenderable:
    """A line per dataset, and what needs somebody's eye below."""
    counts = [*(f"files\n{state}" for state in FILE_STATES), *(f"rows\n{kind}" for kind in ("read", *ROW_KINDS))]
    rows = [_row(item) for item in document["datasets"]]
    return lines(table(["\ndataset", *counts, "\nbalance", "\nlast load"], rows, numbers=counts), *_remarks(document))


def _row(item: Document) -> list[Text | str]:
    files, rows, fresh = item["files"], item["rows"], item["freshness_seconds"]
    return [
        item["dataset"],
        *(Text(number(files[state]), style=STYLES[state] if files[state] else "dim") for state in FILE_STATES),
        number(rows["read"]),
        *(number(rows[kind]) for kind in ROW_KINDS),
        Text("✓", style="green") if balanced(rows) else Text("≠", style="bold red"),
        f"{duration(fresh)} ago" if fresh is not None else "never",
    ]


def _remarks(document: Document) -> list[str]:
    stray = document["unroutable"]
    said = f"\n{count(stray, 'file')} of no dataset: `headrace trace KEY` says why." if stray else ""
    return [said] if said else []
