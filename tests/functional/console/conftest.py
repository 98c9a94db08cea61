"""A stack in memory with files of every fate, its console, and a real browser to look at it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, Event, FileStatus, RowCounts
from headrace.transform import BadRow, QuarantineWriter, RowError
from headrace_cli.stack.target import EXPORTS_KEY
from tests.support.browser import Visit, launched
from tests.support.browser import visiting as visiting_with
from tests.support.consoles import Caller, Running, running
from tests.support.fakes import contract, file
from tests.unit.cli.stack import OUTPUTS, FakeStack, MemoryMachines

ROOT = Path(__file__).parents[3]
HOSTILE = "readings/<script>document.title='owned'</script><img src=x onerror=alert(1)>\u202egpj.csv"
"""The key of a file whose producer means the reader harm: markup, and a sign that turns the writing around."""
MARKUP = "<script>document.title='owned'</script>,<img src=x onerror=alert(1)>"
"""A row that a browser must not take for markup."""
WAY = ("Record the batch", "Transform each unit", "Prepare the load", "Publish data-ready", "COPY and MERGE")
Visiting = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a module: as long as it runs, so does its loop, and no other can be run beside it."""
    with launched() as made:
        yield made


@pytest.fixture
def visiting(browser: Browser) -> Visiting:
    """Opens a console in a fresh window."""
    return partial(visiting_with, browser)


def at(minutes: float) -> str:
    """So many minutes ago, as the ledger writes it."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Machines(MemoryMachines):
    """Step Functions with the definition that is deployed."""

    def describe_state_machine(self, *, stateMachineArn: str) -> dict[str, Any]:  # noqa: N803
        return {"definition": (ROOT / "statemachine" / "ingest.asl.json").read_text("utf-8")}


def quarantined(stack: FakeStack, batch: str, file_id: str, key: str, *rows: BadRow) -> None:
    """Bad rows of a file, as the transform leaves them in the lake."""
    sink = io.BytesIO()
    writer = QuarantineWriter(sink, contract(), batch_id=batch)
    writer.write(rows, file_id=file_id, key=key)
    writer.close()
    where = f"quarantine/readings/batch={batch}/part-0001.parquet"
    stack.s3.put_object(Bucket="lake", Key=where, Body=sink.getvalue())


def happened(*states: str, failing: str = "") -> list[dict[str, Any]]:
    """The history of an execution that went through these states; one of them has failed once before."""
    events: list[dict[str, Any]] = []

    def add(kind: str, **details: Any) -> None:
        events.append({"type": kind, "id": len(events) + 1, "timestamp": datetime.now(UTC), **details})

    add("ExecutionStarted")
    for name in states:
        add("TaskStateEntered", stateEnteredEventDetails={"name": name, "input": json.dumps({"of": name})})
        if name == failing:
            add("TaskFailed", taskFailedEventDetails={"error": "Lambda.Unknown", "cause": f"{name} <b>broke</b>"})
            add("TaskScheduled")
        add("TaskStateExited", stateExitedEventDetails={"name": name, "output": json.dumps({"from": name})})
    return events


@pytest.fixture
def stack() -> FakeStack:
    """Two datasets: one with files of every fate, which counters have as a whole, one that nothing has come for."""
    made = FakeStack(stepfunctions=Machines())
    readings = replace(contract(), freshness_seconds=600, description="Readings of meters")
    made.deploy(readings, replace(contract("meters"), prefix="meters/", table="meters"))
    made.s3.put_object(Bucket="lake", Key=EXPORTS_KEY, Body=b"[]")
    made.ledger.counters.note_whole("readings")
    rows = RowCounts(read=100, loaded=90, superseded=4, quarantined=6)
    loaded = file(
        "a.csv", arrived_at=at(90), updated_at=at(89), status=FileStatus.LOADED, rows=rows, batch="readings-1"
    )
    made.ledger.add(
        loaded,
        file("b.csv", arrived_at=at(50), status=FileStatus.FAILED, reason="the header lacks the column value"),
        file("c.csv", arrived_at=at(30), status=FileStatus.HELD, reason="rows: 3, usual 90 to 110", batch="readings-2"),
        file("d.csv", arrived_at=at(20), status=FileStatus.PENDING),
        file("e.csv", arrived_at=at(1), status=FileStatus.RUNNING, batch="readings-3"),
        replace(file("x.csv", arrived_at=at(2), status=FileStatus.FAILED, reason=f"odd name {HOSTILE}"), key=HOSTILE),
        file("stray.bin", dataset="", arrived_at=at(3), status=FileStatus.UNROUTABLE, reason="no contract takes it"),
    )
    held = file("c.csv").file_id
    started = at(30)
    made.ledger.add_batch(BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.LOADED, (loaded.file_id,), at(90),
                                      execution="readings-1", ended_at=at(89), rows=rows))  # fmt: skip
    made.ledger.add_batch(BatchRecord("readings-2", "readings", LIVE, 2, BatchStatus.HELD, (held,), started,
                                      reason="rows: 3, usual 90 to 110"))  # fmt: skip
    running = file("e.csv").file_id
    made.ledger.add_batch(BatchRecord("readings-3", "readings", LIVE, 3, BatchStatus.RUNNING, (running,), at(1),
                                      execution="readings-3"))  # fmt: skip
    made.ledger.records.lanes["readings", LIVE] = LaneState(held=("readings-2",))
    made.ledger.stories[loaded.file_id] = [Event(at(90), "Arrived", {"size": 100}), Event(at(89), "Transformed")]
    machine = OUTPUTS["IngestStateMachineArn"].replace("stateMachine", "execution")
    made.stepfunctions.history[f"{machine}:readings-1"] = happened(*WAY, failing="Record the batch")
    made.stepfunctions.history[f"{machine}:readings-3"] = happened("Record the batch")[:-1]
    negative = RowError("value", "minimum", "'-1' is less than the minimum 0")
    bad = (
        BadRow(3, b"m1,2026-01-01,-1", (negative,)),
        BadRow(4, MARKUP.encode(), (RowError("", "fieldCount", "1 field"),)),
    )
    quarantined(made, "readings-1", loaded.file_id, loaded.key, *bad)
    return made


@pytest.fixture
def console(stack: FakeStack) -> Iterator[Running]:
    """Its console."""
    with running(stack.target) as made:
        yield made


@pytest.fixture
def caller(console: Running) -> Caller:
    return Caller(console)


@pytest.fixture
def reader(stack: FakeStack) -> Iterator[Caller]:
    """Somebody at a console that only reads."""
    with running(stack.target, read_only=True) as made:
        yield Caller(made)
