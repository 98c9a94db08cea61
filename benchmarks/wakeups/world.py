"""A stack on a simulated clock: the deployed use cases decide when groups begin, over a ledger in memory.

What takes time is drawn at random, from a fixed seed: the event, the transform, the load, the time between two states.
Nothing else is simulated: the starter, the batches, what comes along, and the hand-over are the deployed code.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from itertools import count
from typing import Any
from unittest.mock import patch

from headrace.domain import clock
from headrace.domain.contract import Contract
from headrace.domain.contracts import Contracts
from headrace.domain.ingest.lane import WakeUps, oldest_of
from headrace.domain.ingest.ledger import LIVE, MERGE, Arrival, BatchRecord, FileRecord
from headrace.domain.ingest.outcome import Account, FileResult, Verdict, WarehouseRows
from headrace.usecases.ingest import starter
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_outcome import record_outcome
from tests.support.fakes import MemoryServices, MemoryWorkflow

SEED = 20261130
MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
HOUR = 3600
AWAKE_SECONDS = 60
"""What each wake-up is billed for at least:
https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-billing.html"""
EVENT, TRANSFORM, LOAD, STATE = (1.0, 3.0), (1.0, 5.0), (3.0, 8.0), (0.1, 0.5)
"""Seconds, from and to: from PUT to the starter; a group's files; a load alone with its outcome; between two states."""
CROWD_SECONDS = 0.25
"""How much longer a load takes for each other that runs beside it."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """A dataset's files: one every so many seconds on average. `load` is how long its loads take, from and to.

    `copies` bring no rows: each is a duplicate of a file that was loaded before, and no statement is sent for it.
    """

    contract: Contract
    every: float
    load: tuple[float, float] = LOAD
    copies: bool = False


@dataclass(slots=True)
class WakeUp:
    """From when to when the warehouse was awake, and for which datasets."""

    begun: float
    until: float
    datasets: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Warehouse:
    """It wakes for a statement, and is billed until all have ended, for a minute at least."""

    wake_ups: list[WakeUp] = field(default_factory=list)
    running: int = 0

    def begin(self, at: float, dataset: str) -> None:
        """A statement begins."""
        if not self.wake_ups or (at >= self.wake_ups[-1].until and not self.running):
            self.wake_ups.append(WakeUp(at, at + AWAKE_SECONDS))
        self.wake_ups[-1].datasets.add(dataset)
        self.running += 1

    def end(self, at: float) -> None:
        """A statement ends."""
        self.running -= 1
        self.wake_ups[-1].until = max(self.wake_ups[-1].until, at)


class Counts:
    """The warehouse's account of loads, which loads one row of each file."""

    def __init__(self, services: MemoryServices) -> None:
        self._services = services

    def counts_of(self, batch: str) -> dict[str, WarehouseRows]:
        """A row of each file."""
        return dict.fromkeys(self._services.batches.get(batch).file_ids, WarehouseRows(1, 1))

    def staged_counts(self, batch: str, _stage: str) -> dict[str, int]:
        """A row of each file."""
        return dict.fromkeys(self._services.batches.get(batch).file_ids, 1)

    def counts_of_earlier(self, _batch: str, _after: str, _most: int) -> list[Account]:
        """Nothing is superseded."""
        return []

    def name_objects(self, files: Iterable[FileRecord]) -> None:
        """Names are of no interest here."""


class SimulatedServices(MemoryServices):
    """Services in memory, with a warehouse that keeps simple accounts."""

    @property
    def loads(self) -> Any:
        """The account of loads."""
        return Counts(self)


