"""Do landing, ledger, lake and warehouse say the same? Each difference is named, with what to do about it.

Nothing is changed. Files are compared in slices, in the order in which they arrived: neither memory nor an answer of
the warehouse grows with the number of files. What is being loaded differs for a moment, and is right to: a slice whose
dataset changes while the warehouse is asked is left for the next time, and reported as left.

A night has the time of one function. It looks at what came lately, and at a part of all objects, from where the night
before stopped; how far it came is noted once people are notified of what it found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from headrace.domain import clock
from headrace.domain.clock import now
from headrace.domain.contract import Contract
from headrace.domain.ingest.coverage import Coverage
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LANES, FileRecord, FileStatus
from headrace.errors import HeadraceError
from headrace.observability import logger
from headrace.usecases.ports import (
    HasBatches,
    HasContents,
    HasContracts,
    HasCounters,
    HasFiles,
    HasLake,
    HasLanes,
    HasLoads,
    HasRows,
    HasWatches,
    Landing,
)
from headrace.usecases.recovery.reconcile_lake import LakeParts
from headrace.usecases.recovery.reconcile_landing import LandedObjects
from headrace.usecases.recovery.reconcile_report import Difference, Reconciliation
from headrace.usecases.recovery.reconcile_warehouse import WarehouseRows
from headrace.usecases.recovery.recount import Recount, make_whole

GRACE = timedelta(minutes=15)
"""An object this young may have an event that is still on its way."""
STILL = timedelta(hours=1)
"""A file that waits or runs for this long is stuck."""
OPEN = {FileStatus.PENDING, FileStatus.RUNNING, FileStatus.STAGED, FileStatus.MERGING}
FILES_AT_ONCE = 20_000
"""Some 40 MB of records."""
BATCHES_AT_ONCE = 500
"""They are named in a statement, of which the Data API takes 100 kB; a name has up to 160 characters."""
MOST_DIFFERENCES = 10_000
"""Of one dataset. More than that have one cause, and are too many to list."""
RESERVE_SECONDS = 120.0
"""What is kept of a function's time for one more answer of the warehouse, and to notify people."""
FILES_SHARE, NEAR_SHARE = 0.5, 0.2
"""Of a dataset's time in a night: for its files, and for objects near those that came lately. The pass has the rest."""
LONGEST_PASS = timedelta(days=30)
FOREVER = 10.0**9


class Services(
    HasBatches,
    HasContents,
    HasContracts,
    HasCounters,
    HasFiles,
    HasLake,
    HasLanes,
    HasLoads,
    HasRows,
    HasWatches,
    Protocol,
):
    """The ports used here."""


class _EndedEarlyError(Exception):
    """The rest of a dataset is not compared."""


