"""Write the stack's dashboard into template.yaml: `.venv/bin/python -m scripts.write_dashboard`.

Charts by dataset, server or export are searches, so that a new one appears by itself. Metrics of AWS's services name
the stack's own resources, since no search keeps the resources of two stacks apart. The body's syntax:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.domain.measures import MEASURES, NAMESPACE
from scripts.format_asl import laid_out
from scripts.resolved_template import plain_template

PAGE = Path(__file__).resolve().parents[1] / "template.yaml"
BEGIN = "  # -- The dashboard: written by scripts/write_dashboard.py -"
END = "  # the end of the dashboard\n"
STACK, REGION = "${AWS::StackName}", "${AWS::Region}"
WIDTH, HEIGHT, HEADING = 24, 6, 1
PERIOD, HOUR = 300, 3600
INDENT = 10
MOST_SHOWN = 20
"""Series of a search that a chart shows, those with the highest values; more are no picture."""
Metric = list[Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """A graph, or, if `single`, figures with a small one. `metrics` as the body has them."""

    title: str
    metrics: list[Metric]
    single: bool = False
    period: int = PERIOD


@dataclass(frozen=True, slots=True)
class Row:
    """Charts side by side, under a heading."""

    title: str
    charts: list[Chart]


def overall(name: str, stat: str, label: str, **more: str) -> Metric:
    """One of our metrics, of the stack as a whole."""
    if not MEASURES[name].overall:
        raise ValueError(f"{name} is not emitted of all")
    return [NAMESPACE, name, "service", STACK, {"stat": stat, "label": label} | more]


def search(name: str, stat: str, period: int = PERIOD) -> list[Metric]:
    """One of our metrics, of each dataset, server or export that there is: those with the highest values."""
    by = MEASURES[name].by
    schema = ",".join((NAMESPACE, *by, "service"))
    found = f"""SEARCH('{{{schema}}} MetricName="{name}" service="{STACK}"', '{stat}', {period})"""
    label = " ".join(f"${{!PROP('Dim.{dimension}')}}" for dimension in by)
    return [[{"expression": f"SORT({found}, MAX, DESC, {MOST_SHOWN})", "label": label, "id": "each"}]]


class Resources:
    """The stack's own resources by type, as the body names them."""

    def __init__(self) -> None:
        self._all: dict[str, Any] = plain_template()["Resources"]
        self.given: dict[str, str] = {}
        """What the template gives to the body by name, since a resource with a condition may not be there."""

    def names(self, *kinds: str) -> dict[str, str]:
        """The names of all resources of these types, by logical id."""
        return {logical: self._named(logical) for logical, each in self._all.items() if each["Type"] in kinds}

    def arns(self, kind: str) -> list[str]:
        """The ARNs of all resources of a type."""
        return [self._named(logical, ".Arn") for logical, each in self._all.items() if each["Type"] == kind]

    def _named(self, logical: str, attribute: str = "") -> str:
        condition = self._all[logical].get("Condition")
        is_queue = self._all[logical]["Type"] == "AWS::SQS::Queue"
        attribute = attribute or (".QueueName" if is_queue else "")
        if condition is None:
            return f"${{{logical}{attribute}}}"
        name = f"{logical}{'Arn' if attribute == '.Arn' else 'Name'}"
        self.given[name] = f"!If [{condition}, {_function(logical + attribute)}, {self._instead(attribute)}]"
        return f"${{{name}}}"

    def _instead(self, attribute: str) -> str:
        """What stands for a resource that is not there: a name that nothing has, the ARN of an alarm that is there."""
        alarms = (logical for logical, each in self._all.items() if each["Type"] == "AWS::CloudWatch::Alarm")
        return _function(next(alarms) + attribute) if attribute == ".Arn" else "none"


def each(namespace: str, metric: str, dimension: str, stat: str, names: dict[str, str], drop: str) -> list[Metric]:
    """A metric of AWS's of each of these resources."""
    return [
        [namespace, metric, dimension, name, {"stat": stat, "label": logical.removesuffix(drop)}]
        for logical, name in names.items()
    ]


