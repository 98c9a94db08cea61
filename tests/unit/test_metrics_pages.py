"""The tables of statistics and of CloudWatch metrics, and the pages and alarms that name them, are the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from headrace.domain.measures import MEASURES, NAMESPACE
from headrace.domain.statistics.checks import WRITTEN, Metric
from headrace_compiler.sql.metrics import MEASURES as STATISTICS
from scripts.list_metrics import PAGE, listed
from scripts.resolved_template import resolved

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
    assert set(STATISTICS) == {metric for metric in Metric if metric.traits.kinds} - {Metric.CATEGORIES}


def test_the_page_of_metrics_is_written_from_the_table() -> None:
    page = PAGE.read_text()
    assert page == listed(page), "run .venv/bin/python -m scripts.list_metrics"


def test_each_metric_is_emitted_by_a_function_that_there_is() -> None:
    assert [name for name, measure in MEASURES.items() if not (ROOT / "functions" / measure.emitter).is_dir()] == []


def test_each_metric_is_emitted_somewhere_by_its_name() -> None:
    sources = [path.read_text() for top in ("functions", "layers/headrace") for path in (ROOT / top).rglob("*.py")
               if path.name != "measures.py"]  # fmt: skip
    assert [name for name in MEASURES if not any(f'"{name}"' in source for source in sources)] == []


def test_no_dimension_is_without_a_bound() -> None:
    assert {name for measure in MEASURES.values() for name in measure.by} == {
        "dataset", "rule", "error", "source", "export",
    }  # fmt: skip


def test_alarms_look_at_metrics_that_are_emitted_of_the_whole_stack() -> None:
    ours = [
        alarm["Properties"]
        for alarm in resolved("staging")["Resources"].values()
        if alarm["Type"] == "AWS::CloudWatch::Alarm" and alarm["Properties"].get("Namespace") == NAMESPACE
    ]
    assert ours
    for alarm in ours:
        assert alarm["Dimensions"] == [{"Name": "service", "Value": "staging"}]
        assert MEASURES[alarm["MetricName"]].overall


def test_each_function_emits_under_the_stacks_name() -> None:
    functions = [each for each in resolved("staging")["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    assert {each["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] for each in functions} == {
        "staging"
    }
