"""A run of an export as a person sees it: a bar per category, the pace, what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from headrace_cli.output.console import lines, table
from headrace_cli.output.formatting import count, duration, number, size

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from headrace_cli.output.console import Document

BAR = 24
NAMED = 10
COLOURS = {"running": "blue", "complete": "green", "incomplete": "bold red", "partial": "yellow"}
UNLOADS = {"waiting": "waits", "unloading": "UNLOAD runs", "unloaded": "", "failed": "UNLOAD failed"}


def render(document: Document) -> ConsoleRenderable:
    """The whole run."""
    rows = [_row(item) for item in document["categories"]]
    headers = ("category", "", "done", "failed", "of", "rows", "bytes", "")
    shown = table(headers, rows, numbers=("done", "failed", "of", "rows", "bytes"))
    return lines(shown, Text(), _summary(document), *_failures(document))


def pace(document: Document) -> str:
    """How far a run has come, in a line."""
    left = document["seconds_left"]
    rest = f", {duration(left)} to go" if left is not None else ""
    return (
        f"{document['done']:,} of {count(document['expected'], 'file')}, {document['failed']:,} failed"
        f" ({document['files_per_second']:,} a second{rest})"
    )


def bar(done: int, failed: int, expected: int) -> Text:
    """A bar of fixed width: green is done, red has failed."""
    if not expected:
        return Text("·" * BAR, style="dim")
    red = min(BAR, -(-failed * BAR // expected)) if failed else 0
    green = min(BAR - red, done * BAR // expected)
    return (
        Text("━" * green, style="green") + Text("━" * red, style="red") + Text("·" * (BAR - green - red), style="dim")
    )


def _row(item: Document) -> tuple[Text | str, ...]:
    drawn = bar(item["done"], item["failed"], item["expected"])
    numbers = (number(item["done"]), number(item["failed"]), number(item["expected"]), number(item["rows"]))
    return (item["category"], drawn, *numbers, size(item["bytes"]), item["reason"] or UNLOADS[item["unload"]])


def _summary(document: Document) -> Text:
    status = Text(document["status"], style=COLOURS[document["status"]])
    said = (
        f"{document['export']} of {document['date']}: {document['done']:,} of {count(document['expected'], 'file')},"
        f" {document['rows']:,} rows, {size(document['bytes'])} in {duration(document['seconds'])}"
        f" ({document['files_per_second']:,} a second), {count(document['statements'], 'statement')}, "
    )
    left = document["seconds_left"]
    rest = f"; {duration(left)} to go" if left is not None and document["status"] == "running" else ""
    return Text(said) + status + Text(rest)


def _failures(document: Document) -> list[str]:
    failures = document["failures"]
    said = [document["reason"]] if document["reason"] else []
    said += [f"  {item['category']} / {item['account']}: {item['reason']}" for item in failures[:NAMED]]
    if document["failed"] > NAMED:
        said.append(f"  and {document['failed'] - NAMED:,} more")
    if document["stray_rows"]:
        said.append(f"{document['stray_rows']:,} rows have no category and are in no file.")
    if failures:
        said.append(f"`headrace export retry {document['export']} --date {document['date']}` retries only these.")
    return said


def render_check(document: Document) -> ConsoleRenderable:
    """The differences, then what was compared."""
    found = document["differences"]
    shown = [table(("where", "what"), [(item["where"], item["what"]) for item in found[:100]])] if found else []
    more = [f"and {len(found) - 100:,} more"] if len(found) > 100 else []
    how = "digests computed again" if document["digests_computed"] else "sizes; --deep computes the digests again"
    verdict = f"{count(len(found), 'difference')}." if found else "No difference."
    looked = f"{count(document['files'], 'file')}, {document['rows']:,} rows, {size(document['bytes'])} ({how})."
    late = f"Rows came late? `headrace export run {document['export']} --date {document['date']} --again` exports them."
    again = [late] if found and document["complete"] else []
    incomplete = [] if document["complete"] else ["The day is incomplete: its manifest lists the failures."]
    return lines(*shown, *more, f"{verdict} {looked}", *incomplete, *again)
