"""An alarm of the template goes off and is over by what a function logs, and people are notified of both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from headrace.observability import emit, metrics
from scripts.resolved_template import resolved

if TYPE_CHECKING:
    from tests.functional.local.conftest import Account

PRINTS = "def handler(event, context):\n    print(event)\n"
PERIOD = 10
"""Seconds; the template's 300 are too long for a test, the rest of the alarm is as it is."""


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What a function of the stack prints of a run of an export."""
    monkeypatch.setattr(metrics.provider, "service", "headrace")

    def printed(incomplete: float) -> str:
        emit({"ExportIncomplete": incomplete}, export="daily")
        return capsys.readouterr().out

    return printed


def test_an_alarm_of_the_template_rings_and_is_over_by_real_figures(account: Account, line: Any) -> None:
    alarm = resolved("headrace")["Resources"]["ExportIncompleteAlarm"]["Properties"]
    calls, calls_arn = account.queue("alarm-calls", sources=("sns.amazonaws.com",))
    topic = account.client("sns").create_topic(Name="alarm-notices")["TopicArn"]
    account.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=calls_arn)
    shortened = (
        alarm | {"Period": PERIOD} | {actions: [topic] for actions in ("AlarmActions", "OKActions") if alarm[actions]}
    )
    account.function("prints", PRINTS)

    account.invoke("prints", line(0.0))
    account.client("cloudwatch").put_metric_alarm(AlarmName="incomplete", **shortened)
    account.invoke("prints", line(1.0))

    states: list[str] = []
    while len(states) < 2 or states[-2:] != ["ALARM", "OK"]:
        message = account.message(calls, 40)
        assert message, f"after {states} nobody was notified"
        account.client("sqs").delete_message(QueueUrl=calls, ReceiptHandle=message["ReceiptHandle"])
        said = json.loads(json.loads(message["Body"])["Message"])
        states.append(said["NewStateValue"])
        assert said["AlarmDescription"] == alarm["AlarmDescription"]
    assert (
        account.client("cloudwatch").describe_alarms(AlarmNames=["incomplete"])["MetricAlarms"][0]["StateValue"] == "OK"
    )


def test_a_distribution_that_was_logged_has_its_percentiles(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    emit({"ArrivalToQueryableSeconds": [float(number) for number in range(1, 251)]}, dataset="readings")
    account.function("prints-many", PRINTS)
    account.invoke("prints-many", capsys.readouterr().out)
    cloudwatch = account.client("cloudwatch")
    (metric,) = cloudwatch.list_metrics(Namespace="Headrace", MetricName="ArrivalToQueryableSeconds")["Metrics"]
    assert metric["Dimensions"] == [{"Name": "dataset", "Value": "readings"}]
    asked = {"Metric": metric, "Period": 86400}
    queries = [{"Id": stat, "MetricStat": asked | {"Stat": stat}} for stat in ("p50", "p95", "p99", "Maximum")]
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime="2026-01-01T00:00:00Z", EndTime="2099-01-01T00:00:00Z"
    )
    found = {each["Id"]: each["Values"][0] for each in answer["MetricDataResults"]}
    assert (round(found["p50"]), round(found["p95"]), round(found["p99"]), found["Maximum"]) == (126, 238, 248, 250)


def test_slack_gets_notices_and_alarms_that_go_on_or_off_but_no_first_states(account: Account) -> None:
    (subscription,) = [
        each["Properties"] for name, each in resolved()["Resources"].items() if name.startswith("SlackFunctionNotice")
        if each["Type"] == "AWS::SNS::Subscription"
    ]  # fmt: skip
    queue, arn = account.queue("slack-gets", sources=("sns.amazonaws.com",))
    sns = account.client("sns")
    topic = sns.create_topic(Name="slack-notices")["TopicArn"]
    policy = {"FilterPolicy": json.dumps(subscription["FilterPolicy"]), "FilterPolicyScope": "MessageBody"}
    assert subscription["FilterPolicyScope"] == policy["FilterPolicyScope"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=policy)
    states = [("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK"), ("INSUFFICIENT_DATA", "ALARM")]
    messages: list[dict[str, Any]] = [
        {"AlarmName": "a", "OldStateValue": old, "NewStateValue": new} for old, new in states
    ]
    messages.append({"title": "readings: data is late", "lines": []})
    for each in messages:
        sns.publish(TopicArn=topic, Message=json.dumps(each))
    got: list[dict[str, Any]] = []
    while message := account.message(queue, 2):
        account.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        got.append(json.loads(json.loads(message["Body"])["Message"]))
    assert sorted(map(json.dumps, got)) == sorted(map(json.dumps, messages[1:]))
