"""`headrace backfill`: load objects that are missing from the ledger."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.usecases.recovery.backfill import Backfilled
from headrace.usecases.recovery.backfill import backfill as take_unknown
from headrace_cli.output.console import Document, DryRun, Json, Reason, emit, lines
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count, duration, money
from headrace_cli.output.progress import Progress
from headrace_cli.stack.audited import audited
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

LISTED = 10


def backfill(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="A deployed dataset; `headrace contracts` lists them.")],
    prefix: Annotated[
        str | None, typer.Argument(help="Only keys in the landing bucket with this prefix. Default: the dataset's.")
    ] = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Load objects that Headrace was never notified of: they landed before it was deployed, or their events were lost.

    Objects that no contract took when they came are loaded too, if the dataset takes them now. All go through a
    separate lane, beside live files. If you stop the command, it resumes where it was.

    Examples: `headrace backfill readings`, `headrace backfill readings readings/2025/ --dry-run`
    """
    target = target_of(context)
    below = target.contract(dataset).prefix
    prefix = below if prefix is None else prefix
    if not prefix.startswith(below):
        raise CommandError(f"the objects of {dataset} are below {below}: give a prefix that starts with it")
    with Progress(f"backfill of {dataset}") as line:

        def show(found: Backfilled) -> None:
            line.show(f"{len(found.taken):,} wait, {found.known:,} known already")

        with audited(target, "backfill", [prefix], reason=reason, dataset=dataset, dry_run=dry_run) as act:
            found = take_unknown(dataset, prefix, target.landing, target.services, dry_run=dry_run, progress=show)
            act.outcome = f"{count(len(found.taken), 'object')} taken"
    cost = {"cost": backfill_cost(target, found)} if dry_run and found.taken else {}
    emit({"dry_run": dry_run, **asdict(found), **cost}, render, as_json=as_json)


def backfill_cost(target: Target, found: Backfilled) -> Document:
    """What loading what was found would cost: the fields of `LoadCost`, `usd`, and what is assumed of the warehouse."""
    from headrace.domain.ingest.lane import limits_of
    from headrace.domain.ingest.ledger import BACKFILL
    from headrace_cli.cost.account import capacity, region_of
    from headrace_cli.cost.load import load_cost

    rpu, assumed = capacity(target)
    limits = limits_of(target.contract(found.dataset), BACKFILL)
    cost = load_cost(
        len(found.taken),
        found.size / 1e6,
        most_files=limits.files,
        most_mb=limits.size / 1e6,
        region=region_of(target),
        rpu=rpu,
    )
    return asdict(cost) | {"usd": cost.usd, "assumed": assumed}


def render(document: Document) -> ConsoleRenderable:
    """The first keys, and the sums."""
    taken, refused = document["taken"], document["refused"]
    rest = len(taken) - LISTED
    closing = (
        f"{count(len(taken), 'object')} {'would wait' if document['dry_run'] else 'wait'} in the backfill lane;"
        f" {document['known']:,} known already, {len(refused):,} not loadable, {document['deleted']:,} deleted,"
        f" {document['elsewhere']:,} of other datasets."
    )
    return lines(*taken[:LISTED], *([f"and {rest:,} more"] if rest > 0 else []), closing, *_cost(document))


def _cost(document: Document) -> list[str]:
    cost = document.get("cost")
    if not cost:
        return []
    said = (
        f"It would cost about {money(cost['usd'])} USD in {count(cost['loads'], 'load')}: {money(cost['warehouse'])}"
        f" for {duration(cost['awake_seconds'])} of the warehouse at {cost['rpu']:g} RPU, {money(cost['requests'])} for"
        " requests and functions. docs/cost.md says what is assumed."
    )
    return [said, *filter(None, [cost["assumed"]])]
