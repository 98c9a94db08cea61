"""The files of a lane that may be in its next batch."""

from __future__ import annotations

from headrace.domain import clock
from headrace.domain.contract import Contract
from headrace.domain.ingest.lane import MOST_LOOKED_AT, most_looked_at
from headrace.domain.ingest.ledger import FileRecord
from headrace.domain.ingest.packing import stands_back
from headrace.usecases.ports import HasLanes


def waiting_in(contract: Contract, lane: str, loaded_at: str | None, services: HasLanes) -> list[FileRecord]:
    """The oldest files that wait, as many as a batch may hold; more where all of these let others go before them."""
    most = most_looked_at(contract, lane)
    waiting = services.lanes.pending(contract.dataset, lane, most)
    at = clock.seconds()
    if len(waiting) < most or not all(stands_back(file, loaded_at, at) for file in waiting):
        return waiting
    return services.lanes.pending(contract.dataset, lane, MOST_LOOKED_AT)
