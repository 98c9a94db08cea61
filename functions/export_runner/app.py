"""Export queue -> CSV files. Each message and each account stands for itself."""

from __future__ import annotations

import json
from typing import Any

from headrace.bootstrap.exports import services
from headrace.entrypoint import entrypoint
from headrace.exports.model.run import Request, deliveries
from headrace.exports.steps.runner import answer
from headrace.observability import logger


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """Answer each message's request. Only messages that failed come back; those that came first go first."""
    failed: list[str] = []

    def tell(account: str, error: Exception) -> None:
        logger.warning("an account is asked for again, alone", extra={"account": account, "reason": str(error)})

    for message in sorted(event["Records"], key=deliveries):
        try:
            request = Request.from_json(json.loads(message["body"]))
            logger.append_keys(export=request.export, date=request.date, category=request.category, part=request.part)
            answer(request, deliveries(message), services, tell)
        except Exception:
            logger.exception("a request failed", extra={"message_id": message["messageId"]})
            failed.append(message["messageId"])
            services.requests.give_back(message["receiptHandle"], deliveries(message))
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
