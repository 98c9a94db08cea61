"""`headrace up`: start a laptop with the stack on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace_cli.laptop import laptop
from headrace_cli.output.console import Document, Json, emit, lines
from headrace_cli.output.progress import Stages
from headrace_cli.stack.home import laptop_home

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

STAGES = 3
"""Start, build, deploy."""


def up(
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1. Default: a free one.", min=1, max=65535)] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Start without deploying anything.")] = False,
    as_json: Json = False,
) -> None:
    """Start the laptop: an embedded AWS and warehouse, with the checkout's template deployed to it.

    Its state is in `.headrace/` of the checkout, or in `$HEADRACE_HOME`. A laptop that is already running is reused.

    Example: `headrace up`, or `HEADRACE_HOME=/tmp/second headrace up --port 4600` for a second one
    """
    emit(collect(port, bare=bare), render, as_json=as_json)


def collect(port: int | None, *, bare: bool = False) -> Document:
    """`{"endpoint_url", "port", "pid", "region", "stack", "home", "deployed"}`."""
    stages = Stages(1 if bare else STAGES)
    state = laptop.start(port, stages)
    target = laptop.laptop_target()
    if not bare and not laptop.is_deployed(target):
        laptop.deploy(stages)
    return {
        "endpoint_url": state.endpoint_url,
        "port": state.port,
        "pid": state.pid,
        "region": state.region,
        "stack": state.stack,
        "home": str(laptop_home()),
        "deployed": laptop.is_deployed(target),
    }


def render(document: Document) -> ConsoleRenderable:
    """Where it is, and what to do next."""
    where = f"The laptop is up at {document['endpoint_url']}, its state in {document['home']}."
    if not document["deployed"]:
        return lines(where, "Nothing is deployed on it: `headrace deploy`.")
    next_step = "Next: `headrace contracts`, `headrace drop DATASET FILE`, `headrace status`."
    return lines(where, next_step, 'To use other AWS tools with it: `eval "$(headrace env)"`.')
