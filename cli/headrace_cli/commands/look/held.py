"""`headrace held`: batches and files waiting for a decision."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import typer

from headrace.domain.ingest.counts import Tally
from headrace.domain.ingest.ledger import HELD, LANES, BatchRecord, BatchStatus, FileStatus
from headrace_cli.output.console import Document, Json, emit, lines, table
from headrace_cli.output.formatting import clock, number
from headrace_cli.stack.standing import files_in
from headrace_cli.stack.target import Target, target_of
from headrace_cli.stack.totals import file_account

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable


def held(context: typer.Context, as_json: Json = False) -> None:
    """List the batches and files waiting for your decision: those with unusual figures or too few rows, or an error
    that has lasted for days.

    `headrace release NAME` loads one, `headrace reject NAME` gives it up.

    Example: `headrace held`
    """
    emit(collect(target_of(context)), render, as_json=as_json)


def collect(target: Target) -> Document:
    """`{"held": [{"batch", "dataset", "since", "files", "reason", "blocks"}], "files": [those held alone]}`."""
    tallies = target.ledger.counters.totals()
    datasets = [name for name in target.contracts if _may_have(tallies.get(name))]
    batches = _batches(target, datasets)
    names = {item["batch"] for item in batches}
    held = (files_in(target.ledger, name, tallies.get(name), {FileStatus.HELD}) for name in datasets)
    alone = (file for file in chain.from_iterable(held) if file.batch not in names)
    return {"held": batches, "files": [file_account(file) for file in alone]}


def _may_have(tally: Tally | None) -> bool:
    """Whether a dataset may have files that are held."""
    return tally is None or not tally.whole or tally.files(FileStatus.HELD) > 0


def _batches(target: Target, datasets: list[str]) -> list[dict[str, Any]]:
    states = ((target.contracts[name], target.ledger.lanes.state(name, lane)) for name in datasets
              for lane in LANES)  # fmt: skip
    batches = ((contract, target.ledger.batches.get(name)) for contract, state in states for name in state.held)
    return [
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


def _held_at(target: Target, batch: BatchRecord) -> str | None:
    """When it was held. Its history expires after `KeepDays`."""
    lines = target.ledger.events.of_batch(batch.batch)
    return next((line.at for line in reversed(lines) if line.step == HELD), None)


def render(document: Document) -> ConsoleRenderable:
    """A line per batch, then one per file that is held alone."""
    if not document["held"] and not document["files"]:
        return lines("No batch or file is held.")
    rows = [(i["batch"], clock(i["since"]), number(i["files"]), "wait" if i["blocks"] else "go on", i["reason"])
            for i in document["held"]]  # fmt: skip
    found = [table(("batch", "since", "files", "later ones", "why"), rows, numbers=("files",))] if rows else []
    alone = [(i["key"], clock(i["arrived_at"]), i["reason"]) for i in document["files"]]
    found += [table(("file", "arrived", "why"), alone)] if alone else []
    return lines(*found, "", "`headrace release NAME` loads one, `headrace reject NAME` gives it up.")
