"""The dashboard's figures, read from CloudWatch as its console reads them, and shown in eighty columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace_cli.commands.look.dashboard import figure, name_of, render, sparkline
from headrace_cli.output import console
from headrace_cli.stack.figures import Figures
from scripts.resolved_template import resolved

END = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
DATASETS = ("readings", "notes")


class Pages:
    def __init__(self, page: Any) -> None:
        self._page = page

    def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
        return [self._page(**arguments)]


class CloudWatch:
    """Has the dashboard of the stack, and of each of our metrics the values 1 and 2 in the last two periods."""

    def __init__(self, stack: str = "headrace") -> None:
        self.stack = stack
        self.asked: list[dict[str, Any]] = []

    def get_dashboard(self, **_named: str) -> dict[str, str]:
        return {"DashboardBody": resolved(self.stack)["Resources"]["Dashboard"]["Properties"]["DashboardBody"]}

    def describe_alarms(self, AlarmNames: list[str], MaxRecords: int) -> dict[str, Any]:  # noqa: N803 - as boto3 names them
        assert len(AlarmNames) <= MaxRecords
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": "OK"} for name in AlarmNames]}

    def get_paginator(self, operation: str) -> Pages:
        return Pages(getattr(self, operation))

    def list_metrics(self, Namespace: str, MetricName: str) -> dict[str, Any]:  # noqa: N803
        series = [{"service": stack, "dataset": dataset} for stack in (self.stack, "other") for dataset in DATASETS]
        every = [*series, {"service": self.stack}]
        return {"Metrics": [{"Dimensions": [{"Name": name, "Value": value} for name, value in each.items()]}
                            for each in every if Namespace == "Headrace" and MetricName]}  # fmt: skip

    def get_metric_data(self, MetricDataQueries: list[Any], **_window: Any) -> dict[str, Any]:  # noqa: N803
        self.asked += MetricDataQueries
        times = [datetime(2026, 3, 2, 11, 55, tzinfo=UTC), datetime(2026, 3, 2, 12, 0, tzinfo=UTC)]
        return {"MetricDataResults": [
            {"Id": each["Id"], "Timestamps": times, "Values": [1.0, 2.0]} for each in MetricDataQueries
        ]}  # fmt: skip


def charts(cloudwatch: CloudWatch) -> dict[str, Any]:
    figures = Figures(cloudwatch, cloudwatch.stack, END, 1, 300)
    return {chart.title: chart.series for _, row in figures.rows() for chart in row}


def test_a_search_finds_each_dataset_of_the_stack_and_nothing_of_another() -> None:
    (first, second) = charts(CloudWatch())["Files arrived by dataset"]
    assert [first.label, second.label] == ["readings", "notes"]
    assert first.values == (*[None] * 10, 1.0, 2.0)
    assert (first.last, first.at_all) == (2.0, 3.0)


def test_of_what_is_no_count_the_highest_value_is_shown() -> None:
    first, _ = charts(CloudWatch())["Age of the newest row by dataset"]
    assert first.at_all == 2.0


def test_a_share_is_reckoned_from_the_sums_and_its_parts_are_hidden() -> None:
    (share,) = charts(CloudWatch())["Quarantined share"]
    assert share.values[-2:] == (100.0, 100.0)


def test_two_regions_dashboards_have_two_names_as_the_template_gives_them() -> None:
    given = resolved("headrace")["Resources"]["Dashboard"]["Properties"]["DashboardName"]
    region = given.removeprefix("headrace-")
    assert given == name_of("headrace", region)
    assert name_of("headrace", "eu-west-1") != name_of("headrace", "us-east-1")


def test_every_chart_of_the_dashboard_is_understood() -> None:
    cloudwatch = CloudWatch()
    found = charts(cloudwatch)
    ours = {title: series for title, series in found.items() if "RPU" not in title}
    by_others = {"Rows that break a rule", "Failed attempts by error"}  # no metric of the double has their dimensions
    empty = {title for title, series in ours.items() if not series}
    servers_and_exports = {
        "Servers in trouble", "Files taken by server", "Files failed by server", "Minutes since a run began",
        "Files yet to write", "Seconds of a run", "Runs with missing files",
    }  # fmt: skip
    assert empty == by_others | servers_and_exports
    assert all(len(each["MetricStat"]["Metric"]["Dimensions"]) > 0 for each in cloudwatch.asked)


def test_all_alarms_are_asked_for_by_name() -> None:
    found = Figures(CloudWatch(), "headrace", END, 1, 300).alarms()
    assert {each["AlarmName"].rpartition("-")[2] for each in found} == {
        name for name, each in resolved()["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"
    }


def document(**changes: Any) -> dict[str, Any]:
    series = [
        {"name": "a-dataset-with-a-name-that-is-longer-than-the-column", "values": [None, 1.0, 4.0], "last": 4.0,
         "sum": 1_234_567.0},
        {"name": "quiet", "values": [0.0, 0.0, 0.0], "last": 0.0, "sum": 0.0},
    ]  # fmt: skip
    made: dict[str, Any] = {
        "url": None, "hours": 2, "alarms": {"all": 24, "ringing": []},
        "rows": [{"title": "Volume", "charts": [{"title": "Files", "series": series}]},
                 {"title": "Exports", "charts": [{"title": "Runs", "series": []}]}],
    }  # fmt: skip
    return made | changes


def shown(made: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setattr(console, "PIPED_WIDTH", 80)
    console.show(render(made))
    return capsys.readouterr().out.splitlines()


def test_it_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(document(), monkeypatch, capsys)
    assert max(map(len, lines)) <= 80
    assert lines[0] == "none of 24 alarms is on"
    assert any("a-dataset-with-a-name-that-…" in line and " ▃█" in line and "1,234,567" in line for line in lines)
    assert "  1 other: 0" in lines
    assert "no figures yet" in lines


def test_alarms_that_are_on_come_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ringing = [{"alarm": "headrace-SweeperFailureAlarm-X", "what": "It failed."}]
    lines = shown(document(alarms={"all": 24, "ringing": ringing}), monkeypatch, capsys)
    assert lines[0] == "headrace-SweeperFailureAlarm-X is on: It failed."


@pytest.mark.parametrize(
    ("values", "bars"),
    [([], ""), ([None, None], "  "), ([0.0, 0.0], "▁▁"), ([0.0, 5.0, 10.0], "▁▅█"), ([1.0] * 72, "█" * 24)],
)
def test_a_course_is_a_line_of_bars(values: list[float | None], bars: str) -> None:
    assert sparkline(values) == bars


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (0.254, "0.25"), (12.34, "12.3"), (99.96, "100.0"), (1234.5, "1,234"), (7.0, "7")],
)
def test_a_figure_is_short(value: float | None, text: str) -> None:
    assert figure(value) == text
