"""What reaches a terminal: words of whoever names a file are never its commands."""

from __future__ import annotations

import io
import json
import sys

import pytest
from rich.console import ConsoleRenderable
from rich.text import Text

from headrace.domain.ingest.ledger import FileStatus
from headrace_cli.output.console import emit, lines, messages, show, table
from headrace_cli.output.progress import Progress
from tests.support.fakes import file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack

CLEAR = "a\x1b[2J\x9b31m\x07\u202eb.csv"
SHOWN = r"a\x1b[2J\x9b31m\u202eb.csv"
"""Rich leaves the bell out by itself."""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "what",
    [table(("file",), [[CLEAR]]), table(("file",), [[Text(CLEAR, style="bold")]]), lines(CLEAR), lines(Text(CLEAR))],
)
@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_names_are_no_commands(
    what: ConsoleRenderable, stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", terminal := stream())
    show(what)
    said = terminal.getvalue()
    assert SHOWN in said.replace(r"\x07", "")
    assert not {"\x9b", "\x07", "\u202e"}.intersection(said)
    assert "\x1b[2J" not in said


def test_messages_and_progress_are_no_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    messages().print(CLEAR, markup=False)
    with Progress("Looking") as line:
        line.show(CLEAR)
    said = terminal.getvalue()
    assert said.count(r"a\x1b[2J") >= 2
    assert "\x1b[2J" not in said
    assert "\x9b" not in said


def test_json_is_no_command_and_still_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"key": CLEAR + "ü"}, lambda _: lines(), as_json=True)
    said = capsys.readouterr().out
    assert json.loads(said) == {"key": CLEAR + "ü"}
    assert "ü" in said
    assert said.replace("\n", "").isprintable()


def test_a_whole_command_shows_a_hostile_key_as_it_is(stack: FakeStack, run_text: RunText, run_json: RunJson) -> None:
    stack.ledger.add(file(CLEAR, status=FileStatus.FAILED, reason=f"{CLEAR} is no CSV"))
    _, said = run_text("trace", f"readings/{CLEAR}")
    assert r"a\x1b[2J" in said
    assert "\x1b" not in said
    assert run_json("trace", f"readings/{CLEAR}")[1]["key"] == f"readings/{CLEAR}"
