"""`headrace pause`: a maintenance window of a dataset."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.usecases.recovery import pause as pausing
from headrace_cli.output import times
from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.output.formatting import clock
from headrace_cli.stack.audited import audited, who
from headrace_cli.stack.target import target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def _to_come(text: str | None) -> str | None:
    try:
        return text and times.until(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def pause(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="The dataset whose files are to wait.")],
    until: Annotated[
        str | None,
        typer.Option(
            help="When it ends by itself, 30 days from now at most: 2026-01-31T18:00Z, 2h, 3d. Default: in 24 hours.",
            callback=_to_come,
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks at the dataset meanwhile.")] = "",
    as_json: Json = False,
) -> None:
    """Let the files of a dataset wait: no new batch begins, and a batch that is running goes on to its end.

    Nothing is lost: files are recorded as they come, sources go on fetching, and retries, releases, replays and
    backfills wait, too. Until it ends, nobody is notified of a broken promise, of missing files or of files without a
    marker; exports go on with what is loaded. `headrace resume` ends it earlier, a second `pause` replaces it.

    Examples: `headrace pause readings`, `headrace pause readings --until 2h --reason "the table is rebuilt"`
    """
    target = target_of(context)
    name = target.contract(dataset).dataset
    with audited(target, "pause", [], reason=reason, dataset=name) as act:
        paused = pausing.pause(name, who(target), until, reason, target.services)
        act.outcome = f"until {paused.pause.until}"
    emit({"dataset": name, **asdict(paused.pause), "running": list(paused.running)}, render, as_json=as_json)


def render(document: Document) -> ConsoleRenderable:
    """Until when, what still runs, and how to end it."""
    name, running = document["dataset"], document["running"]
    still = [f"{', '.join(running)} is under way and goes on to its end."] if running else []
    return lines(
        f"{name} is paused until {clock(document['until'])}: its files wait.",
        *still,
        f"`headrace resume {name}` ends it earlier.",
    )
