"""Every night: the figures of the day before, in the tables."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap.ingest import services
from headrace.entrypoint import entrypoint
from headrace.usecases.quality.judge_day import day_of, judge_all


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """A scheduled event, or `{"day": "2026-01-31"}` -> `{"day", "surprising": {dataset: [sentences]}, "failed"}`.

    `failed` has the reason for each dataset that could not be judged; people are notified of those too. A scheduled
    event also judges the days of the past week that could not be, or notifies people that it can't.
    """
    judged = judge_all(services.contracts.all(), day_of(event), services, nightly="day" not in event)
    return {"day": judged.day.isoformat(), "surprising": judged.anomalous, "failed": judged.failed}
