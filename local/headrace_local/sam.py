"""Build and deploy the stack on a laptop, with the real SAM CLI."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from headrace_local.errors import LaptopError
from headrace_local.laptop import DIRECT, READER_SECRET, WAREHOUSE_SECRET
from headrace_local.progress import Progress, silent
from headrace_local.state import STACK, LaptopState, home_folder, project_root

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG_ENVIRONMENT = "laptop"
NOT_FOR_SAM = ("AWS_", "SAM_CLI_", "MAKE", "MFLAGS", "GNUMAKEFLAGS")
"""Beginnings of variables that are the person's, or of the make that called us, and would change what SAM does."""
WORTH_TELLING = 1_000_000
ENDED = re.compile(r"^(?:CREATE|UPDATE|DELETE)_COMPLETE +\S+ +(\S+)")
PLANNED = re.compile(r"^(?:\+ Add|\* Modify|- Delete) +\S+")
BUILT = re.compile(r"^Building (?:layer '(.+)'|codeuri: .* functions: (.+))$")
UPLOADED = re.compile(r"Uploading to (\S+) +\d+ / (\d+)")


def deploy(
    laptop: LaptopState,
    home: Path | None = None,
    *,
    application: Application | None = None,
    stack: str = STACK,
    progress: Progress = silent,
) -> None:
    """`sam build` and `sam deploy` of an application, by default this checkout, to the laptop as `stack`.

    Each stack has a workgroup of its name. Raises LaptopError with the essence of what SAM said when either fails; the
    whole of it is in `sam.log`.
    """
    make_workgroup(laptop, stack)
    run = SamRun(laptop, (home or home_folder()).resolve(), application or Application(), stack)
    run("build", "--build-dir", str(run.build_folder), report=build_reporter(progress))
    started = datetime.now(UTC)
    try:
        built = str(run.build_folder / "template.yaml")
        run("deploy", "--template-file", built, "--stack-name", stack, report=deploy_reporter(progress))
    except LaptopError as error:
        raise LaptopError(failed_resources(laptop, stack, started) or error.message, error.advice) from error


