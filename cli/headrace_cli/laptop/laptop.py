"""The laptop, from the commands' side. The only module that knows `headrace_local`, and only when it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from headrace_cli.output.failures import CommandError
from headrace_cli.output.progress import Stages
from headrace_cli.stack.application import application
from headrace_cli.stack.choice import Choice
from headrace_cli.stack.home import laptop_home, project
from headrace_cli.stack.sam import quoted, sam_command
from headrace_cli.stack.settings import read_settings
from headrace_cli.stack.target import Target, target_for

if TYPE_CHECKING:
    from headrace_local.state import LaptopState

NOT_INSTALLED = "the laptop is not part of this installation: install headrace[local] too"
NEEDED = ("ministack", "duckdb", "psutil")
DEPLOYED = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def start(port: int | None, stages: Stages) -> LaptopState:
    """Start the laptop of `laptop_home()`, or find it running, as one stage."""
    with _errors(), stages.stage("Starting the laptop"):
        from headrace_local.laptop import state, up

        running = state(laptop_home())
        found = up(laptop_home(), port=port)
        stages.show(f"{'it ran already' if running else 'it is up'} at {found.endpoint_url}")
        return found


def deploy(stages: Stages, stack: str | None = None) -> None:
    """Build the project and deploy it to the running laptop, as two stages; as another stack if one is named."""
    with _errors(), stages.until_done():
        from headrace_local.laptop import state
        from headrace_local.sam import Application
        from headrace_local.sam import deploy as build_and_deploy

        running = state(laptop_home())
        if running is None:
            raise CommandError("no laptop runs here: `headrace up` starts one")
        parameters = tuple(quoted(*each) for each in read_settings(project()).laptop.items())
        sam = sam_command(partial(stages, "Building with sam build"))
        built = Application(application(project()), sam, parameters)
        build_and_deploy(running, laptop_home(), application=built, stack=stack or running.stack, progress=stages)


def stop() -> bool:
    """Stop the laptop and remove what it kept. Returns whether there was one."""
    with _errors():
        from headrace_local.laptop import down

        return down(laptop_home())


def laptop_target(stack: str | None = None) -> Target:
    """A stack of the running laptop, its own if none is named."""
    return target_for(Choice(stack=stack))


def is_deployed(target: Target) -> bool:
    """Whether the stack stands on the laptop, in a good state."""
    client = target.client("cloudformation")
    stacks = [stack for page in client.get_paginator("describe_stacks").paginate() for stack in page["Stacks"]]
    return any(stack["StackName"] == target.stack and stack["StackStatus"] in DEPLOYED for stack in stacks)


def log_file() -> Path:
    """Where the laptop writes what it does."""
    return laptop_home() / "laptop.log"


@contextmanager
def _errors() -> Iterator[None]:
    """The laptop's errors as ours, with their advice."""
    if not all(map(find_spec, NEEDED)):
        raise CommandError(NOT_INSTALLED)
    from headrace_local.errors import LaptopError

    try:
        yield
    except LaptopError as error:
        raise CommandError(f"{error.message.removesuffix('.')}. {error.advice}".strip()) from error
