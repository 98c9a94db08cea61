"""A step failed: write down why, and decide whether the batch is tried again."""

from __future__ import annotations

import json

from headrace.domain.ledger import BatchRecord
from headrace.domain.notice import Next, of_failure
from headrace.errors import LoadTooLargeError
from headrace.usecases.give_up import allowed_for, give_up
from headrace.usecases.ports import Services

LOAD_REFUSED = "LoadRefused"
"""The state machine's name for a load that the warehouse refused for a reason that stays."""
LASTING = {LOAD_REFUSED, LoadTooLargeError.__name__}
"""Errors with which the same batch would end again."""


def record_failure(batch: BatchRecord, error: str, cause: str, services: Services) -> bool:
    """Returns whether the batch is tried again as it is. A refused load is not; anything else gets more executions."""
    reason = explain(error, cause)
    services.ledger.tell_batch(batch.batch, "Failed", {"error": error, "reason": reason})
    if error in LASTING or batch.attempts >= allowed_for(batch, services):
        _give_up(batch, reason, services)
        return False
    services.ledger.note_reason(batch, reason)
    services.topic.publish(of_failure(batch, reason, _channel(batch, services), Next.AGAIN))
    return True


def _give_up(batch: BatchRecord, reason: str, services: Services) -> None:
    """People hear of it, once, also when that fails."""
    try:
        give_up(batch, reason, services)
    except Exception as error:
        if not batch.condemned:
            why = f"{reason}; giving it up failed: {type(error).__name__}: {error}"
            services.topic.publish(of_failure(batch, why, _channel(batch, services), Next.STUCK))
        raise


def _channel(batch: BatchRecord, services: Services) -> str | None:
    return services.catalog.contract(batch.dataset).channel


def explain(error: str, cause: str) -> str:
    """One sentence out of Step Functions' error and cause, which may be a Lambda's JSON."""
    message = _lambda_message(cause) or cause or "no cause was given"
    return f"{error}: {' '.join(message.split())}"[:1000]


def _lambda_message(cause: str) -> str:
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return ""
