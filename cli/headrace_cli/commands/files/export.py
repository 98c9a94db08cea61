"""`headrace export …`: run, watch, retry and verify a day's files for every account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live

from headrace.exports.adapters.run_queue import take_dead_letters
from headrace.exports.model.run import RunStatus
from headrace_cli.exports.run import Ask, begin, checked_date, follow, last_date, standing
from headrace_cli.exports.verify import check
from headrace_cli.exports.view import pace, render, render_check
from headrace_cli.output.console import Document, Json, emit, messages
from headrace_cli.output.failures import CommandError
from headrace_cli.output.progress import Progress
from headrace_cli.stack.target import target_of

if TYPE_CHECKING:
    from headrace_cli.stack.target import Target

LINE_SECONDS = 5
"""Without a terminal, one line every five seconds."""
commands = typer.Typer(no_args_is_help=True, help="The daily export: one CSV per account and category.")
Name = Annotated[str | None, typer.Argument(help="The export; optional if only one is deployed.")]
Date = Annotated[str | None, typer.Option(help="The day, as 2026-01-31. Default: today in ExportTimeZone.")]
LastDate = Annotated[str | None, typer.Option("--date", help="The day, as 2026-01-31. Default: the last run's.")]
Category = Annotated[str | None, typer.Option(help="Only this category.")]
Account = Annotated[str | None, typer.Option(help="Only this account.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait and show progress.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait.", min=1)]


@commands.command()
def run(  # noqa: PLR0913, PLR0917 - one parameter per option
    context: typer.Context,
    name: Name = None,
    date: Date = None,
    category: Category = None,
    account: Account = None,
    again: Annotated[bool, typer.Option("--again", help="Export a complete day once more, with current rows.")] = False,
    wait: Wait = True,
    timeout: Timeout = 86400,
    as_json: Json = False,
) -> None:
    """Export a day, as the schedule does every morning. Files already exported are not exported again.

    A complete day stays as it is, unless `--again` is given: for rows that came late, which `headrace export verify`
    reports. All its files and its manifest are then written again. Exits with 1 if files are missing at the end.

    Example: `headrace export run statements --date 2026-01-31 --category fees`
    """
    target = target_of(context)
    if again and (category is not None or account is not None):
        raise CommandError("--again is for the whole day: leave out --category and --account")
    ask = Ask(target.export(name).name, checked_date(target, date), category, account, again)
    _do(target, ask, wait=wait, timeout=timeout, as_json=as_json)


@commands.command()
def status(
    context: typer.Context,
    name: Name = None,
    date: LastDate = None,
    watch: Annotated[bool, typer.Option("--watch", help="Watch until the run has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Show the progress of a day's run: a bar per category, the rate, the time left, and what failed.

    Example: `headrace export status statements --watch`
    """
    target = target_of(context)
    export = target.export(name)
    document = standing(target, export.name, last_date(target, export.name, date))
    if watch and document["status"] == RunStatus.RUNNING:
        found = target.export_runs.find_run(export.name, document["date"])
        assert found is not None
        with _live(as_json=as_json) as show:
            document = follow(target, found, show, 86400)
    emit(document, render, as_json=as_json)


@commands.command()
def retry(  # noqa: PLR0913, PLR0917 - one parameter per option
    context: typer.Context,
    name: Name = None,
    date: LastDate = None,
    category: Category = None,
    account: Account = None,
    wait: Wait = True,
    timeout: Timeout = 86400,
    as_json: Json = False,
) -> None:
    """Export the failed files again, with the rows now in the warehouse. Finished files stay as they are.

    Their dead letters are removed. Exits with 1 if files are still missing at the end.

    Example: `headrace export retry statements --date 2026-01-31`
    """
    target = target_of(context)
    export = target.export(name)
    ask = Ask(export.name, last_date(target, export.name, date), category, account)
    document = standing(target, ask.export, ask.date)
    if document["status"] == RunStatus.RUNNING:
        named = f"{ask.export} --date {ask.date}"
        raise CommandError(
            f"{ask.export} of {ask.date} is still running: `headrace export status {named} --watch` shows its progress;"
            f" if nothing is working on it, `headrace export run {named}` restarts it"
        )
    if document["status"] != RunStatus.COMPLETE:
        take_dead_letters(target.client("sqs"), target.output("ExportDeadLetterQueueUrl"), ask.export, ask.date)
    _do(target, ask, wait=wait, timeout=timeout, as_json=as_json)


@commands.command()
def verify(
    context: typer.Context,
    name: Name = None,
    date: LastDate = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every file and recompute its SHA-256.")] = False,
    as_json: Json = False,
) -> None:
    """Compare a day's manifest with the bucket and with the rows now in the warehouse.

    Exits with 1 if there is a difference or files are missing.

    Example: `headrace export verify statements --date 2026-01-31 --deep`
    """
    target = target_of(context)
    export = target.export(name)
    day = last_date(target, export.name, date)
    with Progress(f"Comparing {export.name} of {day}") as line:
        document = check(target, export, day, line.show, deep=deep)
    emit(document, render_check, as_json=as_json)
    if document["differences"] or not document["complete"]:
        raise typer.Exit(1)


def _do(target: Target, ask: Ask, *, wait: bool, timeout: float, as_json: bool) -> None:
    taken = begin(target, ask)
    document = standing(target, ask.export, ask.date)
    if wait:
        with _live(as_json=as_json) as show:
            document = follow(target, taken, show, timeout)
    emit(document, render, as_json=as_json)
    if wait and (document["status"] == RunStatus.INCOMPLETE or document["reason"]):
        raise typer.Exit(1)


@contextmanager
def _live(*, as_json: bool) -> Iterator[Callable[[Document], None]]:
    """Shows a run in progress: the whole table on a terminal, an occasional line elsewhere."""
    console = messages()
    if as_json:
        yield lambda _: None
        return
    if not console.is_terminal:
        yield _now_and_then
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield lambda document: live.update(render(document), refresh=True)


def _now_and_then(document: Document) -> None:
    if round(document["seconds"]) % LINE_SECONDS == 0:
        messages().print(pace(document), markup=False)
