"""`headrace redrive`: dead letters of the intake once more."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.usecases.redrive import KNOWN, SENT, UNREADABLE
from headrace.usecases.redrive import redrive as empty_dead_letters
from headrace_cli.output import Document, DryRun, Json, emit, lines, table
from headrace_cli.target import target_of
from headrace_cli.words import count

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def redrive(
    context: typer.Context,
    rate: Annotated[float, typer.Option(help="Letters sent per second.", min=0.1)] = 20,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Send the intake's dead letters back to its queue, once what kept them from being recorded is put right.

    Letters whose object the ledger knows are only removed. Each is sent before it is deleted. What is no event of an
    object stays in the dead-letter queue.

    Example: `headrace redrive --dry-run`, then `headrace redrive --rate 10`
    """
    target = target_of(context)
    pause = partial(time.sleep, 1 / rate)
    answers = empty_dead_letters(target.queues, target.ledger, pause=pause, dry_run=dry_run)
    totals = Counter(answer.what for answer in answers)
    letters = [asdict(answer) for answer in answers]
    document = {"dry_run": dry_run, "letters": letters, **{what: totals[what] for what in (SENT, KNOWN, UNREADABLE)}}
    emit(document, render, as_json=as_json)


def render(document: Document) -> ConsoleRenderable:
    """A line per letter, and the sums."""
    if not document["letters"]:
        return lines("There are no dead letters.")
    rows = [(item["key"], item["what"], item["detail"]) for item in document["letters"]]
    would = "would be " if document["dry_run"] else ""
    closing = (
        f"\n{count(document[SENT], 'letter')} {would}sent, {document[KNOWN]:,} {would}removed as known,"
        f" {document[UNREADABLE]:,} kept as unreadable."
    )
    return lines(table(("object", "what", "detail"), rows), closing)
