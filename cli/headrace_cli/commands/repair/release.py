"""`headrace release`: load a held batch, or a held file, after all."""

from __future__ import annotations

import typer

from headrace.domain.ingest.ledger import FileRecord
from headrace.usecases.quality import hold
from headrace_cli.commands.repair._decided import Held, document_of, meant, names, outcome_of, render
from headrace_cli.output.console import Document, DryRun, Json, Reason, emit
from headrace_cli.stack.audited import audited, who
from headrace_cli.stack.target import Target, target_of


def release(
    context: typer.Context, name: Held, reason: Reason = "", dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Load a batch or a file that was held. `headrace held` lists both.

    Its files wait again and are loaded as a separate batch, which is not held a second time.

    Example: `headrace release readings-17`
    """
    emit(collect(target_of(context), name, reason, dry_run=dry_run), render, as_json=as_json)


def collect(target: Target, name: str, reason: str = "", *, dry_run: bool) -> Document:
    """`{"name", "decision", "done", "dry_run", "why", "files": [{"key", "file_id"}]}`. Raises CommandError."""
    found = meant(target, name)
    with audited(target, "release", names(found), reason=reason, dataset=found.dataset, dry_run=dry_run) as act:
        if isinstance(found, FileRecord):
            decided = hold.release_file(found, who(target), target.services, dry_run=dry_run)
        else:
            decided = hold.release(found, who(target), target.services, dry_run=dry_run)
        act.outcome = outcome_of(decided)
    return document_of(decided, "released", dry_run=dry_run)
