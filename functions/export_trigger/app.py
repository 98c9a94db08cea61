"""A day's export is due, is asked for by a person, or its execution was killed: what is missing is started."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from headrace.bootstrap import services
from headrace.entrypoint import entrypoint
from headrace.observability import logger
from headrace.usecases.export_trigger import Wanted, resume, trigger


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`Export Due` (detail: export, date, category, account, each optional), or the end of an execution."""
    detail = event.get("detail") or {}
    if "executionArn" in detail:
        order = json.loads(detail["input"])
        outcome: Any = resume(order["export"], order["date"], order["attempt"], detail["status"], services)
    else:
        date = detail.get("date") or datetime.now(UTC).date().isoformat()
        wanted = Wanted(date, detail.get("export"), detail.get("category"), detail.get("account"))
        outcome = trigger(wanted, services)
    logger.info("export", extra={"outcome": outcome})
    return {"outcome": outcome}
