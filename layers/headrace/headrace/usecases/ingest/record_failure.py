"""A step failed: write down why, and decide whether the batch is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from headrace.domain.clock import now
from headrace.domain.ingest.failure import CROWDED, TIMED_OUT, classify, explain, for_people
from headrace.domain.ingest.ledger import BatchRecord
from headrace.domain.notice import Next
from headrace.usecases.ingest.bisect_batch import allowed_for, give_up, is_waited_out, treatment_of
from headrace.usecases.ingest.killed_units import blamed, crowded
from headrace.usecases.ingest.trouble import report
from headrace.usecases.ports import (
    HasBatches,
    HasContents,
    HasContracts,
    HasEvents,
    HasFiles,
    HasLake,
    HasLanes,
    HasLoads,
    HasTopic,
)


class Services(
    HasBatches, HasContents, HasContracts, HasEvents, HasFiles, HasLake, HasLanes, HasLoads, HasTopic, Protocol
):
    """The ports used here."""


STEP_TIMED_OUT = "StepTimedOut"
"""What is said of a function that timed out over no unit: it has read no file, so none is to blame."""


def batch_of(dataset: str, lane: str, generation: int, services: Services) -> BatchRecord | None:
    """The batch that an execution works on: none, if it is out of its turn, since the lane's open one is another's."""
    state = services.lanes.state(dataset, lane)
    if state.open_batch is None or state.generation != generation:
        return None
    return services.batches.get(state.open_batch)


def record_failure(batch: BatchRecord, error: str, cause: str, services: Services, killed: Sequence[int] = ()) -> bool:
    """Returns whether the batch is tried again as it is; the catalogue says what is done about an error.

    A transient error is waited out and no attempt counts; one that a file's data or the size of the batch brings
    about is final at once, and so is a function that was killed, by time or memory, over the units `killed`, or ended
    itself since their files were too much together; any other gets more executions. People are notified of each cause
    once while it lasts.
    """
    text = explain(error, cause)
    if not killed and classify(text).name in TIMED_OUT:
        text = f"{STEP_TIMED_OUT}: {text}"
    failure = classify(text)
    reason = for_people(failure, text, services.contracts.get(batch.dataset).names)
    services.events.note_batch(batch.batch, "Failed", {"error": error, "reason": reason, "failure": failure.name})
    batch = replace(batch, failed_at=batch.failed_at or now())
    if batch.condemned:  # what is left of giving it up has failed
        _give_up(batch, batch.reason or reason, services, frozenset())
        return False
    suspects = (crowded if failure.name == CROWDED else blamed)(batch, killed, services)
    final = treatment_of(reason).final or bool(suspects)
    passes = not final and is_waited_out(batch, failure.treatment)
    if final or not (passes or batch.attempts < allowed_for(replace(batch, reason=reason), services)):
        _give_up(batch, reason, services, suspects)
        return False
    services.batches.note_reason(batch, reason)
    report(batch, reason, Next.AGAIN, services)
    return True


def _give_up(batch: BatchRecord, reason: str, services: Services, killed: frozenset[str]) -> None:
    """Notify people, once, also when giving up fails."""
    try:
        give_up(batch, reason, services, killed)
    except Exception as error:
        said = explain(type(error).__name__, str(error))
        why = f"{reason}; giving it up failed: {for_people(classify(said), said)}"
        report(batch, why, Next.STUCK, services)
        raise
