"""Notices of a lane that is stuck: each cause once, and once that it is over."""

from __future__ import annotations

from typing import Protocol

from headrace.domain.ingest.failure import classify
from headrace.domain.ingest.lane import LaneState, limits_of
from headrace.domain.ingest.ledger import BatchRecord
from headrace.domain.notice import Next, end_of_trouble_notice, failure_notice, loads_again_notice
from headrace.usecases.ports import HasContracts, HasLanes, HasTopic

WAITS = {Next.AGAIN, Next.KEPT, Next.STUCK}
"""After these the lane stands until something has changed, so that people want to know when it has."""


class Services(HasContracts, HasLanes, HasTopic, Protocol):
    """The ports used here."""


def report(batch: BatchRecord, reason: str, then: Next, services: Services) -> None:
    """Notify people of a failure, unless they were notified of the same cause and outcome since a batch last loaded."""
    failure = classify(reason)
    matter = f"{then.name} {failure.name}"
    if matter in services.lanes.state(batch.dataset, batch.lane).notified:
        return
    services.topic.publish(failure_notice(batch, reason, services.contracts.get(batch.dataset).channel, then))
    waits = then in WAITS and (failure.treatment.passes or then is not Next.AGAIN)
    services.lanes.note_trouble(batch, matter, waits=waits)


def is_everybodys(state: LaneState) -> bool:
    """Whether people know that nothing of the lane loads, for an error that may not be the files' fault."""
    return any(matter.startswith(Next.KEPT.name) for matter in state.notified)


def report_end(dataset: str, lane: str, state: LaneState, services: Services) -> None:
    """Notify people, once, that a lane loads again after a trouble that they know of."""
    contract = services.contracts.get(dataset)
    if state.given_up_at and state.loaded_since(state.given_up_at):
        services.topic.publish(loads_again_notice(contract, lane, state.given_up_at))
        services.lanes.end_given_up(dataset, lane, state.given_up_at)
    if not state.recovered:
        return
    waiting = len(services.lanes.pending(dataset, lane, limits_of(contract, lane).files))
    services.topic.publish(end_of_trouble_notice(contract, lane, str(state.failing_since), waiting))
    services.lanes.end_trouble(dataset, lane, str(state.failing_since))
