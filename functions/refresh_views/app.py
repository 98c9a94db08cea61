"""After a load: the dataset's materialized views. Its role is the one that made them, since only an owner refreshes."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.entrypoint import entrypoint
from headrace.usecases.ingest.refresh_views import refresh_views, report_stale


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"dataset"}`, or with `"error"` and `"cause"` of a call that has failed -> `{"refreshed", "stale"}`: views."""
    if "error" in event:
        return report_stale(event["dataset"], event["error"], event.get("cause", ""), services)
    return refresh_views(event["dataset"], services)
