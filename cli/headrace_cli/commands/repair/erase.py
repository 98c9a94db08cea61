"""`headrace erase`: erase every row with one value, such as a person's id, wherever it is kept."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from headrace.domain.audit import hashed
from headrace_cli.output.console import Document, DryRun, Json, Reason, emit, lines
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count
from headrace_cli.output.progress import Progress
from headrace_cli.stack.audited import audited
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

FROM_STDIN = "-"
SHOWN = 20


def erase(  # noqa: PLR0913, PLR0917 - one parameter per option
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="A deployed dataset.")],
    which: Annotated[
        str, typer.Argument(help="COLUMN=VALUE; COLUMN=- reads the value from standard input.", metavar="COLUMN=VALUE")
    ],
    force: Annotated[bool, typer.Option(help="Confirm permanent deletion.")] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Erase every row whose column has the value: landed files, Parquet, quarantine, table, views, ledger details.

    A landed file with such a row is deleted whole, and cannot be reloaded afterwards. Its other rows are kept: the good
    ones in the lake and the table, the bad ones in quarantine. Counts stay: the row balance has the erased rows as
    superseded. After a failure, run it again until it finds nothing. Data already exported, backed up or sent on is not
    reached; docs/security.md says how long it stays.

    Examples: `headrace erase readings meter=M-17 --dry-run`, `headrace erase readings meter=- --force < id.txt`
    """
    if not force and not dry_run:
        raise CommandError("this deletes permanently: preview it with --dry-run, confirm it with --force")
    column, equals, text = which.partition("=")
    if not equals:
        raise CommandError(f"{which!r} has no value: write COLUMN=VALUE")
    value = sys.stdin.read().rstrip("\n") if text == FROM_STDIN else text
    target = target_of(context)
    about = [f"{column}, SHA-256 {hashed(f'{dataset}/{column}/{value}')}"]
    with audited(target, "erase", about, reason=reason, dataset=dataset, dry_run=dry_run) as act:
        document = collect(target, dataset, column, value, dry_run=dry_run)
        act.outcome = outcome_of(document)
    emit(document, render, as_json=as_json)


def outcome_of(document: Document) -> str:
    """What came of it, for the audit: how much went, never what."""
    rows = sum(document[name] for name in ("lake_rows", "bad_rows", "table_rows"))
    return f"{count(len(document['landed']), 'landed file')} and {count(rows, 'row')} erased"


def collect(target: Target, dataset: str, column: str, value: str, *, dry_run: bool) -> Document:
    """`{"dataset", "column", "dry_run", "landed": […], "lake_rows", "bad_rows", "table_rows", …}`; never the value."""
    from headrace.transform.erasure import Value
    from headrace.usecases.recovery.erase import erase as erased

    contract = target.contract(dataset)
    with Progress() as progress:
        report = erased(contract, Value(column, value), target.landing, target.services, progress.show, dry_run=dry_run)
    return {"dataset": dataset, "column": column, "dry_run": dry_run, "found": report.found, **asdict(report)}


def render(document: Document) -> ConsoleRenderable:
    """What was erased, place by place."""
    if not document["found"]:
        none = f"No row of {document['dataset']} has that {document['column']}: nothing was changed."
        return lines(none, *_left(document))
    landed = document["landed"]
    verb = "would be erased" if document["dry_run"] else "erased"
    parts = [
        f"{count(len(landed), 'landed file')} {verb}",
        *(f"  {key}" for key in landed[:SHOWN]),
        *([f"  and {len(landed) - SHOWN:,} more: --json lists them"] if len(landed) > SHOWN else []),
        f"{count(document['lake_rows'], 'row')} of the lake's Parquet {verb}",
        f"{count(document['bad_rows'], 'row')} in quarantine {verb}",
        f"{count(document['table_rows'], 'row')} of the table {verb}",
        f"{count(document['ledger_entries'], 'entry').replace('entrys', 'entries')} of the ledger {verb}",
        f"{count(document['history_entries'], 'entry').replace('entrys', 'entries')} of the checks' history {verb}",
    ]
    again = [] if document["dry_run"] else ["Run it again: it should find nothing."]
    return lines(*parts, *_left(document), *again)


def _left(document: Document) -> list[Text]:
    """Where the value is still, and where it may be."""
    unread = document["unread"]
    rest = len(unread) - SHOWN
    told = [f"It remains in {what}." for what in document["remains"]]
    told += [f"Not looked into, since it is no plain text and brought no rows: {key}" for key in unread[:SHOWN]]
    told += [f"and {rest:,} more: --json lists them"] if rest > 0 else []
    return [Text(line, style="yellow") for line in told]
