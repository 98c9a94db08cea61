"""Progress where there is no terminal: lines, and no control characters."""

from __future__ import annotations

import re

import pytest

from headrace_cli.output.progress import Progress, Stages


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\x1b" not in captured.err
    return [re.sub(r"\d+\.\d s", "T", line) for line in captured.err.splitlines()]


def test_a_stage_has_a_line_when_it_begins_and_one_when_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    stages = Stages(2)
    with stages.stage("First"):
        stages.show("half")
        stages.show("all [of] it")
    with stages.stage("Second"):
        pass
    assert said(capsys) == ["[1/2] First …", "[1/2] First: T, all [of] it", "[2/2] Second …", "[2/2] Second: T"]


def test_a_failing_stage_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    stages = Stages(1)
    with pytest.raises(ZeroDivisionError), stages.stage("First"):
        raise ZeroDivisionError
    assert said(capsys) == ["[1/1] First …", "[1/1] First: failed after T"]


def test_stages_that_others_report(capsys: pytest.CaptureFixture[str]) -> None:
    stages = Stages(2)
    with stages.until_done():
        stages("Build", "one")
        stages("Build", "two")
        stages("Deploy")
    assert said(capsys) == ["[1/2] Build …", "[1/2] Build: T", "[2/2] Deploy …", "[2/2] Deploy: T"]


def test_a_moving_line_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("x") as progress:
        progress.show("y")
    assert said(capsys) == []
