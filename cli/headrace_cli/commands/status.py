"""`headrace status`: where every dataset stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from headrace.adapters.ledger import UNROUTABLE
from headrace_cli.accounts import dataset_account
from headrace_cli.output import Document, Json, Since, emit, lines, table
from headrace_cli.target import Target, target_of
from headrace_cli.words import ROW_HEADERS, STYLES, ago, balanced, count, number, row_cells, tick

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def status(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    since: Since = None,
    as_json: Json = False,
) -> None:
    """Show per dataset how many files and rows are where, and how fresh its table is.

    `loaded` rows are in the table now; `superseded` ones were replaced by newer rows. In the end
    read = loaded + superseded + quarantined + duplicate; rows that are staged wait for their dataset's next merge.

    Every file's record is read; where there are millions, `--since` is quicker.

    Examples: `headrace status`, `headrace status readings --since 2026-01-31`
    """
    emit(collect(target_of(context), dataset, since or ""), render, as_json=as_json)


def collect(target: Target, dataset: str | None = None, since: str = "") -> Document:
    """`{"datasets": [{"dataset", "files", "rows", "last_load", "freshness_seconds"}], "unroutable"}`."""
    names = [target.contract(dataset).dataset] if dataset else list(target.contracts)
    now = datetime.now(UTC)
    return {
        "datasets": [dataset_account(name, target.ledger.files_of(name, since), now) for name in names],
        "unroutable": sum(1 for _ in target.ledger.files_of(UNROUTABLE, since)),
    }


def render(document: Document) -> ConsoleRenderable:
    """A line per dataset, and what needs somebody's eye below."""
    rows = [_row(item) for item in document["datasets"]]
    headers = ("\ndataset", "\nfiles", *ROW_HEADERS, "\nbalance", "\nlast load")
    return lines(table(headers, rows, numbers=ROW_HEADERS), *_remarks(document))


def _row(item: Document) -> list[Text | str]:
    return [
        item["dataset"],
        _files(item["files"]),
        *row_cells(item["rows"]),
        tick(balanced(item["rows"])),
        ago(item["freshness_seconds"]),
    ]


def _files(counts: dict[str, int]) -> Text:
    """3 loaded, 1 failed: the states that any file is in."""
    said = [Text(f"{number(counts[state])} {state}", style=STYLES[state]) for state in counts if counts[state]]
    return Text(", ").join(said) if said else Text("none", style="dim")


def _remarks(document: Document) -> list[str]:
    stray = document["unroutable"]
    staged = [
        f"\n{item['dataset']}: {count(item['rows']['staged'], 'row')} staged, in the table after the next merge."
        for item in document["datasets"]
        if item["rows"].get("staged")
    ]
    return staged + ([f"\n{count(stray, 'file')} of no dataset: `headrace trace KEY` says why."] if stray else [])
