"""One look at a run: UNLOADs are started, requests made, and at its end the manifest is written and the run closed."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.exports import services
from headrace.entrypoint import explained_entrypoint
from headrace.exports.steps.advance import advance
from headrace.exports.steps.finish import close, measures
from headrace.observability import emit


@explained_entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"export", "date", "attempt"}` -> a look; with `run`, as the last look gave it, the run is closed."""
    if "run" in event:
        run = close(event["run"], services)
        if measured := measures(run):
            emit(measured, export=run.export)
        return {"status": run.status}
    look = advance(event["export"], event["date"], event["attempt"], services)
    if "age_minutes" in look:
        measured = {"ExportAgeMinutes": look["age_minutes"], "ExportOpenFiles": look["open"]}
        emit(measured, export=event["export"])
    return look
