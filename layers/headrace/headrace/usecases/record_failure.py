"""A step failed: write down why, and decide whether the batch is tried again."""

from __future__ import annotations

import json

from headrace.domain.ledger import BatchRecord
from headrace.domain.notice import Next, of_failure
from headrace.usecases.give_up import allowed_for, give_up
from headrace.usecases.ports import Services

LOAD_REFUSED = "LoadRefused"
"""The state machine's name for a load that the warehouse refused for a reason that stays."""


def record_failure(batch: BatchRecord, error: str, cause: str, services: Services) -> bool:
    """Returns whether the batch is tried again as it is. A refused load is not; anything else gets more executions."""
    reason = explain(error, cause)
    services.ledger.tell_batch(batch.batch, "Failed", {"error": error, "reason": reason})
    if error == LOAD_REFUSED or batch.attempts >= allowed_for(batch, services):
        give_up(batch, reason, services)
        return False
    services.ledger.note_reason(batch, reason)
    channel = services.catalog.contract(batch.dataset).channel
    services.topic.publish(of_failure(batch, reason, channel, Next.AGAIN))
    return True


def explain(error: str, cause: str) -> str:
    """One sentence out of Step Functions' error and cause, which may be a Lambda's JSON."""
    message = _lambda_message(cause) or cause or "no cause was given"
    return f"{error}: {' '.join(message.split())}"[:1000]


def _lambda_message(cause: str) -> str:
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return ""
