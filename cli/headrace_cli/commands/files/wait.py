"""`headrace wait`: wait until every dropped file is finished."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.output.formatting import count, duration
from headrace_cli.output.progress import Progress
from headrace_cli.stack.target import target_of
from headrace_cli.stack.watch import Snapshot, Watch

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

FIRST_PAUSE, LONGEST_PAUSE = 0.3, 3.0
"""Seconds between two checks, growing by half each time."""
LISTED = 10
NOT_LOADED = (FileStatus.FAILED, FileStatus.HELD, FileStatus.UNROUTABLE)


def wait(
    context: typer.Context,
    timeout: Annotated[float, typer.Option(help="Give up after this many seconds.", min=0)] = 300,
    as_json: Json = False,
) -> None:
    """Wait until no file is pending or running.

    Exits with 1 after the timeout, and if a file of the last 15 minutes failed, is held, or belongs to no dataset.

    Example: `headrace drop readings today.jsonl && headrace wait --timeout 60`
    """
    watch = Watch(target_of(context))
    with Progress() as progress:
        snapshot = wait_until_quiet(watch, timeout, lambda look: progress.show(look.sentence))
        seconds = progress.seconds
    document = as_document(snapshot, seconds, watch.finished)
    emit(document, render, as_json=as_json)
    if not document["done"] or document["not_loaded"]:
        raise typer.Exit(1)


def wait_until_quiet(
    watch: Watch, timeout: float, tell: Callable[[Snapshot], None], pause: Callable[[float], None] = time.sleep
) -> Snapshot:
    """Check until nothing is open or `timeout` seconds have passed, reporting each check. Returns the last one."""
    deadline, length = time.monotonic() + timeout, FIRST_PAUSE
    while True:
        snapshot = watch.look()
        tell(snapshot)
        left = deadline - time.monotonic()
        if snapshot.quiet or left <= 0:
            return snapshot
        pause(min(length, left))
        length = min(length * 1.5, LONGEST_PAUSE)


def as_document(snapshot: Snapshot, seconds: float, finished: list[FileRecord]) -> Document:
    """`{"done", "seconds", "files": {"seen", "done"}, "not_loaded": {status: files}, "open"}`; `error` if not done."""
    statuses = Counter(str(file.status) for file in finished)
    document: Document = {
        "done": snapshot.quiet,
        "seconds": round(seconds, 1),
        "files": {"seen": snapshot.seen, "done": snapshot.done},
        "not_loaded": {status: statuses[status] for status in NOT_LOADED if statuses[status]},
        "open": snapshot.open,
    }
    if not snapshot.quiet:
        why = [f"; {name} is paused, `headrace resume {name}` ends that" for name in snapshot.paused]
        document["error"] = f"still open after {duration(seconds)}: {_sentence(snapshot.open)}{''.join(why)}"
    return document


def _sentence(left: dict[str, Any]) -> str:
    return ", ".join(f"{kind.replace('_', ' ')} {_amount(what)}" for kind, what in left.items())


def _amount(what: Any) -> str:
    if isinstance(what, dict):
        return " ".join(f"{name} {number}" for name, number in what.items())
    if isinstance(what, list):
        rest = len(what) - LISTED
        return " ".join(what[:LISTED]) + (f" and {rest} more" if rest > 0 else "")
    return str(what)


def render(document: Document) -> ConsoleRenderable:
    """Done or not, and what is open."""
    if not document["done"]:
        return lines(document["error"], "`headrace trace KEY` shows where a file is.")
    files = document["files"]["done"]
    if document["not_loaded"]:
        bad = ", ".join(f"{number:,} {status}" for status, number in document["not_loaded"].items())
        return lines(
            f"Of {count(files, 'file')} in the last 15 minutes: {bad}; nothing is on its way any more.",
            "`headrace files --failed --held --since 15m` says why.",
        )
    return lines(f"All done in {duration(document['seconds'])}; {count(files, 'file')} in the last 15 minutes.")
