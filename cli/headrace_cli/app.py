"""The command line: the global options, and the commands in the order a newcomer needs them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from headrace_cli.commands.files import check, drop, export, new, wait
from headrace_cli.commands.laptop import demo, deploy, down, env, up
from headrace_cli.commands.look import contracts, doctor, held, notifications, quarantine, sources, sql, status, trace
from headrace_cli.commands.repair import (
    backfill,
    erase,
    migrate,
    reconcile,
    redrive,
    reject,
    release,
    reload,
    replay,
    retry,
    unblock,
)
from headrace_cli.stack.target import Choice, Target

LAPTOP, FILES, LOOK, REPAIR = "The laptop", "Files", "Inspection", "Recovery"

app = typer.Typer(
    name="headrace",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _tell_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"headrace {version('headrace')}")
        raise typer.Exit


@app.callback()
def choose_target(
    context: typer.Context,
    profile: Annotated[str | None, typer.Option(help="AWS profile. Default: the laptop running here.")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Address of another laptop.")] = None,
    stack: Annotated[str | None, typer.Option(help="CloudFormation stack. Default: `headrace`.")] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Files land in S3, rows appear in Redshift: each exactly once, each traceable, every bad row kept and explained.

    The commands work the same on the laptop (`headrace up`) and on AWS. Each takes `--json`.

    First steps: `headrace demo`, then `headrace status`, then `headrace trace FILE`.
    """
    if not isinstance(context.obj, Target):
        context.obj = Choice(profile, region, endpoint_url, stack)


app.command(rich_help_panel=LAPTOP)(demo.demo)
app.command(rich_help_panel=LAPTOP)(up.up)
app.command(rich_help_panel=LAPTOP)(deploy.deploy)
app.command(rich_help_panel=LAPTOP)(env.env)
app.command(rich_help_panel=LAPTOP)(down.down)
app.command(rich_help_panel=LOOK)(doctor.doctor)
app.command(rich_help_panel=FILES)(new.new)
app.command(rich_help_panel=FILES)(check.check)
app.command(rich_help_panel=FILES)(drop.drop)
app.command(rich_help_panel=FILES)(wait.wait)
app.add_typer(export.commands, name="export", rich_help_panel=FILES)
app.command(rich_help_panel=LOOK)(status.status)
app.command(rich_help_panel=LOOK)(trace.trace)
app.command(rich_help_panel=LOOK)(quarantine.quarantine)
app.command(rich_help_panel=LOOK)(sql.sql)
app.command(rich_help_panel=LOOK)(notifications.notifications)
app.command(rich_help_panel=LOOK)(sources.sources)
app.command(rich_help_panel=LOOK)(contracts.contracts)
app.command(rich_help_panel=LOOK)(held.held)
app.command(rich_help_panel=REPAIR)(migrate.migrate)
app.command(rich_help_panel=REPAIR)(release.release)
app.command(rich_help_panel=REPAIR)(reject.reject)
app.command(rich_help_panel=REPAIR)(retry.retry)
app.command(rich_help_panel=REPAIR)(unblock.unblock)
app.command(rich_help_panel=REPAIR)(reload.reload)
app.command(rich_help_panel=REPAIR)(redrive.redrive)
app.command(rich_help_panel=REPAIR)(backfill.backfill)
app.command(rich_help_panel=REPAIR)(reconcile.reconcile)
app.command(rich_help_panel=REPAIR)(replay.replay)
app.command(rich_help_panel=REPAIR)(erase.erase)
