"""Tables in Glue's catalogue, from Data Ready events, from ended executions, and every night."""

from __future__ import annotations

import json
from typing import Any

from headrace.bootstrap.lake import services
from headrace.domain.contracts import UnknownDatasetError
from headrace.entrypoint import entrypoint
from headrace.observability import logger
from headrace.usecases import lake_tables


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """Messages of the queue -> those that failed come back. A scheduled event puts one in for each dataset."""
    if "Records" not in event:
        return {"ordered": sum(map(services.table_orders.send_repair, services.contracts.all()))}
    failed = []
    for message in event["Records"]:
        try:
            done = lake_tables.handle(json.loads(message["body"]), services)
            logger.info("registered", extra=done)
        except UnknownDatasetError as error:
            logger.warning(str(error))
        except Exception:
            logger.exception("a message could not be handled", extra={"message_id": message["messageId"]})
            failed.append(message["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
