"""Between stage and target: are the batch's numbers what this dataset's numbers usually are?"""

from __future__ import annotations

from typing import Any, Protocol

from headrace.domain.bounds import MOST_FOUND, within
from headrace.domain.ingest.ledger import BatchRecord, BatchStatus, FileStatus
from headrace.domain.notice import surprise_notice
from headrace.domain.statistics.judgement import Finding, Scope, anomalous, judge, scope_of
from headrace.usecases.ingest.results import unit_results
from headrace.usecases.ports import (
    HasBatches,
    HasContracts,
    HasEvents,
    HasFigures,
    HasFiles,
    HasLake,
    HasLanes,
    HasLoads,
    HasTopic,
)
from headrace.usecases.quality.hold import hold
from headrace.usecases.quality.measurements import day_of, figures_of, keep, past_figures


class Services(
    HasBatches, HasContracts, HasEvents, HasFigures, HasFiles, HasLake, HasLanes, HasLoads, HasTopic, Protocol
):
    """The ports used here."""


def judge_batch(batch: BatchRecord, services: Services) -> dict[str, Any]:
    """Compare what was measured with past days. Returns `{"load": whether it goes on, "findings": [sentences]}`.

    A batch that people have been asked about, or that was given up meanwhile, does not go on. One whose files were
    released goes on regardless of what is found.
    """
    if batch.status is not BatchStatus.RUNNING:
        return {"load": False, "findings": [str(batch.reason)]}
    findings = _findings(batch, services)
    surprising = anomalous(findings)
    texts = within([finding.sentence for finding in surprising], MOST_FOUND)
    services.events.note_batch(batch.batch, "Judged", {"checks": len(findings), "surprising": len(surprising)})
    if _half_held(batch, services) or (any(item.check.hold for item in surprising) and not _released(batch, services)):
        results = [file for unit in unit_results(services.lake, batch) for file in unit.files]
        return {"load": not hold(batch, findings, results, services), "findings": texts}
    if surprising:
        channel = services.contracts.get(batch.dataset).channel
        services.topic.publish(surprise_notice(batch.dataset, f"batch {batch.batch}", surprising, channel))
    return {"load": True, "findings": texts}


def _findings(batch: BatchRecord, services: Services) -> list[Finding]:
    contract = services.contracts.get(batch.dataset)
    scope = scope_of(batch, services.files.get_all(batch.file_ids), contract)
    measured = figures_of(contract, scope, batch.batch, services)
    day = day_of(measured)
    if day is None:
        return []
    findings = judge(contract.checks, measured, past_figures(contract, Scope.BATCH, day, services), scope)
    keep(contract, scope, batch.batch, findings, services)
    return findings


def _half_held(batch: BatchRecord, services: Services) -> bool:
    """Whether an execution died while it held the batch: then nothing of it can be loaded any more."""
    return any(file.status is FileStatus.HELD for file in services.files.get_all(batch.file_ids))


def _released(batch: BatchRecord, services: Services) -> bool:
    return all(file.released for file in services.files.get_all(batch.file_ids))
