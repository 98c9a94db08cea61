"""Intake queue -> ledger -> execution. The only function that sees S3's events."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.domain.ingest.lane import oldest_of
from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.entrypoint import entrypoint
from headrace.observability import logger, measure_arrivals
from headrace.usecases.ingest import starter


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """Record each message's object or deletion, then wake each dataset once. Only messages that failed come back."""
    failed: set[str] = set()
    waiting: dict[tuple[str, str], list[str]] = {}
    arrived: list[FileRecord] = []
    files: dict[tuple[str, str], list[FileRecord]] = {}
    for message in event["Records"]:
        try:
            file = starter.note(starter.read(message["body"], services.unreadable), services)
        except Exception:
            logger.exception("a message could not be recorded", extra={"message_id": message["messageId"]})
            failed.add(message["messageId"])
            continue
        if file and file.deliveries == 1:
            arrived.append(file)
        if file and file.status in {FileStatus.PENDING, FileStatus.RUNNING}:
            waiting.setdefault((file.dataset, file.lane), []).append(message["messageId"])
            files.setdefault((file.dataset, file.lane), []).append(file)
    for (dataset, lane), messages in waiting.items():
        try:
            starter.wake(dataset, services, lane, oldest_of(files[dataset, lane]))
        except Exception:
            logger.exception("a dataset could not be woken", extra={"dataset": dataset, "lane": lane})
            failed.update(messages)
    measure_arrivals(arrived)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in sorted(failed)]}
