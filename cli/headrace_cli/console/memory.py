"""The ledger's files in memory, so that a page is there at once, and a thread that keeps them as the ledger has them.

The commands read every file's record each time: right for one answer, too slow for a page that is open all day. Here
each dataset is read once, then again in part: the files that came last, and those that are still under way. All of it
is read again now and then, in a share of the time that is bounded, for what no such look finds: rows that a later file
has superseded, a file that was recorded late.
"""

from __future__ import annotations

import copy
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from headrace.domain.clock import written
from headrace.domain.ingest.ledger import LANES, LIVE, RUN, UNROUTABLE, BatchStatus, FileRecord
from headrace_cli.output.failures import explain
from headrace_cli.output.formatting import moment
from headrace_cli.stack.lateness import UNDER_WAY

if TYPE_CHECKING:
    from headrace.adapters.ledger import DynamoLedger
    from headrace.adapters.ledger.counters import DynamoCounters
    from headrace.adapters.ledger.files import DynamoFiles
    from headrace.adapters.ledger.lanes import DynamoLanes
    from headrace.domain.ingest.counts import Tally
    from headrace.domain.ingest.lane import LaneState
    from headrace_cli.stack.target import Target

MOST_FILES = 200_000
"""Of one dataset, in memory: the newest. What is older is for the command line."""
MOST_UNDER_WAY = 400
"""Files looked at one by one in a look; of more, the next ones in the next look."""
OVERLAP = timedelta(seconds=60)
"""Files that came so long before the newest one may be recorded after it."""
SHARE = 20
"""The whole is read again at the earliest after this many times the time that it took."""
IDLE_SECONDS = 60
"""So long after the last look of a browser nothing is read."""
MOST_LOADS, LOADS_AT_ONCE = 50_000, 200
"""Batches whose ends are kept, and those that are read when figures are made; the rest the next time."""
CONTRACTS_SECONDS = 30
"""A deployment is seen after this time at the latest."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the stack is asked: seconds between two looks, and between two readings of everything."""

    look: float
    whole: float


ON_LAPTOP = Pace(look=1.0, whole=5.0)
ON_AWS = Pace(look=10.0, whole=300.0)


@dataclass
class Remembered:
    """A dataset's files by id, in the order of their arrival. `version` changes whenever one of them does."""

    files: dict[str, FileRecord] = field(default_factory=dict)
    ordered: tuple[FileRecord, ...] = ()
    version: int = 0
    read_at: float = 0.0
    took: float = 0.0
    cut: bool = False
    turn: int = 0

    def due(self) -> list[FileRecord]:
        """The files under way that are looked at now: at most `MOST_UNDER_WAY`, each of them in its turn."""
        under_way = [file for file in self.ordered if file.status in UNDER_WAY]
        begin = self.turn if self.turn < len(under_way) else 0
        chosen = under_way[begin : begin + MOST_UNDER_WAY]
        self.turn = begin + len(chosen)
        return chosen

    def take(self, found: Iterable[FileRecord], *, whole: bool, tell: Callable[[int], None] = lambda _: None) -> bool:
        """Take in what was read; with the `whole`, what was not read is gone. Returns whether anything changed."""
        fresh: dict[str, FileRecord] = {}
        changed = False
        for number, file in enumerate(found):
            known = self.files.get(file.file_id)
            slim = slimmed(file)
            changed |= known != slim
            fresh[file.file_id] = known if known == slim and known else slim
            if number % 1000 == 0:
                tell(number)
            if len(fresh) > MOST_FILES:
                fresh.pop(next(iter(fresh)))
                self.cut = True
        if whole:
            changed |= len(fresh) != len(self.files)
        else:
            fresh = self.files | fresh
        if changed:
            ordered = sorted(fresh.values(), key=lambda file: (file.arrived_at, file.file_id))
            self.cut |= len(ordered) > MOST_FILES
            self.ordered = tuple(ordered[-MOST_FILES:])
            self.files = {file.file_id: file for file in self.ordered}
            self.version += 1
        return changed


