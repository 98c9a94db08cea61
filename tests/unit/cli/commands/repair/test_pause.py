"""`headrace pause` and `headrace resume`."""

from __future__ import annotations

import pytest

from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus
from headrace_cli.commands.repair import pause
from tests.support.fakes import contract, file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack


@pytest.fixture(autouse=True)
def ann(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause, "who", lambda _: "ann")


def test_a_pause_is_shown_by_status_until_it_is_resumed(stack: FakeStack, run_text: RunText, run_json: RunJson) -> None:
    stack.deploy(contract(freshness_seconds=60))
    stack.ledger.add(file())
    assert run_json("status")[1]["datasets"][0]["late"] == 1
    code, text = run_text("pause", "readings", "--until", "2h", "--reason", "rebuild")
    assert code == 0
    assert "readings is paused until" in text
    _, status = run_json("status")
    (readings,) = status["datasets"]
    assert (readings["paused"]["by"], readings["paused"]["reason"], readings["late"]) == ("ann", "rebuild", 0)
    assert "(rebuild): its files wait. `headrace resume readings` ends it." in run_text("status")[1]
    assert not run_json("files", "--late")[1]["files"]
    code, ended = run_json("resume", "readings")
    assert (code, ended["dataset"], ended["by"]) == (0, "readings", "ann")
    assert "paused" not in run_json("status")[1]["datasets"][0]


def test_the_batch_that_runs_is_named(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    stack.ledger.batches.open(BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, (), "t"))
    assert run_json("pause", "readings")[1]["running"] == ["readings-1"]
    assert "readings-1 is under way and goes on to its end." in run_text("pause", "readings")[1]


@pytest.mark.parametrize("until", ["later", "99999999w", "2020-01-01", "40d"])
def test_a_time_that_is_none_past_or_too_far_is_refused(until: str, run_json: RunJson) -> None:
    code, document = run_json("pause", "readings", "--until", until)
    assert code
    assert "2h" in document["error"] or "later time" in document["error"] or "30 days" in document["error"]
    assert "paused" not in run_json("status")[1]["datasets"][0]


def test_what_is_not_paused_or_not_deployed_is_said(run_json: RunJson) -> None:
    assert "readings is not paused" in run_json("resume", "readings")[1]["error"]
    assert "reading" in run_json("pause", "reading")[1]["error"]
