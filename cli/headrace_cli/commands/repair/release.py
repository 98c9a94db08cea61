"""`headrace release`: load a held batch after all."""

from __future__ import annotations

import typer

from headrace.usecases.quality import hold
from headrace_cli.commands.repair._decided import Batch, batch_of, document_of, render, who
from headrace_cli.output.console import DryRun, Json, emit
from headrace_cli.stack.target import target_of


def release(context: typer.Context, batch: Batch, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Load a batch that was held. `headrace held` lists the held batches.

    Its files wait again and are loaded as a separate batch, which is not held a second time.

    Example: `headrace release readings-17`
    """
    target = target_of(context)
    decided = hold.release(batch_of(target, batch), who(target), target.services, dry_run=dry_run)
    emit(document_of(decided, "released", dry_run=dry_run), render, as_json=as_json)
