"""What the tests of the command line share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace_cli.main import run
from tests.unit.cli.stack import FakeStack

RunJson = Callable[..., tuple[int, Any]]
RunText = Callable[..., tuple[int, str]]


@pytest.fixture
def stack() -> FakeStack:
    """A stack with the contract `readings` deployed."""
    made = FakeStack()
    made.deploy()
    return made


@pytest.fixture
def run_json(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> RunJson:
    """Run a command with --json: its exit code and its one document."""

    def call(*arguments: str) -> tuple[int, Any]:
        code = run([*arguments, "--json"], stack.target)
        return code, json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def run_text(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> RunText:
    """Run a command as a person does: its exit code and what it printed on stdout."""

    def call(*arguments: str) -> tuple[int, str]:
        code = run(list(arguments), stack.target)
        return code, capsys.readouterr().out

    return call


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout, the working directory."""
    (tmp_path / "template.yaml").touch()
    (tmp_path / "contracts").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path
