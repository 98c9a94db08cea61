"""`headrace contracts`: what is deployed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.domain.clock import written
from headrace_cli.output.console import Document, Json, emit, lines, table
from headrace_cli.output.formatting import duration
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from headrace.domain.contract import Contract
    from headrace.domain.expected.calendar import Expectation

AHEAD = timedelta(days=14)
AT_LEAST, MOST_LISTED = 5, 100
"""Times of one expectation that are listed."""


def contracts(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    calendar: Annotated[
        bool, typer.Option("--calendar", help="List when files are expected in the next days.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the datasets of the deployed stack: where files go, their table, and the latency promise.

    With `--calendar`, by when how many files are expected in the next fortnight, and at least the next five times.

    Examples: `headrace contracts`, `headrace contracts readings --calendar`
    """
    target = target_of(context)
    if calendar:
        emit(collect_calendar(target, dataset, datetime.now(UTC)), render_calendar, as_json=as_json)
    else:
        emit(collect(target, dataset), render, as_json=as_json)


def _chosen(target: Target, dataset: str | None) -> list[Contract]:
    return [target.contract(dataset)] if dataset else list(target.contracts.values())


def collect(target: Target, dataset: str | None = None) -> Document:
    """`{"datasets": [{"dataset", "version", "prefix", "folders", "files", "ignore", "marker", "manifest", …}]}`."""
    return {"datasets": [_summary(contract) for contract in _chosen(target, dataset)]}


def collect_calendar(target: Target, dataset: str | None, now: datetime) -> Document:
    """`{"expected": [{"dataset", "name", "due", "here", "files"}]}`, by time: `due` in UTC, `here` in its own zone."""
    listed = [
        {"dataset": contract.dataset, "name": expectation.name, "due": written(due), "here": expectation.here(due),
         "files": expectation.number}
        for contract in _chosen(target, dataset)
        for expectation in contract.expected
        for due in _next(expectation, now)
    ]  # fmt: skip
    return {"expected": sorted(listed, key=lambda item: (item["due"], item["dataset"], item["name"]))}


def _next(expectation: Expectation, now: datetime) -> list[datetime]:
    found = list[datetime]()
    for due in expectation.due_after(now):
        if len(found) >= MOST_LISTED or (len(found) >= AT_LEAST and due > now + AHEAD):
            break
        found.append(due)
    return found


def render_calendar(document: Document) -> ConsoleRenderable:
    """A line per time."""
    if not document["expected"]:
        return lines("No files are expected: docs/contracts.md says how a contract says when they come.")
    rows = [(item["here"], item["dataset"], item["name"], item["files"]) for item in document["expected"]]
    return table(("by", "dataset", "expectation", "files"), rows)


def _summary(contract: Contract) -> Document:
    return {
        "dataset": contract.dataset,
        "version": contract.version,
        "prefix": contract.prefix,
        "folders": list(contract.folder_templates),
        "files": list(contract.files),
        "ignore": list(contract.ignore),
        "marker": contract.marker or None,
        "manifest": contract.manifest or None,
        "patience_seconds": contract.patience_seconds if contract.grouped else None,
        "table": contract.target,
        "key": list(contract.primary_key),
        "format": contract.format.kind,
        "columns": len(contract.columns),
        "freshness_seconds": contract.freshness_seconds,
        "description": contract.description,
    }


def render(document: Document) -> ConsoleRenderable:
    """The datasets as a table."""
    headers = ("dataset", "version", "files go to", "format", "table", "key", "loaded within")
    rows = [
        (
            item["dataset"],
            item["version"],
            "\n".join(("/".join((item["prefix"].rstrip("/"), *item["folders"], "")), *item["files"])),
            item["format"],
            item["table"],
            ", ".join(item["key"]) or "append only",
            duration(item["freshness_seconds"]),
        )
        for item in document["datasets"]
    ]
    ignored: dict[tuple[str, ...], list[str]] = {}
    for item in document["datasets"]:
        ignored.setdefault(tuple(item["ignore"]), []).append(item["dataset"])
    groups = [
        f"{item['dataset']}: files are loaded together by {what} {item[what]}, people are notified after"
        f" {duration(item['patience_seconds'])}"
        for item in document["datasets"]
        for what in ("marker", "manifest")
        if item[what]
    ]
    said = [f"{', '.join(names)}: ignores {' '.join(patterns) or 'nothing'}" for patterns, names in ignored.items()]
    return lines(table(headers, rows), *said, *groups) if rows else lines("No contract is deployed.")
