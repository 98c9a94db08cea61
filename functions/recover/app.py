"""Executions that no Catch could save: failed, timed out, stopped by hand."""

from __future__ import annotations

import json
from typing import Any

from headrace.bootstrap import services
from headrace.entrypoint import entrypoint
from headrace.observability import logger
from headrace.usecases.recover import recover


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """A `Step Functions Execution Status Change` event -> `{"more": whether another execution was started}`."""
    detail = event["detail"]
    order = json.loads(detail["input"])
    logger.warning("an execution ended badly", extra={"execution": detail["name"], "status": detail["status"]})
    return {"more": recover(order["dataset"], order["lane"], order["generation"], services)}
