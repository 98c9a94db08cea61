"""The SAM CLI: the one of the checkout, or one that is installed once for all projects of this user."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from headrace_cli.output.failures import CommandError
from headrace_cli.stack.application import packaged
from headrace_cli.stack.home import checkout
from headrace_cli.stack.settings import Environment

VARIABLE = "HEADRACE_SAM"
"""Names another SAM CLI than the one that this version was tried with."""
LOCK = "requirements-sam.lock"
LOUD = ("MAKE", "MFLAGS", "GNUMAKEFLAGS")
"""Beginnings of the variables of a make around this command, which would reach the layers' makefiles."""

MADE = "made"
"""Is there once the SAM CLI is installed whole; what installs it may be interrupted."""


def sam_command(tell: Callable[[str], None]) -> Path:
    """The SAM CLI to use, installed now if it is not there yet. Raises CommandError."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    here = checkout()
    if here:
        return here / ".venv-sam" / "bin" / "sam"
    lock = packaged() / LOCK
    folder = cache() / f"sam-{hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]}"
    if not (folder / MADE).is_file():
        tell("installing the SAM CLI, once: some minutes")
        install(folder, lock)
    return folder / "bin" / "sam"


def cache() -> Path:
    """Where this user's tools keep what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headrace"


def install(folder: Path, lock: Path) -> None:
    """Make an environment with what the lock names: SAM and the laptop need other versions. Raises CommandError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as claimed:
        log = Path(claimed, "install.log")
        python = folder / "bin" / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [*pip, "--no-compile", "--require-hashes", "-r", str(lock)],
        ):
            with log.open("w") as said:
                ended = subprocess.run(  # noqa: S603 - venv and pip, with arguments made here
                    command, check=False, stdin=subprocess.DEVNULL, stdout=said, stderr=said
                )
            if ended.returncode:
                reason = (log.read_text("utf-8", "replace").strip().splitlines() or ["no reason given"])[-1]
                raise CommandError(f"the SAM CLI could not be installed into {folder}: {reason}")
    (folder / MADE).touch()


def build(sam: Path, application: Path, environment: Environment) -> None:
    """`sam build`, its output to this terminal. Raises CommandError."""
    chosen = {
        "HEADRACE_PYTHON": sys.executable,
        "HEADRACE_ARCH": environment.parameters.get("Architecture", "x86_64"),
        "HEADRACE_RUNTIME": environment.parameters.get("Runtime", "python3.13"),
    }
    run([str(sam), "build"], application, chosen, "sam build failed; its reason is above")


def deploy(sam: Path, application: Path, environment: Environment, *, confirmed: bool) -> None:
    """`sam deploy`: shows the change set and asks before it is carried out, unless it is confirmed already.

    Raises CommandError.
    """
    command = [str(sam), "deploy", "--stack-name", environment.stack]
    command += ["--no-confirm-changeset" if confirmed else "--confirm-changeset"]
    for option in ("profile", "region"):
        if given := getattr(environment, option):
            command += [f"--{option}", given]
    for option, values in (("--parameter-overrides", environment.parameters), ("--tags", environment.tags)):
        if values:
            command += [option, *(quoted(name, value) for name, value in values.items())]
    run(command, application, {}, "sam deploy failed; its reason is above")


def quoted(name: str, value: str) -> str:
    """A parameter as SAM reads it: without quotes around it, it would end at the first blank.

    SAM unescapes quotes only. Raises CommandError for a backslash at the end, which it could not tell from one before
    a quote.
    """
    if value.endswith("\\"):
        raise CommandError(f"the value of {name} ends in a backslash, which sam deploy does not take")
    escaped = value.replace('"', '\\"')
    return f'{name}="{escaped}"'


def run(command: list[str], folder: Path, variables: dict[str, str], failure: str) -> None:
    """Run SAM in the foreground. Raises CommandError when it fails."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(LOUD)}
    ended = subprocess.run(command, check=False, cwd=folder, env=inherited | variables)  # noqa: S603 - SAM, our arguments
    if ended.returncode:
        raise CommandError(failure)