def make_workgroup(laptop: LaptopState, name: str) -> None:
    """Let the laptop have a workgroup of this name. Raises LaptopError when the name is none."""
    request = urllib.request.Request(laptop.page("workgroups"), json.dumps(name).encode(), method="POST")  # noqa: S310
    try:
        DIRECT.open(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        raise LaptopError(json.load(error)["message"], "The stack's name is its workgroup's too.") from error


@dataclass(frozen=True)
class Application:
    """The folder of a template and its samconfig.toml, the SAM CLI for it, and parameters beside samconfig's."""

    root: Path = field(default_factory=project_root)
    sam: Path = field(default_factory=lambda: project_root() / ".venv-sam" / "bin" / "sam")
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class SamRun:
    """SAM commands for one laptop, run in the folder of an application."""

    laptop: LaptopState
    home: Path
    application: Application
    stack: str = STACK

    @property
    def build_folder(self) -> Path:
        """Where `sam build` puts what `sam deploy` takes."""
        return self.home / "sam" / "build"

    @property
    def log(self) -> Path:
        """All that SAM said."""
        return self.home / "sam.log"

    def __call__(self, command: str, *options: str, report: Callable[[str], None]) -> None:
        """Run a command, its output to the log and line by line to `report`. Raises LaptopError."""
        keep_sam_offline(self.home / "sam")
        said = []
        # SAM leaves an empty folder for each function and layer that it builds, in whatever place is for such.
        with (
            TemporaryDirectory(prefix="headrace-sam-") as scratch,
            self.log.open("a", encoding="utf-8") as log,
            self._start(command, options, scratch) as process,
        ):
            for line in process.stdout or ():
                log.write(line)
                said.append(line.rstrip())
                report(line.rstrip())
        if process.returncode:
            raise LaptopError(f"sam {command} failed: {essence(said)}", f"All that SAM said is in {self.log}.")

    def _start(self, command: str, options: tuple[str, ...], scratch: str) -> subprocess.Popen[str]:
        root = self.application.root
        arguments = [str(self.application.sam), command, *options]
        arguments += ["--config-file", str(root / "samconfig.toml"), "--config-env", CONFIG_ENVIRONMENT]
        arguments += [
            "--parameter-overrides",
            *parameter_overrides(self.application, warehouse_secrets(self.laptop), self.stack),
        ]
        return subprocess.Popen(  # noqa: S603 - the SAM CLI of the checkout, with arguments made here
            arguments,
            cwd=root,
            env=sam_environment(self.laptop, self.home) | {"TMPDIR": scratch},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )


def parameter_overrides(application: Application, secrets: tuple[str, str], stack: str = STACK) -> list[str]:
    """The template's parameters on a laptop: samconfig's, the laptop's own, the application's, $HEADRACE_PARAMETERS'.

    `secrets` are the ARNs of the secrets of the warehouse's users. Of two values of one parameter the later holds.
    """
    config = tomllib.loads((application.root / "samconfig.toml").read_text("utf-8"))
    given = config[CONFIG_ENVIRONMENT]["global"]["parameters"].get("parameter_overrides", [])
    own = [f"Architecture={own_architecture()}"]  # whatever Runtime says, functions run in the laptop's Python
    loader, reader = secrets
    users = [f"ExistingWarehouseSecretArn={loader}"]
    users += [f"ExistingReaderSecretArn={reader}"] if reader else []  # SAM takes no parameter without a value
    warehouse = [*users, f"Workgroup={stack}"]
    asked_for = shlex.split(os.environ.get("HEADRACE_PARAMETERS", ""))
    return list(
        {
            each.partition("=")[0]: each for each in [*given, *own, *warehouse, *application.parameters, *asked_for]
        }.values()
    )


def warehouse_secrets(laptop: LaptopState) -> tuple[str, str]:
    """The ARNs of the secrets of who loads and of who reads, whom the laptop of an earlier version does not have."""
    secrets = laptop.client("secretsmanager")
    loader = str(secrets.describe_secret(SecretId=WAREHOUSE_SECRET)["ARN"])
    try:
        return loader, str(secrets.describe_secret(SecretId=READER_SECRET)["ARN"])
    except secrets.exceptions.ResourceNotFoundException:
        return loader, ""


def own_runtime() -> str:
    """The Lambda runtime that this Python is."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def own_architecture() -> str:
    """The Lambda architecture that this machine is."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def keep_sam_offline(folder: Path) -> None:
    """Give SAM a separate settings folder, in which it has just looked whether there is a newer SAM."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"telemetryEnabled": False, "lastVersionCheck": time.time()}
    (folder / "metadata.json").write_text(json.dumps(settings), "utf-8")


def sam_environment(laptop: LaptopState, home: Path) -> dict[str, str]:
    """What SAM and the makefiles it calls see: this laptop as AWS, nothing of the person's own AWS settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(NOT_FOR_SAM)}
    return {
        **own,
        **laptop.environment,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "COLUMNS": "200",
        "HEADRACE_ARCH": "native",
        "HEADRACE_RUNTIME": own_runtime(),
        "HEADRACE_PYTHON": sys.executable,
        "NO_PROXY": (directly := ",".join(filter(None, ["127.0.0.1", os.environ.get("NO_PROXY")]))),
        "no_proxy": directly,
        # `sam build` of a function without requirements asks for a Python of the runtime's version by its name.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        "SAM_CLI_POLL_DELAY": "0.5",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(home / "sam"),
    }


def build_reporter(progress: Progress) -> Callable[[str], None]:
    """Tells what is being built."""
    progress("Building with sam build")

    def report(line: str) -> None:
        if built := BUILT.match(line):
            progress("Building with sam build", built[1] or built[2])

    return report


def deploy_reporter(progress: Progress) -> Callable[[str], None]:
    """Tells what is uploaded, and how many of the resources are ready."""
    stage = "Deploying with sam deploy"
    planned: list[str] = []
    uploaded: set[str] = set()
    ended: set[str] = set()
    progress(stage)

    def report(line: str) -> None:
        if (upload := UPLOADED.search(line)) and int(upload[2]) > WORTH_TELLING and upload[1] not in uploaded:
            uploaded.add(upload[1])
            progress(stage, f"uploading {int(upload[2]) / 1e6:.1f} MB")
        elif PLANNED.match(line):
            planned.append(line)
        elif (completed := ENDED.match(line)) and completed[1] not in ended:
            ended.add(completed[1])
            # An update touches more than it plans to change.
            progress(stage, f"{len(ended)} of {max(len(planned), len(ended))} resources: {completed[1]}")

    return report


def essence(said: list[str]) -> str:
    """What a person needs of SAM's output: its error without what SAM and make put around it, or its last lines."""
    for number, line in enumerate(said):
        if line.startswith("Error:"):
            error = [said_later for said_later in said[number:] if not said_later.startswith("make: ***")]
            return re.sub(r"^Error: (\S+ - Make Failed: )?", "", "\n".join(error)).strip()
    return "\n".join([line for line in said if line.strip()][-8:])


def failed_resources(laptop: LaptopState, stack: str, since: datetime) -> str:
    """What CloudFormation says about the resources that have failed since then, a line each."""
    cloudformation = laptop.client("cloudformation")
    try:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    except cloudformation.exceptions.ClientError:
        return ""
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED") and event["Timestamp"] >= since]
    return "\n".join(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed)
