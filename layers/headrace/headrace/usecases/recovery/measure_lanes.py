"""How the lanes of each dataset stand, as metrics: what waits, for how long, and for whom."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from headrace.domain import clock
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LANES, LIVE, MERGE
from headrace.observability import emit
from headrace.usecases.ports import HasBatches, HasContracts, HasFiles, HasLanes
from headrace.usecases.recovery.one_by_one import OneByOne
from headrace.usecases.recovery.watch_freshness import LaneServices, under_way

MOST_COUNTED = 1_000
"""Files of one lane that are counted: a look must not cost what a backlog holds."""


class Services(HasBatches, HasContracts, HasFiles, HasLanes, Protocol):
    """The ports used here."""


def measure_lanes(services: Services) -> int:
    """Emit how each dataset stands. Returns how many there are. Raises BrokenError in the end, if one is broken."""
    each, datasets = OneByOne(), [contract.dataset for contract in services.contracts.all()]
    for dataset in datasets:
        with each.of(f"the metrics of {dataset}"):
            emit(standing(dataset, services), dataset=dataset)
    each.end()
    return len(datasets)


def standing(dataset: str, services: LaneServices) -> dict[str, float]:
    """The metrics of a dataset. Files that were there before, or that people held up, are waiting but never old."""
    states = {lane: services.lanes.state(dataset, lane) for lane in LANES}
    waiting = sum(len(services.lanes.pending(dataset, lane, MOST_COUNTED)) for lane in LANES)
    since = [
        states[lane].waits_since(file.arrived_at)
        for lane in (LIVE, MERGE)
        for file in under_way(dataset, lane, states[lane], services)
        if file.is_promised
    ]
    measured = {
        "FilesWaiting": float(min(waiting, MOST_COUNTED)),
        "OldestWaitingSeconds": max((_age(at) for at in since), default=0.0),
        "BatchesHeld": float(sum(len(state.held) for state in states.values())),
        "LanesInTrouble": float(sum(_in_trouble(state) for state in states.values())),
    }
    loaded = max((state.loaded_at for state in states.values() if state.loaded_at), default=None)
    return measured | ({"NewestRowAgeSeconds": _age(loaded)} if loaded else {})


def _in_trouble(state: LaneState) -> bool:
    return state.failing_since is not None and not state.recovered


def _age(at: str) -> float:
    return max(0.0, round(clock.seconds() - datetime.fromisoformat(at).timestamp(), 1))
