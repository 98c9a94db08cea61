"""`headrace trace`: the whole story of one file."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from headrace.domain.ingest.ledger import BatchStatus
from headrace_cli.output.console import Document, Json, cell, emit, lines, table
from headrace_cli.output.drift import drift_text
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import balance, clock, duration, moment, size, status_text
from headrace_cli.output.progress import Progress
from headrace_cli.stack.target import Target, target_of
from headrace_cli.stack.totals import AT_REST
from headrace_cli.stories.batch import batch_story
from headrace_cli.stories.file import story_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

RESTING = {str(status) for status in (*AT_REST, *BatchStatus) if status != BatchStatus.RUNNING} - {"staged"}
PAUSE = 1.0
"""Seconds between two looks."""
SHORTEST = 0.05
"""Seconds."""
SOURCE_STYLES = {"file": "bold", "batch": "cyan", "execution": "", "bucket": "bold"}


def trace(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(help="A key, the name of a dropped file, a file id, or a batch.", metavar="FILE|BATCH")
    ],
    follow: Annotated[bool, typer.Option("--follow", help="Wait until it has come to rest, then show it.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to follow it for.", min=0)] = 300,
    as_json: Json = False,
) -> None:
    """Show what became of a file: arrival, batch, execution, each step with its time, and the row balance.

    For a file that landed several times, shows the newest version and lists the others. Of a batch it shows the files.

    Examples: `headrace trace today.jsonl`, `headrace trace ./today.jsonl --follow`, `headrace trace readings-17`
    """
    target = target_of(context)
    if follow:
        follow_to_rest(partial(_status, target, file), timeout)
    try:
        batch = target.ledger.batches.get(file)
    except KeyError:
        emit(story_of(target, file), render, as_json=as_json)
    else:
        emit(batch_story(target, batch), render_batch, as_json=as_json)


def follow_to_rest(status: Callable[[], str], timeout: float, pause: Callable[[float], None] = time.sleep) -> None:
    """Show a status until it does not change by itself. Raises CommandError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    with Progress() as progress:
        while (now := status()) not in RESTING:
            progress.show(now)
            if time.monotonic() >= deadline:
                raise CommandError(f"it is still {now} after {duration(timeout)}")
            pause(PAUSE)


def _status(target: Target, wanted: str) -> str:
    try:
        return str(target.ledger.batches.get(wanted).status)
    except KeyError:
        return str(story_of(target, wanted)["status"])


def render_batch(story: Document) -> ConsoleRenderable:
    """Facts, timeline, balance, files."""
    facts = {
        "batch": Text(story["batch"], style="bold"),
        "status": status_text(story["status"]),
        "reason": story["reason"],
        "dataset": f"{story['dataset']}, {story['lane']}",
        "started": clock(story["started_at"]),
        "ended": clock(story["ended_at"]),
        "attempts": str(story["attempts"]) if story["attempts"] > 1 else None,
        "execution": story["execution"],
    }
    rows = [(item["key"], status_text(item["status"]), f"{item['rows']['read']:,}", item["reason"] or "")
            for item in story["files"]]  # fmt: skip
    files = table(("file", "status", "rows", "reason"), rows, numbers=("rows",))
    more = [f"and {story['more']:,} more files"] if story["more"] else []
    return lines(_grid(facts), "", _timeline(story["steps"]), "", balance(story["rows"]), "", files, *more)


def render(story: Document) -> ConsoleRenderable:
    """Facts, timeline, balance, other versions."""
    parts: list[ConsoleRenderable | str] = [_facts(story), "", _timeline(story["steps"]), "", balance(story["rows"])]
    if "drift" in story["detected"]:
        parts += ["", *drift_text(story["detected"]["drift"])]
    if story["versions"]:
        parts += ["", Text("Also landed", style="bold"), _others(story["versions"])]
    return lines(*parts)


def _facts(story: Document) -> Table:
    delivered = f", delivered {story['deliveries']} times" if story["deliveries"] > 1 else ""
    facts = {
        "file": Text(story["key"], style="bold"),
        "status": status_text(story["status"]),
        "reason": story["reason"],
        "dataset": story["dataset"],
        "arrived": f"{clock(story['arrived_at'])}, {size(story['size'])}{delivered}",
        "version": f"{story['version']} (file id {story['file_id']})",
        "stands for": f"{story['members']:,} files" if story["members"] else None,
        "part of": story["group"],
        "duplicate of": story["duplicate_of"],
        "batch": story["batch"],
        "merge": story["merge"],
        "execution": story["execution"],
        "engine": _engine(story["detected"].get("glue")),
    }
    return _grid(facts)


def _engine(run: dict[str, Any] | None) -> str | None:
    if run is None:
        return None
    return f"Glue, run {run['run']}, {'at most ' if run.get('at_most') else ''}{run['dpu_seconds']:,} DPU seconds"


def _grid(facts: dict[str, Any]) -> Table:
    """A line per fact; what there is nothing of is left out."""
    grid = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        if fact:
            grid.add_row(Text(name, style="dim"), cell(fact))
    return grid


def _timeline(steps: list[dict[str, Any]]) -> Table:
    start = moment(steps[0]["at"]) if steps else None
    rows = [
        (
            f"+{(moment(step['at']) - start).total_seconds():.2f} s" if start else "",
            Text(step["step"], style=SOURCE_STYLES.get(step["source"], "")),
            detail_text(step["detail"]),
        )
        for step in steps
    ]
    return table(("after", "step", "detail"), rows, numbers=("after",))


def detail_text(detail: dict[str, Any]) -> str:
    """A step's details in a line: `took 2.5 s, rows 10, units 2`. A time too short to matter is left out."""
    return ", ".join(filter(None, (_detail(name, value) for name, value in detail.items())))


def _detail(name: str, value: Any) -> str:
    if name == "seconds":
        return f"took {duration(value)}" if value >= SHORTEST else ""
    return f"{name} {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(_value, value))
    if isinstance(value, dict):
        return "(" + detail_text(value) + ")"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _others(versions: list[dict[str, Any]]) -> Table:
    rows = [
        (clock(item["arrived_at"]), item["key"], status_text(item["status"]), item["batch"] or "-", item["file_id"])
        for item in versions
    ]
    return table(("arrived", "key", "status", "batch", "file id"), rows)
