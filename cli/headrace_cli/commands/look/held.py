"""`headrace held`: batches waiting for a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from headrace.domain.ingest.ledger import HELD, LANES, BatchRecord, BatchStatus
from headrace_cli.output.console import Document, Json, emit, lines, table
from headrace_cli.output.formatting import clock, number
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def held(context: typer.Context, as_json: Json = False) -> None:
    """List the batches waiting for your decision: those with unusual figures, or an error that has lasted for days.

    `headrace release BATCH` loads one, `headrace reject BATCH` gives it up.

    Example: `headrace held`
    """
    emit(collect(target_of(context)), render, as_json=as_json)


def collect(target: Target) -> Document:
    """`{"held": [{"batch", "dataset", "since", "files", "reason", "blocks"}]}`."""
    states = ((contract, target.ledger.lanes.state(name, lane)) for name, contract in target.contracts.items()
              for lane in LANES)  # fmt: skip
    batches = ((contract, target.ledger.batches.get(name)) for contract, state in states for name in state.held)
    return {
        "held": [
            {
                "batch": batch.batch,
                "dataset": batch.dataset,
                "since": _held_at(target, batch) or batch.started_at,
                "files": len(batch.file_ids),
                "reason": batch.reason,
                "blocks": contract.wait_while_held,
            }
            for contract, batch in batches
            if batch.status is BatchStatus.HELD
        ]
    }


def _held_at(target: Target, batch: BatchRecord) -> str | None:
    """When it was held. Its history expires after `KeepDays`."""
    lines = target.ledger.events.of_batch(batch.batch)
    return next((line.at for line in reversed(lines) if line.step == HELD), None)


def render(document: Document) -> ConsoleRenderable:
    """A line per batch."""
    if not document["held"]:
        return lines("No batch is held.")
    rows = [(i["batch"], clock(i["since"]), number(i["files"]), "wait" if i["blocks"] else "go on", i["reason"])
            for i in document["held"]]  # fmt: skip
    found = table(("batch", "since", "files", "later ones", "why"), rows, numbers=("files",))
    return lines(found, "", "`headrace release BATCH` loads one, `headrace reject BATCH` gives it up.")
