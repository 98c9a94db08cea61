"""`headrace unblock`."""

from __future__ import annotations

import pytest

from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileStatus
from headrace_cli.commands.repair import unblock
from tests.support.fakes import file
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack


@pytest.fixture(autouse=True)
def stuck(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unblock, "who", lambda _: "ann")
    stack.deploy()
    running = file(status=FileStatus.RUNNING, batch="readings-1")
    stack.ledger.add(running)
    stack.ledger.batches.open(
        BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, (running.file_id,), "t", condemned=True)
    )


def test_it_says_what_it_would_do_and_does_it(stack: FakeStack, run_json: RunJson, run_text: RunText) -> None:
    assert "Nothing was changed." in run_text("unblock", "readings-1", "--dry-run")[1]
    code, document = run_json("unblock", "readings-1")
    assert (code, document["lane"], document["dry_run"]) == (0, "live", False)
    assert "wait again" in document["done"][0]
    assert stack.ledger.files.get(file().file_id).status is FileStatus.PENDING


def test_what_it_leaves_alone_and_what_nobody_knows_are_errors(stack: FakeStack, run_json: RunJson) -> None:
    stack.ledger.records.batches["readings-1"] = BatchRecord(
        "readings-1", "readings", LIVE, 1, BatchStatus.HELD, (), "t"
    )
    assert "headrace release readings-1" in run_json("unblock", "readings-1")[1]["error"]
    assert "readings-9" in run_json("unblock", "readings-9")[1]["error"]
