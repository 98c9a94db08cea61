"""Each event of `events/` sent to the built function, as `sam local invoke` and `sam remote invoke` would."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Laptop
from tests.support.template import TEMPLATE

EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture(scope="module")
def loaded(laptop: Laptop) -> Laptop:
    """The events speak of `readings-1`, the first batch of the tests' dataset."""
    laptop.put("readings/first.csv", b"meter,read_at,value\nfn1,2026-01-01T00:00:00Z,1\n")
    laptop.settle()
    return laptop


def invoke(laptop: Laptop, function: str, event: Any) -> Any:
    stem = "".join(word.title() for word in function.split("_")) + "Function"
    lambdas = laptop.client("lambda")
    names = [
        item["FunctionName"]
        for page in lambdas.get_paginator("list_functions").paginate()
        for item in page["Functions"]
    ]
    (name,) = [name for name in names if stem in name]
    answer = lambdas.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def event_of(function: str) -> Any:
    return json.loads((EVENTS / f"{function}.json").read_text())


def test_there_is_an_event_for_each_function() -> None:
    functions = {name for name, item in TEMPLATE["Resources"].items() if item["Type"] == "AWS::Serverless::Function"}
    assert functions == {f"{path.stem.title().replace('_', '')}Function" for path in EVENTS.glob("*.json")}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("lake_tables", {"batchItemFailures": []}),
        ("record_batch", {"batch": None, "files": 0, "bytes": 0, "units": [], "heavy": []}),  # its turn is over
        ("transform", {"unit": 1}),
        ("prepare_load", {"replaced": []}),
        ("run_statements", {"status": "failed"}),  # the warehouse knows no such statement
        ("record_outcome", {"outcome": {"batch": "readings-1"}}),
        ("record_failure", {"batch": None, "again": False}),  # no batch is open
        ("hand_over", {"more": False}),
        ("recover", {"more": False}),
        ("refresh_views", {"refreshed": []}),
        ("judge_batch", {"load": False}),  # it is loaded already
        ("judge_day", {"day": "2026-11-20"}),
        ("reconcile", {"differences": 0}),
        ("sweeper", {"helped": [], "notified": [], "waiting": []}),
        ("export_trigger", {"outcome": "another attempt is on it"}),  # there never was that run
        ("export_advance", {"over": True, "tell": False}),
        ("export_runner", {"batchItemFailures": []}),  # nobody waits for that request
        ("slack", {"sent": 1}),
        ("pagerduty", {"sent": 1}),
        ("poller", {"skipped": "no deployed contract names it"}),
    ],
)
def test_the_built_function_answers_its_event(loaded: Laptop, function: str, expected: dict[str, Any]) -> None:
    answer = invoke(loaded, function, event_of(function))
    for name, value in expected.items():
        found = answer[name]
        assert (found if not isinstance(value, dict) else {key: found[key] for key in value}) == value


def test_order_polls_orders_a_poll_of_each_server(loaded: Laptop) -> None:
    servers = [item["server"] for item in loaded.headrace("sources")["sources"]]
    assert invoke(loaded, "order_polls", event_of("order_polls")) == {"ordered": servers}


def test_what_the_functions_measured_is_on_the_dashboard(loaded: Laptop) -> None:
    invoke(loaded, "sweeper", event_of("sweeper"))
    end = time.monotonic() + 30
    while "Rows loaded by dataset" not in (found := charts_of(loaded, "readings")) and time.monotonic() < end:
        time.sleep(1)  # a function's lines are read when it has ended, which is after the file is loaded
    assert found["Rows loaded by dataset"]["sum"] >= 1
    assert found["Files arrived by dataset"]["sum"] >= 1
    assert found["p95 by dataset"]["highest"] > 0
    assert found["Seconds at work by dataset"]["sum"] > 0
    assert found["Age of the newest row by dataset"]["last"] >= 0
    assert charts_of(loaded, "wake-ups")["Wake-ups"]["sum"] >= 1
    assert charts_of(loaded, "seconds awake")["Wake-ups"]["sum"] >= 60


def charts_of(laptop: Laptop, series: str) -> dict[str, Any]:
    """The charts of the dashboard that have a series, with its figures."""
    charts = [chart for row in laptop.headrace("dashboard")["rows"] for chart in row["charts"]]
    return {chart["title"]: each for chart in charts for each in chart["series"] if each["name"] == series}


def test_starter_records_an_object_and_wakes_its_dataset(loaded: Laptop) -> None:
    event = event_of("starter")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["bucket"]["name"] = loaded.output("LandingBucket")
    event["Records"][0]["body"] = json.dumps(body)
    poison = {**event["Records"][0], "messageId": "poison", "body": "no event at all"}
    answer = invoke(loaded, "starter", {"Records": [*event["Records"], poison]})
    assert answer == {"batchItemFailures": []}
    queues, dead = loaded.client("sqs"), loaded.output("IntakeDeadLetterQueueUrl")
    (letter,) = queues.receive_message(QueueUrl=dead, WaitTimeSeconds=5)["Messages"]
    assert letter["Body"] == "no event at all"
    queues.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
    loaded.settle()
    trace = loaded.trace(body["detail"]["object"]["key"])
    assert trace["status"] == "failed"  # there never was such an object
    assert "deleted before it could be read" in trace["reason"]


@pytest.fixture
def cloudformation() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where a custom resource answers."""
    answers: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/answer", answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_migrate_answers_cloudformation(loaded: Laptop, cloudformation: tuple[str, list[dict[str, Any]]]) -> None:
    url, answers = cloudformation
    invoke(loaded, "migrate", event_of("migrate") | {"ResponseURL": url})
    assert [answer["Status"] for answer in answers] == ["SUCCESS"]


def test_publishing_the_job_answers_with_where_its_files_are(
    loaded: Laptop, cloudformation: tuple[str, list[dict[str, Any]]]
) -> None:
    url, answers = cloudformation
    invoke(loaded, "publish_job", event_of("publish_job") | {"ResponseURL": url})
    (answer,) = answers
    job = loaded.client("glue").get_job(JobName=loaded.output("SparkJob"))["Job"]
    assert (answer["Status"], answer["Data"]["Script"]) == ("SUCCESS", job["Command"]["ScriptLocation"])
