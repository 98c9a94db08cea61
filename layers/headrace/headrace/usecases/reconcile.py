"""Do landing, ledger, lake and warehouse say the same? Each difference is named, with what to do about it.

Nothing is changed. Files are compared in slices, in the order in which they arrived: neither memory nor an answer of
the warehouse grows with the number of files. What is being loaded differs for a moment, and is right to: a slice whose
dataset does not stand still while the warehouse is asked is left for the next time, and said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

from headrace.domain.arrival import route
from headrace.domain.contract import Contract
from headrace.domain.landed import Landed
from headrace.domain.lane import LaneState
from headrace.domain.ledger import LANES, FileRecord, FileStatus
from headrace.observability import logger
from headrace.usecases.differences import Difference, Reconciliation
from headrace.usecases.ports import Landing, Services
from headrace.usecases.reconcile_lake import LakeParts
from headrace.usecases.reconcile_warehouse import WarehouseRows

GRACE = timedelta(minutes=15)
"""An object this young may have an event that is still on its way."""
STILL = timedelta(hours=1)
"""A file that waits or runs for so long is helped by nobody."""
OPEN = {FileStatus.PENDING, FileStatus.RUNNING, FileStatus.STAGED, FileStatus.MERGING}
FILES_AT_ONCE = 20_000
"""Some 40 MB of records."""
BATCHES_AT_ONCE = 500
"""They are named in a statement, of which the Data API takes 100 kB; a name has up to 160 characters."""
OBJECTS_AT_ONCE = 1_000
MOST_DIFFERENCES = 10_000
"""Of one dataset. More than that is one cause, and nobody's list."""
RESERVE_SECONDS = 120.0
"""What is kept of a function's time for one more answer of the warehouse, and to tell people."""
FOREVER = 10.0**9
T = TypeVar("T")


class _EndedEarlyError(Exception):
    """The rest of a dataset is not compared."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be compared: files and objects that arrived `since` (ISO 8601), all of them by default.

    `grace` is how young an object may be that nobody told of; `left` gives the seconds until the caller is stopped, of
    which each dataset gets its share; `told` is called between two slices.
    """

    since: str = ""
    grace: timedelta = GRACE
    left: Callable[[], float] = lambda: FOREVER
    told: Callable[[Reconciliation], None] = lambda _: None


def reconcile(datasets: list[str], landing: Landing, services: Services, asked: Asked | None = None) -> Reconciliation:
    """Compare all places for each dataset. What goes wrong with one is written down, and the others go on."""
    asked, found = asked or Asked(), Reconciliation()
    for number, dataset in enumerate(datasets):
        left = asked.left()
        stop_at = left - (left - RESERVE_SECONDS) / (len(datasets) - number)
        try:
            comparison = _Comparison(services.catalog.contract(dataset), landing, services, asked, found)
            comparison.run(stop_at)
        except _EndedEarlyError as error:
            found.uncompared[dataset] = str(error)
        except Exception as error:
            logger.exception("a dataset could not be compared", extra={"dataset": dataset})
            found.uncompared[dataset] = f"{type(error).__name__}: {error}"
    return found


class _Comparison:
    """Of one dataset."""

    def __init__(
        self, contract: Contract, landing: Landing, services: Services, asked: Asked, found: Reconciliation
    ) -> None:
        self._contract = contract
        self._landing = landing
        self._services = services
        self._asked = asked
        self._found = found
        self._differences = 0
        self._lake = LakeParts(contract.dataset, services)
        self._warehouse = WarehouseRows(contract, services, asked.since)

    def run(self, stop_at: float) -> None:
        """All places, while more than `stop_at` seconds are left. Raises _EndedEarlyError where the rest is not."""
        dataset, since = self._contract.dataset, self._asked.since
        for files in slices(self._services.ledger.files_of(dataset, since)):
            self._check_time(stop_at, f"the files that arrived from {files[0].arrived_at} on")
            self._slice(files)
            self._asked.told(self._found)
        self._at_rest(self._warehouse.of_all)
        if not since:
            self._add(self._lake.strays())
        self._found.parts += self._lake.parts
        self._found.rows += self._warehouse.rows
        for objects in chunks(self._landing.versions(self._contract.prefix), OBJECTS_AT_ONCE):
            self._check_time(stop_at, f"the objects in landing from {objects[0].key} on")
            self._found.objects += len(objects)
            self._add(self._unknown(objects))
            self._asked.told(self._found)

    def _slice(self, files: list[FileRecord]) -> None:
        self._found.files += len(files)
        merges = self._contract.merge_seconds if self._contract.staged else 0
        waits = timedelta(seconds=self._contract.wait_seconds + merges)
        self._add(_standing_still(files, datetime.now(UTC) - STILL - waits))
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
        return [self._services.ledger.lane_state(self._contract.dataset, lane) for lane in LANES]

    def _add(self, differences: Iterable[Difference]) -> None:
        for difference in differences:
            self._found.differences.append(difference)
            self._differences += 1
            if self._differences == MOST_DIFFERENCES:
                raise _EndedEarlyError(f"it has more than {MOST_DIFFERENCES:,} differences")

    def _check_time(self, stop_at: float, rest: str) -> None:
        if self._asked.left() < stop_at:
            raise _EndedEarlyError(f"time was over before {rest}")

    def _unknown(self, objects: list[Landed]) -> Iterator[Difference]:
        """Objects that the ledger should know by now."""
        dataset, until = self._contract.dataset, datetime.now(UTC) - self._asked.grace
        due = [
            item
            for item in objects
            if item.latest and item.at >= self._asked.since and datetime.fromisoformat(item.at) <= until
        ]
        known = self._services.ledger.known([item.file_id for item in due])
        for item in due:
            if item.file_id in known or route(item.arrival(), self._services.catalog.all()).dataset != dataset:
                continue
            what = f"{item.key} has landed, the ledger does not know it"
            yield Difference("unknown object", dataset, what, f"`headrace backfill {dataset} {item.key}`")


def _standing_still(files: list[FileRecord], since: datetime) -> Iterator[Difference]:
    for file in files:
        moved = file.updated_at or file.arrived_at
        if file.status in OPEN and datetime.fromisoformat(moved) < since:
            what = f"{file.key} is {file.status} since {moved}"
            advice = f"`headrace trace {file.key}` shows where it stands, `headrace retry {file.key}` sends it again"
            yield Difference("standing still", file.dataset, what, advice)


def slices(files: Iterable[FileRecord]) -> Iterator[list[FileRecord]]:
    """The files in their order, so many at a time that neither they nor their batches are too many."""
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


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """So many at a time."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
