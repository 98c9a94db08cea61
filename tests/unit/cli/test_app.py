"""The command line as a whole: light, listed, interruptible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import headrace_cli.commands
from headrace_cli.app import COMMANDS, app, imported
from headrace_cli.main import run

OF_FILES = {"pyarrow", "duckdb", "yaml", "statistics", "open_data_contract_standard"}
"""What only a file or a contract needs."""
HEAVY = OF_FILES | {"boto3", "botocore", "s3transfer", "pydantic"}


def imported_by(code: str) -> set[str]:
    """The names of the top-level modules that a fresh process has imported after the code."""
    said = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], check=True, capture_output=True, text=True
    )
    return {name.partition(".")[0] for name in said.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-h"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert not imported_by(f"from headrace_cli.main import run; run({arguments})") & HEAVY


def test_completion_imports_nothing_heavy() -> None:
    asked = "import os; os.environ |= {'_HEADRACE_COMPLETE': 'complete_bash', 'COMP_WORDS': 'headrace sta',"
    asked += " 'COMP_CWORD': '1'}\nfrom headrace_cli.main import run\ntry: run([])\nexcept SystemExit: pass"
    assert not imported_by(asked) & (HEAVY - {"pydantic"})  # Typer uses it


def test_no_command_imports_what_only_a_file_or_a_contract_needs() -> None:
    modules = ", ".join(f"headrace_cli.commands.{listed.module}" for listed in COMMANDS.values())
    assert not imported_by(f"import {modules}") & {
        "pyarrow",
        "duckdb",
        "boto3",
        "s3transfer",
        "open_data_contract_standard",
    }


@pytest.mark.parametrize("arguments", [["status"], ["sql", "SELECT 1"], ["trace", "a.csv"], ["retry", "a.csv"]])
def test_until_its_first_request_a_command_imports_what_it_needs(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    asked = ["--endpoint-url", "http://127.0.0.1:9", *arguments]
    found = imported_by(f"from headrace_cli.main import run; run({asked})")
    assert "botocore" in found
    assert not found & (OF_FILES | {"boto3", "s3transfer"})


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_help_is_the_commands_own(name: str) -> None:
    assert (imported(name).help or "").replace("\n", " ").startswith(COMMANDS[name].summary)


def test_every_module_of_a_command_is_listed() -> None:
    folder = Path(headrace_cli.commands.__path__[0])
    found = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.glob("*/*.py")
        if not path.name.startswith("_")
    }
    assert found == {listed.module for listed in COMMANDS.values()}


@pytest.mark.parametrize("arguments", [["-h"], ["help"], ["status", "-h"], ["help", "status"], ["export", "-h"]])
def test_the_other_ways_to_ask_for_help(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == 0
    assert "Usage: headrace" in capsys.readouterr().out


def test_a_mistyped_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["statsu"]) == 2
    assert "Did you mean 'status'?" in capsys.readouterr().err


def test_a_command_replaces_its_line_only_when_it_runs() -> None:
    group = get_command(app)
    lines = group.commands  # type: ignore[attr-defined]
    assert list(lines) == list(COMMANDS)
    assert not any(line.params for line in lines.values())


INTERRUPTED_AT_AN_IMPORT = """
import os, signal, sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            os.kill(os.getpid(), signal.SIGINT)

# A shell's background job, as a test run may be, ignores Ctrl-C; a person's command does not.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupts())
from headrace_cli.main import main
sys.argv = ["headrace", "--endpoint-url", "http://127.0.0.1:9", "status"]
sys.exit(main())
"""


@pytest.mark.parametrize(
    "module", ["typer", "rich.console", "headrace_cli.commands.look.status", "botocore", "urllib3"]
)
def test_ctrl_c_ends_it_without_a_traceback(module: str) -> None:
    script = INTERRUPTED_AT_AN_IMPORT.format(module=module)
    ended = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode in {130, -2}
    assert (ended.stdout, ended.stderr) == ("", "")
