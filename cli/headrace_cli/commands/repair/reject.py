"""`headrace reject`: give up a held batch, or a held file."""

from __future__ import annotations

import typer

from headrace.domain.ingest.ledger import FileRecord
from headrace.usecases.quality import hold
from headrace_cli.commands.repair._decided import Held, document_of, meant, names, outcome_of, render
from headrace_cli.output.console import Document, DryRun, Json, Reason, emit
from headrace_cli.stack.audited import audited, who
from headrace_cli.stack.target import Target, target_of


def reject(
    context: typer.Context,
    name: Held,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give up a held batch, or a file held for too few rows. `headrace held` lists both.

    Its files become failed, with the figures, or the error, as the reason. A producer can send corrected files under
    the same keys; `headrace retry BATCH` tries the rejected ones again, and they are judged again.

    Example: `headrace reject readings-17 --reason "the sensor was broken"`
    """
    emit(collect(target_of(context), name, reason, dry_run=dry_run), render, as_json=as_json)


def collect(target: Target, name: str, reason: str, *, dry_run: bool) -> Document:
    """`{"name", "decision", "done", "dry_run", "why", "files": [{"key", "file_id"}]}`. Raises CommandError."""
    found = meant(target, name)
    with audited(target, "reject", names(found), reason=reason, dataset=found.dataset, dry_run=dry_run) as act:
        if isinstance(found, FileRecord):
            decided = hold.reject_file(found, who(target), reason, target.services, dry_run=dry_run)
        else:
            decided = hold.reject(found, who(target), reason, target.services, dry_run=dry_run)
        act.outcome = outcome_of(decided)
    return document_of(decided, "rejected", dry_run=dry_run)
