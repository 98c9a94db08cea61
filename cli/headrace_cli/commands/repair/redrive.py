"""`headrace redrive`: process dead letters again, of the intake or of the notifications."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.usecases.recovery.redrive import FAILED, KNOWN, SENT, UNREADABLE
from headrace.usecases.recovery.redrive import redrive as empty_dead_letters
from headrace.usecases.recovery.resend_notices import resend_notices
from headrace_cli.output.console import Document, DryRun, Json, Reason, emit, lines, table
from headrace_cli.output.formatting import count
from headrace_cli.stack.audited import audited
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

COUNTED = (SENT, KNOWN, UNREADABLE, FAILED)
INTAKE_RATE, NOTICES_RATE = 20.0, 1.0
"""Messages per second. A webhook takes one a second: https://docs.slack.dev/apis/web-api/rate-limits"""


def redrive(
    context: typer.Context,
    rate: Annotated[
        float | None,
        typer.Option(help="Letters per second. Default: 20; 1 with --notices.", min=0.1, show_default=False),
    ] = None,
    notices: Annotated[
        bool, typer.Option("--notices", help="Redrive notifications to Slack and PagerDuty instead.")
    ] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Send the intake's dead letters back to its queue, after fixing what kept them from being recorded.

    Letters whose object is already in the ledger, and does not wait, are only removed. Each is sent before it is
    deleted. A letter that is not an S3 object event stays in the dead-letter queue.

    With `--notices`: redeliver messages that Slack or PagerDuty did not accept. Those that fail again stay.

    Examples: `headrace redrive --dry-run`, `headrace redrive --rate 10`, `headrace redrive --notices`
    """
    emit(collect(target_of(context), rate, reason, notices=notices, dry_run=dry_run), render, as_json=as_json)


def collect(target: Target, rate: float | None = None, reason: str = "", *, notices: bool, dry_run: bool) -> Document:
    """`{"dry_run", "letters": [{"key", "what", "detail"}], "sent", "known", "unreadable", "failed"}`."""
    pause = partial(time.sleep, 1 / (rate or (NOTICES_RATE if notices else INTAKE_RATE)))
    with audited(target, "redrive", ["notices" if notices else "intake"], reason=reason, dry_run=dry_run) as act:
        if notices:
            answers = resend_notices(target.undelivered, pause=pause, dry_run=dry_run)
        else:
            answers = empty_dead_letters(target.queues, target.ledger.files, pause=pause, dry_run=dry_run)
        totals = Counter(answer.what for answer in answers)
        act.outcome = ", ".join(f"{totals[what]:,} {what}" for what in COUNTED if totals[what]) or "no dead letters"
    letters = [asdict(answer) for answer in answers]
    return {"dry_run": dry_run, "letters": letters, **{what: totals[what] for what in COUNTED}}


def render(document: Document) -> ConsoleRenderable:
    """A line per letter, and the sums."""
    if not document["letters"]:
        return lines("There are no dead letters.")
    rows = [(item["key"], item["what"], item["detail"]) for item in document["letters"]]
    would = "would be " if document["dry_run"] else ""
    failed = f", {document[FAILED]:,} kept because they failed again" if document[FAILED] else ""
    closing = (
        f"\n{count(document[SENT], 'letter')} {would}sent, {document[KNOWN]:,} {would}removed as known,"
        f" {document[UNREADABLE]:,} kept as unreadable{failed}."
    )
    return lines(table(("letter", "what", "detail"), rows), closing)
