"""`headrace up` and `headrace down`: a laptop of one's own, without anything deployed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from headrace_cli.main import run
from headrace_local.state import LaptopState

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


def test_nothing_of_the_persons_aws_reaches_the_laptop(
    run_here: RunHere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken config").write_text("no section = here")
    strange = {
        "AWS_PROFILE": "missing",
        "AWS_CONFIG_FILE": str(tmp_path / "broken config"),
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_MAX_ATTEMPTS": "many",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    for name, value in strange.items():
        monkeypatch.setenv(name, value)
    try:
        assert run_here("up", "--bare")[0] == 0
        assert "no stack headrace is deployed here" in run_here("status")[1]["error"]
        assert run_here("notifications")[1]["received"] == 0
    finally:
        run_here("down")


def test_a_laptop_whose_start_was_interrupted_is_completed(run_here: RunHere, home: Path) -> None:
    run_here("up", "--bare")
    try:
        state = LaptopState(**json.loads((home / "laptop.json").read_text()))
        secrets = state.client("secretsmanager")
        secrets.delete_secret(SecretId="headrace/warehouse", ForceDeleteWithoutRecovery=True)
        run_here("up", "--bare")
        assert secrets.describe_secret(SecretId="headrace/warehouse")["Name"] == "headrace/warehouse"
    finally:
        run_here("down")


def test_what_other_tools_need(run_here: RunHere, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("env") == (1, {"error": "no laptop runs here: `headrace up` starts one"})
    run_here("up", "--bare")
    try:
        assert run(["env"]) == 0
        script = capsys.readouterr().out + "env"
        said = subprocess.run(
            ["sh", "-c", script], check=True, capture_output=True, text=True, env={"AWS_PROFILE": "p"}
        )
        shell = dict(line.split("=", 1) for line in said.stdout.splitlines())
        assert "AWS_PROFILE" not in shell
        ask = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
        told = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True, env=shell)
        assert told.stdout.strip() == "arn:aws:iam::000000000000:root"
        assert shell["AWS_SECRET_ACCESS_KEY"] == json.loads((home / "laptop.json").read_text())["secret_access_key"]
    finally:
        run_here("down")


def test_down_without_a_laptop(run_here: RunHere) -> None:
    assert run_here("down")[1]["stopped"] is False


def test_deploy_without_a_laptop(run_here: RunHere) -> None:
    assert run_here("deploy") == (1, {"error": "no laptop runs here: `headrace up` starts one"})


def test_deploy_with_a_profile_is_for_aws(run_here: RunHere) -> None:
    code, document = run_here("--profile", "work", "deploy")
    assert code == 1
    assert "The config profile (work) could not be found" in document["error"]


def test_a_port_in_use_is_a_sentence(run_here: RunHere) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, document = run_here("up", "--bare", "--port", str(taken.getsockname()[1]))
    assert code == 1
    assert "is in use" in document["error"]
