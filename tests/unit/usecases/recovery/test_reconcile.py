"""Landing, ledger, lake and warehouse compared: silent when they agree, exact when they do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.usecases import lake_paths
from headrace.usecases.recovery.reconcile import reconcile
from headrace.usecases.recovery.reconcile_report import Reconciliation, notice_of
from tests.support.fakes import MemoryLanding, MemoryServices, MemoryWarehouse, contract, contracts_of

PART = lake_paths.part("readings", "readings-1", "0001")


class World:
    """One file, loaded, everywhere the same."""

    def __init__(self) -> None:
        self.landing = MemoryLanding()
        self.landing.put("readings/a.csv", b"x")
        landed = next(iter(self.landing.versions("")))
        self.services = MemoryServices()
        self.file = FileRecord(
            landed.file_id, "readings", LIVE, "landing", landed.key, landed.version, 1, "e", "1", landed.at,
            FileStatus.LOADED, batch="readings-1", rows=RowCounts(read=3, loaded=2, superseded=1),
        )  # fmt: skip
        self.services.ledger.given(self.file)
        ids = (self.file.file_id,)
        self.services.ledger.batches.save(BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.LOADED, ids, "t"))
        self.services.lake.objects[PART] = b"12345"
        entry = {"url": f"s3://lake/{PART}", "mandatory": True, "meta": {"content_length": 5}}
        self.services.lake.write_json(lake_paths.manifest("readings-1"), {"entries": [entry]})
        self.answer(loads=[["readings-1", "loaded"]], accounts=[[*ids, 2, 1]], strays=[], rows=[[*ids, 2]])

    def answer(self, **answers: list[list[object]]) -> None:
        words = {
            "loads": "SELECT batch_id, status",
            "accounts": "etl.file_rows",
            "strays": "IS NULL",
            "rows": "GROUP BY",
        }
        self.services.warehouse.answers |= {words[name]: rows for name, rows in answers.items()}

    def run(self) -> Reconciliation:
        return reconcile(["readings"], self.landing, self.services)

    def save(self, **changes: object) -> None:
        self.services.ledger.given(replace(self.file, **changes))  # type: ignore[arg-type]


def test_where_all_agree_nothing_is_said() -> None:
    found = World().run()
    assert (found.differences, found.busy) == ([], [])
    assert (found.objects, found.files, found.parts, found.rows) == (1, 1, 1, 2)


def rows_deleted(world: World) -> None:
    world.answer(rows=[])


def account_lost(world: World) -> None:
    world.answer(accounts=[])


def load_forgotten(world: World) -> None:
    world.answer(loads=[])


def load_not_recorded(world: World) -> None:
    world.answer(loads=[["readings-1", "loaded"], ["readings-2", "loaded"]])


def rows_of_nobody(world: World) -> None:
    world.answer(strays=[["f" * 24, 7]])


def rows_out_of_balance(world: World) -> None:
    world.save(rows=RowCounts(read=9, loaded=2, superseded=1), reason="the rows do not balance")
    world.answer(accounts=[[world.file.file_id, 2, 0]])


def event_lost(world: World) -> None:
    world.landing.put("readings/b.csv", b"x")


def part_deleted(world: World) -> None:
    del world.services.lake.objects[PART]


def part_cut(world: World) -> None:
    world.services.lake.objects[PART] = b"1"


def part_of_nobody(world: World) -> None:
    world.services.lake.objects[lake_paths.part("readings", "readings-99", "0001")] = b"1"


def forgotten(world: World) -> None:
    world.landing.put("readings/b.csv", b"x")
    landed = next(iter(world.landing.versions("readings/b.csv")))
    stuck = replace(world.file, file_id=landed.file_id, key=landed.key, status=FileStatus.PENDING, rows=RowCounts())
    world.services.ledger.given(replace(stuck, batch=None))


@pytest.mark.parametrize(
    ("harm", "kind", "advice"),
    [
        (rows_deleted, "rows", "--force` replaces its rows"),
        (account_lost, "account", "--force` replaces its rows"),
        (load_forgotten, "load", "headrace reload"),
        (load_not_recorded, "outcome", "sweeper"),
        (rows_of_nobody, "stray rows", "who wrote"),
        (event_lost, "unknown object", "headrace backfill readings readings/b.csv"),
        (part_deleted, "lake part", "headrace reload"),
        (part_cut, "lake part", "headrace reload"),
        (part_of_nobody, "stray part", "delete it"),
        (forgotten, "standing still", "headrace retry readings/b.csv"),
    ],
)
def test_each_difference_is_named_with_what_to_do(harm: Callable[[World], None], kind: str, advice: str) -> None:
    world = World()
    harm(world)
    (difference,) = world.run().differences
    assert (difference.kind, difference.dataset) == (kind, "readings")
    assert advice in difference.advice


def test_a_file_that_waits_for_its_group_does_not_stand_still() -> None:
    world = World()
    forgotten(world)
    world.services.contracts = contracts_of(contract(wait_seconds=10**9))
    assert world.run().differences == []


def test_rows_that_do_not_balance_are_named() -> None:
    world = World()
    rows_out_of_balance(world)
    assert "balance" in [difference.kind for difference in world.run().differences]


def test_rows_that_came_back_from_quarantine_are_no_difference() -> None:
    world = World()
    world.save(rows=RowCounts(read=5, loaded=2, superseded=3), replayed=2)
    assert world.run().differences == []


def test_a_dataset_that_is_loading_is_left_for_the_next_time() -> None:
    world = World()
    rows_deleted(world)
    world.services.ledger.records.lanes["readings", LIVE] = LaneState(2, "readings-2")
    found = world.run()
    assert (found.differences, found.busy) == ([], ["readings"])


def test_a_load_that_came_while_it_was_looked_at_is_no_difference() -> None:
    world = World()

    class Moving(MemoryWarehouse):
        def query(self, sql: str) -> list[list[object]]:
            world.services.ledger.records.lanes["readings", LIVE] = LaneState(9)
            return []

    world.services.warehouse = Moving()
    assert world.run().busy == ["readings"]


def test_people_are_told_the_first_ones() -> None:
    world = World()
    for number in range(20):
        world.landing.put(f"readings/{number}", b"x")
    told = notice_of(world.run())
    assert told is not None
    assert (told.level, len(told.lines)) == ("error", 11)
    assert "20 places" in json.dumps(told.to_json())


@pytest.mark.parametrize("refused", ["total", "days"])
def test_counters_that_cannot_be_read_or_written_keep_nothing_else_from_being_compared(
    refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    rows_deleted(world)

    def denied(*_: object) -> None:
        raise PermissionError("AccessDeniedException")

    monkeypatch.setattr(world.services.counters, refused, denied)
    found = world.run()
    assert found.uncompared == {}
    assert found.differences
