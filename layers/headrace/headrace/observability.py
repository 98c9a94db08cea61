"""The one logger and the one metrics emitter. Functions bind dataset, batch and file to each line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from aws_lambda_powertools import Logger, Metrics

from headrace.domain.ingest.ledger import BatchRecord, FileRecord, FileStatus
from headrace.domain.ingest.outcome import FileResult, total
from headrace.domain.measures import LONGEST_VALUE, MEASURES, MOST_RULES, MOST_VALUES, NAMESPACE, OTHER_RULES

logger = Logger(service="headrace", use_rfc3339=True)
metrics = Metrics(namespace=NAMESPACE)
"""Its service, a dimension of every metric, is the stack's name: POWERTOOLS_SERVICE_NAME."""

Values = Mapping[str, float | Sequence[float]]
"""Metrics by name: a value, or all values of a distribution, from which CloudWatch takes percentiles."""


def measure_arrivals(files: Iterable[FileRecord]) -> None:
    """How many files have arrived for each dataset, and how many of them cannot be loaded."""
    arrived, refused = Counter[str](), Counter[str]()
    for file in files:
        arrived[file.dataset] += 1
        refused[file.dataset] += file.status in {FileStatus.UNROUTABLE, FileStatus.FAILED}
    for dataset, count in arrived.items():
        emit({"FilesArrived": count, "FilesRefused": refused[dataset]}, dataset=dataset)


def measure_outcome(batch: BatchRecord, files: list[FileRecord], results: Iterable[FileResult]) -> None:
    """What became of the files of a batch, and which rules their bad rows break."""
    if not files:
        return
    rows = total(files)
    emit(
        {
            "RowsRead": rows.read,
            "RowsLoaded": rows.loaded,
            "RowsSuperseded": rows.superseded,
            "RowsQuarantined": rows.quarantined,
            "RowsDuplicate": rows.duplicate,
            "FilesLoaded": sum(file.status is FileStatus.LOADED for file in files),
            "FilesFailed": sum(file.status is FileStatus.FAILED for file in files),
            "FilesOutOfBalance": sum(not file.rows.balanced for file in files),
            "FilesPerBatch": len(batch.file_ids),
            "AttemptsPerBatch": batch.attempts,
        },
        dataset=batch.dataset,
    )
    measured = {file.file_id for file in files}
    for rule, broken in _most_broken(result for result in results if result.file_id in measured):
        emit({"RowsBreakingRule": broken}, dataset=batch.dataset, rule=rule)


def _most_broken(results: Iterable[FileResult]) -> list[tuple[str, int]]:
    """The rows that break each rule, in whichever column; few rules by name."""
    broken = Counter[str]()
    for result in results:
        for rule, count in result.broken.items():  # `column: rule`
            broken[rule.rpartition(": ")[2]] += count
    others = broken.total() - sum(count for _, count in broken.most_common(MOST_RULES))
    return [*broken.most_common(MOST_RULES), *([(OTHER_RULES, others)] if others else [])]


def emit(values: Values, **by: str) -> None:
    """Print the values in CloudWatch's embedded format, under the dimensions of the table of metrics.

    A line has 100 values at most, as many as CloudWatch takes of one metric:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    Raises KeyError for a metric that is not listed, ValueError for one that has other dimensions.
    """
    overall = {MEASURES[name].overall for name in values}
    wrong = [name for name in values if MEASURES[name].by != tuple(by)]
    if wrong or len(overall) > 1:
        raise ValueError(f"{wrong or list(values)}: metrics of other dimensions than {', '.join(by)}")
    for dimension, named in by.items():
        metrics.add_dimension(dimension, _dimension_value(named))
    if by and overall == {True} and metrics.service:
        metrics.add_dimensions(service=metrics.service)
    lists = {name: list(value) if isinstance(value, Sequence) else [value] for name, value in values.items()}
    for start in range(0, max(map(len, lists.values())), MOST_VALUES):
        part = {name: listed[start : start + MOST_VALUES] for name, listed in lists.items() if len(listed) > start}
        made = {name: {"Unit": MEASURES[name].unit, "Value": [*map(float, listed)]} for name, listed in part.items()}
        print(json.dumps(metrics.serialize_metric_set(made), separators=(",", ":")))
    metrics.clear_metrics()


def _dimension_value(value: str) -> str:
    """A dimension's value as CloudWatch takes it: printable ASCII.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
    """
    printable = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in value)
    return printable.strip()[:LONGEST_VALUE].lstrip(":") or "?"
