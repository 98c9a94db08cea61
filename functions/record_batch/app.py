"""First state: take up the batch that was left open, or make one of the files that wait."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.config import setting
from headrace.domain.ingest.packing import NEVER
from headrace.entrypoint import entrypoint
from headrace.usecases.ingest.record_batch import record_batch


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"dataset", "lane", "generation", "execution"}` -> `{"batch", "files", "bytes", "units", "heavy"}`."""
    return record_batch(
        event["dataset"],
        event["lane"],
        event["generation"],
        event["execution"],
        services,
        int(setting("SPARK_ABOVE_BYTES")) if services.spark else NEVER,
    )
