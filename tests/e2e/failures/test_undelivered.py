"""Slack is out of order: a notice is tried three times and kept in a queue, and an alarm calls somebody in the end."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.request import Request, urlopen

from tests.e2e.conftest import Laptop


def faults(laptop: Laptop, method: str, *wanted: dict[str, Any]) -> Any:
    with urlopen(Request(laptop.page("faults"), data=json.dumps(wanted).encode(), method=method)) as answer:
        return json.load(answer)["faults"]


def test_a_notice_that_slack_does_not_take_is_kept_and_called_out(laptop: Laptop) -> None:
    sqs = laptop.client("sqs")
    pages = sqs.get_paginator("list_queues").paginate()
    (queue,) = [url for page in pages for url in page["QueueUrls"] if "/headrace-UndeliveredNotices" in url]
    faults(laptop, "POST", {"service": "slack", "operation": "POST", "times": 3})
    told = len(laptop.messages())

    laptop.put("undelivered/known.csv", b"a\n1\n")

    kept: list[Any] = []
    end = time.monotonic() + 60
    while not kept and time.monotonic() < end:
        kept = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, VisibilityTimeout=0).get("Messages", [])
    assert faults(laptop, "DELETE") == []
    assert "undelivered/known.csv" in kept[0]["Body"]
    while time.monotonic() < end and not any("Undelivered" in message for message in laptop.messages()[told:]):
        time.sleep(0.5)
    assert any("UndeliveredAlarm" in message for message in laptop.messages()[told:])
    would = laptop.headrace("redrive", "--notices", "--dry-run")
    assert (would["sent"], would["failed"]) == (1, 0)
    told = len(laptop.messages())
    assert laptop.headrace("redrive", "--notices")["letters"] == would["letters"]
    assert any("undelivered/known.csv" in message for message in laptop.messages()[told:])
    assert laptop.headrace("redrive", "--notices")["letters"] == []
