"""Every night: the figures of the day before, in the tables."""

from __future__ import annotations

from typing import Any

from headrace.bootstrap import services
from headrace.domain.judgement import surprising
from headrace.entrypoint import entrypoint
from headrace.usecases.judge_day import day_of, judge_day


@entrypoint
def lambda_handler(event: dict[str, Any]) -> dict[str, Any]:
    """A scheduled event, or `{"day": "2026-01-31"}` -> `{"day", "surprising": {dataset: [sentences]}}`."""
    day = day_of(event)
    found = {contract.dataset: judge_day(contract, day, services) for contract in services.catalog.all()}
    told = {dataset: [finding.sentence for finding in surprising(findings)] for dataset, findings in found.items()}
    return {"day": day.isoformat(), "surprising": {dataset: lines for dataset, lines in told.items() if lines}}