class Memory:
    """The files of a stack. `changes` counts what has changed since the start; pages are drawn again by it."""

    def __init__(self, target: Target, pace: Pace | None = None) -> None:
        self._target = target
        self.pace = pace or (ON_LAPTOP if target.endpoint_url else ON_AWS)
        self._datasets: dict[str, Remembered] = {}
        self._lanes: dict[tuple[str, str], LaneState] = {}
        self._ends: dict[str, str] = {}
        self._read_whole = False
        self._asked = threading.Event()
        self._stopped = threading.Event()
        self._last_asked = time.monotonic()
        self._contracts_at = 0.0
        self.changes = 0
        self.complete = False
        self.files_read = 0
        self.trouble = ""
        self.view = self._view()

    def _view(self) -> Target:
        """The stack as the pages see it: the lists of files are those in memory, all else is asked for."""
        view = copy.copy(self._target)
        ledger = copy.copy(self._target.ledger)
        ledger.files = cast("DynamoFiles", RememberedFiles(self._target.ledger, self))
        ledger.lanes = cast("DynamoLanes", RememberedLanes(self._target.ledger, self._lanes))
        ledger.counters = cast("DynamoCounters", NoCounters(self._target.ledger))
        view.ledger = ledger
        return view

    def ordered(self, dataset: str) -> tuple[FileRecord, ...]:
        """A dataset's files, by time of arrival."""
        return self._datasets[dataset].ordered if dataset in self._datasets else ()

    def version(self, dataset: str) -> int:
        """How often a dataset's files have changed."""
        return self._datasets[dataset].version if dataset in self._datasets else 0

    def ends(self, batches: Iterable[str]) -> dict[str, str]:
        """When these batches were loaded, of those that are known: a file's own record is written again later.

        At most `LOADS_AT_ONCE` are read from the ledger, the first ones; a batch that was loaded stays so.
        """
        wanted = list(dict.fromkeys(batches))
        for batch in [name for name in wanted if name not in self._ends][:LOADS_AT_ONCE]:
            with suppress(KeyError):
                record = self._target.ledger.batches.get(batch)
                if record.status is BatchStatus.LOADED and record.ended_at:
                    self._ends[batch] = record.ended_at
        while len(self._ends) > MOST_LOADS:
            self._ends.pop(next(iter(self._ends)))
        return {batch: self._ends[batch] for batch in wanted if batch in self._ends}

    @property
    def cut(self) -> list[str]:
        """The datasets that have more files than are in memory."""
        return [name for name, known in self._datasets.items() if known.cut]

    def ask(self) -> None:
        """A browser looks: what it sees is kept current for a while."""
        self._last_asked = time.monotonic()

    def hurry(self) -> None:
        """A person has changed something: read everything again at once."""
        self._read_whole = True
        self._asked.set()

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._run, name="memory", daemon=True).start()

    def stop(self) -> None:
        """Read no more."""
        self._stopped.set()
        self._asked.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            began = time.monotonic()
            if began - self._last_asked < IDLE_SECONDS:
                self._look_safely()
            took = time.monotonic() - began
            self._asked.wait(max(self.pace.look, took))
            self._asked.clear()

    def _look_safely(self) -> None:
        """A stack that does not answer must not end the thread: the pages say what is wrong until it does."""
        try:
            self.look()
            trouble = ""
        except Exception as error:  # whatever it is, it is shown, and the next look may go well
            trouble = explain(error)
        if trouble != self.trouble:
            self.trouble = trouble
            self.changes += 1

    def look(self) -> None:
        """Read once what may have changed."""
        began = time.monotonic()
        self._look_at_contracts(began)
        whole, self._read_whole = self._read_whole, False
        changed = False
        rest = max(self.pace.whole, SHARE * sum(known.took for known in self._datasets.values()))
        for dataset in (*self.view.contracts, UNROUTABLE):
            known = self._datasets.setdefault(dataset, Remembered())
            due = began - known.read_at >= rest
            whole_now = whole or due or not known.read_at
            moved = self._read(dataset, known, whole=whole_now)
            if (moved or whole_now) and dataset != UNROUTABLE:
                self._read_lanes(dataset)
            changed |= moved
        if changed or not self.complete:
            self.complete = True
            self.changes += 1

    def _look_at_contracts(self, now: float) -> None:
        if now - self._contracts_at < CONTRACTS_SECONDS:
            return
        fresh = copy.copy(self._target)
        for name in ("contracts", "outputs"):
            fresh.__dict__.pop(name, None)
        if fresh.contracts != self.view.__dict__.get("contracts"):
            for target in (self.view, self._target):
                target.contracts, target.outputs = fresh.contracts, fresh.outputs
            self.changes += 1
        self._contracts_at = now

    def _read(self, dataset: str, known: Remembered, *, whole: bool) -> bool:
        files, before = self._target.ledger.files, self.files_read
        if not whole:
            return known.take(self._recent(dataset, known, known.due()), whole=False)

        def tell(number: int) -> None:
            if not self.complete and number:
                self.files_read = before + number
                self.changes += 1

        began = time.monotonic()
        changed = known.take(files.of_dataset(dataset), whole=True, tell=tell)
        known.read_at, known.took = began, time.monotonic() - began
        self.files_read = before + len(known.files)
        return changed

    def _read_lanes(self, dataset: str) -> None:
        """The live lane, which says of every file whether it may be late; of the others when a page asks."""
        for lane in LANES:
            self._lanes.pop((dataset, lane), None)
        self.view.ledger.lanes.state(dataset, LIVE)

    def _recent(self, dataset: str, known: Remembered, under_way: list[FileRecord]) -> Iterator[FileRecord]:
        files = self._target.ledger.files
        since = known.ordered[-1].arrived_at if known.ordered else ""
        seen = set()
        for file in files.of_dataset(dataset, written(moment(since) - OVERLAP) if since else ""):
            seen.add(file.file_id)
            yield file
        left = [file.file_id for file in under_way if file.file_id not in seen]
        yield from (file for file in files.known(left).values() if file.dataset == dataset)


