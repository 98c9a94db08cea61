"""After the load: what the warehouse has of each file, into the ledger, and a message for people."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.entrypoint import SecondsLeft, timed_entrypoint
from headrace.usecases.ingest.record_outcome import record_outcome, summary
from headrace.usecases.ingest.results import file_results


@timed_entrypoint
def lambda_handler(event: dict[str, Any], left: SecondsLeft) -> dict[str, Any]:
    """`{"batch"}` -> `{"outcome": {"batch", "files", "rows"}, "notice"}`."""
    batch = services.batches.get(event["batch"])
    ended, notice = record_outcome(batch, file_results(batch, services), services, left)
    return {"outcome": summary(ended), "notice": notice.to_json()}
