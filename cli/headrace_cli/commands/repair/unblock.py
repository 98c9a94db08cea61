"""`headrace unblock`: end a batch that is stuck."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.usecases.recovery.unblock import UnknownBatchError
from headrace.usecases.recovery.unblock import unblock as unblocked
from headrace_cli.output.console import Document, DryRun, Json, Reason, emit, lines
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.audited import audited, who
from headrace_cli.stack.target import target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def unblock(
    context: typer.Context,
    batch: Annotated[str, typer.Argument(help="The batch, as named in the notification.", metavar="BATCH")],
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """End a batch that blocks its dataset, and start the next one.

    If the warehouse has loaded it, its outcome is recorded, in full if possible. If not, a tombstone keeps it from ever
    being loaded, and its files wait again. A lane that still points to a missing or ended batch is cleared. It is safe
    to run at any time and to repeat; a batch that makes progress is left alone.

    Examples: `headrace unblock readings-17 --dry-run`, `headrace unblock readings-17`
    """
    target = target_of(context)
    try:
        with audited(target, "unblock", [batch], reason=reason, dry_run=dry_run) as act:
            with contextlib.redirect_stdout(io.StringIO()):  # metrics of outcomes are for a function's log
                answer = unblocked(batch, who(target), target.services, dry_run=dry_run)
            act.outcome = f"refused: {answer.refused}" if answer.refused else "; ".join(answer.done) or "nothing to do"
    except UnknownBatchError:
        raise CommandError(f"no batch {batch} in the ledger or in a lane") from None
    if answer.refused:
        raise CommandError(f"{batch} is left alone: {answer.refused}")
    document: Document = {
        "batch": answer.batch,
        "dataset": answer.dataset,
        "lane": answer.lane,
        "dry_run": dry_run,
        "done": answer.done,
    }
    emit(document, render, as_json=as_json)


def render(document: Document) -> ConsoleRenderable:
    """What was found and done."""
    found = [f"{document['batch']} of {document['dataset']}: {what}." for what in document["done"]]
    if not found:
        return lines(f"{document['batch']} has ended; nothing is left to do.")
    return lines(
        *found, "", "Nothing was changed." if document["dry_run"] else "`headrace status` shows what is waiting."
    )
