"""The end of an execution, by itself or by whoever finds it dead: the next generation's turn.

The generation is moved on first and the look for files comes after. A file written before the move is seen by that
look; one written after it starts the new name itself. So no wake-up is lost.
"""

from __future__ import annotations

from headrace.domain import clock
from headrace.domain.lane import limits_of, wait_seconds
from headrace.domain.ledger import MERGE, FileRecord
from headrace.usecases.ports import Services
from headrace.usecases.receive import wake


def hand_over(dataset: str, lane: str, generation: int, services: Services) -> bool:
    """Move on from `generation`, and start the next execution if anything waits. Returns whether anything does.

    What a batch has staged is told to the merge lane in the same way as a landed file to its own: after it was written.
    """
    services.ledger.advance_generation(dataset, lane, generation)
    contract = services.catalog.contract(dataset)
    if lane != MERGE and contract.staged and services.ledger.pending(dataset, MERGE, 1):
        wake(dataset, services, MERGE)
    state = services.ledger.lane_state(dataset, lane)
    left_open = services.ledger.batch(state.open_batch) if state.open_batch else None
    full = limits_of(contract, lane).files if lane == MERGE else 1
    waiting = services.ledger.pending(dataset, lane, full)
    if left_open is None and (state.blocked(contract) or not waiting):
        return False
    wait = wait_seconds(contract, lane, left_open, clock.seconds())
    urgent = left_open is None and _cannot_wait(lane, waiting, full)
    services.workflow.start(dataset, lane, state.generation, 0 if urgent else wait)
    return True


def _cannot_wait(lane: str, waiting: list[FileRecord], full: int) -> bool:
    """Whether the search for a file that fails its batch is under way, or more is staged than one merge takes."""
    return any(file.suspects for file in waiting) or (lane == MERGE and len(waiting) == full)