def rows(resources: Resources) -> list[Row]:
    """The dashboard, from what needs attention to what it costs."""
    functions = resources.names("AWS::Serverless::Function")
    queues = resources.names("AWS::SQS::Queue")
    machines = resources.names("AWS::Serverless::StateMachine")
    dead = {logical: name for logical, name in queues.items() if "Dead" in logical or "Undelivered" in logical}
    live = {logical: name for logical, name in queues.items() if logical not in dead}

    def lambdas(metric: str, stat: str) -> list[Metric]:
        return each("AWS/Lambda", metric, "FunctionName", stat, functions, "Function")

    def of_queues(metric: str, names: dict[str, str]) -> list[Metric]:
        return each("AWS/SQS", metric, "QueueName", "Maximum", names, "Queue")

    def executions(metric: str) -> list[Metric]:
        return each("AWS/States", metric, "StateMachineArn", "Sum", machines, "StateMachine")

    def share() -> list[Metric]:
        hidden = {"stat": "Sum", "visible": False}
        return [
            [NAMESPACE, "RowsQuarantined", "service", STACK, hidden | {"id": "bad"}],
            [NAMESPACE, "RowsRead", "service", STACK, hidden | {"id": "read"}],
            [{"expression": "100 * bad / read", "label": "percent of the rows read", "id": "share"}],
        ]

    def table(metric: str) -> list[Metric]:
        return each("AWS/DynamoDB", metric, "TableName", "Sum", resources.names("AWS::DynamoDB::Table"), "Table")

    def workgroup(metric: str, stat: str) -> list[Metric]:
        wanted = f'Namespace="AWS/Redshift-Serverless" MetricName="{metric}" Workgroup="${{WorkgroupName}}"'
        return [[{"expression": f"SEARCH('{wanted}', '{stat}', {HOUR})", "label": metric, "id": "each"}]]

    return [
        Row("Health", [
            Chart("Now", [
                overall("OldestWaitingSeconds", "Maximum", "oldest file waiting, seconds"),
                overall("LanesInTrouble", "Maximum", "lanes in trouble"),
                overall("BatchesHeld", "Maximum", "batches held"),
                overall("SourceInTrouble", "Maximum", "a server in trouble"),
            ], single=True),
            Chart("In five minutes", [
                overall("FilesLoaded", "Sum", "files loaded"),
                overall("FilesFailed", "Sum", "files failed"),
                overall("FilesRefused", "Sum", "files refused"),
                overall("AttemptsFailed", "Sum", "attempts failed"),
                overall("FilesOutOfBalance", "Sum", "files out of balance"),
            ], single=True),
        ]),
        Row("Latency: from the arrival of a file until its rows can be queried, seconds", [
            Chart("Of all files", [
                overall("ArrivalToQueryableSeconds", stat, stat) for stat in ("p50", "p95", "p99", "Maximum")
            ]),
            Chart("p95 by dataset", search("ArrivalToQueryableSeconds", "p95")),
        ]),
        Row("Freshness, seconds", [
            Chart("Age of the newest row by dataset", search("NewestRowAgeSeconds", "Maximum")),
            Chart("Age of the oldest file that waits by dataset", search("OldestWaitingSeconds", "Maximum")),
        ]),
        Row("Volume", [
            Chart("Files arrived by dataset", search("FilesArrived", "Sum")),
            Chart("Files waiting by dataset", search("FilesWaiting", "Maximum")),
            Chart("Rows loaded by dataset", search("RowsLoaded", "Sum")),
        ]),
        Row("Quality", [
            Chart("Quarantined share", share()),
            Chart("Rows quarantined by dataset", search("RowsQuarantined", "Sum")),
            Chart("Rows that break a rule", search("RowsBreakingRule", "Sum")),
            Chart("Files failed by dataset", search("FilesFailed", "Sum")),
        ]),
        Row("Warehouse", [
            Chart("Wake-ups", [
                overall("WarehouseWakeUps", "Sum", "wake-ups", id="wakes"),
                overall("WarehouseAwakeSeconds", "Sum", "seconds awake"),
                overall("FilesLoaded", "Sum", "files loaded", id="files"),
                [{"expression": "files / wakes", "label": "files of a wake-up", "id": "ratio"}],
            ]),
            Chart("Seconds at work by dataset", search("WarehouseSeconds", "Sum")),
            Chart("Seconds of a load", [overall("WarehouseSeconds", stat, stat) for stat in ("p50", "p95", "Maximum")]),
            Chart("Loads and their files", [
                overall("WarehouseSeconds", "SampleCount", "transactions"),
                overall("FilesPerBatch", "Average", "files of a batch"),
                overall("AttemptsPerBatch", "Maximum", "attempts, at most"),
            ]),
            Chart("Failed attempts by error", search("Errors", "Sum")),
        ]),
        Row("Queues", [
            Chart("Messages that could not be processed", of_queues("ApproximateNumberOfMessagesVisible", dead)),
            Chart("Messages waiting", of_queues("ApproximateNumberOfMessagesVisible", live)),
            Chart("Age of the oldest message, seconds", of_queues("ApproximateAgeOfOldestMessage", live)),
        ]),
        Row("Functions and workflows", [
            Chart("Errors", lambdas("Errors", "Sum")),
            Chart("Throttled", lambdas("Throttles", "Sum")),
            Chart("Duration, p95 in ms", lambdas("Duration", "p95")),
            Chart("Executions failed", executions("ExecutionsFailed") + executions("ExecutionsTimedOut")),
        ]),
        Row("Sources", [
            Chart("Servers in trouble", search("SourceInTrouble", "Maximum")),
            Chart("Files taken by server", search("SourceFilesTaken", "Sum")),
            Chart("Files failed by server", search("SourceFilesFailed", "Sum")),
        ]),
        Row("Exports", [
            Chart("Minutes since a run began", search("ExportAgeMinutes", "Maximum")),
            Chart("Files yet to write", search("ExportOpenFiles", "Maximum")),
            Chart("Seconds of a run", search("ExportSeconds", "Maximum")),
            Chart("Runs with missing files", search("ExportIncomplete", "Sum")),
        ]),
        Row("What is billed, by the hour", [
            Chart("RPU-seconds of the workgroup", workgroup("ComputeSeconds", "Sum"), period=HOUR),
            Chart("Invocations", lambdas("Invocations", "Sum"), period=HOUR),
            Chart("Executions", executions("ExecutionsStarted"), period=HOUR),
            Chart("The ledger's units", table("ConsumedWriteCapacityUnits") + table("ConsumedReadCapacityUnits"),
                  period=HOUR),
        ]),
    ]  # fmt: skip


