"""`headrace dashboard`: the stack's dashboard, in the console or here."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from headrace_cli.output.console import Document, Json, emit, lines, table
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import count
from headrace_cli.stack.figures import Chart, Figures
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

PERIOD = 300
BARS = "▁▂▃▄▅▆▇█"
MOST_SERIES = 10
"""Series of a chart that are shown as text, those with the highest values."""
LONGEST_LABEL = 28
WIDEST = 24
"""Bars of a series; several periods share one where the window is longer."""


def dashboard(
    context: typer.Context,
    text: Annotated[bool, typer.Option("--text", help="Print the figures here, as on the laptop.")] = False,
    hours: Annotated[int, typer.Option(min=1, max=72, help="How far back the figures go.")] = 2,
    as_json: Json = False,
) -> None:
    """Open the stack's dashboard in CloudWatch's console and print its address; on the laptop, print its figures.

    The figures are those of the deployed dashboard: each series with its course, its last value, and the sum or the
    highest value of the window. The laptop keeps figures for two hours.

    Examples: `headrace dashboard`, `headrace --profile prod dashboard`, `headrace dashboard --text --hours 24`
    """
    target = target_of(context)
    if target.endpoint_url or text or as_json:
        emit(collect(target, hours), render, as_json=as_json)
        return
    address = url(target)
    typer.echo(address)
    if sys.stdout.isatty():
        typer.launch(address)


def url(target: Target) -> str:
    """Where the console shows the dashboard: https://docs.aws.amazon.com/general/latest/gr/cw_region.html."""
    region = target.client("cloudwatch").meta.region_name
    host = {"cn": "console.amazonaws.cn", "us-gov": "console.amazonaws-us-gov.com"}
    domain = next((each for start, each in host.items() if region.startswith(f"{start}-")), "console.aws.amazon.com")
    place = f"#dashboards/dashboard/{name_of(target.stack, region)}"
    return f"https://{region}.{domain}/cloudwatch/home?region={region}{place}"


def name_of(stack: str, region: str) -> str:
    """What the template calls the dashboard: an account has one list of them for all regions.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
    """
    return f"{stack}-{region}"


def collect(target: Target, hours: int) -> Document:
    """`{"url", "hours", "alarms": {"ringing": [...], "all"}, "rows": [{"title", "charts": [{"title", "series"}]}]}`."""
    cloudwatch = target.client("cloudwatch")
    try:
        name = name_of(target.stack, cloudwatch.meta.region_name)
        figures = Figures(cloudwatch, name, datetime.now(UTC), hours, PERIOD)
    except (cloudwatch.exceptions.DashboardNotFoundError, cloudwatch.exceptions.ResourceNotFound) as error:
        raise CommandError(f"the stack {target.stack} has no dashboard yet: deploy it again") from error
    return {
        "url": None if target.endpoint_url else url(target),
        "hours": hours,
        "alarms": _alarms(figures.alarms()),
        "rows": [{"title": title, "charts": [_chart(chart) for chart in charts]} for title, charts in figures.rows()],
    }


def _alarms(found: list[Document]) -> Document:
    ringing = [each for each in found if each["StateValue"] == "ALARM"]
    return {
        "all": len(found),
        "ringing": [{"alarm": each["AlarmName"], "what": each.get("AlarmDescription", "")} for each in ringing],
    }


def _chart(chart: Chart) -> Document:
    ranked = sorted(chart.series, key=lambda series: -(series.at_all or 0))
    shown = [
        {
            "name": series.label,
            "values": list(series.values),
            "last": series.last,
            "sum" if series.summed else "highest": series.at_all,
        }
        for series in ranked
        if series.at_all is not None
    ]
    return {"title": chart.title, "series": shown}


def render(document: Document) -> ConsoleRenderable:
    """Each row as a table of its charts' series; what has no figures is left out."""
    shown: list[ConsoleRenderable | str] = [*_state_of(document["alarms"]), ""]
    for row in document["rows"]:
        body = [line for chart in row["charts"] for line in _lines(chart)]
        shown.append(Text(row["title"], style="bold"))
        headers = ("", f"last {document['hours']} h", "last", "in all")
        shown.append(table(headers, body, numbers=headers[2:], whole=headers[:2]) if body else "no figures yet")
        shown.append("")
    return lines(*shown, "in all: the sum of what is counted, the highest of everything else")


def _state_of(alarms: Document) -> list[Text | str]:
    if not alarms["ringing"]:
        return [Text(f"none of {alarms['all']} alarms is on", style="green")]
    return [Text(f"{each['alarm']} is on: {each['what']}", style="bold red") for each in alarms["ringing"]]


def _lines(chart: Document) -> list[tuple[object, ...]]:
    """A line for each series; those that were nothing throughout are one line."""
    some = [each for each in chart["series"] if _in_all(each)]
    found: list[tuple[object, ...]] = [
        (f"  {_short(each['name'])}", sparkline(each["values"]), figure(each["last"]), figure(_in_all(each)))
        for each in some[:MOST_SERIES]
    ]
    rest = len(chart["series"]) - len(found)
    if rest:
        others = f"{count(rest, 'other')}" if found else "all"
        found.append((f"  {others}: {'less' if len(some) > MOST_SERIES else '0'}", "", "", ""))
    return [(chart["title"], "", "", ""), *found] if found else []


def _in_all(series: Document) -> float:
    return float(series.get("sum", series.get("highest")) or 0)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"


def sparkline(values: list[float | None]) -> str:
    """The course of a series as bars, the highest full; a period without a value is a blank."""
    per_bar = max(1, -(-len(values) // WIDEST))
    groups = [values[start : start + per_bar] for start in range(0, len(values), per_bar)]
    heights = [max((value for value in group if value is not None), default=None) for group in groups]
    top = max((height for height in heights if height is not None), default=0)
    return "".join(" " if height is None else _bar(height, top) for height in heights)


def _bar(height: float, top: float) -> str:
    return BARS[round(max(0.0, height) / top * (len(BARS) - 1))] if top > 0 else BARS[0]


def figure(value: float | None) -> str:
    """A figure as short as a person reads it: 0.25, 12.3, 1,234."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"
