"""`headrace resume`: the end of a pause."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.usecases.recovery import pause as pausing
from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import clock
from headrace_cli.stack.audited import audited
from headrace_cli.stack.target import target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def resume(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="The dataset that is paused.")],
    as_json: Json = False,
) -> None:
    """End the pause of a dataset: what has waited is loaded in the order of its arrival.

    Example: `headrace resume readings`
    """
    target = target_of(context)
    name = target.contract(dataset).dataset
    with audited(target, "resume", [], dataset=name) as act:
        ended = pausing.resume(name, target.services)
        act.outcome = act.outcome if ended else "it was not paused"
    if ended is None:
        raise CommandError(f"{name} is not paused: `headrace status {name}` shows what it waits for")
    emit({"dataset": name, **asdict(ended)}, render, as_json=as_json)


def render(document: Document) -> ConsoleRenderable:
    """What ended, and how to see the files load."""
    since = clock(document["since"])
    return lines(
        f"{document['dataset']} is no longer paused; {document['by']} had paused it at {since}.",
        "`headrace wait` waits until its files are loaded.",
    )
