"""Nights that have not the time for all objects: the newest are reached each night, all of them over nights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headrace.domain.ingest.coverage import Coverage, beginnings
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.usecases.recovery import reconcile as reconciling
from headrace.usecases.recovery.reconcile import Asked, note_coverage, reconcile
from headrace.usecases.recovery.reconcile_report import Reconciliation, notice_of
from headrace.usecases.recovery.reconcile_warehouse import WarehouseRows
from tests.support.fakes import MemoryServices, file

NOW = datetime.now(UTC)
OLD = f"{NOW - timedelta(days=400):%Y-%m-%dT%H:%M:%SZ}"
LATELY = f"{NOW - timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"
SINCE = f"{NOW - timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}"
PAGE_SECONDS = 0.35
"""What S3 takes for a thousand versions."""


class Numbered:
    """A landing bucket of so many numbered keys, made as they are listed; those from `new` on landed lately.

    `left` is the clock of a function: a thousand versions take their time.
    """

    bucket = "landing"

    def __init__(self, keys: int, new: int, pattern: str = "readings/{:08}.csv") -> None:
        self.keys, self.new, self.pattern = keys, new, pattern
        self.seconds = 900.0
        self.listed = 0
        self.extra: dict[str, str] = {}

    def key(self, number: int) -> str:
        return self.pattern.format(number)

    def left(self) -> float:
        return self.seconds

    def versions(self, prefix: str, after: str = "") -> Iterator[Landed]:
        assert prefix == "readings/"
        first, end = 0, self.keys
        while first < end:  # the first key behind `after`
            middle = (first + end) // 2
            first, end = (first, middle) if self.key(middle) > after else (middle + 1, end)
        for number in range(first, self.keys):
            if self.listed % 1000 == 0:
                self.seconds -= PAGE_SECONDS
            self.listed += 1
            yield self.landed(number)

    def landed(self, number: int) -> Landed:
        at = LATELY if number >= self.new else OLD
        return Landed(self.bucket, self.key(number), "v", 1, "e", self.extra.get(self.key(number), at), latest=True)


class World:
    """A ledger that knows what it is given, and all old objects."""

    def __init__(self, landing: Numbered, known: range) -> None:
        self.landing = landing
        self.services = MemoryServices()
        for number in known:
            landed = landing.landed(number)
            self.services.ledger.given(
                replace(
                    file("x", arrived_at=landed.at, status=FileStatus.FAILED), file_id=landed.file_id, key=landed.key
                )
            )

    def night(self, seconds: float = 900.0) -> Reconciliation:
        self.landing.seconds, self.landing.listed = seconds, 0
        asked = Asked(since=SINCE, left=self.landing.left, nightly=True)
        found = reconcile(["readings"], self.landing, self.services, asked)  # type: ignore[arg-type]
        note_coverage(found, self.services)
        return found

    def coverage(self) -> Coverage:
        return self.services.ledger.watches.coverage("readings")


def names(found: Reconciliation) -> set[str]:
    return {item.what.partition(" ")[0] for item in found.differences}


TEN_MILLION = 10_000_000


@pytest.mark.parametrize("pattern", ["readings/{:08}.csv", "readings/day={:08}/a.csv"])
def test_of_ten_million_objects_the_newest_are_reached_in_the_first_night(pattern: str) -> None:
    """Two of the last thousand have lost their event, one of them the very last key."""
    landing = Numbered(TEN_MILLION, TEN_MILLION - 1000, pattern)
    world = World(landing, range(TEN_MILLION - 1000, TEN_MILLION - 1))
    missing = landing.landed(TEN_MILLION - 500)
    del world.services.ledger.records.files[missing.file_id]
    found = world.night(seconds=130)
    assert names(found) == {missing.key, landing.key(TEN_MILLION - 1)}
    assert found.objects < 40_000
    assert found.uncompared == {}


def test_where_every_event_was_lost_since_a_week_the_newest_are_reached_all_the_same() -> None:
    landing = Numbered(TEN_MILLION, TEN_MILLION - 3, "readings/day={:08}/a.csv")
    world = World(landing, range(TEN_MILLION - 2000, TEN_MILLION - 1003))
    assert names(world.night(seconds=130)) == {landing.key(TEN_MILLION - number) for number in (1, 2, 3)}


def test_ten_million_objects_are_covered_over_nights_each_once() -> None:
    """A night of 1/200 of its time, 1/200 of the objects: the figures are those of 15 minutes and ten million."""
    landing = Numbered(50_000, 49_000)
    world = World(landing, range(49_000, 50_000))
    uptos: list[str] = []
    for _ in range(30):
        found = world.night(seconds=120 + 900 / 200)
        assert found.uncompared == {}
        uptos.append(world.coverage().upto)
        if world.coverage().ended:
            break
    assert 4 <= len(uptos) <= 8
    assert uptos == sorted(set(uptos))
    assert world.coverage().objects == 50_000


def test_an_object_that_lands_behind_the_pass_is_found_by_the_next() -> None:
    """It lies in the middle, far from all that is new, and is older than three days when the pass comes to it."""
    landing = Numbered(20_000, 20_000)
    world = World(landing, range(0))
    while not world.coverage().ended:
        world.night(seconds=122)
    began = world.coverage().last_began
    stray = landing.key(9_999)
    landing.extra[stray] = f"{datetime.fromisoformat(began) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S.999Z}"
    later = datetime.fromisoformat(began) + timedelta(days=9)
    found: set[str] = set()
    world.services.ledger.records.coverage["readings"] = replace(
        world.coverage(), began=later.isoformat(), since=min(began, SINCE), upto="", objects=0, ended=""
    )
    object_is_due = Asked(since=f"{later:%Y-%m-%dT%H:%M:%SZ}", left=landing.left, nightly=True, grace=timedelta(-1))
    for _ in range(12):
        landing.seconds = 122
        night = reconcile(["readings"], landing, world.services, object_is_due)  # type: ignore[arg-type]
        note_coverage(night, world.services)
        found |= names(night)
    assert found == {stray}


def test_a_new_pass_takes_what_landed_since_the_last_one_began() -> None:
    first = Coverage().begun("2026-01-10", since="2026-01-07")
    assert (first.since, first.upto) == ("2026-01-07", "")
    ended = first.at("b", 2).completed("2026-01-25")
    second = ended.begun("2026-01-26", since="2026-01-23")
    assert (second.since, second.upto, second.objects) == ("2026-01-10", "", 0)
    assert second.begun("2026-01-27", since="2026-01-24") == second


def test_how_far_it_came_is_noted_after_people_were_told_and_by_one_night_only() -> None:
    world = World(Numbered(5_000, 5_000), range(0))
    asked = Asked(since=SINCE, left=world.landing.left, nightly=True)
    nights = [reconcile(["readings"], world.landing, world.services, asked) for _ in range(2)]  # type: ignore[arg-type]
    assert world.coverage() == Coverage()
    note_coverage(nights[0], world.services)
    noted = world.coverage()
    note_coverage(nights[1], world.services)
    assert world.coverage() == noted


def test_only_a_night_moves_the_pass() -> None:
    world = World(Numbered(5_000, 5_000), range(0))
    found = reconcile(["readings"], world.landing, world.services, Asked(since=SINCE))  # type: ignore[arg-type]
    assert (found.coverage, found.objects) == ({}, 5_000)


def test_the_ledgers_files_go_on_where_the_night_before_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "FILES_AT_ONCE", 1)
    world = World(Numbered(1, 1), range(0))
    moments = [f"{NOW - timedelta(hours=20 - hour):%Y-%m-%dT%H:%M:%SZ}" for hour in range(10)]
    for number, moment in enumerate(moments):
        world.services.ledger.given(file(f"{number}", arrived_at=moment, status=FileStatus.FAILED))
    seen: list[str] = []

    def slow(files: list[FileRecord]) -> list[None]:
        seen.extend(file.arrived_at for file in files)
        world.landing.seconds -= 1
        return []

    monkeypatch.setattr(WarehouseRows, "of", lambda _, files: slow(files))
    first = world.night(seconds=127)
    assert first.uncompared["readings"].endswith("the next night begins with them")
    while world.coverage().files_from:
        world.night(seconds=127)
    assert sorted(set(seen)) == moments
    assert len(seen) == len(moments)


def test_a_pass_that_never_ends_is_told() -> None:
    world = World(Numbered(5_000, 5_000), range(0))
    world.services.ledger.records.coverage["readings"] = Coverage(
        began="2020-01-01T00:00:00Z", since=SINCE, upto="readings/0"
    )
    found = world.night(seconds=120.4)
    told = notice_of(found)
    assert told is not None
    assert "too many for 30 nights: 1,000 objects, up to 'readings/00000999.csv'" in told.lines[0]


@pytest.mark.parametrize(
    ("key", "starts"),
    [
        ("readings/a.csv", ["readings/a.csv"]),
        ("readings/11/30/p-00712.csv.gz",
         ["readings/11/30/", "readings/11/30/p-", "readings/11/30/p-00", "readings/11/30/p-00712.csv.gz"]),
        ("readings/9.bz2", ["readings/", "readings/", "readings/9.bz2"]),
    ],
)  # fmt: skip
def test_where_a_listing_begins(key: str, starts: list[str]) -> None:
    assert list(beginnings(key, "readings/")) == starts


def test_keys_that_no_night_has_seen_are_listed_from_where_the_last_one_stopped() -> None:
    landing = Numbered(20_000, 20_000)
    world = World(landing, range(10))
    seen = []
    for _ in range(8):
        world.night(seconds=120 + 4)
        seen.append(world.coverage().highest)
    assert seen == sorted(seen)
    assert seen[-1] == landing.key(19_999)
