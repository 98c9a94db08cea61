"""Executions of state machines: their names, and what the event of an ended one says of it."""

from __future__ import annotations

import json
from typing import Any

from headrace.domain.foreign import NOT_AS_EXPECTED
from headrace.domain.ingest.ledger import LIVE


def execution_name(dataset: str, lane: str, generation: int) -> str:
    """The execution of a generation: `readings-17`; lanes other than the live one are named: `readings-backfill-17`.

    The batch that it opens has the same name, and so has everything that the batch writes.
    """
    return f"{dataset}-{generation}" if lane == LIVE else f"{dataset}-{lane}-{generation}"


def execution_arn(machine: str, name: str) -> str:
    """The ARN of an execution of a state machine, from that of the machine."""
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def order_of(detail: dict[str, Any], fields: dict[str, type]) -> dict[str, Any] | None:
    """What the execution was started with, if it has these fields; None for one that was not started by Headrace.

    A person may start an execution with any input, and the event leaves out an input that is too large:
    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html.
    """
    try:
        order = json.loads(detail["input"])
    except NOT_AS_EXPECTED:
        return None
    if not isinstance(order, dict) or any(type(order.get(name)) is not kind for name, kind in fields.items()):
        return None
    return order
