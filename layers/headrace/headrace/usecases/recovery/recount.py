"""Whether the counters of a dataset say what its files are, day by day; where they do not, they are corrected.

They are written with the files, so they differ only where a version of Headrace that counts nothing has written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from headrace.domain import clock
from headrace.domain.ingest.counts import Tally, counts_of
from headrace.domain.ingest.ledger import BACKFILL, FileRecord
from headrace.usecases.ports import HasCounters, HasFiles, HasLanes
from headrace.usecases.recovery.reconcile_report import Difference

SETTLED = timedelta(minutes=1)
"""How long nothing of a day has changed when its files are compared: by then the index lists them."""
MOST_TRIES = 3
PAGE = 100


class Counting(HasCounters, HasFiles, Protocol):
    """What it takes to compare."""


class Services(HasCounters, HasFiles, HasLanes, Protocol):
    """The ports used here."""


class Recount:
    """Of one dataset's files, which are noted in the order of arrival; those of the day of `since` are not all."""

    def __init__(self, dataset: str, since: str, services: Counting) -> None:
        self._dataset = dataset
        self._first = since[:10]
        self._services = services
        self._day = ""
        self._numbers = Counter[str]()
        self._known: dict[str, Tally] | None = None
        self.whole = not since

    def note(self, files: Iterable[FileRecord]) -> Iterator[Difference]:
        """Count files; days that have ended with them are compared."""
        for file in files:
            if file.arrived_at[:10] != self._day:
                yield from self.end()
                self._day = file.arrived_at[:10]
            self._numbers.update(counts_of(file))

    def end(self) -> Iterator[Difference]:
        """Compare the last day."""
        day, numbers = self._day, {name: number for name, number in self._numbers.items() if number}
        self._day, self._numbers = "", Counter()
        if day and day > self._first and numbers != _numbers(self._tally(day)):
            yield from self._look_again(day)

    def _tally(self, day: str) -> Tally:
        if self._known is None:
            self._known = self._services.counters.days(self._dataset, self._first)
        return self._known.get(day, Tally())

    def _look_again(self, day: str) -> Iterator[Difference]:
        """What was listed and what is counted may be of different moments: so both are read while nothing changes."""
        for _ in range(MOST_TRIES):
            before = self._now(day)
            if before.changed_at and clock.utc() - datetime.fromisoformat(before.changed_at) < SETTLED:
                break
            numbers = self._counted(day)
            if self._now(day) == before:
                yield from self._corrected(day, numbers, before)
                return
        self.whole = False

    def _corrected(self, day: str, numbers: Counter[str], before: Tally) -> Iterator[Difference]:
        lacking = Counter(numbers)
        lacking.subtract(before.numbers)
        wrong = {name: number for name, number in lacking.items() if number}
        if wrong and self._services.counters.correct(self._dataset, day, wrong, before):
            said = ", ".join(f"{name} by {-number:+,}" for name, number in sorted(wrong.items()))
            what = f"the counters of {day} were off: {said}"
            yield Difference("counters", self._dataset, what, "they are corrected: report it, they should not differ")

    def _now(self, day: str) -> Tally:
        return self._services.counters.days(self._dataset, day).get(day, Tally())

    def _counted(self, day: str) -> Counter[str]:
        files = self._services.files.of_dataset(self._dataset, day, f"{day}U")  # times have a T behind the day
        numbers = Counter[str]()
        while some := list(islice(files, PAGE)):
            for file in self._services.files.known(file.file_id for file in some).values():
                numbers.update(counts_of(file))
        return numbers


def _numbers(tally: Tally) -> dict[str, int]:
    return {name: number for name, number in tally.numbers.items() if number}


def make_whole(dataset: str, services: Services) -> None:
    """Count all files of a dataset, unless that was done: those of a version of Headrace before are not counted yet."""
    if services.counters.total(dataset).whole:
        return
    recount = Recount(dataset, "", services)
    list(recount.note(services.files.of_dataset(dataset)))
    list(recount.end())
    if recount.whole:
        if services.lanes.state(dataset, BACKFILL).generation > 1 or services.lanes.pending(dataset, BACKFILL, 1):
            services.counters.note_backfilled(dataset)
        services.counters.note_whole(dataset)
