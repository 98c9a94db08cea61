"""`headrace history`: what was loaded, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.domain.ingest.ledger import BatchRecord, FileRecord
from headrace_cli.output.console import Document, Json, Since, emit, lines, table
from headrace_cli.output.formatting import clock, count, duration, moment, number, status_text
from headrace_cli.stack.audited import entries
from headrace_cli.stack.target import Target, target_of
from headrace_cli.stack.totals import row_counts

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

MOST_BATCHES = 1000


def history(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    since: Since = "1d",
    limit: Annotated[int, typer.Option(help="Batches to show, the newest first.", min=1, max=MOST_BATCHES)] = 50,
    audit: Annotated[
        bool, typer.Option("--audit", help="Show what people did by hand instead: who, when, what, and why.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the batches of files that arrived since a time (default: a day ago): files, rows, duration, outcome.

    A batch is one execution of the workflow; `headrace trace BATCH` shows its steps.

    With `--audit`: who released, rejected, retried, reloaded, replayed, discarded, erased, backfilled, unblocked,
    redrove or migrated since then, from which machine, and why (`--reason`).

    Examples: `headrace history`, `headrace history readings --since yesterday`, `headrace history --audit --since 30d`
    """
    if audit:
        emit(collect_audit(target_of(context), dataset, since or "", limit), render_audit, as_json=as_json)
        return
    emit(collect(target_of(context), dataset, since or "", limit), render, as_json=as_json)


def collect(target: Target, dataset: str | None, since: str, limit: int) -> Document:
    """`{"batches": [{"batch", "dataset", "lane", "status", "started_at", "seconds", "files", "rows", …}], "more"}`."""
    names = [target.contract(dataset).dataset] if dataset else list(target.contracts)
    found: dict[str, str] = {}
    for file in (file for name in names for file in target.ledger.files.of_dataset(name, since)):
        found |= {batch: max(file.arrived_at, found.get(batch, "")) for batch in _batches(file)}
    newest = sorted(found, key=lambda batch: (found[batch], batch), reverse=True)
    records = list(_records(target, newest[:limit]))
    records.sort(key=lambda batch: batch.started_at, reverse=True)
    return {"since": since, "batches": [_account(record) for record in records], "more": len(newest) - len(records)}


def collect_audit(target: Target, dataset: str | None, since: str, limit: int) -> Document:
    """`{"since", "entries": [as `AuditEntry`, the newest first], "more": how many others}`."""
    name = target.contract(dataset).dataset if dataset else None
    found = entries(target, since, name)[::-1]
    return {"since": since, "entries": [entry.to_json() for entry in found[:limit]], "more": len(found[limit:])}


def render_audit(document: Document) -> ConsoleRenderable:
    """A line per act."""
    if not document["entries"]:
        return lines(f"Nobody has changed anything by hand since {clock(document['since'])}.")
    headers = ("when", "who", "did", "about", "why", "outcome")
    rest = [f"\nand {document['more']:,} more: --limit shows more"] if document["more"] else []
    return lines(table(headers, map(_act, document["entries"]), whole=("did",)), *rest)


def _act(entry: dict[str, Any]) -> tuple[str, ...]:
    """Of an ARN the last part, which names the person; of what it was about the first."""
    about = entry["about"][:1] + [f"and {entry['number'] - 1:,} more" for _ in range(1) if entry["number"] > 1]
    said = " ".join([*filter(None, [entry["dataset"]]), *about])
    who = f"{entry['by'].rpartition('/')[2]}, {entry['host']}"
    return clock(entry["at"]), who, entry["action"], said, entry["reason"], entry["outcome"]


def _batches(file: FileRecord) -> list[str]:
    return [batch for batch in (file.batch, file.merge) if batch]


def _records(target: Target, names: list[str]) -> Iterator[BatchRecord]:
    """The batches that the ledger still has."""
    for name in names:
        try:
            yield target.ledger.batches.get(name)
        except KeyError:
            continue


def _account(batch: BatchRecord) -> dict[str, Any]:
    ended = moment(batch.ended_at) - moment(batch.started_at) if batch.ended_at else None
    return {
        "batch": batch.batch,
        "dataset": batch.dataset,
        "lane": batch.lane,
        "status": str(batch.status),
        "started_at": batch.started_at,
        "seconds": round(ended.total_seconds(), 1) if ended else None,
        "files": len(batch.file_ids),
        "rows": row_counts(batch.rows),
        "attempts": batch.attempts,
        "execution": batch.execution,
        "reason": batch.reason,
    }


def render(document: Document) -> ConsoleRenderable:
    """A line per batch."""
    if not document["batches"]:
        return lines(f"No batch has files that arrived since {clock(document['since'])}.")
    headers = ("started", "batch", "files", "loaded", "quaran-\ntined", "took", "status", "reason")
    rows = [_row(item) for item in document["batches"]]
    rest = f"\nand {count(document['more'], 'batch').replace('batchs', 'batches')} more: --limit shows more"
    found = table(headers, rows, numbers=("files", "loaded", "quaran-\ntined", "took"))
    return lines(found, *([rest] if document["more"] > 0 else []))


def _row(item: dict[str, Any]) -> tuple[Any, ...]:
    counts = number(item["rows"]["loaded"]), number(item["rows"]["quarantined"])
    started, took = clock(item["started_at"]), duration(item["seconds"])
    return (
        started,
        item["batch"],
        number(item["files"]),
        *counts,
        took,
        status_text(item["status"]),
        item["reason"] or "",
    )
