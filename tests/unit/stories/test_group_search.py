"""Groups under any order of events: duplicates, backfills, refusals, crashes, and objects that land in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from headrace.domain.contract import Contract
from headrace.domain.ingest import groups
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.ledger import Arrival, FileRecord, FileStatus
from headrace.usecases.ingest import gather, record_outcome
from tests.support.interleaving import examples
from tests.support.load_stories import LANES, VERBS, LoadStory, search
from tests.support.pipeline import meters

EVER = 10**10
"""Seconds that files are waited for."""
CRASHES = ("crash", "crash after the commit")
EVENTS = st.lists(st.tuples(st.sampled_from((*VERBS, *CRASHES)), st.integers(0, 9)), max_size=16)


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_outcome, "measure_outcome", lambda *_: None)


@dataclass(frozen=True)
class Plan:
    """Objects in the order in which they land, and what happens: a verb and a number each.

    An object is a kind, a folder, and numbers: of the file that is deleted, or of those that are listed.
    """

    objects: tuple[tuple[str, str, tuple[int, ...]], ...]
    events: tuple[tuple[str, int], ...]
    same_second: bool = False


def plans(*kinds: str) -> st.SearchStrategy[Plan]:
    numbers = st.lists(st.integers(0, 7), min_size=1, max_size=3).map(tuple)
    objects = st.lists(st.tuples(st.sampled_from(kinds), st.sampled_from("ab"), numbers), min_size=2, max_size=8)
    return st.builds(lambda objects, events: Plan(tuple(objects), tuple(events)), objects, EVENTS)


class Story(LoadStory[Plan]):
    """Objects land one after the other, each before its event: the verb `deliver` lets all up to one land."""

    def land(self) -> list[Arrival]:
        landing = self.pipeline.landing
        sent = [self._put(number) for number in range(len(self.plan.objects))]
        self.versions = {item.version: item for item in (*landing.all_versions, *landing.deletions)}
        landing.all_versions, landing.deletions = [], []
        return sent

    def _put(self, number: int) -> Arrival:
        kind, folder, numbers = self.plan.objects[number]
        at, version = f"2026-01-01T00:00:0{number}.000000Z", f"v{number}"
        match kind:
            case "file":
                return self.pipeline.land(f"{folder}/{number}.csv", version, [("m", 1, number)], at, f"0{number}")
            case "marker":
                return self.pipeline.put(f"{folder}/_SUCCESS", version, b"", at, f"0{number}")
            case "manifest":
                names = "\n".join(self._key(each) for each in numbers)
                return self.pipeline.put(f"{folder}/{number}.manifest", version, names.encode(), at, f"0{number}")
            case _:
                key = self._key(numbers[0])
                gone = Landed("landing", key, version, 0, "", at, latest=True, deleted=True)
                self.pipeline.landing.deletions.append(gone)
                return gone.arrival()

    def _key(self, number: int) -> str:
        """The key of the object of a number, if it is a file."""
        folder = self.plan.objects[number][1] if number < len(self.plan.objects) else "a"
        return f"readings/{folder}/{number}.csv"

    def _reveal(self, upto: int) -> None:
        landing = self.pipeline.landing
        for number in range(len(landing.all_versions) + len(landing.deletions), upto + 1):
            item = self.versions[f"v{number}"]
            (landing.deletions if item.deleted else landing.all_versions).append(item)
            landing.deleted |= {item.key} if item.deleted else set()

    def happens(self) -> None:
        for verb, number in self.plan.events:
            self._event(verb, number)
        self._reveal(len(self.sent) - 1)
        for _ in range(len(self.sent) + 1):
            self._event("backfill", 0)
            self.pipeline.run(*LANES)
            self._event("retry", 0)
            self.pipeline.run(*LANES)

    def _event(self, verb: str, number: int) -> None:
        number_of = number % len(self.sent)
        lane = LANES[number % len(LANES)]
        if verb == "deliver":
            self._reveal(number_of)
            if not self.versions[f"v{number_of}"].deleted:
                super()._event(verb, number)
        elif verb not in CRASHES:
            super()._event(verb, number)
        elif lane in self.pipeline.loading:
            self.pipeline.crash(lane, committed=verb != "crash")

    def check(self) -> None:
        """Each value is there once, and is what the newest groups have; every row is accounted for."""
        found = Counter(int(value) for (value,) in self.pipeline.warehouse.query("SELECT value FROM public.readings"))
        records = list(self.pipeline.services.files.records.files.values())
        assert all(file.rows.balanced for file in records), records
        assert sum(file.rows.loaded for file in records) == found.total()
        assert max(found.values(), default=1) == 1, found
        members = {FileStatus.WAITING, FileStatus.GROUPED}
        assert all(file.status in members for file in records if file.key.endswith(".csv")), records
        self.check_groups(set(found), records)

    def check_groups(self, found: set[int], records: list[FileRecord]) -> None:
        wanted = self._marked()
        if self.pipeline.contract.snapshot:
            newest = max((last for last, _ in wanted.values()), default=0)
            wanted = {folder: has for folder, has in wanted.items() if has[0] == newest}
        assert found == {value for _, values in wanted.values() for value in values}

    def _marked(self) -> dict[str, tuple[int, set[int]]]:
        """By folder, its newest marker that had files, and those."""
        there: dict[str, set[int]] = {"a": set(), "b": set()}
        marked: dict[str, tuple[int, set[int]]] = {}
        for number, (kind, folder, numbers) in enumerate(self.plan.objects):
            if kind == "file":
                there[folder].add(number)
            elif kind == "delete":
                for files in there.values():
                    files.discard(numbers[0])
            elif kind == "marker" and there[folder]:
                marked[folder] = (number, set(there[folder]))
        return marked


class Manifests(Story):
    """Each manifest is loaded with all of its files, or not at all."""

    def check_groups(self, found: set[int], records: list[FileRecord]) -> None:
        files = {number for number, (kind, *_) in enumerate(self.plan.objects) if kind == "file"}
        manifests = {n: set(listed) for n, (kind, _, listed) in enumerate(self.plan.objects) if kind == "manifest"}
        status = {file.version: file.status for file in records}
        loaded = {n for n in manifests if status[f"v{n}"] is FileStatus.LOADED}
        assert found == {value for n in loaded for value in manifests[n]}
        for number, listed in manifests.items():
            others = set().union(*(manifests[other] for other in manifests if other != number))
            if listed <= files and not listed & others:
                assert number in loaded, f"{number}: {records}"
            if not listed <= files:
                assert status[f"v{number}"] is FileStatus.PENDING, records


MARKED = {
    "added": meters(primary_key=(), marker="_SUCCESS", most_files=2),
    "staged": meters(primary_key=(), marker="_SUCCESS", most_files=2, staged=True, merge_seconds=900),
    "snapshot": meters(primary_key=(), marker="_SUCCESS", most_files=2, snapshot="table"),
}
LISTED = meters(primary_key=(), manifest="*.manifest", most_files=2, patience_seconds=EVER)


@pytest.mark.parametrize("kind", MARKED)
def test_the_newest_marker_of_a_folder_has_its_files_whatever_happens(kind: str) -> None:
    search(Story, plans("file", "file", "marker", "delete"), MARKED[kind], examples(40))


def test_a_manifest_is_loaded_whole_or_not_at_all_whatever_happens() -> None:
    search(Manifests, plans("file", "file", "manifest"), LISTED, examples(40))


def assert_found(story: type[Story], kinds: tuple[str, ...], contract: Contract) -> None:
    with pytest.raises(AssertionError):
        search(story, plans(*kinds), contract, 400, [Phase.generate])


def there_now(history: Iterable[Landed], _: datetime) -> Landed | None:
    """A group as it would be if what is there when it is looked at counted."""
    return groups.there_at(history, datetime(2030, 1, 1, tzinfo=UTC))


def test_a_marker_that_takes_what_is_there_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "there_at", there_now)
    assert_found(Story, ("file", "file", "marker", "delete"), MARKED["added"])


def test_manifests_that_do_not_look_who_has_a_file_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "taken_by_another", lambda *_: None)
    assert_found(Manifests, ("file", "file", "manifest"), LISTED)