def widgets(resources: Resources) -> Iterator[dict[str, Any]]:
    """The dashboard's widgets, each at its place: the alarms first."""
    y = 0
    for number, row in enumerate(rows(resources)):
        yield {"type": "text", "x": 0, "y": y, "width": WIDTH, "height": HEADING,
               "properties": {"markdown": f"## {row.title}", "background": "transparent"}}  # fmt: skip
        y += HEADING
        if number == 0:
            alarms = {"title": "Alarms", "alarms": resources.arns("AWS::CloudWatch::Alarm")}
            yield {"type": "alarm", "x": 0, "y": y, "width": WIDTH, "height": HEIGHT, "properties": alarms}
            y += HEIGHT
        width = WIDTH // len(row.charts)
        for place, chart in enumerate(row.charts):
            yield {"type": "metric", "x": place * width, "y": y, "width": width, "height": HEIGHT,
                   "properties": _properties(chart)}  # fmt: skip
        y += HEIGHT


def _properties(chart: Chart) -> dict[str, Any]:
    view = {"view": "singleValue", "sparkline": True} if chart.single else {"view": "timeSeries", "stacked": False}
    return {"title": chart.title, "region": REGION, "period": chart.period} | view | {"metrics": chart.metrics}


def block() -> str:
    """The resource as it stands in the template."""
    resources = Resources()
    body = laid_out({"start": "-PT3H", "widgets": list(widgets(resources))}, INDENT, INDENT)
    given = "\n".join(f"          {name}: {value}" for name, value in sorted(resources.given.items()))
    return f"""{BEGIN}{"-" * (120 - len(BEGIN))}
  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardName: !Sub ${{AWS::StackName}}-${{AWS::Region}} # an account has one list of them for all regions
      DashboardBody: !Sub
        - |
{" " * INDENT}{body}
        - WorkgroupName: *workgroup
{given}
{END}"""


def _function(of: str) -> str:
    return f"!GetAtt {of}" if "." in of else f"!Ref {of}"


def written(template: str) -> str:
    """The template with the dashboard in its place. Raises ValueError when it has none."""
    if BEGIN not in template or END not in template:
        raise ValueError("the template has no place for the dashboard")
    before, _, rest = template.partition(BEGIN)
    return before + block() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
