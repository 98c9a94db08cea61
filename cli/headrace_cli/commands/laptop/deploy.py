"""`headrace deploy`: build the project and deploy it, to the laptop or to AWS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from headrace_cli.laptop import laptop
from headrace_cli.output.console import Document, Json, emit, lines, show, warn
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count
from headrace_cli.output.progress import Stages
from headrace_cli.stack import sam
from headrace_cli.stack.application import application, packaged
from headrace_cli.stack.choice import Choice
from headrace_cli.stack.home import laptop as running_laptop
from headrace_cli.stack.home import project
from headrace_cli.stack.settings import Environment, read_settings
from headrace_cli.stack.target import Target, aws_target

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import ConsoleRenderable

BUILD_AND_DEPLOY = 2


def deploy(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="An environment of headrace.toml, on AWS.", metavar="ENVIRONMENT")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Carry the plan out without asking, as in CI.")] = False,
    as_json: Json = False,
) -> None:
    """Build and deploy the contracts here: to the laptop, or to AWS if an environment or `--profile` is given.

    On AWS, first shows what would change in the warehouse and in the stack, and asks. A change that could lose data is
    refused before anything is built. The stack gets the version of Headrace that is installed: to upgrade, install a
    newer one and deploy. On the laptop, `--stack` deploys a second stack beside the first, with a separate warehouse.

    Examples: `headrace deploy`, `headrace deploy prod`, `headrace deploy staging --yes`
    """
    choice = context.obj if isinstance(context.obj, Choice) else Choice()
    if choice.endpoint_url:
        raise CommandError("deploy knows the laptop that runs here, and AWS; not another endpoint")
    if name or choice.profile or (choice.region and not running_laptop()):
        document = to_aws(project(), environment_of(project(), name, choice), confirmed=yes)
    else:
        laptop.deploy(Stages(BUILD_AND_DEPLOY), choice.stack)
        document = collect(laptop.laptop_target(choice.stack))
    emit(document, render, as_json=as_json)


def environment_of(folder: Path, name: str | None, choice: Choice) -> Environment:
    """The environment that is meant, as the global options change it; without a name, one that has no parameters."""
    found = read_settings(folder).environment(name) if name else Environment()
    given = {option: value for option in ("profile", "region", "stack") if (value := getattr(choice, option))}
    return replace(found, **given)


def to_aws(folder: Path, environment: Environment, *, confirmed: bool) -> Document:
    """Plan, build, and deploy to AWS through SAM. Raises CommandError."""
    choice = Choice(environment.profile, environment.region, None, environment.stack)
    show_warehouse_plan(folder, aws_target(choice))
    built = application(folder)
    command = sam.sam_command(warn)
    sam.build(command, built, environment)
    sam.deploy(command, built, environment, confirmed=confirmed)
    return collect(aws_target(choice))


def show_warehouse_plan(folder: Path, target: Target) -> None:
    """Print what the deployment would change in the warehouse. Raises CommandError when it would be refused."""
    from headrace.usecases.migrate import plan
    from headrace_cli.commands.repair.migrate import document_of
    from headrace_cli.commands.repair.migrate import render as render_plan
    from headrace_cli.stack.checkout import CheckoutServices

    services = CheckoutServices(target, folder / "contracts", packaged() / "sql")
    if not target.is_deployed:
        return
    planned = plan(services, target.output("Database"))
    show(render_plan(document_of(planned, [])))
    if planned.refused:
        raise CommandError("the deployment would be refused, for the reasons above: nothing was changed")


def collect(target: Target) -> Document:
    """`{"stack", "datasets": […], "outputs": {…}, "came_before": {dataset: files that came before its contract}}`."""
    from headrace.usecases.recovery.backfill import came_before

    return {
        "stack": target.stack,
        "datasets": list(target.contracts),
        "outputs": target.outputs,
        "came_before": came_before(target.services),
    }


def render(document: Document) -> ConsoleRenderable:
    """What is deployed now, and what waits for a command."""
    datasets = document["datasets"]
    early = [
        f"{count(number, 'file')} came before a contract took {'it' if number == 1 else 'them'}:"
        f" `headrace backfill {dataset}` loads {'it' if number == 1 else 'them'}."
        for dataset, number in document["came_before"].items()
    ]
    deployed = f"{document['stack']} is deployed with {count(len(datasets), 'dataset')}: {', '.join(datasets)}."
    return lines(deployed, *early)
