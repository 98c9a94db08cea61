"""Submits a batch's transaction to the warehouse and looks at it. Redshift's error texts come in here and stay."""

from __future__ import annotations

from functools import partial
from typing import Any

from headrace.bootstrap.ingest import services
from headrace.entrypoint import entrypoint
from headrace.usecases.ingest.awake import measure_awake
from headrace.usecases.ingest.run_statements import look, submit


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"batch", "purpose", "statements", "began", "load_try"}` -> `{"statement"}`: its id.

    `{"dataset", "statement"}` -> `{"status": "running", "finished", "conflict" or "failed", "error"?, "cause"?}`.
    """
    if "statements" in event:
        asked = (event["batch"], event["purpose"], event["began"], event["load_try"])
        return {"statement": submit(event["statements"], *asked, services.warehouse)}
    count = partial(measure_awake, watches=services.watches)
    return look(event["statement"], services.contracts.get(event["dataset"]), services.warehouse, count)
