"""`headrace deploy`: deploy the checkout to the laptop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from headrace_cli.laptop import laptop
from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count
from headrace_cli.output.progress import Stages
from headrace_cli.stack.choice import Choice
from headrace_cli.stack.target import Target

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

BUILD_AND_DEPLOY = 2
ON_AWS = "on AWS, SAM deploys: `sam build && sam deploy`"


def deploy(context: typer.Context, as_json: Json = False) -> None:
    """Build and deploy to the laptop again after a contract or code has changed. On AWS, use `sam deploy`.

    With `--stack`, deploys a second stack beside the first, with a separate warehouse.

    Example: `headrace deploy`, or `headrace --stack second deploy`
    """
    choice = context.obj
    if isinstance(choice, Choice) and (choice.profile or choice.endpoint_url):
        raise CommandError(ON_AWS)
    stack = choice.stack if isinstance(choice, Choice) else None
    laptop.deploy(Stages(BUILD_AND_DEPLOY), stack)
    emit(collect(laptop.laptop_target(stack)), render, as_json=as_json)


def collect(target: Target) -> Document:
    """`{"stack", "datasets": […], "outputs": {…}}`."""
    return {"stack": target.stack, "datasets": list(target.contracts), "outputs": target.outputs}


def render(document: Document) -> ConsoleRenderable:
    """What is deployed now."""
    datasets = document["datasets"]
    return lines(f"{document['stack']} is deployed with {count(len(datasets), 'dataset')}: {', '.join(datasets)}.")
