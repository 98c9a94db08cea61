"""The way of a file, from landing to warehouse, as a person sees it."""

from __future__ import annotations

import json

from tests.e2e.conftest import Laptop

HEAD = "meter,read_at,value\n"


def test_a_file_becomes_rows_and_its_bad_row_is_kept(laptop: Laptop) -> None:
    text = HEAD + "way1,2026-01-01T00:00:00Z,1\nway2,2026-01-01T00:00:00Z,2\nway3,2026-01-01T00:00:00Z,-1\n"
    laptop.put("readings/first file+1.csv", text.encode())
    laptop.settle()
    trace = laptop.trace("readings/first file+1.csv")
    assert (trace["status"], trace["dataset"]) == ("loaded", "readings")
    assert trace["rows"] == {"read": 3, "loaded": 2, "superseded": 0, "quarantined": 1, "duplicate": 0}
    steps = [step["step"] for step in trace["steps"]]
    story = ["Arrived", "Recorded", "Transformed", "Ready to load", "COPY and MERGE", "Loaded"]
    assert [step for step in steps if step in story] == story
    assert laptop.rows("SELECT meter, value, _row_number FROM public.readings WHERE meter LIKE 'way%' ORDER BY 1") == [
        ["way1", 1, 1],
        ["way2", 2, 2],
    ]
    (bad,) = [row for row in laptop.headrace("quarantine", "readings")["rows"] if row["raw"].startswith("way")]
    assert (bad["row_number"], bad["raw"]) == (3, "way3,2026-01-01T00:00:00Z,-1")
    assert "minimum" in json.dumps(bad)


def test_a_batch_is_one_message(laptop: Laptop) -> None:
    laptop.settle()
    before = len(laptop.messages())
    laptop.put("readings/message.csv", (HEAD + "msg,2026-01-01T00:00:00Z,1\n").encode())
    laptop.settle()
    (told,) = laptop.messages()[before:]
    assert "readings: 1 row loaded from 1 file" in told


def test_data_ready_is_published_on_the_projects_bus(laptop: Laptop) -> None:
    events, queues = laptop.client("events"), laptop.client("sqs")
    queue = queues.create_queue(QueueName="consumer")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": arn}]}
    queues.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    bus = laptop.output("EventBusName")
    pattern = json.dumps({"source": ["headrace"], "detail-type": ["Data Ready"]})
    events.put_rule(Name="consumer", EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule="consumer", EventBusName=bus, Targets=[{"Id": "q", "Arn": arn}])
    laptop.put("readings/ready.csv", (HEAD + "ready,2026-01-01T00:00:00Z,1\n").encode())
    laptop.settle()
    (message,) = queues.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    detail = json.loads(message["Body"])["detail"]
    assert (detail["dataset"], detail["rows"]) == ("readings", 1)
    bucket, _, key = detail["manifest"].removeprefix("s3://").partition("/")
    manifest = json.loads(laptop.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert all(entry["mandatory"] and entry["meta"]["content_length"] for entry in manifest["entries"])


def test_status_balances_and_agrees_with_the_warehouse(laptop: Laptop) -> None:
    laptop.settle()
    status = {item["dataset"]: item for item in laptop.headrace("status")["datasets"]}
    for dataset, item in status.items():
        rows = item["rows"]
        ends = ("loaded", "superseded", "quarantined", "duplicate", "discarded", "withheld")
        assert rows["read"] == sum(rows.get(name, 0) for name in ends), dataset
        assert laptop.rows(f"SELECT COUNT(*) FROM public.{dataset}") == [[rows["loaded"]]]
