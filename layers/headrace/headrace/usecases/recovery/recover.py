"""What no Catch can catch: executions that were stopped, timed out or broke, and wake-ups that never came."""

from __future__ import annotations

from typing import Protocol

from headrace.domain.ingest.ledger import LANES
from headrace.observability import logger
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.starter import wake
from headrace.usecases.ports import HasBatches, HasCatalog, HasLanes, HasTopic, HasWorkflow

DEAD = frozenset({"FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED"})
"""Only a terminal status counts as dead. SUCCEEDED too, if the generation was not moved on."""


class Services(HasBatches, HasCatalog, HasLanes, HasTopic, HasWorkflow, Protocol):
    """The ports used here."""


def recover(dataset: str, lane: str, generation: int, services: Services) -> bool:
    """An execution ended badly: what it left is taken up by the next. Harmless when it had handed over itself."""
    return hand_over(dataset, lane, generation, services)


def sweep(services: Services, lanes: tuple[str, ...] = LANES) -> list[str]:
    """Look at every lane and restart those that are stuck. Returns them."""
    helped = [
        f"{contract.dataset}/{lane}"
        for contract in services.catalog.all()
        for lane in lanes
        if help_lane(contract.dataset, lane, services)
    ]
    if helped:
        logger.warning("stuck lanes were started again", extra={"lanes": helped})
    return helped


def help_lane(dataset: str, lane: str, services: Services) -> bool:
    """Start a lane that is stuck. Returns whether it did."""
    state = services.lanes.state(dataset, lane)
    status = services.workflow.status(dataset, lane, state.generation)
    if status in DEAD:
        return hand_over(dataset, lane, state.generation, services)
    blocked = state.blocked(services.catalog.contract(dataset))
    if status is None and not blocked and (state.open_batch or services.lanes.pending(dataset, lane, 1)):
        wake(dataset, services, lane)
        return True
    return False
