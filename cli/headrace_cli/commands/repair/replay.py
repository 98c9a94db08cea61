"""`headrace replay`: load quarantined rows that are good now."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from headrace_cli.output.console import Document, DryRun, Json, Reason, Since, emit, lines, table
from headrace_cli.output.formatting import count, number
from headrace_cli.stack.audited import audited
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from headrace.usecases.recovery.replay import Wanted


def replay(  # noqa: PLR0913, PLR0917 - one parameter per option
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="A deployed dataset; `headrace contracts` lists them.")],
    rule: Annotated[
        str | None, typer.Option(help="Only rows that broke this rule: `minimum`, or `value: minimum`.")
    ] = None,
    since: Since = None,
    batch: Annotated[str | None, typer.Option(help="Only rows of this batch.")] = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Load the quarantined rows that the deployed contract now accepts; the others stay.

    The rows of each file land as a new object, `<prefix>replay/…`, and leave quarantine when that has loaded.

    Example: `headrace replay readings --rule minimum --dry-run`
    """
    from headrace.usecases.recovery.replay import Wanted

    document = collect(target_of(context), dataset, Wanted(rule, since, batch), reason, dry_run=dry_run)
    emit(document, render, as_json=as_json)


def collect(target: Target, dataset: str, wanted: Wanted, reason: str = "", *, dry_run: bool) -> Document:
    """`{"dataset", "dry_run", "files": [{"key", "rows", "good", "why", "landed_as", …}], "rows", "good"}`."""
    from headrace.usecases.recovery import replay as use_case

    about = [text for text in (wanted.rule, wanted.since, wanted.batch) if text]
    with audited(target, "replay", about, reason=reason, dataset=dataset, dry_run=dry_run) as act:
        answers = use_case.replay(target.contract(dataset), wanted, target.landing, target.services, dry_run=dry_run)
        act.about = [answer.file_id for answer in answers]
        act.outcome = f"{count(sum(answer.good for answer in answers), 'row')} sent in again"
    files = [asdict(answer) for answer in answers]
    rows = {what: sum(item[what] for item in files) for what in ("rows", "good")}
    return {"dataset": dataset, "dry_run": dry_run, "files": files, **rows}


def render(document: Document) -> ConsoleRenderable:
    """A line per file, and the sums."""
    if not document["files"]:
        return lines(f"No matching row of {document['dataset']} is in quarantine.")
    rows = [
        (item["key"], number(item["rows"]), number(item["good"]), item["why"] or item["landed_as"])
        for item in document["files"]
    ]
    closing = (
        f"\n{count(document['good'], 'row')} of {document['rows']:,}"
        f" {'would go' if document['dry_run'] else 'go'} in again; the others stay in quarantine."
    )
    return lines(table(("file", "rows", "good now", "as"), rows, numbers=("rows", "good now")), closing)