class _OutOfTimeError(_EndedEarlyError):
    """Its share of the time is over; `at` is where the rest begins."""

    def __init__(self, reason: str, at: str) -> None:
        super().__init__(reason)
        self.at = at


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be compared: files and objects that arrived `since` (ISO 8601), all of them by default.

    `grace` is how young an object without an event may be; `left` gives the seconds until the caller is stopped, of
    which each dataset gets its share; `progress` is called between two slices. `nightly` goes on where the last
    nightly one stopped, and leaves the rest to the next.
    """

    since: str = ""
    grace: timedelta = GRACE
    left: Callable[[], float] = lambda: FOREVER
    progress: Callable[[Reconciliation], None] = lambda _: None
    nightly: bool = False


def reconcile(datasets: list[str], landing: Landing, services: Services, asked: Asked | None = None) -> Reconciliation:
    """Compare all places for each dataset. A failure of one is recorded, and the others go on."""
    asked, found = asked or Asked(), Reconciliation()
    for number, dataset in enumerate(datasets):
        left = asked.left()
        stop_at = left - (left - RESERVE_SECONDS) / (len(datasets) - number)
        try:
            comparison = _Comparison(services.contracts.get(dataset), landing, services, asked, found)
            comparison.run(stop_at)
        except _EndedEarlyError as error:
            found.uncompared[dataset] = str(error)
        except Exception as error:
            logger.error("a dataset could not be compared", exc_info=_is_fault(error), extra={"dataset": dataset})
            found.uncompared[dataset] = f"{type(error).__name__}: {error}"
    return found


def _is_fault(error: Exception) -> bool:
    """Whether it takes a traceback to understand an error: one of Headrace says itself what is wrong."""
    return not isinstance(error, HeadraceError)


def note_coverage(found: Reconciliation, services: Services) -> None:
    """Let the next night go on where this one stopped: once people were notified, so that a night that is killed before
    that is done again. Where two nights have run at once, the first one counts.
    """
    for dataset, coverage in found.coverage.items():
        if not services.watches.note_coverage(dataset, coverage):
            logger.warning("another comparison has gone on meanwhile", extra={"dataset": dataset})


class _Comparison:
    """Of one dataset."""

    def __init__(
        self, contract: Contract, landing: Landing, services: Services, asked: Asked, found: Reconciliation
    ) -> None:
        self._contract = contract
        self._services = services
        self._asked = asked
        self._found = found
        self._differences = 0
        self._coverage = services.watches.coverage(contract.dataset) if asked.nightly else Coverage()
        self._since = self._coverage.files_from or asked.since
        self._recount = Recount(contract.dataset, self._since, services)
        self._lake = LakeParts(contract.dataset, services)
        self._objects = LandedObjects(contract, landing, services, clock.utc() - asked.grace)
        self._warehouse = WarehouseRows(contract, services, self._since)

    def run(self, stop_at: float) -> None:
        """All places, while more than `stop_at` seconds are left. Raises _EndedEarlyError where the rest is not."""
        if self._asked.nightly:
            self._night(stop_at)
            return
        self._files(stop_at)
        if not self._asked.since:
            self._add(self._lake.strays())
            self._found.parts += self._lake.parts
        for differences in self._objects.all(self._asked.since):
            self._page(differences)
            self._check_time(stop_at, "the last objects in landing")

    def _night(self, stop_at: float) -> None:
        """What came lately, in all places, then the next part of all objects."""
        left, dataset = self._asked.left(), self._contract.dataset
        share = max(0.0, left - stop_at)
        try:
            self._files(left - FILES_SHARE * share)
            self._coverage = replace(self._coverage, files_from="")
        except _OutOfTimeError as error:
            self._coverage = replace(self._coverage, files_from=error.at)
            self._found.uncompared[dataset] = f"{error}: the next night begins with them"
        self._near(self._asked.left() - NEAR_SHARE * share)
        self._pass(stop_at)
        self._found.coverage[dataset] = self._coverage
        if self._coverage.began and datetime.fromisoformat(self._coverage.began) < clock.utc() - LONGEST_PASS:
            why = f"its objects are too many for {LONGEST_PASS.days} nights: {self._coverage}"
            self._found.uncompared[dataset] = why

    def _files(self, stop_at: float) -> None:
        """The ledger's files, in lake and warehouse; then what the warehouse has of none of them."""
        self._counters(self._make_whole)
        for files in slices(self._services.files.of_dataset(self._contract.dataset, self._since)):
            first = files[0].arrived_at
            self._check_time(stop_at, f"the files that arrived from {first} on", first)
            self._slice(files)
            self._counters(partial(self._recount.note, files))
            self._objects.note(files)
            self._asked.progress(self._found)
        self._counters(self._recount.end)
        self._at_rest(self._warehouse.of_all)
        self._found.parts += self._lake.parts
        self._lake.parts = 0
        self._found.rows += self._warehouse.rows

    def _make_whole(self) -> Iterator[Difference]:
        make_whole(self._contract.dataset, self._services)
        yield from ()

    def _counters(self, look: Callable[[], Iterator[Difference]]) -> None:
        """Look at counters, which serve people's questions: where that fails, all else is compared."""
        try:
            differences = list(look())
        except Exception as error:
            extra = {"dataset": self._contract.dataset}
            logger.error("the counters could not be compared", exc_info=_is_fault(error), extra=extra)
        else:
            self._add(differences)

    def _near(self, stop_at: float) -> None:
        for differences in self._objects.near(self._asked.since, self._coverage.highest):
            self._page(differences)
            if self._asked.left() < stop_at:
                break  # the pass comes to the others
        self._coverage = replace(self._coverage, highest=self._objects.highest)

    def _pass(self, stop_at: float) -> None:
        begun = self._coverage.begun(now(), self._asked.since)
        for coverage, differences in self._objects.onward(begun, now()):
            self._page(differences)
            self._coverage = coverage
            if self._asked.left() < stop_at:
                return

    def _page(self, differences: list[Difference]) -> None:
        """Of objects."""
        self._found.objects += self._objects.objects
        self._objects.objects = 0
        self._add(differences)
        self._asked.progress(self._found)

    def _slice(self, files: list[FileRecord]) -> None:
        self._found.files += len(files)
        merges = self._contract.merge_seconds if self._contract.staged else 0
        waits = timedelta(seconds=self._contract.wait_seconds + merges)
        self._add(_standing_still(files, clock.utc() - STILL - waits))
        self._add(self._lake.of(files))
        self._at_rest(lambda: self._warehouse.of(files))

    def _at_rest(self, compare: Callable[[], Iterator[Difference]]) -> None:
        """What the warehouse has counts only if no batch was open, and none has come and gone, while it was asked."""
        before = self._lanes()
        differences = list(compare())
        if self._lanes() == before and not any(state.open_batch for state in before):
            self._add(differences)
        elif self._contract.dataset not in self._found.busy:
            self._found.busy.append(self._contract.dataset)

    def _lanes(self) -> list[LaneState]:
        return [self._services.lanes.state(self._contract.dataset, lane) for lane in LANES]

    def _add(self, differences: Iterable[Difference]) -> None:
        for difference in differences:
            self._found.differences.append(difference)
            self._differences += 1
            if self._differences == MOST_DIFFERENCES:
                raise _EndedEarlyError(f"it has more than {MOST_DIFFERENCES:,} differences")

    def _check_time(self, stop_at: float, rest: str, at: str = "") -> None:
        if self._asked.left() < stop_at:
            raise _OutOfTimeError(f"time was over before {rest}", at)


def _standing_still(files: list[FileRecord], since: datetime) -> Iterator[Difference]:
    for file in files:
        moved = file.updated_at or file.arrived_at
        if file.status in OPEN and datetime.fromisoformat(moved) < since:
            what = f"{file.key} is {file.status} since {moved}"
            advice = f"`headrace trace {file.key}` shows where it stands, `headrace retry {file.key}` sends it again"
            yield Difference("standing still", file.dataset, what, advice)


def slices(files: Iterable[FileRecord]) -> Iterator[list[FileRecord]]:
    """The files in their order, in slices in which neither they nor their batches are too many."""
    some: list[FileRecord] = []
    batches: set[str | None] = set()
    for file in files:
        some.append(file)
        batches.add(file.loaded_by)
        if len(some) == FILES_AT_ONCE or len(batches) == BATCHES_AT_ONCE:
            yield some
            some, batches = [], set()
    if some:
        yield some
