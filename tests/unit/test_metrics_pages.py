"""The tables of statistics and of CloudWatch metrics, and the pages and alarms that name them, are the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.domain.statistics.checks import WRITTEN, Metric
from headrace.observability import ALL, METRICS, NAMESPACE, measure_run
from headrace_compiler.sql.metrics import MEASURES
from tests.support.template import TEMPLATE

ROOT = Path(__file__).parents[2]
CELL = re.compile(r"`([^`]+)`")


def rows_of(page: str, heading: str) -> Iterator[list[str]]:
    """The rows of the first table under a heading of a page, as cells."""
    section = (ROOT / "docs" / page).read_text().split(f"## {heading}\n")[1]
    lines = section[section.index("\n|---") :].splitlines()[2:]
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_each_statistic_is_a_row_of_the_page_of_contracts() -> None:
    listed = {
        cells[0].strip("`"): cells[1:3]
        for cells in rows_of("contracts.md", "Statistics: numbers that are wrong as a whole")
    }
    wanted = {
        str(metric): ["property" if metric.traits.kinds else "table", str(metric.traits.scale)] for metric in WRITTEN
    }
    assert listed == wanted


def test_the_librarys_names_are_on_the_page() -> None:
    page = (ROOT / "docs/contracts.md").read_text()
    assert [metric for metric in Metric if metric.traits.library and f"`{metric.traits.library}`" not in page] == []


def test_each_statistic_of_a_column_has_its_sql() -> None:
    assert set(MEASURES) == {metric for metric in Metric if metric.traits.kinds} - {Metric.CATEGORIES}


def test_each_metric_is_a_row_of_the_page_of_operations() -> None:
    listed = {name.strip("`"): (unit, dimension.strip("`"), emitter.strip("`"))
              for name, unit, dimension, emitter, _ in rows_of("operations.md", "CloudWatch metrics")}  # fmt: skip
    assert listed == {name: (made.unit.value, made.dimension, made.emitter) for name, made in METRICS.items()}
    assert [made.emitter for made in METRICS.values() if not (ROOT / "functions" / made.emitter).is_dir()] == []


def test_alarms_look_at_metrics_that_are_emitted() -> None:
    alarms = [
        alarm["Properties"] for alarm in TEMPLATE["Resources"].values() if alarm["Type"] == "AWS::CloudWatch::Alarm"
    ]
    ours = [alarm for alarm in alarms if alarm.get("Namespace") == NAMESPACE]
    assert ours
    for alarm in ours:
        dimensions = {item["Name"]: item["Value"] for item in alarm["Dimensions"]}
        assert dimensions == {"service": "headrace", METRICS[alarm["MetricName"]].dimension: ALL}


def test_a_metric_that_is_not_listed_is_not_emitted(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError, match="ExportMood"):
        measure_run("notes", {"ExportMood": 1.0})
    assert not capsys.readouterr().out
