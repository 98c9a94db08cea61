"""A day's export is due, is asked for by a person, or its execution was killed: what is missing is started."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.exports import services
from headrace.entrypoint import entrypoint
from headrace.exports.steps.trigger import due, ended, look_after, scheduled
from headrace.observability import logger


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`Export Day` at its scheduled `time`, `Export Due` (detail: export, date, category, account, all optional),
    `Export Look`, or an execution's end.
    """
    detail = event.get("detail") or {}
    if event.get("detail-type") == "Export Look":
        outcome: Any = look_after(services)
    elif event.get("detail-type") == "Export Day":
        outcome = scheduled(event["time"], services)
    else:
        outcome = ended(detail, services) if "executionArn" in detail else due(detail, services)
    logger.info("export", extra={"outcome": outcome})
    return {"outcome": outcome}
