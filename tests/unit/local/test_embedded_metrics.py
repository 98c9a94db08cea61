"""Which metrics a log line has, by the format's own rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.observability import emit, metrics
from headrace_local.aws.embedded_metrics import Datum, InvalidMetricError, metrics_of

NOW = 1_772_000_000.0


def document(**changes: Any) -> dict[str, Any]:
    directive = {
        "Namespace": "Headrace",
        "Dimensions": [["service", "dataset"], ["service"]],
        "Metrics": [{"Name": "FilesWaiting", "Unit": "Count"}],
    }
    made: dict[str, Any] = {
        "_aws": {"Timestamp": int(NOW * 1000), "CloudWatchMetrics": [directive | changes.pop("directive", {})]},
        "service": "headrace", "dataset": "readings", "FilesWaiting": [1.0, 2.0],
    }  # fmt: skip
    made["_aws"] |= changes.pop("aws", {})
    return made | changes


def test_a_metric_is_extracted_once_for_each_set_of_dimensions() -> None:
    both = {"service": "headrace", "dataset": "readings"}
    assert metrics_of(json.dumps(document()), NOW) == [
        Datum("Headrace", "FilesWaiting", "Count", both, (1.0, 2.0), NOW),
        Datum("Headrace", "FilesWaiting", "Count", {"service": "headrace"}, (1.0, 2.0), NOW),
    ]


def test_what_our_functions_print_is_extracted_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metrics.provider, "service", "headrace")
    emit({"ArrivalToQueryableSeconds": [float(number) for number in range(250)]}, dataset="readings")
    lines = capsys.readouterr().out.splitlines()
    at = json.loads(lines[0])["_aws"]["Timestamp"] / 1000
    found = [value for line in lines for datum in metrics_of(line, at)[:1] for value in datum.values]
    assert found == [float(number) for number in range(250)]


@pytest.mark.parametrize("line", ["START", "{", "[]", '"CloudWatchMetrics"', '{"_aws": {}}', '{"_aws": []}', "{}"])
def test_a_line_that_is_no_document_has_no_metrics(line: str) -> None:
    assert metrics_of(line, NOW) == []


def test_a_document_with_something_before_it_is_none() -> None:
    assert metrics_of(f"INFO {json.dumps(document())}", NOW) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"FilesWaiting": [1.0] * 101},
        {"FilesWaiting": "3"},
        {"FilesWaiting": True},
        {"FilesWaiting": float("nan")},
        {"FilesWaiting": 2.0**361},
        {"dataset": 7},
        {"dataset": ""},
        {"dataset": " "},
        {"dataset": ":a"},
        {"dataset": "ä"},
        {"dataset": "x" * 1025},
        {"directive": {"Dimensions": [["service", "missing"]]}},
        {"directive": {"Metrics": [{"Name": "Missing"}]}},
        {"directive": {"Metrics": [{"Name": "FilesWaiting"}] * 101}},
        {"directive": {"Namespace": ""}},
        {"directive": {"Dimensions": [[f"d{number}" for number in range(31)]]}},
        {"aws": {"Timestamp": "now"}},
        {"aws": {"Timestamp": int((NOW - 15 * 24 * 3600) * 1000)}},
        {"aws": {"Timestamp": int((NOW + 3 * 3600) * 1000)}},
        {"aws": {"CloudWatchMetrics": [{}]}},
        {"aws": {"CloudWatchMetrics": [7]}},
    ],
    ids=str,
)
def test_a_document_that_breaks_a_rule_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidMetricError):
        metrics_of(json.dumps(document(**changes)), NOW)
