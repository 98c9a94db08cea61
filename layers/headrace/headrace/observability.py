"""The one logger and the one metrics emitter. Functions bind dataset, batch and file to each line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.domain.ingest.outcome import total

NAMESPACE = "Headrace"
ALL = "all"
"""The name under which each metric of an export is emitted once more: the alarms look at it."""

logger = Logger(service="headrace", use_rfc3339=True)
metrics = Metrics(namespace=NAMESPACE)


@dataclass(frozen=True, slots=True)
class Emitted:
    """A CloudWatch metric: its unit, its dimension beside `service`, and what emits it."""

    unit: MetricUnit
    dimension: str
    emitter: str


OUTCOME = Emitted(MetricUnit.Count, "dataset", "record_outcome")
RUN = Emitted(MetricUnit.Count, "export", "export_advance")
METRICS = {
    "RowsLoaded": OUTCOME,
    "RowsSuperseded": OUTCOME,
    "RowsQuarantined": OUTCOME,
    "RowsDuplicate": OUTCOME,
    "FilesLoaded": OUTCOME,
    "FilesFailed": OUTCOME,
    "FilesOutOfBalance": OUTCOME,
    "ExportAgeMinutes": RUN,
    "ExportOpenFiles": RUN,
    "ExportSeconds": Emitted(MetricUnit.Seconds, RUN.dimension, RUN.emitter),
    "ExportIncomplete": RUN,
    "ExportCompleted": RUN,
    "ExportSlowness": RUN,
}
"""Every metric that is emitted; `docs/operations.md` says what each means."""


def measure_outcome(dataset: str, files: list[FileRecord]) -> None:
    """A batch's outcome, one set of metrics per dataset."""
    rows = total(files)
    values = {
        "RowsLoaded": rows.loaded,
        "RowsSuperseded": rows.superseded,
        "RowsQuarantined": rows.quarantined,
        "RowsDuplicate": rows.duplicate,
        "FilesLoaded": sum(file.status is FileStatus.LOADED for file in files),
        "FilesFailed": sum(file.status is FileStatus.FAILED for file in files),
        "FilesOutOfBalance": sum(not file.rows.balanced for file in files),
    }
    _emit(dataset, values)


def measure_run(export: str, values: Mapping[str, float]) -> None:
    """How a run of an export goes, once for the export and once for all."""
    for name in (export, ALL) if values else ():
        _emit(name, values)


def _emit(name: str, values: Mapping[str, float]) -> None:
    """Print the values in CloudWatch's embedded format, under one dimension. Raises KeyError for an unlisted metric."""
    (dimension,) = {METRICS[metric].dimension for metric in values}
    metrics.add_dimension(dimension, name)
    for metric, value in values.items():
        metrics.add_metric(metric, METRICS[metric].unit, value)
    metrics.flush_metrics()
