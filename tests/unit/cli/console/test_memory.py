"""The console's memory of the ledger: the same files as the ledger has, for far fewer reads."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headrace.domain.clock import written
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LIVE, UNROUTABLE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace_cli.commands.look import status
from headrace_cli.console import memory as module
from headrace_cli.console.memory import Memory, Pace, Remembered
from headrace_cli.console.pages.overview import HOURS, needs, percentile, recently_loaded
from tests.support.fakes import file
from tests.unit.cli.stack import FakeStack

START = datetime.now(UTC) - timedelta(hours=5)
SELDOM = Pace(look=1, whole=10_000)


@pytest.fixture
def stack() -> FakeStack:
    made = FakeStack()
    made.deploy()
    made.ledger.add(*(file(f"{number}.csv", arrived_at=at(number), status=FileStatus.LOADED) for number in range(100)))
    return made


@pytest.fixture
def read(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many records were read, by how they were asked for."""
    counted: Counter[str] = Counter()
    files = stack.ledger.files
    of_dataset, known = files.of_dataset, files.known

    def listed(dataset: str, since: str = "") -> Iterator[FileRecord]:
        for record in of_dataset(dataset, since):
            counted["listed"] += 1
            yield record

    def asked(file_ids: list[str]) -> dict[str, FileRecord]:
        counted["asked"] += len(file_ids)
        return known(file_ids)

    monkeypatch.setattr(files, "of_dataset", listed)
    monkeypatch.setattr(files, "known", asked)
    return counted


def at(minutes: float) -> str:
    return written(START + timedelta(minutes=minutes))


def keys(memory: Memory, dataset: str = "readings") -> list[str]:
    return [record.key.removeprefix("readings/") for record in memory.ordered(dataset)]


def test_after_the_first_look_only_the_newest_and_those_under_way_are_read(
    stack: FakeStack, read: Counter[str]
) -> None:
    stack.ledger.add(file("old.csv", arrived_at=at(3.5), status=FileStatus.RUNNING))
    memory = Memory(stack.target, SELDOM)
    memory.look()
    assert (read["listed"], len(keys(memory))) == (101, 101)
    read.clear()
    memory.look()
    assert read == Counter(listed=2, asked=1)  # the newest and the one a minute before it, and the one under way


def test_new_files_changes_and_decisions_are_seen_at_the_next_look(stack: FakeStack) -> None:
    memory = Memory(stack.target, SELDOM)
    stack.ledger.add(file("slow.csv", arrived_at=at(2.5), status=FileStatus.PENDING))
    memory.look()
    before = memory.changes
    memory.look()
    assert memory.changes == before
    stack.ledger.add(file("new.csv", arrived_at=at(200)))
    stack.ledger.add(file("slow.csv", arrived_at=at(2.5), status=FileStatus.FAILED))
    memory.look()
    assert memory.changes > before
    assert keys(memory)[-1] == "new.csv"
    assert memory.ordered("readings")[3].status is FileStatus.FAILED


def test_what_only_a_whole_reading_finds_is_found_by_one(stack: FakeStack) -> None:
    memory = Memory(stack.target, SELDOM)
    memory.look()
    stack.ledger.add(file("late.csv", arrived_at=at(0.5), status=FileStatus.LOADED))
    stack.ledger.add(file("7.csv", arrived_at=at(7), status=FileStatus.LOADED, rows=RowCounts(1, 0, 1)))
    memory.look()
    assert "late.csv" not in keys(memory)
    memory.hurry()
    memory.look()
    assert keys(memory)[1] == "late.csv"
    assert memory.ordered("readings")[8].rows.superseded == 1


def test_pages_see_what_the_command_says(stack: FakeStack) -> None:
    stack.ledger.add(file("stray", dataset="", status=FileStatus.UNROUTABLE, arrived_at=at(1)))
    memory = Memory(stack.target, SELDOM)
    memory.look()
    shown, said = status.collect(memory.view), status.collect(stack.target)
    for document in (shown, said):
        document["datasets"][0].pop("freshness_seconds")
    assert shown == said
    assert len(memory.ordered(UNROUTABLE)) == 1


