"""Executions that no Catch could save: failed, timed out, stopped by hand."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.domain.executions import order_of
from headrace.entrypoint import entrypoint
from headrace.observability import logger
from headrace.usecases.recovery.recover import recover

ORDER = {"dataset": str, "lane": str, "generation": int}


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """A `Step Functions Execution Status Change` event -> `{"more": whether another execution was started}`."""
    detail = event["detail"]
    order = order_of(detail, ORDER)
    if order is None:
        logger.warning("an execution that Headrace did not start ended badly", extra={"execution": detail.get("name")})
        return {"more": False}
    logger.warning("an execution ended badly", extra={"execution": detail["name"], "status": detail["status"]})
    return {"more": recover(order["dataset"], order["lane"], order["generation"], services)}
