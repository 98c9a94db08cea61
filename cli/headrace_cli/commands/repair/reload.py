"""`headrace reload`: load a loaded file again."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.domain.ingest.ledger import FileStatus
from headrace.usecases.recovery import requeue
from headrace_cli.commands.repair._requeued import document_of, finish, meant, outcome_of
from headrace_cli.output.console import Document, DryRun, Json, Reason, Since
from headrace_cli.output.failures import CommandError
from headrace_cli.stack.audited import audited
from headrace_cli.stack.target import Target, target_of

RELOADED = {FileStatus.LOADED}
"""Of a dataset; a duplicate's rows are those of the file that it repeats."""
WITH_CONTENT = {FileStatus.LOADED, FileStatus.DUPLICATE}
"""Of a key: a later version that failed is for `retry`."""


def reload(  # noqa: PLR0913, PLR0917 - one parameter per option
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(help="A key, the end of one, a file id, a batch, or a dataset.", metavar="FILE|BATCH|DATASET"),
    ],
    since: Since = None,
    force: Annotated[bool, typer.Option(help="Confirm that rows in the table are replaced.")] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Load a loaded or duplicate file again, with the deployed contract. Its own rows are replaced in one transaction.

    Rows of files that arrived later are kept. Exits with 1 if no file is loaded again.

    Examples: `headrace reload readings/today.csv --dry-run`, `headrace reload readings --since yesterday --force`
    """
    if not force and not dry_run:
        raise CommandError("this replaces rows in the table: --dry-run shows the file, --force confirms it")
    finish(collect(target_of(context), file, since, reason, dry_run=dry_run), as_json=as_json)


def collect(target: Target, wanted: str, since: str | None = None, reason: str = "", *, dry_run: bool) -> Document:
    """`{"dry_run", "files": [{"key", "file_id", "dataset", "lane", "sent", "why"}], "sent"}`. Raises CommandError."""
    files = meant(target, wanted, since, RELOADED, WITH_CONTENT)
    about = [wanted, *(file.file_id for file in files)]
    dataset = files[0].dataset if files else ""
    with audited(target, "reload", about, reason=reason, dataset=dataset, dry_run=dry_run) as act:
        answers = requeue.reload(files, target.services, dry_run=dry_run)
        act.outcome = outcome_of(answers)
    return document_of(answers, dry_run=dry_run)
