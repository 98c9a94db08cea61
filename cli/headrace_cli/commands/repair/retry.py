"""`headrace retry`: try failed files again."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.usecases.recovery import requeue
from headrace_cli.commands.repair._requeued import document_of, meant, render
from headrace_cli.output.console import DryRun, Json, emit
from headrace_cli.stack.target import target_of


def retry(
    context: typer.Context,
    wanted: Annotated[str, typer.Argument(help="A key, a file id, or a batch.", metavar="FILE|BATCH")],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Try failed files again, after fixing the cause. Given a batch, tries its failed files.

    Files that are waiting or running are left alone, so running it twice is harmless.

    Examples: `headrace retry readings/today.csv`, `headrace retry readings-17 --dry-run`
    """
    target = target_of(context)
    answers = requeue.retry(meant(target, wanted), target.services, dry_run=dry_run)
    emit(document_of(answers, dry_run=dry_run), render, as_json=as_json)
