"""Every night: whether landing, ledger, lake and warehouse say the same."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from headrace.bootstrap import services
from headrace.entrypoint import entrypoint
from headrace.observability import logger
from headrace.usecases.reconcile import notice_of, reconcile


@entrypoint
def lambda_handler(_event: dict[str, Any]) -> dict[str, Any]:
    """A scheduled event -> `{"differences": how many, "busy": [datasets]}`; people are told when there are any."""
    datasets = [contract.dataset for contract in services.catalog.all()]
    found = reconcile(datasets, services.landing, services)
    for difference in found.differences:
        logger.error("a difference", extra=asdict(difference))
    if found.differences:
        services.topic.publish(notice_of(found))
    return {"differences": len(found.differences), "busy": found.busy}
