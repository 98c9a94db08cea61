"""No value of a row leaves buckets and warehouse: rows of every kind have a marker, which is looked for elsewhere."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from tests.e2e.conftest import Laptop

MARK = "zqxmark"
HEADER = "person,home,came_on,left_on,fee,kind,notes"
BAD_ROWS = (
    f"{MARK}-UPPER-{MARK},h,2026-01-01,2026-01-02,1.00,guest,{{}}",
    f"b1,h,{MARK},2026-01-02,1.00,guest,{{}}",
    f"b2,h,2026-01-01,2026-01-02,{MARK},guest,{{}}",
    f"b3,h,2026-01-01,2026-01-02,1.00,{MARK},{{}}",
    f'b4,h,2026-01-01,2026-01-02,1.00,guest,"{{""a"": {MARK}}}"',
    f'b5,h,2026-01-01,2026-01-02,1.00,guest,"{{""{MARK}"": 1, ""{MARK}"": 2}}"',
    f"{MARK}b6,h,2026-02-01,2026-01-02,1.00,guest,{{}}",
    f"b7,{MARK * 7},2026-01-01,2026-01-02,1.00,guest,{{}}",
    f'b8,"{MARK}"x,2026-01-01,2026-01-02,1.00,guest,{{}}',
    f",{MARK},2026-01-01,2026-01-02,1.00,guest,{{}}",
    f"b9,{MARK},2026-01-01",
)
FILES = {
    "people/good.csv": f'{HEADER}\n{MARK}-1,{MARK},2026-01-01,2026-01-02,1.00,guest,"{{""a"": ""{MARK}""}}"\n',
    "people/bad.csv": "\n".join((HEADER, *BAD_ROWS, f"{MARK}-2,new-{MARK},2026-01-01,,1.00,guest,", "")),
    "people/twice.csv": "\n".join((HEADER, *[f"{MARK}-1,{MARK}{n},2026-01-01,,{n},host," for n in range(9)], "")),
    "people/drift.csv": f"{HEADER},{MARK}@example.org\nd1,h,2026-01-01,,1.00,guest,,{MARK}\n",
    "people/no-header.csv": f"{MARK}-3,h,2026-01-01,2026-01-02,1.00,guest,{{}}\n" * 2,
    "people/half-a-header.csv": f"home,came_on,{MARK}\n{MARK},2026-01-01,x\n",
    "people/others.csv": f"{MARK},{MARK}2,{MARK}@x.org\n{MARK},1,2\n",
    "people/json.csv": json.dumps({"person": MARK}) + "\n",
    "people/latin.csv": f"{HEADER}\nl1,{MARK}ä,2026-01-01,,1.00,guest,\n",
    "happenings/ok.jsonl": json.dumps(
        {"event_type": MARK, "happened_at": "2026-01-01T00:00:00Z", f"{MARK}@example.org": {MARK: 1}}
    ),
    "happenings/bad.jsonl": f'{{"event_type": "{MARK}", "happened_at": "{MARK}", "payload": {{{MARK}}}}}\n{MARK}\n',
    "nowhere/x.csv": f"{MARK}\n",
}
REFUSALS = (
    f"Invalid digit, Value '{MARK}', Pos 0, Type: Integer code: 1207 context: {MARK} it's",
    f'JSON parsing error DETAIL: code: 8001 context: Error while parsing json string {{"a":{MARK}}}: twice',
    f"a sentence that nobody has read yet about ({MARK})=({MARK}): {MARK}",
)
REFUSED = ("bulk", "gauges", "readings")
"""Datasets of one file each, whose loads are refused with these words."""


@pytest.fixture(scope="module")
def heard(laptop: Laptop) -> Iterator[str]:
    """A queue that hears all that is said on the topic and on both buses, from now on."""
    queues, events, topics = laptop.client("sqs"), laptop.client("events"), laptop.client("sns")
    queue = str(queues.create_queue(QueueName="listener")["QueueUrl"])
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    queues.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    for bus in ("default", laptop.output("EventBusName")):
        pattern = json.dumps({"source": [{"prefix": ""}]})
        events.put_rule(Name="listener", EventBusName=bus, EventPattern=pattern)
        events.put_targets(Rule="listener", EventBusName=bus, Targets=[{"Id": "q", "Arn": arn}])
    topic = next(item["TopicArn"] for item in topics.list_topics()["Topics"] if "headrace" in item["TopicArn"])
    heard = topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
    yield queue
    topics.unsubscribe(SubscriptionArn=heard["SubscriptionArn"])
    for bus in ("default", laptop.output("EventBusName")):
        events.remove_targets(Rule="listener", EventBusName=bus, Ids=["q"])
        events.delete_rule(Name="listener", EventBusName=bus)
    queues.delete_queue(QueueUrl=queue)


@pytest.fixture(scope="module")
def dropped(laptop: Laptop, heard: str) -> str:
    """The queue, once everything with the marker in it has come to its end."""
    past = ", ".join(
        f"('people', 'batch', 'past', DATEADD(DAY, -{back}, CAST(GETDATE() AS DATE)), 'home', 'categories', '{name}',"
        " 50, 100, 0, GETDATE())"
        for back in range(1, 29)
        for name in ("h", f"gone-{MARK}")
    )
    if not laptop.rows("SELECT batch_id FROM etl.loads WHERE batch_id = 'past'"):
        laptop.headrace("sql", "--write", "INSERT INTO etl.loads VALUES ('past', 'history', 'loaded', GETDATE())")
    laptop.headrace("sql", "--write", f"INSERT INTO etl.quality_figures VALUES {past}")
    for key, text in FILES.items():
        laptop.put(key, text.encode("latin-1"))
    laptop.put("people/cut.csv.gz", gzip.compress(FILES["people/good.csv"].encode() * 900)[:-12])
    laptop.settle()
    faults = [
        {"service": "redshift", "operation": "fail", "path": "copy stage from", "text": text} for text in REFUSALS
    ]
    with urlopen(Request(laptop.page("faults"), data=json.dumps(faults).encode(), method="POST")):
        for dataset in REFUSED:
            laptop.put(f"{dataset}/refused.csv", b"meter,read_at,value\nprivacy,2026-01-01T00:00:00Z,1\n")
    laptop.settle()
    with urlopen(Request(laptop.page("faults"), method="DELETE")):
        return heard


def test_the_marker_was_where_rows_may_be(laptop: Laptop, dropped: str) -> None:
    """Or else nothing below would mean anything."""
    assert laptop.rows(f"SELECT COUNT(*) FROM public.people WHERE person LIKE '{MARK}%'")[0][0] >= 2
    assert len([row for row in laptop.headrace("quarantine", "people")["rows"] if MARK in json.dumps(row)]) >= 8
    files = [json.loads(text) for text in items(laptop) if '"sk": {"S": "FILE"}' in text]
    statuses = {item["key"]["S"]: item["status"]["S"] for item in files}
    assert {"loaded", "failed", "unroutable"} <= {statuses[key] for key in FILES}, statuses
    refused = sorted(statuses[f"{dataset}/refused.csv"] for dataset in REFUSED)
    assert refused == ["failed", "failed", "loaded"], refused  # an error that nobody knows is tried again
    assert any("home: categories: new:" in message for message in laptop.messages())


def test_the_histories_of_failed_loads_are_searched(laptop: Laptop, dropped: str) -> None:
    """Each refused load was looked at, and its history says what it was refused for, without the values."""
    texts = [text for text in executions(laptop) if '"failed' in text and "LoadRefused" in text]
    for words in ("Invalid digit", "JSON parsing error", "may quote a row"):
        assert any(words in text for text in texts), words


PLACES = ("messages", "events", "ledger", "logs", "executions", "queues")


@pytest.mark.parametrize("place", PLACES)
def test_no_value_of_a_row_is_there(laptop: Laptop, dropped: str, place: str) -> None:
    looked = {
        "messages": lambda: sent(laptop), "events": lambda: received(laptop, dropped), "ledger": lambda: items(laptop),
        "logs": lambda: logged(laptop), "executions": lambda: executions(laptop), "queues": lambda: queued(laptop),
    }  # fmt: skip
    texts = list(looked[place]())
    assert texts or place == "queues"
    assert [excerpt(text) for text in texts if MARK in text.lower()] == []


def excerpt(text: str) -> str:
    at = text.lower().index(MARK)
    return f"{text[:100]} … {text[max(0, at - 300) : at + 100]}"


def sent(laptop: Laptop) -> Iterator[str]:
    """What Slack and PagerDuty were told."""
    yield from laptop.messages()


def received(laptop: Laptop, queue: str) -> Iterator[str]:
    """What was published on the topic and the buses."""
    queues = laptop.client("sqs")
    while messages := queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            yield message["Body"]
            queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def unpacked(value: bytes) -> str:
    """What the answers of exports are kept as."""
    return zlib.decompress(value).decode()


def items(laptop: Laptop) -> Iterator[str]:
    """All of DynamoDB."""
    dynamodb = laptop.client("dynamodb")
    for table in dynamodb.list_tables()["TableNames"]:
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            yield from (json.dumps(item, default=unpacked) for item in page["Items"])


def logged(laptop: Laptop) -> Iterator[str]:
    """All that functions and workflows have logged, Redshift's log of statements excepted."""
    logs = laptop.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            yield from (f"{group['logGroupName']}: {event['message']}" for event in page["events"])


def executions(laptop: Laptop) -> Iterator[str]:
    """Every execution of every machine, with its history."""
    workflow = laptop.client("stepfunctions")
    for machine in workflow.list_state_machines()["stateMachines"]:
        for page in workflow.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"]):
            for item in page["executions"]:
                described = workflow.describe_execution(executionArn=item["executionArn"])
                yield json.dumps(described, default=str)
                histories = workflow.get_paginator("get_execution_history")
                for part in histories.paginate(executionArn=item["executionArn"]):
                    yield from (json.dumps(event, default=str) for event in part["events"])


def queued(laptop: Laptop) -> Iterator[str]:
    """What waits in the stack's own queues, the dead letters among it."""
    queues = laptop.client("sqs")
    for url in queues.list_queues()["QueueUrls"]:
        if "headrace" in url:
            answer = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
            yield from (message["Body"] for message in answer.get("Messages", []))
