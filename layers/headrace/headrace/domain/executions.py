"""What the event of an ended execution says of it."""

from __future__ import annotations

import json
from typing import Any


def order_of(detail: dict[str, Any], fields: dict[str, type]) -> dict[str, Any] | None:
    """What the execution was started with, if it has these fields; None for one that was not started by Headrace.

    A person may start an execution with any input, and the event leaves out an input that is too large:
    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html.
    """
    try:
        order = json.loads(detail["input"])
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(order, dict) or any(type(order.get(name)) is not kind for name, kind in fields.items()):
        return None
    return order
