"""The failure funnel: why the batch did not load, and whether it is tried again."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.domain.ingest.failure import as_told, classify, explain
from headrace.entrypoint import entrypoint
from headrace.observability import emit
from headrace.usecases.ingest.record_failure import batch_of, record_failure


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"dataset", "lane", "generation", "error", "cause"?, "killed"?: [unit]}` -> `{"batch", "again", "cause"}`, and a
    notice.

    The cause that is returned takes the place of one that may quote a row: the execution ends with it.
    """
    cause = as_told(event["error"], event.get("cause", ""))
    batch = batch_of(event["dataset"], event["lane"], event["generation"], services)
    if batch is None:
        return {"batch": None, "again": False, "cause": cause}
    killed = event.get("killed", ())
    emit({"AttemptsFailed": 1}, dataset=event["dataset"])
    emit({"Errors": 1}, error=classify(explain(event["error"], event.get("cause", ""))).name)
    again = record_failure(batch, event["error"], event.get("cause", ""), services, killed)
    return {"batch": batch.batch, "again": again, "cause": cause}
