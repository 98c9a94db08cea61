"""The figures of the deployed dashboard, read as the console reads them: its widgets, their metrics and searches.

Only what `scripts/write_dashboard.py` writes is understood: metrics, searches that may be sorted, and ratios.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

SEARCH = re.compile(
    r"""SEARCH\('(?:\{(?P<schema>[^}]*)\}\ )?(?P<terms>[^']*)',\ '(?P<stat>[^']+)',\ (?P<period>\d+)\)""", re.VERBOSE
)
TERM = re.compile(r'(\w+)="([^"]*)"')
RATIO = re.compile(r"(100 \* )?(\w+) / (\w+)$")
MOST_QUERIES = 500
"""Metrics that one GetMetricData takes:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"""
MOST_FOUND = 500
"""Series that one search gives."""
SUMMED = frozenset({"Sum", "SampleCount"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A series to be read: a metric with its statistic. `hidden` ones are for ratios alone."""

    label: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    stat: str
    id: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """What was read: a value for each period of the window, None where there is none; `at_all` is their sum, or the
    highest where a sum means nothing.
    """

    label: str
    values: tuple[float | None, ...]
    summed: bool

    @property
    def last(self) -> float | None:
        """The latest value that there is."""
        return next((value for value in reversed(self.values) if value is not None), None)

    @property
    def at_all(self) -> float | None:
        """The sum of the window, or the highest value."""
        known = [value for value in self.values if value is not None]
        return (sum(known) if self.summed else max(known)) if known else None


@dataclass(slots=True)
class Chart:
    """A widget with its series."""

    title: str
    series: list[Series] = field(default_factory=list)


class Figures:
    """Reads a dashboard's figures from CloudWatch."""

    def __init__(self, cloudwatch: Any, name: str, end: datetime, hours: int, period: int) -> None:
        self._cloudwatch = cloudwatch
        self._widgets = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])["widgets"]
        self._period = period
        last = int(end.timestamp()) // period * period
        self._periods = [last - number * period for number in reversed(range(hours * 3600 // period))]
        self._listed: dict[tuple[str, str], list[dict[str, str]]] = {}

    def alarms(self) -> list[dict[str, Any]]:
        """The stack's alarms as CloudWatch describes them; a widget has at most 100, as many as one call takes."""
        arns = [arn for each in self._widgets if each["type"] == "alarm" for arn in each["properties"]["alarms"]]
        names = sorted({arn.rpartition(":alarm:")[2] for arn in arns})
        found: list[dict[str, Any]] = self._cloudwatch.describe_alarms(AlarmNames=names, MaxRecords=100)["MetricAlarms"]
        return found

    def rows(self) -> list[tuple[str, list[Chart]]]:
        """The dashboard's headings, each with its charts."""
        found: list[tuple[str, list[Chart]]] = []
        for widget in self._widgets:
            properties = widget["properties"]
            if widget["type"] == "text":
                found.append((properties["markdown"].removeprefix("## "), []))
            elif widget["type"] == "metric":
                found[-1][1].append(Chart(properties["title"], self._series(properties)))
        return found

    def _series(self, properties: dict[str, Any]) -> list[Series]:
        wanted = [each for metric in properties["metrics"] for each in self._wanted(metric, properties)]
        read = dict(zip([each.id or str(place) for place, each in enumerate(wanted)], self._read(wanted), strict=True))
        shown = [series for series, each in zip(read.values(), wanted, strict=True) if not each.hidden]
        shares = (metric[0] for metric in properties["metrics"] if isinstance(metric[0], dict))
        return shown + [share for given in shares for share in _share(given, read)]

    def _wanted(self, metric: list[Any], properties: dict[str, Any]) -> Iterator[Wanted]:
        if isinstance(metric[0], dict):
            yield from self._searched(metric[0]["expression"])
            return
        *names, given = metric
        namespace, name, *pairs = names
        dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
        stat, hidden = given.get("stat", properties.get("stat", "Average")), given.get("visible") is False
        yield Wanted(given.get("label", name), namespace, name, dimensions, stat, given.get("id", ""), hidden)

    def _searched(self, expression: str) -> Iterator[Wanted]:
        """The metrics that a search finds. One that is in no metric's schema finds none."""
        found = SEARCH.search(expression)
        if not found:
            return
        terms = dict(TERM.findall(found["terms"]))
        namespace, *schema = found["schema"].split(",") if found["schema"] else [terms.pop("Namespace")]
        name = terms.pop("MetricName")
        for dimensions in self._metrics(namespace, name)[:MOST_FOUND]:
            fits = not schema or set(schema) == dimensions.keys()
            if fits and all(dimensions.get(key) == value for key, value in terms.items()):
                label = " ".join(value for key, value in sorted(dimensions.items()) if key not in terms) or name
                yield Wanted(label, namespace, name, dimensions, found["stat"])

    def _metrics(self, namespace: str, name: str) -> list[dict[str, str]]:
        if (namespace, name) not in self._listed:
            pages = self._cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace, MetricName=name)
            self._listed[namespace, name] = [
                {each["Name"]: each["Value"] for each in metric["Dimensions"]}
                for page in pages
                for metric in page["Metrics"]
            ]
        return self._listed[namespace, name]

    def _read(self, wanted: Sequence[Wanted]) -> list[Series]:
        found: dict[str, dict[int, float]] = {}
        for start in range(0, len(wanted), MOST_QUERIES):
            queries = [_query(f"m{start + place}", each, self._period)
                       for place, each in enumerate(wanted[start : start + MOST_QUERIES])]  # fmt: skip
            window = timedelta(seconds=self._period)
            pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries, StartTime=_time(self._periods[0]), EndTime=_time(self._periods[-1]) + window
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    points = zip(result["Timestamps"], result["Values"], strict=True)
                    found.setdefault(result["Id"], {}).update((int(at.timestamp()), value) for at, value in points)
        return [
            Series(each.label, tuple(map(found.get(f"m{place}", {}).get, self._periods)), each.stat in SUMMED)
            for place, each in enumerate(wanted)
        ]


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds).astimezone()


def _query(name: str, wanted: Wanted, period: int) -> dict[str, Any]:
    dimensions = [{"Name": key, "Value": value} for key, value in wanted.dimensions.items()]
    metric = {"Namespace": wanted.namespace, "MetricName": wanted.metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": wanted.stat}}


def _share(given: dict[str, Any], read: Mapping[str, Series]) -> Iterator[Series]:
    found = RATIO.match(given["expression"])
    if not found:
        return
    times, pairs = 100 if found[1] else 1, zip(read[found[2]].values, read[found[3]].values, strict=True)
    values = tuple(times * part / whole if part is not None and whole else None for part, whole in pairs)
    yield Series(given["label"], values, summed=False)
