"""Every night: whether landing, ledger, lake and warehouse say the same. Then the account is made short."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from headrace.bootstrap.ingest import services
from headrace.domain import clock
from headrace.entrypoint import SecondsLeft, timed_entrypoint
from headrace.observability import logger
from headrace.usecases.recovery.reconcile import Asked, note_coverage, reconcile
from headrace.usecases.recovery.reconcile_report import notice_of
from headrace.usecases.recovery.sum_superseded import sum_all

DAYS = timedelta(days=3)
"""How far a night looks back: a file that was left out because its dataset was loading has two nights more."""


@timed_entrypoint
def lambda_handler(event: dict[str, Any], left: SecondsLeft) -> dict[str, Any]:
    """A scheduled event -> `{"differences": how many, "busy": [datasets], "uncompared": {dataset: why}, "coverage",
    "summed": {dataset: batches}}`.

    Compares what arrived in the last three days, and goes on with a pass over all objects; `coverage` says for each
    dataset how far that has come. With `{"since": "2026-01-31"}`, what arrived since then, and the pass stays where it
    is. People are notified of differences, and of datasets that could not be compared. In the time that is left, the
    superseded rows of settled batches are summed up; a failure of that is an error of the function, in the end.
    """
    since = clock.since_of(event["since"]) if event.get("since") else None
    asked = Asked(since=since or f"{clock.utc() - DAYS:%Y-%m-%dT%H:%M:%SZ}", left=left, nightly=since is None)
    datasets = [contract.dataset for contract in services.contracts.all()]
    found = reconcile(datasets, services.landing, services, asked)
    for difference in found.differences:
        logger.error("a difference", extra=asdict(difference))
    if notice := notice_of(found):
        services.topic.publish(notice)
    note_coverage(found, services)
    coverage = {dataset: str(coverage) for dataset, coverage in found.coverage.items()}
    logger.info("compared", extra={"coverage": coverage})
    return {
        "differences": len(found.differences), "busy": found.busy, "uncompared": found.uncompared, "coverage": coverage,
        "summed": sum_all(datasets, services, left),
    }  # fmt: skip
