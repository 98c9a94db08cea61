"""`headrace retry`: try failed files again."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.domain.ingest.ledger import FileStatus
from headrace.usecases.recovery import requeue
from headrace_cli.commands.repair._requeued import document_of, finish, meant, outcome_of
from headrace_cli.output.console import Document, DryRun, Json, Reason, Since
from headrace_cli.stack.audited import audited
from headrace_cli.stack.target import Target, target_of


def retry(
    context: typer.Context,
    wanted: Annotated[
        str, typer.Argument(help="A key, a file id, a batch, or a dataset.", metavar="FILE|BATCH|DATASET")
    ],
    since: Since = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Try failed files again, after fixing the cause. Given a batch or dataset, tries its failed files.

    A file that no contract accepted when it arrived is retried if one accepts it now; `headrace backfill` loads all of
    those. Files that waited for a marker, or whose group failed, are loaded once their contract names none. Files
    that are pending or running are left alone, so running it twice is harmless. Exits with 1 if none is tried.

    Examples: `headrace retry readings/today.csv`, `headrace retry readings --since yesterday --dry-run`
    """
    finish(collect(target_of(context), wanted, since, reason, dry_run=dry_run), as_json=as_json)


def collect(target: Target, wanted: str, since: str | None = None, reason: str = "", *, dry_run: bool) -> Document:
    """`{"dry_run", "files": [{"key", "file_id", "dataset", "lane", "sent", "why"}], "sent"}`. Raises CommandError."""
    ungrouped = wanted in target.contracts and not target.contracts[wanted].grouped
    statuses = {FileStatus.FAILED, *(requeue.MEMBERS if ungrouped else ())}
    files = meant(target, wanted, since, statuses, counts=requeue.of_no_living_group(target.services))
    about = [wanted, *(file.file_id for file in files)]
    dataset = files[0].dataset if files else ""
    with audited(target, "retry", about, reason=reason, dataset=dataset, dry_run=dry_run) as act:
        answers = requeue.retry(files, target.services, dry_run=dry_run)
        act.outcome = outcome_of(answers)
    return document_of(answers, dry_run=dry_run)
