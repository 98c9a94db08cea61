"""Files whose marker never comes: people are notified of each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headrace.domain import clock
from headrace.domain.clock import written
from headrace.domain.ingest.ledger import FileStatus
from headrace.usecases.recovery import watch_waiting as module
from headrace.usecases.recovery.watch_waiting import watch_waiting
from tests.support.fakes import MemoryServices, contract, contracts_of, file

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = contract(marker="_SUCCESS", patience_seconds=3600, channel="#meters")
        self.services = MemoryServices(contracts_of(made, contract("other")))
        self.now = NOW
        monkeypatch.setattr(clock, "utc", lambda: self.now)

    def land(self, name: str, minutes_ago: float, status: FileStatus = FileStatus.WAITING) -> None:
        at = written(self.now - timedelta(minutes=minutes_ago))
        self.services.files.record_arrival(file(name, arrived_at=at, status=status))

    def sweep(self, minutes: float = 5) -> list[str]:
        self.now += timedelta(minutes=minutes)
        return watch_waiting(self.services)

    def titles(self) -> list[str]:
        return [notice.title for notice in self.services.topic.notices]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_people_are_notified_once_of_each_file(world: World) -> None:
    world.land("a.csv", 50)
    world.land("b.csv", 40)
    world.land("c.csv", 10)
    assert [world.sweep() for _ in range(6)] == [[], [], ["readings"], [], ["readings"], []]
    assert world.titles() == ["readings: 1 file without a marker after 1 h"] * 2
    (first, _) = world.services.topic.notices
    assert (first.level, first.channel) == ("error", "#meters")
    assert first.lines[0].startswith("readings/a.csv arrived at")
    assert first.lines[-1] == "`headrace files readings --waiting` lists them."
    assert [world.sweep() for _ in range(6)].count(["readings"]) == 1
    assert [world.sweep() for _ in range(12)] == [[]] * 12


def test_what_a_marker_has_taken_in_or_failed_by_itself_does_not_wait(world: World) -> None:
    world.land("a.csv", 90, FileStatus.GROUPED)
    world.land("b.csv", 90, FileStatus.FAILED)
    assert (world.sweep(), world.titles()) == ([], [])


def test_files_from_before_the_contract_had_a_marker_are_no_news(world: World) -> None:
    world.land("old.csv", 60 * 24 * 3)
    assert (world.sweep(), world.titles()) == ([], [])


@pytest.mark.parametrize("same_second", [False, True])
def test_a_storm_is_looked_at_in_pieces_and_ends(
    world: World, monkeypatch: pytest.MonkeyPatch, same_second: bool
) -> None:
    monkeypatch.setattr(module, "MOST_LOOKED_AT", 10)
    for number in range(25):
        world.land(f"{number:02}.csv", 90 if same_second else 90 - number / 60)
    sweeps = [world.sweep(0) for _ in range(5)]
    assert sweeps[-1] == []
    assert 1 <= sweeps.count(["readings"]) <= 3
    assert "more than" in world.titles()[0]
