"""What no Catch can catch: executions that were stopped, timed out or broke, and wake-ups that never came."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from headrace.domain.clock import now
from headrace.domain.ingest.failure import classify, explain, for_people
from headrace.domain.ingest.ledger import LANES
from headrace.domain.notice import Next
from headrace.observability import logger
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.starter import wake
from headrace.usecases.ingest.trouble import report
from headrace.usecases.ports import (
    HasBatches,
    HasContracts,
    HasEvents,
    HasLanes,
    HasSleepers,
    HasTopic,
    HasWakeUps,
    HasWorkflow,
)
from headrace.usecases.recovery.one_by_one import OneByOne
from headrace.usecases.recovery.pause import end_if_over

DEAD = frozenset({"FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED"})
"""Only a terminal status counts as dead. SUCCEEDED too, if the generation was not moved on."""
UNCAUGHT = frozenset({"States.DataLimitExceeded", "States.Runtime"})
"""Errors that end an execution in any state, since `States.ALL` matches neither:
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""


class Services(HasBatches, HasContracts, HasEvents, HasLanes, HasSleepers, HasTopic, HasWakeUps, HasWorkflow, Protocol):
    """The ports used here."""


def recover(dataset: str, lane: str, generation: int, services: Services) -> bool:
    """An execution ended badly: what it left is taken up by the next. Harmless when it had handed over itself.

    If no Catch saw why it ended, its batch and people learn it here: the next execution splits a batch that was too
    large instead of running it again.
    """
    _note_uncaught(dataset, lane, generation, services)
    return hand_over(dataset, lane, generation, services)


def _note_uncaught(dataset: str, lane: str, generation: int, services: Services) -> None:
    state = services.lanes.state(dataset, lane)
    if state.open_batch is None or state.generation != generation:
        return
    error, cause = services.workflow.error(dataset, lane, generation)
    if error not in UNCAUGHT:
        return
    batch, text = services.batches.get(state.open_batch), explain(error, cause)
    failure = classify(text)
    reason = for_people(failure, text)
    services.events.note_batch(batch.batch, "Failed", {"error": error, "reason": reason, "failure": failure.name})
    services.batches.note_reason(replace(batch, failed_at=batch.failed_at or now()), reason)
    if not failure.treatment.final:  # the next execution reports that it is split
        report(batch, reason, Next.AGAIN, services)


def sweep(services: Services, lanes: tuple[str, ...] = LANES) -> list[str]:
    """Look at every lane and restart those that are stuck. Returns them. Raises BrokenError in the end, if any is."""
    helped, each = list[str](), OneByOne()
    for contract in services.contracts.all():
        for lane in lanes:
            with each.of(name := f"{contract.dataset}/{lane}"):
                if help_lane(contract.dataset, lane, services):
                    helped.append(name)
    if helped:
        logger.warning("stuck lanes were started again", extra={"lanes": helped})
    each.end()
    return helped


def help_lane(dataset: str, lane: str, services: Services) -> bool:
    """Start a lane that is stuck. Returns whether it did."""
    state = services.lanes.state(dataset, lane)
    if end_if_over(dataset, lane, state, services):
        state = services.lanes.state(dataset, lane)
    status = services.workflow.status(dataset, lane, state.generation)
    if status in DEAD:
        return recover(dataset, lane, state.generation, services)
    blocked = state.blocked(services.contracts.get(dataset))
    if status is None and not blocked and (state.open_batch or services.lanes.pending(dataset, lane, 1)):
        wake(dataset, services, lane)
        return True
    return False
