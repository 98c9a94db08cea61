"""`headrace held`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import HELD, LIVE, BatchRecord, BatchStatus, Event, FileStatus
from tests.support.fakes import file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack

STARTED, SINCE = "2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z"
BATCH = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.HELD, ("f",), STARTED, reason="why")


@pytest.fixture(autouse=True)
def holding(stack: FakeStack) -> None:
    stack.deploy()
    stack.ledger.records.batches["readings-1"] = BATCH
    stack.ledger.records.lanes["readings", LIVE] = LaneState(held=("readings-1",))


def test_a_batch_is_held_since_it_was_held_and_not_since_it_was_begun(
    stack: FakeStack, run_json: RunJson, run_text: RunText
) -> None:
    stack.ledger.stories["readings-1"] = [Event(STARTED, "Recorded"), Event(SINCE, HELD)]
    (found,) = run_json("held")[1]["held"]
    assert (found["batch"], found["since"], found["reason"]) == ("readings-1", SINCE, "why")
    assert "readings-1" in run_text("held")[1]


def test_where_its_history_has_expired_its_beginning_is_shown(run_json: RunJson) -> None:
    (found,) = run_json("held")[1]["held"]
    assert found["since"] == STARTED


def test_what_was_decided_is_not_listed(stack: FakeStack, run_text: RunText) -> None:
    stack.ledger.records.batches["readings-1"] = replace(BATCH, status=BatchStatus.RELEASED)
    assert "No batch or file is held." in run_text("held")[1]


def test_a_file_that_is_held_alone_is_listed_and_decided_by_its_key(
    stack: FakeStack, run_json: RunJson, run_text: RunText, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in ("release", "reject"):
        monkeypatch.setattr(f"headrace_cli.commands.repair.{command}.who", lambda _: "ann")
    stack.ledger.records.batches["readings-2"] = replace(BATCH, batch="readings-2", status=BatchStatus.LOADED)
    stack.ledger.given(file("a.csv", status=FileStatus.HELD, batch="readings-2", reason="half of it"))
    stack.ledger.given(file("b.csv", file_id="b" * 24, status=FileStatus.HELD, batch="readings-1"))
    assert [found["key"] for found in run_json("held")[1]["files"]] == ["readings/a.csv"]
    assert "half of it" in run_text("held")[1]
    code, document = run_json("release", "readings/b.csv")
    assert (code, document["error"]) == (
        1, "readings/b.csv cannot be released: all of its batch is held: name the batch, readings-1"
    )  # fmt: skip
    code, document = run_json("reject", "readings/a.csv", "--reason", "cut off")
    assert (code, document["name"], document["done"]) == (0, "readings/a.csv", True)
    assert stack.ledger.files.get(document["files"][0]["file_id"]).status is FileStatus.FAILED
    assert run_json("release", "nothing.csv")[0] == 1
