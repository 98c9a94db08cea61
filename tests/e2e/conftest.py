"""A laptop for the end-to-end tests: a checkout with a dataset more than the shipped ones, deployed by the real SAM.

Everything is done as a person does it, through the `headrace` command and plain boto3 against the laptop's endpoint.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from headrace_local.state import LaptopState

ROOT = Path(__file__).parents[2]
OWN_CONTRACTS = Path(__file__).parent / "contracts"
OWN_EXPORTS = Path(__file__).parent / "exports"
SHARED = (".venv", ".venv-sam", ".venv-glue", ".aws-sam")
COPIED = (
    "cli",
    "compiler",
    "contracts",
    "exports",
    "functions",
    "glue",
    "layers",
    "local",
    "scripts",
    "sql",
    "statemachine",
)


COMMANDS = Path(sys.executable).parent
SHELL = {
    "AWS_PROFILE": "missing",
    "AWS_DEFAULT_REGION": "mars-east-1",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "MAKEFLAGS": "-- PYTHON=/nowhere/python",
}
"""What a person may have set: none of it may reach the laptop."""


@dataclass(frozen=True)
class Laptop:
    """A checkout and the laptop it runs on. Groups wait for a second only, unless the stack's `parameters` differ."""

    checkout: Path
    home: Path
    parameters: str = "LongestWait=1"

    def headrace(self, *arguments: str, check: bool = True) -> Any:
        """Run a command with --json and return what it printed."""
        done = self.run(*arguments, "--json")
        if check and done.returncode:
            raise AssertionError(f"headrace {' '.join(arguments)}: {done.stdout}\n{done.stderr}")
        return json.loads(done.stdout)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as it is."""
        return self._run([str(COMMANDS / "headrace"), *arguments])

    def shell(self, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run what a person types into a shell in the checkout."""
        path = os.pathsep.join([str(COMMANDS), os.environ["PATH"]])
        return self._run(["bash", "-c", line], PATH=path, COLUMNS="200", **variables)

    def _run(self, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        sources = [self.checkout / name for name in ("layers/headrace", "compiler", "local", "cli")]
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = own | {
            "HEADRACE_HOME": str(self.home),
            "HEADRACE_PARAMETERS": self.parameters,
            "PYTHONPATH": os.pathsep.join(map(str, sources)),
            **SHELL,
        }
        return subprocess.run(
            command,
            cwd=self.checkout,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    @property
    def state(self) -> LaptopState:
        return LaptopState(**json.loads((self.home / "laptop.json").read_text()))

    @property
    def endpoint(self) -> str:
        return self.state.endpoint_url

    def page(self, name: str) -> str:
        return self.state.page(name)

    def client(self, service: str) -> Any:
        return boto3.client(service, **self.state.client_arguments())

    def output(self, name: str) -> str:
        stack = self.client("cloudformation").describe_stacks(StackName="headrace")["Stacks"][0]
        return str(next(item["OutputValue"] for item in stack["Outputs"] if item["OutputKey"] == name))

    def put(self, key: str, body: bytes) -> str:
        """Land an object as a producer does; returns its version."""
        answer = self.client("s3").put_object(Bucket=self.output("LandingBucket"), Key=key, Body=body)
        return str(answer["VersionId"])

    def settle(self, timeout: int = 120) -> None:
        """Wait until nothing is pending or running."""
        waited = self.headrace("wait", "--timeout", str(timeout), check=False)
        assert waited["done"], waited["error"]  # files that failed are what many tests are about

    def trace(self, key: str) -> Any:
        return self.headrace("trace", key)

    def rows(self, sql: str) -> list[list[Any]]:
        """The answer of the warehouse to a query."""
        return list(self.headrace("sql", sql)["rows"])

    def messages(self) -> list[str]:
        """What Slack was told, the oldest first."""
        told = self.headrace("notifications", "--limit", "10000")
        return [json.dumps(message, ensure_ascii=False) for message in told["notifications"]]


def copy_checkout(folder: Path) -> Path:
    """A copy of the project with the tests' own contracts among its own: the only thing that a new dataset takes."""
    folder.mkdir(exist_ok=True)
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("template.yaml", "samconfig.toml", "pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, folder / name)
    for name in SHARED:
        (ROOT / name).mkdir(exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    for contract in OWN_CONTRACTS.glob("*.odcs.yaml"):
        shutil.copy(contract, folder / "contracts")
    for export in OWN_EXPORTS.glob("*.odcs.yaml"):
        shutil.copy(export, folder / "exports")
    return folder


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout of all end-to-end tests."""
    return copy_checkout(tmp_path_factory.mktemp("check out"))


@pytest.fixture(scope="session")
def laptop(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """A laptop with the stack on it."""
    laptop = Laptop(checkout, tmp_path_factory.mktemp("home") / "laptop")
    try:
        started = laptop.run("up", "--json")
        assert started.returncode == 0, started.stdout + started.stderr
        yield laptop
    finally:
        laptop.run("down", "--json")