class RememberedFiles:
    """The port of files: lists out of memory, single files as the ledger has them now."""

    def __init__(self, ledger: DynamoLedger, memory: Memory) -> None:
        self._files = ledger.files
        self._memory = memory

    def of_dataset(self, dataset: str, since: str = "", until: str = "") -> Iterator[FileRecord]:
        """A dataset's files that arrived since then (ISO 8601), until then if given, by time of arrival."""
        files = self._memory.ordered(dataset)
        return (file for file in files if file.arrived_at >= since and (not until or file.arrived_at <= until))

    def number(self, dataset: str, since: str = "") -> int:
        """How many files `of_dataset` lists."""
        return sum(1 for _ in self.of_dataset(dataset, since))

    def __getattr__(self, name: str) -> Any:
        """All else is as the ledger has it now."""
        return getattr(self._files, name)


class NoCounters:
    """The port of counters, of which none count a dataset as a whole: lists come from the files in memory instead.

    Counters know nothing of what is under way, and each would be asked of the ledger for each page.
    """

    def __init__(self, ledger: DynamoLedger) -> None:
        self._counters = ledger.counters

    def totals(self) -> dict[str, Tally]:
        """None: whoever asks reads the files."""
        return {}

    def __getattr__(self, name: str) -> Any:
        """All else is as the ledger has it now."""
        return getattr(self._counters, name)


class RememberedLanes:
    """The port of lanes: their states as they were when a file of the dataset changed last, all else as it is."""

    def __init__(self, ledger: DynamoLedger, known: dict[tuple[str, str], LaneState]) -> None:
        self._lanes = ledger.lanes
        self._known = known

    def state(self, dataset: str, lane: str) -> LaneState:
        """The state of a lane."""
        found = self._known.get((dataset, lane))
        if found is None:
            found = self._known[dataset, lane] = self._lanes.state(dataset, lane)
        return found

    def __getattr__(self, name: str) -> Any:
        """All else is as the ledger has it now."""
        return getattr(self._lanes, name)


def slimmed(file: FileRecord) -> FileRecord:
    """A record as lists need it: what was detected in a file is read again with its page."""
    return replace(
        file,
        detected={RUN: file.detected[RUN]} if RUN in file.detected else {},
        etag="",
        dataset=sys.intern(file.dataset),
        lane=sys.intern(file.lane),
        bucket=sys.intern(file.bucket),
        batch=sys.intern(file.batch) if file.batch else None,
        contract_version=sys.intern(file.contract_version) if file.contract_version else None,
    )
