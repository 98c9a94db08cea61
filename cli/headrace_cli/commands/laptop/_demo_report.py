"""What the demo shows at the end: every file, the warehouse's answer, bad rows, messages, and next steps."""

from __future__ import annotations

import sys
import time
from itertools import chain, groupby, islice, zip_longest
from pathlib import Path, PurePath
from typing import Any

from rich.console import ConsoleRenderable
from rich.table import Table
from rich.text import Text

from headrace_cli.commands.look.notifications import message_text
from headrace_cli.commands.look.quarantine import bad_rows_text
from headrace_cli.laptop.sink import received
from headrace_cli.output.console import Document, lines, table
from headrace_cli.output.formatting import (
    ROW_HEADERS,
    ROW_KINDS,
    balanced,
    count,
    duration,
    number,
    row_cells,
    status_text,
    tick,
)
from headrace_cli.stack.bad_rows import bad_rows
from headrace_cli.stack.target import Target
from headrace_cli.stack.totals import file_account
from headrace_cli.stack.warehouse import query

BAD_ROWS, MESSAGES = 3, 2
NOT_LOADED = {"failed", "held", "unroutable"}
PATIENCE = 5.0
"""Seconds to wait for the last message, which comes after its batch has ended."""


def collect(target: Target, sent: list[dict[str, Any]], told_before: int) -> Document:
    """`{"files", "counts", "quarantined", "notifications", "agrees", "seen_before", "endpoint_url"}`.

    `agrees`: every file's rows balance, and every table has the rows that the ledger says.
    """
    files = [file_account(file) for file in target.ledger.files.get_all(item["file_id"] for item in sent)]
    datasets = list(dict.fromkeys(file["dataset"] for file in files if file["dataset"]))
    counts = [_count(target, dataset) for dataset in datasets]
    return {
        "files": files,
        "counts": counts,
        "quarantined": _some_bad_rows(target, datasets),
        "notifications": _some_messages(target, told_before),
        "agrees": all(balanced(file["rows"]) for file in files) and all(item["agrees"] for item in counts),
        "seen_before": all(file["status"] == "duplicate" for file in files),
        "endpoint_url": target.endpoint_url,
    }


def _count(target: Target, dataset: str) -> dict[str, Any]:
    """The rows of a dataset's table, as the warehouse and as the ledger count them."""
    text = f"SELECT COUNT(*) FROM {target.contract(dataset).target}"  # noqa: S608 - the name is the contract's own
    rows = query(target, text).rows[0][0]
    loaded = sum(file.rows.loaded for file in target.ledger.files.of_dataset(dataset))
    return {"dataset": dataset, "sql": text, "rows": rows, "ledger": loaded, "agrees": rows == loaded}


def _some_bad_rows(target: Target, datasets: list[str]) -> list[dict[str, Any]]:
    """A few bad rows, of as many datasets as there are."""
    each = [islice(bad_rows(target, dataset), BAD_ROWS) for dataset in datasets]
    mixed = chain.from_iterable(zip_longest(*each))
    return list(islice((row for row in mixed if row), BAD_ROWS))


def _some_messages(target: Target, told_before: int) -> list[dict[str, Any]]:
    """The most telling of the messages since then."""
    deadline = time.monotonic() + PATIENCE
    while not (messages := received(target, told_before)) and time.monotonic() < deadline:
        time.sleep(0.2)
    fullest = sorted(messages, key=lambda item: len(item["text"]), reverse=True)[:MESSAGES]
    return sorted(fullest, key=lambda item: int(item["n"]))


def render(document: Document) -> ConsoleRenderable:
    """The report, in the order in which a newcomer asks."""
    parts: list[ConsoleRenderable | str] = ["", _title("Every file, every row"), _files(document["files"])]
    if document["seen_before"]:
        parts += ["", "An earlier demo loaded these files. Headrace recognizes them by their content, so nothing is"]
        parts += ["loaded twice. For a fresh start: `make down`, then `make demo`."]
    parts += ["", _title("The warehouse says"), _counts(document["counts"])]
    if document["quarantined"]:
        parts += ["", _title("Some quarantined rows"), *bad_rows_text(document["quarantined"])]
    if document["notifications"]:
        parts += [_title("What Slack received"), *map(message_text, document["notifications"])]
    return lines(*parts, _title("Try next"), _next_commands(document), "", _closing(document))


def _title(text: str) -> Text:
    return Text(text, style="bold")


def _files(files: list[dict[str, Any]]) -> Table:
    """The files by dataset."""
    rows: list[list[Text | str]] = []
    for dataset, group in groupby(files, key=lambda file: str(file["dataset"])):
        rows += [[Text(dataset, style="bold")], *([f"  {_name(file)}", *_account(file)] for file in group)]
    return table(("\nfile", *ROW_HEADERS, "\nstatus", "\nbalance"), rows, numbers=ROW_HEADERS)


def _name(file: dict[str, Any]) -> str:
    return PurePath(file["key"]).name


def _account(file: dict[str, Any]) -> list[Text | str]:
    return [*row_cells(file["rows"]), status_text(file["status"]), tick(balanced(file["rows"]))]


def _counts(counts: list[dict[str, Any]]) -> Table:
    rows = [(item["sql"], number(item["rows"]), number(item["ledger"]), tick(item["agrees"])) for item in counts]
    return table(("query", "rows", "the ledger says", "agrees"), rows, numbers=("rows", "the ledger says"))


def _next_commands(document: Document) -> Table:
    command = _command()
    hints = [(f"{command} console", "all of it in the browser"), (f"{command} status", "the state of every dataset")]
    if document["files"]:
        hints.append((f"{command} trace {_most_telling(document['files'])['key']}", "the whole story of one file"))
    if document["quarantined"]:
        dataset = document["quarantined"][0]["dataset"]
        hints.append((f"{command} quarantine {dataset}", "its bad rows, with reasons"))
    if document["counts"]:
        target = document["counts"][0]["sql"].rsplit(" ", 1)[1]
        hints.append((f'{command} sql "SELECT * FROM {target} LIMIT 5"', "query the warehouse"))  # noqa: S608 - shown only
    hints += [
        (f"{command} notifications", "everything Slack received"),
        ("make demo", "again: see that nothing is loaded twice"),
        ("make down", "stop the laptop and remove everything"),
    ]
    grid = Table.grid(padding=(0, 3))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for text, what in hints:
        grid.add_row(Text(f"  {text}", style="cyan"), Text(what, style="dim"))
    return grid


def _most_telling(files: list[dict[str, Any]]) -> dict[str, Any]:
    """The file with the most to tell: rows of more than one kind."""
    return max(files, key=lambda file: sum(file["rows"][kind] > 0 for kind in ROW_KINDS))


def _command() -> str:
    """How this command was called, so that the hints can be pasted."""
    called = Path(sys.argv[0])
    if called.name != "headrace":
        return "headrace"
    path = called.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else "headrace"


def _closing(document: Document) -> Text:
    took = f"Done in {duration(document['seconds'])}. The laptop runs at {document['endpoint_url']}."
    if not document["agrees"]:
        return Text(f"{took} But the rows do not add up: see above.", style="bold red")
    if not_loaded := sum(file["status"] in NOT_LOADED for file in document["files"]):
        what = f"Not loaded: {count(not_loaded, 'file')}; `headrace files --failed --held` says why."
        return Text(f"{took} {what}", style="bold red")
    return Text(took, style="green")
