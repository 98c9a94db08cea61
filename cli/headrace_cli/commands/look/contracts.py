"""`headrace contracts`: what is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from headrace_cli.output.console import Document, Json, emit, lines, table
from headrace_cli.output.formatting import duration
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from headrace.domain.contract import Contract


def contracts(context: typer.Context, as_json: Json = False) -> None:
    """List the datasets of the deployed stack: where files go, their table, and the latency promise.

    Example: `headrace contracts`
    """
    emit(collect(target_of(context)), render, as_json=as_json)


def collect(target: Target) -> Document:
    """`{"datasets": [{"dataset", "version", "prefix", "folders", "files", "ignore", "marker", "manifest", …}]}`."""
    return {"datasets": [_summary(contract) for contract in target.contracts.values()]}


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
