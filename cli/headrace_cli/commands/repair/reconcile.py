"""`headrace reconcile`: check that landing, ledger, lake and warehouse agree."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.usecases.recovery.reconcile import Asked
from headrace.usecases.recovery.reconcile import reconcile as compare
from headrace.usecases.recovery.reconcile_report import Reconciliation
from headrace_cli.output.console import Document, Json, Since, emit, lines, table
from headrace_cli.output.formatting import count
from headrace_cli.output.progress import Progress
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import ConsoleRenderable

GRACE = timedelta(minutes=15)
"""Objects younger than this are left out unless asked otherwise: their events may still be on the way."""


def reconcile(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    grace: Annotated[
        float,
        typer.Option(
            help="Ignore objects younger than this many minutes: their events may still be on the way.", min=0
        ),
    ] = 15,
    since: Since = None,
    values: Annotated[
        bool, typer.Option("--values", help="Compare each value of the table with the lake: for each batch a COPY.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare landing, ledger, lake and warehouse, and list each difference with what to do about it.

    Nothing is changed. Exits with 1 if there is a difference or a dataset could not be compared. The stack does the
    same every night for what arrived in the last three days. With millions of files, `--since` is quicker.

    Rows are counted; `--values` finds those of which a value was changed. It reads all rows of the lake and the table.

    Examples: `headrace reconcile`, `headrace reconcile readings --since 2026-01-31`
    """
    with Progress("reconciliation") as line:
        document = collect(target_of(context), dataset, since or "", timedelta(minutes=grace), line.show, values=values)
    emit(document, render, as_json=as_json)
    if document["differences"] or document["uncompared"]:
        raise typer.Exit(1)


def collect(
    target: Target,
    dataset: str | None = None,
    since: str = "",
    grace: timedelta = GRACE,
    tell: Callable[[str], None] = lambda _: None,
    *,
    values: bool = False,
) -> Document:
    """`{"differences": [{"kind", "dataset", "what", "advice"}], "uncompared", "busy", "files", "objects", …}`."""
    names = [target.contract(dataset).dataset] if dataset else list(target.contracts)

    def show(found: Reconciliation) -> None:
        tell(f"{found.files:,} files, {found.objects:,} objects, {len(found.differences):,} differences")

    found = compare(names, target.landing, target.services, Asked(since, grace, progress=show))
    skipped = look_at_values(target, names, since, found, tell) if values else []
    return {**asdict(found), "values_not_compared": skipped}


def look_at_values(
    target: Target, names: list[str], since: str, found: Reconciliation, progress: Callable[[str], None]
) -> list[str]:
    """Add the files of which values differ. Returns what was not compared, and why."""
    from headrace_cli.stack.changed_values import changed_values

    skipped: list[str] = []
    for name in names:
        for item in changed_values(target, target.contract(name), since, progress):
            if isinstance(item, str):
                skipped.append(item)
            else:
                found.differences.append(item)
    return skipped


def render(document: Document) -> ConsoleRenderable:
    """A line per difference, then what was looked at."""
    rows = [(item["dataset"], item["kind"], item["what"], item["advice"]) for item in document["differences"]]
    looked = (
        f"{count(document['objects'], 'object')}, {count(document['files'], 'file')} of the ledger,"
        f" {count(document['parts'], 'Parquet part')} and {count(document['rows'], 'row')} were compared."
    )
    agreed = "No difference in what was compared. " if document["uncompared"] else "No difference. "
    verdict = f"\n{count(len(rows), 'difference')}. " if rows else agreed
    busy = [f"Not fully compared with the warehouse because they were loading: {', '.join(document['busy'])}."]
    uncompared = [f"{dataset} could not be compared: {why}" for dataset, why in document["uncompared"].items()]
    if uncompared:
        uncompared.append("`headrace migrate --plan` shows what the warehouse lacks.")
    uncompared += [f"Values were not compared: {what}." for what in document["values_not_compared"]]
    shown = [table(("dataset", "where", "what", "what to do"), rows)] if rows else []
    return lines(*shown, verdict + looked, *(busy if document["busy"] else []), *uncompared)
