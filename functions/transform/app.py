"""One unit of a batch: landed files in, Parquet and quarantine out."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap import services
from headrace.entrypoint import entrypoint
from headrace.usecases.transform_unit import transform_unit


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"batch", "unit"}` -> the unit's counts of files and rows."""
    return transform_unit(services.ledger.batch(event["batch"]), event["unit"], services)
