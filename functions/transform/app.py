"""One unit of a batch: landed files in, Parquet and quarantine out."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.config import function_memory
from headrace.entrypoint import SecondsLeft, timed_entrypoint
from headrace.usecases.unit.allowance import Allowance
from headrace.usecases.unit.transform import transform_unit


@timed_entrypoint
def lambda_handler(event: dict[str, Any], left: SecondsLeft) -> dict[str, Any]:
    """`{"batch", "unit"}` -> the unit's counts of files and rows."""
    allowance = Allowance(left, function_memory())
    return transform_unit(services.batches.get(event["batch"]), event["unit"], services, allowance)
