"""The end of an execution, which it does itself or a function that finds it dead: the next generation's turn.

The generation is moved on first and the look for files comes after. A file written before the move is seen by that
look; one written after it starts the new name itself. So no wake-up is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from headrace.domain import clock
from headrace.domain.executions import execution_name
from headrace.domain.ingest.lane import LaneState, group_wait, most_looked_at, oldest_of, wait_seconds
from headrace.domain.ingest.ledger import MERGE, FileRecord
from headrace.domain.ingest.packing import waiting_in, waits_for_others
from headrace.usecases.ingest.starter import start, wake
from headrace.usecases.ingest.trouble import report_end
from headrace.usecases.ports import (
    HasBatches,
    HasContracts,
    HasLanes,
    HasSleepers,
    HasTopic,
    HasWakeUps,
    HasWorkflow,
)

IDLE_SECONDS = 10
"""The least wait behind an execution that made no batch, though something waits: the next may find no more."""


class Services(HasBatches, HasContracts, HasLanes, HasSleepers, HasTopic, HasWakeUps, HasWorkflow, Protocol):
    """The ports used here."""


def hand_over(dataset: str, lane: str, generation: int, services: Services) -> bool:
    """Move on from `generation`, and start the next execution if anything waits. Returns whether anything does.

    What a batch has staged is announced to the merge lane as a landed file is to its own: after it was written.
    People are notified when the lane loads again after a trouble that they know of.
    """
    moved = services.lanes.advance(dataset, lane, generation)
    contract = services.contracts.get(dataset)
    if lane != MERGE and contract.staged and services.lanes.pending(dataset, MERGE, 1):
        wake(dataset, services, MERGE)
    state = services.lanes.state(dataset, lane)
    more = _start_next(
        dataset, lane, state, services, lambda: moved and _made_none(dataset, lane, generation, services)
    )
    report_end(dataset, lane, state, services)
    return more


def _start_next(dataset: str, lane: str, state: LaneState, services: Services, was_idle: Callable[[], bool]) -> bool:
    contract = services.contracts.get(dataset)
    left_open = services.batches.get(state.open_batch) if state.open_batch else None
    waiting = waiting_in(lane, contract, state.loaded_at, services.lanes.pending)
    if left_open is None and (state.blocked(contract) or not waiting):
        return False
    failing_since, at = _failing_since(waiting, state), clock.seconds()
    group = group_wait(contract, state.took, oldest_of(waiting), at, services.wake_ups)
    wait = wait_seconds(contract, lane, left_open, at, failing_since, group)
    most = most_looked_at(contract, lane)
    urgent = left_open is None and not failing_since and _cannot_wait(lane, waiting, most, state)
    comes_along = not (left_open or failing_since or lane == MERGE)
    wait = 0 if urgent else wait
    if wait < IDLE_SECONDS and left_open is None and was_idle():
        wait = IDLE_SECONDS
    start(dataset, lane, state.generation, wait, services, comes_along=comes_along)
    return True


def _made_none(dataset: str, lane: str, generation: int, services: Services) -> bool:
    """Whether the execution of this generation made no batch of what waited."""
    try:
        services.batches.get(execution_name(dataset, lane, generation))
    except KeyError:
        return True
    return False


def _failing_since(waiting: list[FileRecord], state: LaneState) -> str | None:
    """Since when all that waits has been failing; None while there is something that may load."""
    failing = [file.failing_since for file in waiting if waits_for_others(file, state.loaded_at) and file.failing_since]
    return min(failing) if failing and len(failing) == len(waiting) else None


def _cannot_wait(lane: str, waiting: list[FileRecord], most: int, state: LaneState) -> bool:
    """Whether the search for a file that fails its batch is under way, or more is staged than one merge takes."""
    searching = any(file.suspects and not waits_for_others(file, state.loaded_at) for file in waiting)
    return searching or (lane == MERGE and len(waiting) >= most)