class Executions(MemoryWorkflow):
    """Step Functions: an execution begins after its wait."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def start(self, dataset: str, lane: str, generation: int, wait_seconds: int) -> bool:
        started = super().start(dataset, lane, generation, wait_seconds)
        if started:
            self._world.after(wait_seconds, lambda: self._world.execute(dataset, lane, generation))
        return started


class World:
    """Datasets, their files, and what becomes of them."""

    def __init__(self, traffic: Iterable[Traffic], hours: float, *, shared: bool) -> None:
        self.traffic = {one.contract.dataset: one for one in traffic}
        contracts = Contracts([one.contract for one in self.traffic.values()])
        self.services = SimulatedServices(contracts=contracts, wake_ups=WakeUps(shared))
        self.services.workflow = Executions(self)
        self.warehouse = Warehouse()
        self.groups: list[float] = []
        self.idle: list[float] = []
        self.queryable: dict[str, float] = {}
        self.now = MIDNIGHT
        self._ends = MIDNIGHT + hours * HOUR
        self._random = random.Random(SEED)
        self._arrivals = {name: random.Random(f"{SEED} {name}") for name in self.traffic}  # the same in every run
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()
        self._numbers = count(1)
        for one in self.traffic.values():
            self._land_later(one)

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        """Let something happen later."""
        heapq.heappush(self._events, (self.now + seconds, next(self._order), do))

    def run(self) -> None:
        """Until all that landed is loaded."""
        with self._clock(), redirect_stdout(StringIO()):  # the metrics of each batch
            while self._events:
                self.now, _, do = heapq.heappop(self._events)
                do()

    @contextmanager
    def _clock(self) -> Iterator[None]:
        with patch.object(clock, "utc", lambda: datetime.fromtimestamp(self.now, UTC)):
            yield

    def _between(self, bounds: tuple[float, float]) -> float:
        return self._random.uniform(*bounds)

    def _land_later(self, traffic: Traffic) -> None:
        arrivals = self._arrivals[traffic.contract.dataset]
        self.after(arrivals.expovariate(1 / traffic.every), lambda: self._land(traffic))

    def _land(self, traffic: Traffic) -> None:
        if self.now >= self._ends:
            return
        key = f"{traffic.contract.prefix}{next(self._numbers)}.csv"
        arrival = Arrival("landing", key, "v1", 100_000, "e", "01", clock.now())
        self.after(self._between(EVENT), lambda: self._note(arrival))
        self._land_later(traffic)

    def _note(self, arrival: Arrival) -> None:
        file = starter.record(arrival, self.services)
        starter.wake(file.dataset, self.services, LIVE, oldest_of([file]))

    def execute(self, dataset: str, lane: str, generation: int) -> None:
        """An execution from the end of its wait."""
        batch = record_batch(dataset, lane, generation, f"{dataset}-{lane}-{generation}", self.services)["batch"]
        if not batch:
            self.idle.append(self.now)
            self.after(self._between(STATE), lambda: hand_over(dataset, lane, generation, self.services))
            return
        self.groups.append(self.now)
        transform = 0.0 if lane == MERGE else self._between(TRANSFORM)
        then = self._pass_by if self.traffic[dataset].copies else self._load
        self.after(transform + self._between(STATE), lambda: then(batch))

    def _pass_by(self, name: str) -> None:
        batch = self.services.batches.get(name)
        self._end(batch, [FileResult(file_id, Verdict.DUPLICATE, 1) for file_id in batch.file_ids])

    def _load(self, name: str) -> None:
        batch = self.services.batches.get(name)
        self.warehouse.begin(self.now, batch.dataset)
        crowd = CROWD_SECONDS * (self.warehouse.running - 1)
        self.after(self._between(self.traffic[batch.dataset].load) + crowd, lambda: self._loaded(batch))

    def _loaded(self, batch: BatchRecord) -> None:
        self.warehouse.end(self.now)
        if batch.lane == MERGE or not self.services.contracts.get(batch.dataset).staged:
            self.queryable |= dict.fromkeys(batch.file_ids, self.now)
        self._end(batch, [FileResult(file_id, Verdict.GOOD, 1, 1, sha256=file_id) for file_id in batch.file_ids])

    def _end(self, batch: BatchRecord, results: list[FileResult]) -> None:
        record_outcome(batch, results, self.services)
        order = batch.dataset, batch.lane, batch.generation
        self.after(self._between(STATE), lambda: hand_over(*order, self.services))
