"""The command line: the global options, and the commands in the order a newcomer needs them.

A command's module is imported when it runs, so that `--help`, completion and every other command do without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from headrace_cli.stack.choice import Choice

LAPTOP, FILES, LOOK, REPAIR = "The laptop", "Files", "Inspection", "Recovery"


class Listed(NamedTuple):
    """A command before it is imported: where it is, and its line in `--help`, the first sentence of its docstring."""

    module: str
    panel: str
    summary: str


COMMANDS = {
    "init": Listed("files.init", FILES, "Make a repository for contracts: settings, contract tests, CI."),
    "demo": Listed(
        "laptop.demo",
        LAPTOP,
        "Start a laptop, deploy to it, drop the sample files of every contract, and show what became of them.",
    ),
    "up": Listed(
        "laptop.up",
        LAPTOP,
        "Start the laptop: an embedded AWS and warehouse, with the checkout's template deployed to it.",
    ),
    "deploy": Listed(
        "laptop.deploy",
        LAPTOP,
        "Build and deploy the contracts here: to the laptop, or to AWS if an environment or `--profile` is given.",
    ),
    "env": Listed("laptop.env", LAPTOP, "Print shell commands that point any AWS tool to the laptop."),
    "down": Listed(
        "laptop.down", LAPTOP, "Stop the laptop and remove everything it kept: no process, port or file stays behind."
    ),
    "doctor": Listed(
        "look.doctor",
        LOOK,
        "Check account, region and stack, before and after a deployment; each fault comes with the command that fixes"
        " it.",
    ),
    "new": Listed(
        "files.new", FILES, "Draft a contract from sample files, inferring format, types, key and allowed values."
    ),
    "check": Listed(
        "files.check", FILES, "Check a file as the pipeline would: what would be loaded, what would not, and why."
    ),
    "test": Listed(
        "files.test", FILES, "Test the contracts here against files, and what must become of each of their rows."
    ),
    "lint": Listed(
        "files.lint",
        FILES,
        "Check all contracts and exports here, as a deployment would, and list the decisions still open.",
    ),
    "drop": Listed("files.drop", FILES, "Upload files to the landing bucket, under the dataset's prefix."),
    "wait": Listed("files.wait", FILES, "Wait until no file is pending or running."),
    "export": Listed("files.export", FILES, "The daily export: one CSV per account and category."),
    "console": Listed(
        "look.console",
        LOOK,
        "Show files, rows, executions and reasons in the browser, and repair from there, until Ctrl-C.",
    ),
    "status": Listed(
        "look.status",
        LOOK,
        "Show for each dataset how many files and rows are in each state, and how fresh its table is.",
    ),
    "dashboard": Listed(
        "look.dashboard",
        LOOK,
        "Open the stack's dashboard in CloudWatch's console and print its address; on the laptop, print its figures.",
    ),
    "files": Listed(
        "look.files",
        LOOK,
        "List files, newest first: all, or those that failed, are held, wait for a marker, or are late.",
    ),
    "history": Listed(
        "look.history",
        LOOK,
        "List the batches of files that arrived since a time (default: a day ago): files, rows, duration, outcome.",
    ),
    "trace": Listed(
        "look.trace",
        LOOK,
        "Show what became of a file: arrival, batch, execution, each step with its time, and the row balance.",
    ),
    "quarantine": Listed(
        "look.quarantine",
        LOOK,
        "Show a dataset's bad rows, newest batch first: where each was, what was wrong, and its raw text.",
    ),
    "lake": Listed("look.lake", LOOK, "Run one query over the lake's tables through Athena, and show its rows."),
    "sql": Listed(
        "look.sql", LOOK, "Run one statement in the warehouse, through the Redshift Data API, and show its rows."
    ),
    "notifications": Listed(
        "look.notifications",
        LOOK,
        "Show the notifications the laptop received for Slack, as they would look there.",
    ),
    "sources": Listed(
        "look.sources",
        LOOK,
        "Show the servers that files are fetched from: last seen, files taken, failures, breaker, next try.",
    ),
    "contracts": Listed(
        "look.contracts",
        LOOK,
        "List the datasets of the deployed stack: where files go, their table, and the latency promise.",
    ),
    "held": Listed(
        "look.held",
        LOOK,
        "List the batches and files waiting for your decision: those with unusual figures or too few rows, or an error"
        " that has lasted for days.",
    ),
    "cost": Listed("look.cost", LOOK, "Show what the datasets cost, or plan what numbers of your own would cost."),
    "migrate": Listed("repair.migrate", REPAIR, "Change the warehouse to match the contracts and migrations here."),
    "release": Listed("repair.release", REPAIR, "Load a batch or a file that was held."),
    "reject": Listed("repair.reject", REPAIR, "Give up a held batch, or a file held for too few rows."),
    "pause": Listed(
        "repair.pause",
        REPAIR,
        "Let the files of a dataset wait: no new batch begins, and a batch that is running goes on to its end.",
    ),
    "resume": Listed(
        "repair.resume", REPAIR, "End the pause of a dataset: what has waited is loaded in the order of its arrival."
    ),
    "retry": Listed("repair.retry", REPAIR, "Try failed files again, after fixing the cause."),
    "unblock": Listed("repair.unblock", REPAIR, "End a batch that blocks its dataset, and start the next one."),
    "reload": Listed("repair.reload", REPAIR, "Load a loaded or duplicate file again, with the deployed contract."),
    "redrive": Listed(
        "repair.redrive",
        REPAIR,
        "Send the intake's dead letters back to its queue, after fixing what kept them from being recorded.",
    ),
    "backfill": Listed(
        "repair.backfill",
        REPAIR,
        "Load objects that Headrace was never notified of: they landed before it was deployed, or their events were"
        " lost.",
    ),
    "reconcile": Listed(
        "repair.reconcile",
        REPAIR,
        "Compare landing, ledger, lake and warehouse, and list each difference with what to do about it.",
    ),
    "replay": Listed(
        "repair.replay", REPAIR, "Load the quarantined rows that the deployed contract now accepts; the others stay."
    ),
    "erase": Listed(
        "repair.erase",
        REPAIR,
        "Erase every row whose column has the value: landed files, Parquet, quarantine, table, views, ledger details.",
    ),
}


class Commands(TyperGroup):
    """The group of all commands: lines for the help at first, the command itself once it is to run."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, listed in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=listed.summary, rich_help_panel=listed.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments name, imported now."""
        if args[0] in COMMANDS:
            self.commands[args[0]] = imported(args[0])
        return super().resolve_command(ctx, args)


def imported(name: str) -> Any:
    """A listed command, from its module: the function of its name, or `commands`, a group."""
    module = import_module(f"headrace_cli.commands.{COMMANDS[name].module}")
    made = getattr(module, "commands", None)
    if made is None:
        made = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        made.command(name)(getattr(module, name))
    command: Any = get_command(made)
    command.name = name
    return command


app = typer.Typer(
    name="headrace",
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

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
    context.obj = context.obj or Choice(profile, region, endpoint_url, stack)
