"""The one logger and the one metrics emitter. Functions bind dataset, batch and file to each line."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.domain.ingest.outcome import total

logger = Logger(service="headrace", use_rfc3339=True)
metrics = Metrics(namespace="Headrace")


def measure_outcome(dataset: str, files: list[FileRecord]) -> None:
    """A batch's outcome as CloudWatch metrics, in the embedded format, one set per dataset."""
    rows = total(files)
    metrics.add_dimension("dataset", dataset)
    for name, value in {
        "RowsLoaded": rows.loaded,
        "RowsSuperseded": rows.superseded,
        "RowsQuarantined": rows.quarantined,
        "RowsDuplicate": rows.duplicate,
        "FilesLoaded": sum(file.status is FileStatus.LOADED for file in files),
        "FilesFailed": sum(file.status is FileStatus.FAILED for file in files),
        "FilesOutOfBalance": sum(not file.rows.balanced for file in files),
    }.items():
        metrics.add_metric(name, MetricUnit.Count, value)
    metrics.flush_metrics()


def measure_run(export: str, values: dict[str, float]) -> None:
    """How a run of an export goes, once for the export and once for all, which is what the alarms look at."""
    for dimension in (export, "all") if values else ():
        metrics.add_dimension("export", dimension)
        for name, value in values.items():
            metrics.add_metric(name, MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count, value)
        metrics.flush_metrics()
