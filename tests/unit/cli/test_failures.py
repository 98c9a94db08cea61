"""Exceptions become sentences and exit codes, in one place."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore import exceptions as aws

from headrace.errors import TerminalError
from headrace_cli.main import run
from headrace_cli.output.failures import DEBUG, CommandError, explain
from tests.unit.cli.conftest import RunJson
from tests.unit.cli.stack import FakeStack, refused


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CommandError("no such thing"), "no such thing"),
        (TerminalError("gone for good"), "gone for good"),
        (aws.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "http://127.0.0.1:1"),
        (aws.ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"), "is it up?"),
        (aws.NoCredentialsError(), "headrace up"),
        (aws.NoRegionError(), "--region"),
        (aws.ProfileNotFound(profile="other"), "aws configure list-profiles"),
        (refused("GetItem", "ExpiredToken", "it expired"), "sign in again"),
        (refused("GetItem", "AccessDeniedException", "user x may not"), "may not call GetItem: user x may not"),
        (refused("PutObject", "NoSuchBucket", "gone"), "PutObject was refused: gone (NoSuchBucket)"),
        (KeyError("the ledger does not know FILE#1"), "the ledger does not know FILE#1"),
        (FileNotFoundError(2, "No such file or directory", "a.csv"), "a.csv: No such file or directory"),
        (
            ZeroDivisionError("division by zero"),
            "a fault in Headrace: ZeroDivisionError: division by zero. Please",
        ),
        (KeyError("multipleOf"), "a fault in Headrace: KeyError: 'multipleOf'."),
    ],
)
def test_explain(error: Exception, said: str) -> None:
    sentence = explain(error)
    assert said in sentence
    assert "\n" not in sentence


def test_the_report_of_a_fault_has_the_traceback_and_no_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["headrace", "erase", "readings", "meter=M-17"])
    try:
        {"pattern": 1}["multipleOf"]
    except KeyError as error:
        sentence = explain(error)
    (report,) = tmp_path.iterdir()
    assert str(report) in sentence
    text = report.read_text()
    assert "KeyError: 'multipleOf'" in text
    assert "test_failures.py" in text
    assert "headrace 0" in text
    assert "M-17" not in text
    assert report.stat().st_mode & 0o077 == 0


def test_errors_of_aws_in_json(stack: FakeStack, run_json: RunJson) -> None:
    stack.s3.stored.clear()
    assert run_json("contracts") == (1, {"error": "the stack headrace has no contracts yet: deploy it again"})


def test_a_missing_stack(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    target = stack.target
    target.stack = "other"
    assert run(["status"], target) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("headrace: no stack other is deployed here")


@pytest.mark.parametrize("arguments", [["unknown"], ["drop"], ["status", "--nonsense"], ["wait", "--timeout", "x"]])
def test_misuse_is_exit_code_2_and_points_to_help(run_json: RunJson, arguments: list[str]) -> None:
    code, document = run_json(*arguments)
    assert code == 2
    assert "--help" in document["error"]


def test_misuse_in_text_goes_to_stderr(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drop"], stack.target) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "`headrace drop --help` explains" in captured.err


def test_debug_shows_where(
    stack: FakeStack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEBUG, "1")
    run(["status", "nothing"], stack.target)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], []])
def test_help(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    run(arguments)
    captured = capsys.readouterr()
    assert "Usage: headrace" in captured.out + captured.err
