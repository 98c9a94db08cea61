"""The end of an execution, by itself or by whoever finds it dead: the next generation's turn.

The generation is moved on first and the look for files comes after. A file written before the move is seen by that
look; one written after it starts the new name itself. So no wake-up is lost.
"""

from __future__ import annotations

from headrace.domain.lane import wait_seconds
from headrace.usecases.ports import Services


def hand_over(dataset: str, lane: str, generation: int, services: Services) -> bool:
    """Move on from `generation`, and start the next execution if anything waits. Returns whether anything does."""
    services.ledger.advance_generation(dataset, lane, generation)
    state = services.ledger.lane_state(dataset, lane)
    left_open = services.ledger.batch(state.open_batch) if state.open_batch else None
    contract = services.catalog.contract(dataset)
    if left_open is None and (state.blocked(contract) or not services.ledger.pending(dataset, lane, 1)):
        return False
    wait = wait_seconds(contract, left_open)
    services.workflow.start(dataset, lane, state.generation, wait)
    return True
