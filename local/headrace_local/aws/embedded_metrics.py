"""Metrics out of log lines, as CloudWatch Logs extracts them; the emulator keeps the lines and reads none.

A line is a document of the embedded metric format or it is not, and what is wrong in a document is not extracted and
counted in `AWS/Logs`, as on AWS:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""
# ruff: noqa: SLF001 - touching private names is what this module is for

from __future__ import annotations

import inspect
import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ministack.services import cloudwatch, cloudwatch_logs

from headrace_local.aws.patching import require

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = '"CloudWatchMetrics"'
MOST_METRICS, MOST_VALUES, MOST_DIMENSIONS, LONGEST_VALUE = 100, 100, 30, 1024
OLDEST_SECONDS, NEWEST_SECONDS = 14 * 24 * 3600, 2 * 3600
"""A metric's time may be so long ago, and so far ahead:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html"""
LARGEST = 2.0**360


class InvalidMetricError(Exception):
    """A document breaks the format's rules."""


@dataclass(frozen=True, slots=True)
class Datum:
    """The values of a metric that one line has, under one set of dimensions."""

    namespace: str
    name: str
    unit: str
    dimensions: dict[str, str]
    values: tuple[float, ...]
    at: float


def apply() -> None:
    """Change CloudWatch Logs in this process: what it keeps, it reads first."""
    append = cloudwatch_logs._append_log_events
    require(list(inspect.signature(append).parameters) == ["stream", "events"], "_append_log_events has changed")
    wanted = ["namespace", "name", "dims", "ts", "unit", "value", "values", "counts", "stat_values"]
    require(list(inspect.signature(cloudwatch._store_datum).parameters) == wanted, "_store_datum has changed")

    def append_and_extract(stream: Any, events: list[dict[str, Any]]) -> None:
        append(stream, events)
        for event in events:
            _extract(event["message"])

    cloudwatch_logs._append_log_events = append_and_extract


def _extract(message: str) -> None:
    if MARK not in message:
        return
    try:
        for datum in metrics_of(message, time.time()):
            cloudwatch._store_datum(
                datum.namespace, datum.name, datum.dimensions, datum.at, datum.unit, None, datum.values, None, None
            )
    except InvalidMetricError:
        cloudwatch.record_metric("AWS/Logs", "EMFValidationErrors", 1, "Count", {})


def metrics_of(message: str, now: float) -> list[Datum]:
    """The metrics of a log line that came `now`; none if it is no document. Raises InvalidMetricError."""
    try:
        document = json.loads(message)
    except ValueError:
        return []
    metadata = document.get("_aws") if isinstance(document, dict) else None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("CloudWatchMetrics"), list):
        return []
    at = _time(metadata.get("Timestamp"), now)
    return [datum for directive in metadata["CloudWatchMetrics"] for datum in _of_directive(directive, document, at)]


def _time(stamp: Any, now: float) -> float:
    if not isinstance(stamp, int) or not -OLDEST_SECONDS <= stamp / 1000 - now <= NEWEST_SECONDS:
        raise InvalidMetricError(f"no time that CloudWatch takes: {stamp}")
    return stamp / 1000


def _of_directive(directive: Any, document: dict[str, Any], at: float) -> Iterator[Datum]:
    try:
        namespace, sets, metrics = directive["Namespace"], directive["Dimensions"], directive["Metrics"]
        _check(1 <= len(namespace) <= 255 and len(metrics) <= MOST_METRICS, "too many metrics, or a wrong namespace")
        for names in sets:
            _check(len(names) <= MOST_DIMENSIONS, "too many dimensions")
            dimensions = {name: _dimension(document[name]) for name in names}
            for metric in metrics:
                values = _values(document[metric["Name"]])
                yield Datum(namespace, metric["Name"], metric.get("Unit", "None"), dimensions, values, at)
    except (KeyError, TypeError) as error:
        raise InvalidMetricError(f"something is missing: {error}") from error


def _dimension(value: Any) -> str:
    _check(isinstance(value, str) and 1 <= len(value) <= LONGEST_VALUE, f"a dimension's value is {value!r}")
    _check(value.isascii() and value.strip() != "" and not value.startswith(":"), f"a dimension's value is {value!r}")
    return str(value)


def _values(target: Any) -> tuple[float, ...]:
    values = target if isinstance(target, list) else [target]
    _check(len(values) <= MOST_VALUES, f"{len(values)} values of a metric")
    for value in values:
        _check(isinstance(value, int | float) and not isinstance(value, bool), f"a metric's value is {value!r}")
        _check(math.isfinite(value) and abs(value) <= LARGEST, f"a metric's value is {value!r}")
    return tuple(map(float, values))


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InvalidMetricError(otherwise)
