"""Rows in quarantine that a person gives up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.domain.ingest.ledger import FileStatus, RowCounts
from headrace.usecases.recovery.discard import DISCARDED, Decision, Discarded, discard
from headrace.usecases.recovery.replay import Wanted
from tests.unit.usecases.recovery.test_replay import BAD, World

BY = Decision("arn:aws:iam::1:user/anna", "a known fault")


def give_up(world: World, wanted: Wanted = Wanted(), *, dry_run: bool = False) -> list[Discarded]:  # noqa: B008
    return discard(world.services.contracts.get("readings"), wanted, BY, world.landing, world.services, dry_run=dry_run)


def test_rows_that_are_given_up_leave_quarantine_and_count_as_discarded() -> None:
    world = World(BAD)
    (answer,) = give_up(world)
    assert (answer.rows, answer.why) == (2, "")
    assert world.quarantined() == []
    assert world.rows() == RowCounts(read=3, loaded=1, quarantined=0, discarded=2)
    assert world.rows().balanced
    assert give_up(world) == []


def test_who_when_and_why_is_in_the_files_history_and_beside_the_list_of_the_rows() -> None:
    world = World(BAD)
    give_up(world)
    events = world.services.ledger.events.of_file(world.origin.file_id)
    (noted,) = [event for event in events if event.step == DISCARDED]
    assert noted.detail["rows"] == 2
    assert (noted.detail["by"], noted.detail["reason"]) == (BY.by, BY.reason)
    (name,) = world.services.ledger.files.get(world.origin.file_id).replays
    listed = world.services.lake.read_json(f"replays/readings/{name}.json")
    assert listed["rows"] == [2, 3]
    assert listed["discarded"]["by"] == BY.by


def test_only_the_rows_of_a_rule_and_the_others_can_come_back() -> None:
    world = World(BAD)
    assert [answer.rows for answer in give_up(world, Wanted(rule="value: logicalType"))] == [1]
    assert world.quarantined() == [2]
    world.mend()
    assert [answer.good for answer in world.replay()] == [1]
    world.arrive()
    world.load()
    assert world.quarantined() == []
    assert world.rows() == RowCounts(read=3, loaded=1, superseded=1, discarded=1)


@pytest.mark.parametrize(("file", "rows"), [("readings/a.csv", 2), ("a.csv", 2), ("b.csv", 0)])
def test_only_the_rows_of_a_file(file: str, rows: int) -> None:
    world = World(BAD)
    assert sum(answer.rows for answer in give_up(world, Wanted(file=file))) == rows


def test_a_dry_run_changes_nothing() -> None:
    world = World(BAD)
    before = dict(world.services.lake.objects)
    assert [answer.rows for answer in give_up(world, dry_run=True)] == [2]
    assert world.quarantined() == [2, 3]
    assert world.services.lake.objects == before


@pytest.mark.parametrize("arrived", [False, True])
def test_rows_on_their_way_back_are_not_given_up_meanwhile(arrived: bool) -> None:
    world = World(BAD)
    world.mend()
    world.replay()
    if arrived:
        world.arrive()
    assert "on their way back" in give_up(world)[0].why
    assert give_up(world, Wanted(rule="value: logicalType"))[0].why == ""
    if arrived:
        world.load()
        assert world.rows() == RowCounts(read=3, loaded=1, superseded=1, discarded=1)


def test_a_replay_that_never_landed_hinders_nothing() -> None:
    world = World(BAD)
    world.mend()
    world.replay()
    world.landing.all_versions.clear()
    assert give_up(world)[0].why == ""


@pytest.mark.parametrize("status", [FileStatus.FAILED, FileStatus.HELD, FileStatus.RUNNING, FileStatus.STAGED])
def test_a_file_that_is_not_loaded_keeps_its_rows(status: FileStatus) -> None:
    world = World(BAD)
    file = world.services.ledger.files.get(world.origin.file_id)
    world.services.ledger.given(replace(file, status=status))
    assert f"the file is {status}" in give_up(world)[0].why


def test_a_file_that_is_loaded_again_has_its_bad_rows_again() -> None:
    world = World(BAD)
    give_up(world)
    file = world.services.ledger.files.get(world.origin.file_id)
    assert world.services.ledger.files.requeue(replace(file, reload=True), file)
    world.load()
    assert world.quarantined() == [2, 3]
    assert world.rows() == RowCounts(read=3, loaded=1, quarantined=2)
