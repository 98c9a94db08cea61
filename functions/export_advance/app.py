"""One look at a run: UNLOADs are started, requests made, and at its end the manifest is written and the run closed."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.exports import services
from headrace.entrypoint import explained_entrypoint
from headrace.exports.steps.advance import advance
from headrace.exports.steps.finish import close, measures
from headrace.observability import measure_run


@explained_entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """`{"export", "date", "attempt"}` -> a look; with `run`, as the last look gave it, the run is closed."""
    if "run" in event:
        run = close(event["run"], services)
        measure_run(run.export, measures(run))
        return {"status": run.status}
    look = advance(event["export"], event["date"], event["attempt"], services)
    if "age_minutes" in look:
        measure_run(event["export"], {"ExportAgeMinutes": look["age_minutes"], "ExportOpenFiles": look["open"]})
    return look
