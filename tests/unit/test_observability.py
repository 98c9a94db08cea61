"""What is printed for CloudWatch: each metric under the dimensions of the table, within the limits of the format."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.domain.measures import MOST_RULES, OTHER_RULES
from headrace.observability import emit, measure_arrivals, measure_outcome, metrics
from tests.support.fakes import file

BATCH = BatchRecord("readings-5", "readings", LIVE, 5, BatchStatus.RUNNING, ("a", "b"), "t", attempts=2)


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of the stack `staging`."""
    monkeypatch.setattr(metrics.provider, "service", "staging")


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def dimensions(line: dict[str, Any]) -> list[dict[str, str]]:
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    return [{name: line[name] for name in names} for names in directive["Dimensions"]]


def test_a_metric_is_emitted_of_its_dataset_and_of_the_whole_stack(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"FilesWaiting": 3, "BatchesHeld": 0}, dataset="readings")
    (line,) = printed(capsys)
    assert dimensions(line) == [{"dataset": "readings", "service": "staging"}, {"service": "staging"}]
    assert (line["FilesWaiting"], line["BatchesHeld"]) == ([3.0], [0.0])


def test_a_metric_that_is_not_of_all_has_its_own_dimensions_only(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"RowsBreakingRule": 3}, dataset="readings", rule="pattern")
    (line,) = printed(capsys)
    assert dimensions(line) == [{"dataset": "readings", "rule": "pattern", "service": "staging"}]


@pytest.mark.parametrize("values", [0, 1, 99, 100, 101, 200, 1_000])
def test_a_distribution_is_whole_and_no_line_has_more_values_than_cloudwatch_takes(
    values: int, capsys: pytest.CaptureFixture[str]
) -> None:
    emit({"ArrivalToQueryableSeconds": [float(value) for value in range(values)]}, dataset="readings")
    lines = printed(capsys)
    found = [line["ArrivalToQueryableSeconds"] for line in lines]
    assert [value for part in found for value in part] == [float(value) for value in range(values)]
    assert all(len(part) <= 100 for part in found)
    assert all(len(dimensions(line)) == 2 for line in lines)


def test_nothing_is_left_for_the_next_metric(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"ArrivalToQueryableSeconds": [1.0] * 100}, dataset="readings")
    emit({"ExportSeconds": 5.0}, export="daily")
    *_, line = printed(capsys)
    assert dimensions(line) == [{"export": "daily", "service": "staging"}, {"service": "staging"}]


def test_a_metric_that_is_not_listed_is_not_emitted(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError, match="ExportMood"):
        emit({"ExportMood": 1.0}, export="daily")
    with pytest.raises(ValueError, match="FilesWaiting"):
        emit({"FilesWaiting": 1.0}, export="daily")
    assert not capsys.readouterr().out


def test_the_dimensions_value_is_one_that_cloudwatch_takes(capsys: pytest.CaptureFixture[str]) -> None:
    for rule in ("größe\n", " :x", "", "x" * 2_000):
        emit({"RowsBreakingRule": 3}, dataset="readings", rule=rule)
    assert [line["rule"] for line in printed(capsys)] == ["gr??e?", "x", "?", "x" * 200]


def test_bad_rows_are_counted_by_few_rules_and_with_no_column(capsys: pytest.CaptureFixture[str]) -> None:
    files = [file("a", file_id="a", status=FileStatus.LOADED, rows=RowCounts(read=100, loaded=1, quarantined=99))]
    broken = {f"c{number}: rule{number}": 20 - number for number in range(MOST_RULES + 2)} | {"c: rule0": 5}
    ignored = FileResult("staged", Verdict.GOOD, broken={"c: pattern": 7})
    measure_outcome(BATCH, files, [FileResult("a", Verdict.GOOD, broken=broken), ignored])
    outcome, *rules = printed(capsys)
    assert (outcome["RowsRead"], outcome["RowsQuarantined"], outcome["AttemptsPerBatch"]) == ([100.0], [99.0], [2.0])
    assert outcome["FilesPerBatch"] == [2.0]
    counted = {line["rule"]: line["RowsBreakingRule"] for line in rules}
    assert len(counted) == MOST_RULES + 1
    assert (counted["rule0"], counted[OTHER_RULES]) == ([25.0], [10.0 + 9.0])


def test_a_batch_without_a_file_to_measure_is_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    measure_outcome(replace(BATCH, file_ids=()), [], [])
    assert not printed(capsys)


def test_arrivals_and_refusals_are_counted_for_each_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    refused = file("x", file_id="x", dataset="#unroutable", status=FileStatus.UNROUTABLE)
    measure_arrivals([file("a"), file("b"), refused, file("e", status=FileStatus.FAILED)])
    assert [(line["dataset"], line["FilesArrived"], line["FilesRefused"]) for line in printed(capsys)] == [
        ("readings", [3.0], [1.0]), ("#unroutable", [1.0], [1.0]),
    ]  # fmt: skip


def test_nothing_is_emitted_where_nothing_has_arrived(capsys: pytest.CaptureFixture[str]) -> None:
    measure_arrivals([])
    assert not printed(capsys)
