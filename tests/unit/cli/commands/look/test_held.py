"""`headrace held`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import HELD, LIVE, BatchRecord, BatchStatus, Event
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
    assert "No batch is held." in run_text("held")[1]
