"""The failure funnel: why the batch did not load, and whether it is tried again."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap import services
from headrace.entrypoint import entrypoint
from headrace.usecases.record_failure import record_failure


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"dataset", "lane", "error", "cause"?}` -> `{"batch", "again"}`; people are told here."""
    name = services.ledger.lane_state(event["dataset"], event["lane"]).open_batch
    if name is None:
        return {"batch": None, "again": False}
    again = record_failure(services.ledger.batch(name), event["error"], event.get("cause", ""), services)
    return {"batch": name, "again": again}
