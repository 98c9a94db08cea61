"""After the transform: COPY's manifest and the statements of the load."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.config import setting
from headrace.entrypoint import entrypoint
from headrace.usecases.ingest.prepare_load import prepare_load


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"batch", "runs"}` -> `{"manifest", "rows", "replaced", "statements", "measure", "views"}`."""
    return prepare_load(services.batches.get(event["batch"]), setting("COPY_ROLE"), services, event.get("runs", ()))
