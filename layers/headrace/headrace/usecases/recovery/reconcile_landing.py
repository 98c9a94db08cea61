"""Whether the ledger knows what has landed, and lists what waits: all of it, or as far as a night comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter
from typing import Protocol, TypeVar

from headrace.domain.contract import Contract
from headrace.domain.ingest.arrival import route
from headrace.domain.ingest.coverage import Coverage, beginnings
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.ledger import FileRecord
from headrace.usecases.ports import HasContents, HasContracts, HasFiles, Landing
from headrace.usecases.recovery.backfill import keys_with_rows_left
from headrace.usecases.recovery.reconcile_report import Difference

OBJECTS_AT_ONCE = 1_000
"""A page of S3's listing."""
MOST_BEGINNINGS = 100_000
"""Places where a night looks for new objects: some 20 MB."""
NEWEST_FILES = 1_000
"""Whose neighbours are looked at first."""
T = TypeVar("T")


class Services(HasContents, HasContracts, HasFiles, Protocol):
    """The ports used here."""


@dataclass
class LandedObjects:
    """Of one dataset. `until` (ISO 8601) is when an object must have landed for its event to have come by now.

    `objects` is how many versions were looked at, `highest` the key up to which `near` has seen the last ones.
    """

    contract: Contract
    landing: Landing
    services: Services
    until: datetime
    objects: int = 0
    highest: str = ""
    _named: set[str] = field(default_factory=set)
    _ended: str = ""
    _beginnings: set[str] = field(default_factory=set)

    def note(self, files: Iterable[FileRecord]) -> None:
        """These came lately: others may lie beside them."""
        for file in files:
            if len(self._beginnings) < MOST_BEGINNINGS:
                self._beginnings.update(beginnings(file.key, self.contract.prefix))

    def all(self, since: str) -> Iterator[list[Difference]]:
        """Every object that landed since then, page by page."""
        for page in chunks(self.landing.versions(self.contract.prefix), OBJECTS_AT_ONCE):
            yield self._unknown(page, since)

    def near(self, since: str, highest: str) -> Iterator[list[Difference]]:
        """Objects behind the `highest` key and around the last files of all, then around all that came lately."""
        lately, self._beginnings = self._beginnings, set()
        self.note(self.services.files.newest(self.contract.dataset, NEWEST_FILES))
        yield from self._behind(highest or max(self._beginnings, default=self.contract.prefix), since)
        yield from self._around(self._beginnings, since)
        yield from self._around(lately - self._beginnings, since)

    def _behind(self, key: str, since: str) -> Iterator[list[Difference]]:
        """All behind a key, which no night has seen yet."""
        self.highest = key
        for page in chunks(self.landing.versions(self.contract.prefix, key), OBJECTS_AT_ONCE):
            self.highest = page[-1].key
            yield self._unknown(page, since)

    def _around(self, starts: Iterable[str], since: str) -> Iterator[list[Difference]]:
        """The listing from each of these keys, as long as there is something new in it."""
        passed = ""
        for start in sorted(starts):
            if start < passed:
                continue
            for page in chunks(self.landing.versions(self.contract.prefix, start), OBJECTS_AT_ONCE):
                passed = page[-1].key
                yield self._unknown(page, since)
                if not any(item.at >= since for item in page):
                    break
            else:
                return

    def onward(self, coverage: Coverage, at: str) -> Iterator[tuple[Coverage, list[Difference]]]:
        """The pass, from where it stopped to the last object; with each page how far it has come."""
        for page in chunks(self.landing.versions(self.contract.prefix, coverage.upto), OBJECTS_AT_ONCE):
            coverage = coverage.at(page[-1].key, len(page))
            yield coverage, self._unknown(page, coverage.since)
        yield coverage.completed(at), []

    def _unknown(self, objects: list[Landed], since: str) -> list[Difference]:
        """Objects that the ledger should know by now, each named once."""
        self.objects += len(objects)
        due = [
            item
            for item in objects
            if item.latest and item.at >= since and datetime.fromisoformat(item.at) <= self.until
        ]
        known = self.services.files.known([item.file_id for item in due])
        fresh = [item for item in due if item.file_id not in known and item.file_id not in self._named]
        gone = self._gone(objects) if self.contract.remove_deleted else []
        return [*(self._difference(item) for item in fresh if self._is_mine(item)), *self._unlisted(known), *gone]

    def _unlisted(self, known: dict[str, FileRecord]) -> Iterator[Difference]:
        """Files whose arrival was not written to its end, each named once: its event is not delivered any more."""
        for file in self.services.files.unlisted(known.values()):
            if file.file_id not in self._named:
                self._named.add(file.file_id)
                what = f"{file.key} is pending, and no lane lists it"
                yield Difference("unlisted file", file.dataset, what, f"`headrace retry {file.file_id}`")

    def _gone(self, objects: list[Landed]) -> list[Difference]:
        """Keys that were deleted, and whose rows should have gone. A key's versions begin with the latest one.

        A key with which the page before has ended is named there, if at all.
        """
        latest = {key: next(items).latest for key, items in groupby(objects, key=attrgetter("key"))}
        gone = [key for key, there in latest.items() if not there and key != self._ended]
        self._ended = objects[-1].key if objects else ""
        left = keys_with_rows_left(gone, self.landing, self.services)
        return [self._left(key) for key, at in left.items() if not at or datetime.fromisoformat(at) <= self.until]

    def _left(self, key: str) -> Difference:
        dataset, what = self.contract.dataset, f"{key} is gone from landing, its rows are in the table"
        return Difference("deleted object", dataset, what, f"`headrace backfill {dataset} {key}`")

    def _is_mine(self, item: Landed) -> bool:
        return route(item.arrival(), self.services.contracts.all()).dataset == self.contract.dataset

    def _difference(self, item: Landed) -> Difference:
        self._named.add(item.file_id)
        dataset = self.contract.dataset
        what = f"{item.key} has landed, the ledger does not know it"
        return Difference("unknown object", dataset, what, f"`headrace backfill {dataset} {item.key}`")


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
