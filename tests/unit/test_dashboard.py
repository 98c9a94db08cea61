"""The dashboard is written from its module, within CloudWatch's limits, and shows one stack and no other."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest

from headrace.domain.measures import MEASURES, NAMESPACE
from scripts.resolved_template import resolved
from scripts.write_dashboard import HEIGHT, MOST_SHOWN, PAGE, WIDTH, overall, written

NOT_SHOWN = {"RowsSuperseded", "RowsDuplicate", "ExportCompleted", "ExportSlowness"}
"""Metrics that nobody has to look at every day."""
MOST_WIDGETS, MOST_ALARMS, MOST_METRICS, MOST_METRICS_IN_ALL, LONGEST_SEARCH = 500, 100, 500, 2_500, 1024
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html"""
MOST_SEARCHED = 100
"""Datasets, or servers, for which the charts are reckoned."""
WITHOUT = {"CreateGlue": "false", "CreateLakeTables": "false", "PagerDutySecret": ""}


def body(stack: str = "headrace", **parameters: str) -> dict[str, Any]:
    properties = resolved(stack, **parameters)["Resources"]["Dashboard"]["Properties"]
    assert properties["DashboardName"].startswith(f"{stack}-"), "another region's stack may have the same name"
    found: dict[str, Any] = json.loads(properties["DashboardBody"])
    return found


def metrics(made: dict[str, Any]) -> list[list[Any]]:
    return [metric for widget in made["widgets"] for metric in widget["properties"].get("metrics", ())]


def searches(made: dict[str, Any]) -> list[str]:
    found = [metric[0].get("expression", "") for metric in metrics(made) if isinstance(metric[0], dict)]
    return [expression for expression in found if "SEARCH" in expression]


def test_the_template_has_the_dashboard_that_the_module_makes() -> None:
    template = PAGE.read_text()
    assert template == written(template), "run .venv/bin/python -m scripts.write_dashboard"


def test_a_template_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        written("Resources: {}\n")


def test_the_rows_come_in_the_order_in_which_people_ask() -> None:
    headings = [each["properties"]["markdown"] for each in body()["widgets"] if each["type"] == "text"]
    assert [re.split(r"[ ,:]", heading)[1] for heading in headings] == [
        "Health", "Latency", "Freshness", "Volume", "Quality", "Warehouse", "Queues", "Functions", "Sources",
        "Exports", "What",
    ]  # fmt: skip


def test_it_is_within_cloudwatchs_limits() -> None:
    made = body()
    assert len(made["widgets"]) <= MOST_WIDGETS
    assert all(len(widget["properties"].get("alarms", ())) <= MOST_ALARMS for widget in made["widgets"])
    assert max(map(len, searches(made))) + len("x" * 128) <= LONGEST_SEARCH, "a stack's name may have 128 characters"
    assert all(len(widget["properties"].get("metrics", ())) <= MOST_METRICS for widget in made["widgets"])
    assert len(metrics(made)) + MOST_SEARCHED * len(searches(made)) <= MOST_METRICS_IN_ALL


def test_no_widget_covers_another() -> None:
    places = [(each["x"], each["y"], each["width"], each["height"]) for each in body()["widgets"]]
    assert all(x + width <= WIDTH and height <= HEIGHT for x, _, width, height in places)
    for (x, y, width, height), (x2, y2, width2, height2) in combinations(places, 2):
        assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y


def test_every_metric_is_shown_and_every_alarm() -> None:
    made = body()
    text = json.dumps(made)
    assert {name for name in MEASURES if f'{name}"' not in text and f'{name}\\"' not in text} == NOT_SHOWN
    alarms = next(widget["properties"]["alarms"] for widget in made["widgets"] if widget["type"] == "alarm")
    there = [name for name, each in resolved()["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert [alarm.rpartition("-")[2] for alarm in alarms] == there


def test_a_new_dataset_appears_by_itself() -> None:
    by_dataset = [search for search in searches(body()) if f"{{{NAMESPACE},dataset," in search]
    assert len(by_dataset) >= 10
    assert all(f"MAX, DESC, {MOST_SHOWN})" in search for search in by_dataset)
    for search in searches(body()):
        wanted = re.search(r'MetricName="(\w+)"', search)
        assert wanted
        by = ",".join((NAMESPACE, *MEASURES[wanted[1]].by, "service")) if "{" in search else ""
        assert f"{{{by}}}" in search or "Redshift" in search


@pytest.mark.parametrize("without", [{}, WITHOUT])
def test_all_that_it_shows_is_of_its_stack(without: dict[str, str]) -> None:
    one, other = body("one", **without), body("other", **without)
    for metric, of_other in zip(metrics(one), metrics(other), strict=True):
        named = json.dumps(metric)
        assert named != json.dumps(of_other) or "none" in named or " / " in named, metric
        assert "other" not in named


def test_what_is_not_emitted_of_all_is_not_shown_of_all() -> None:
    with pytest.raises(ValueError, match="RowsBreakingRule"):
        overall("RowsBreakingRule", "Sum", "rows")
