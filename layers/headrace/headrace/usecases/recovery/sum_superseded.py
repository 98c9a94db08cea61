"""Keeps the account of superseded rows as short as the list of files: what is settled becomes one row for each file.

A load notes how many rows each earlier file lost to it, and its outcome is recorded from that, by batch. Once the
ledger has the outcome in full, nothing asks for the batch any more, only for the sum of each file (decision 90).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from headrace.domain import clock
from headrace.domain.ingest.ledger import LANES, BatchStatus
from headrace.observability import logger
from headrace.usecases.ports import HasBatches, HasLanes, HasLoads
from headrace.usecases.recovery.one_by_one import OneByOne

SETTLED_AFTER = timedelta(days=7)
"""No function that began with the batch runs any more, and `headrace unblock` had its time."""
BATCHES_AT_ONCE = 400
"""They are named in a statement, of which the Data API takes 100 kB; a name has up to 160 characters."""
LEFT = 120.0
"""Seconds that one transaction may take, and the wait for a load that was faster to the lock."""


class Services(HasBatches, HasLanes, HasLoads, Protocol):
    """The ports used here."""


def sum_all(datasets: list[str], services: Services, left: Callable[[], float]) -> dict[str, int]:
    """Do it for each of the datasets. Returns the batches by dataset. Raises BrokenError in the end, if one is."""
    summed, each = dict[str, int](), OneByOne()
    for dataset in datasets:
        with each.of(dataset):
            summed[dataset] = sum_superseded(dataset, services, left)
    each.end()
    return summed


def sum_superseded(dataset: str, services: Services, left: Callable[[], float]) -> int:
    """Sum up what settled batches of a dataset took from earlier files. Returns how many batches that were.

    It goes on while more than LEFT seconds are `left`, and while nothing of the dataset is being loaded: it would keep
    a load waiting, or wait for it. The next call takes the rest; batches whose outcome is not recorded in full stay.
    """
    before, after, summed = clock.written(clock.utc() - SETTLED_AFTER), "", 0
    while left() > LEFT and not _is_loading(dataset, services):
        batches = services.loads.unsummed(dataset, before, after, BATCHES_AT_ONCE)
        settled = [batch for batch in batches if _is_settled(batch, services)]
        if settled:
            services.loads.sum_up(dataset, settled)
        summed += len(settled)
        if len(batches) < BATCHES_AT_ONCE:
            break
        after = batches[-1]
    if summed:
        logger.info("superseded rows were summed up", extra={"dataset": dataset, "batches": summed})
    return summed


def _is_loading(dataset: str, services: Services) -> bool:
    return any(services.lanes.state(dataset, lane).open_batch for lane in LANES)


def _is_settled(name: str, services: Services) -> bool:
    """Whether the ledger has all that the batch took: a reason says that it was recorded without details."""
    try:
        batch = services.batches.get(name)
    except KeyError:
        return False
    return batch.status is BatchStatus.LOADED and batch.reason is None and batch.corrected is None
