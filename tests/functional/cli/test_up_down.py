"""`headrace up` and `headrace down`: a laptop of one's own, without anything deployed."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from headrace_cli.main import run

RunHere = Callable[..., tuple[int, Any]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run_here(home: Path, capsys: pytest.CaptureFixture[str]) -> RunHere:
    def call(*arguments: str) -> tuple[int, Any]:
        code = run([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_up_again_and_down(run_here: RunHere, home: Path) -> None:
    code, first = run_here("up", "--bare")
    try:
        assert code == 0
        assert not first["deployed"]
        assert run_here("up", "--bare")[1] == first
        code, document = run_here("status")
        assert code == 1
        assert document["error"].startswith("no stack headrace is deployed here: `headrace deploy`")
        assert run_here("notifications")[1] == {"notifications": [], "received": 0}
    finally:
        code, down = run_here("down")
    assert (code, down["stopped"]) == (0, True)
    assert not home.exists()
    assert not psutil.pid_exists(first["pid"])


def test_down_without_a_laptop(run_here: RunHere) -> None:
    assert run_here("down")[1]["stopped"] is False


def test_deploy_without_a_laptop(run_here: RunHere) -> None:
    assert run_here("deploy") == (1, {"error": "no laptop runs here: `headrace up` starts one"})


def test_deploy_is_not_for_aws(run_here: RunHere) -> None:
    code, document = run_here("--profile", "work", "deploy")
    assert code == 1
    assert "sam build && sam deploy" in document["error"]


def test_a_port_in_use_is_a_sentence(run_here: RunHere) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, document = run_here("up", "--bare", "--port", str(taken.getsockname()[1]))
    assert code == 1
    assert "is in use" in document["error"]