def test_lanes_are_read_when_something_has_changed(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    state = stack.ledger.lanes.state

    def noted(dataset: str, lane: str) -> LaneState:
        asked.append((dataset, lane))
        return state(dataset, lane)

    monkeypatch.setattr(stack.ledger.lanes, "state", noted)
    memory = Memory(stack.target, SELDOM)
    memory.look()
    for _ in range(3):
        memory.look()
        memory.view.ledger.lanes.state("readings", LIVE)
    assert asked == [("readings", LIVE)]
    stack.ledger.records.lanes["readings", LIVE] = LaneState(held=("readings-1",))
    stack.ledger.add(file("held.csv", status=FileStatus.HELD, arrived_at=at(300)))
    memory.look()
    assert memory.view.ledger.lanes.state("readings", LIVE).held == ("readings-1",)


def test_a_new_deployment_is_seen(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONTRACTS_SECONDS", 0)
    memory = Memory(stack.target, SELDOM)
    memory.look()
    stack.deploy(
        *(replace(contract, dataset=name) for contract in memory.view.contracts.values() for name in ("a", "b"))
    )
    memory.look()
    assert list(memory.view.contracts) == ["a", "b"]


def test_only_so_many_files_are_kept_and_that_is_said(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 10)
    memory = Memory(stack.target, SELDOM)
    memory.look()
    assert keys(memory) == [f"{number}.csv" for number in range(90, 100)]
    assert memory.cut == ["readings"]
    stack.ledger.add(file("new.csv", arrived_at=at(200)))
    memory.look()
    assert keys(memory) == [*(f"{number}.csv" for number in range(91, 100)), "new.csv"]


def test_a_record_that_did_not_change_is_kept_and_not_copied() -> None:
    known = Remembered()
    assert known.take([file("a.csv")], whole=True)
    before = known.files[file("a.csv").file_id]
    assert not known.take([file("a.csv", etag="other", detected={"header": ["x"]})], whole=True)
    assert known.files[file("a.csv").file_id] is before
    assert before.detected == {}


def test_a_stack_that_fails_is_reported_until_it_answers(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory(stack.target, SELDOM)
    with monkeypatch.context() as broken:
        broken.setattr(stack.ledger.files, "of_dataset", lambda *_: 1 / 0)
        broken.setenv("TMPDIR", "/nowhere")
        memory._look_safely()
        assert "ZeroDivisionError" in memory.trouble
    memory._look_safely()
    assert memory.trouble == ""
    assert len(keys(memory)) == 100


def test_figures_of_the_last_day() -> None:
    now = datetime.now(UTC)

    ends: dict[str, str] = {}

    def loaded(name: str, hours: float, took: float, lane: str = LIVE) -> FileRecord:
        ends[f"readings-{name}"] = written(now - timedelta(hours=hours))
        arrived, batch = written(now - timedelta(hours=hours, seconds=took)), f"readings-{name}"
        known = file(name, status=FileStatus.LOADED, rows=RowCounts(10, 8, 2), lane=lane, arrived_at=arrived)
        return replace(known, batch=batch, updated_at=written(now))

    files = [loaded("a", 0.5, 20), loaded("b", 3.5, 60), loaded("c", 30, 5), loaded("d", 0.1, 9, lane="backfill")]
    rows, took = recently_loaded(files, ends, now)
    assert (rows[HOURS - 1], rows[HOURS - 4], sum(rows.values())) == (20, 10, 30)
    assert sorted(map(round, took)) == [20, 60]
    assert percentile([], 0.5) is None
    assert (percentile([3, 1, 2], 0.5), percentile(list(map(float, range(100))), 0.95)) == (2, 95)


def test_the_ends_of_loads_are_read_once_and_some_at_a_time(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOADS_AT_ONCE", 3)
    names = [f"readings-{number}" for number in range(5)]
    for number, name in enumerate(names):
        ended = None if number == 4 else at(number)
        status = BatchStatus.RUNNING if number == 4 else BatchStatus.LOADED
        stack.ledger.add_batch(BatchRecord(name, "readings", LIVE, number, status, (), at(0), ended_at=ended))
    asked: list[str] = []
    get = stack.ledger.batches.get

    def noted(name: str) -> BatchRecord:
        asked.append(name)
        return get(name)

    monkeypatch.setattr(stack.ledger.batches, "get", noted)
    memory = Memory(stack.target, SELDOM)
    assert memory.ends(names) == {name: at(number) for number, name in enumerate(names[:3])}
    assert memory.ends([*names, "readings-gone"]) == {name: at(number) for number, name in enumerate(names[:4])}
    assert asked == [*names, "readings-gone"]
    monkeypatch.setattr(module, "MOST_LOADS", 2)
    assert set(memory.ends(names)) == {"readings-2", "readings-3"}


def test_of_many_files_under_way_all_are_looked_at_in_turn(
    stack: FakeStack, read: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_UNDER_WAY", 10)
    moving = [file(f"slow-{n}.csv", arrived_at=at(n), status=FileStatus.PENDING) for n in range(25)]
    stack.ledger.add(*moving)
    memory = Memory(stack.target, SELDOM)
    memory.look()
    stack.ledger.add(*(replace(record, status=FileStatus.LOADED) for record in moving))
    left = []
    for _ in range(5):
        read.clear()
        memory.look()
        assert (read["listed"] < 5, read["asked"] <= 10) == (True, True)
        left.append(sum(record.status is FileStatus.PENDING for record in memory.ordered("readings")))
    assert left[-1] == 0, left


def test_a_fault_that_comes_again_has_one_report(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(stack.ledger.files, "of_dataset", lambda *_: 1 / 0)
    memory = Memory(stack.target, SELDOM)
    said = set()
    for _ in range(3):
        memory._look_safely()
        said.add((memory.trouble, memory.changes))
    assert len(said) == 1
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(stack.ledger.files, "of_dataset", lambda *_: int("x"))
    memory._look_safely()
    assert len(list(tmp_path.iterdir())) == 2


def test_what_needs_a_person_is_in_the_order_of_urgency() -> None:
    none = dict.fromkeys(("failed", "held", "waiting"), 0)
    datasets = [
        {"dataset": "a", "late": 0, "files": none | {"held": 1, "waiting": 2}},
        {"dataset": "b", "late": 3, "files": none | {"failed": 4}},
    ]
    found = needs(datasets, 5)
    assert [(need["kind"], need["command"]) for need in found] == [
        ("late", "headrace files b --late"),
        ("failed", "headrace files b --failed"),
        ("failed", "headrace status --failed"),
        ("held", "headrace held"),
        ("waiting", "headrace files a --waiting"),
    ]
