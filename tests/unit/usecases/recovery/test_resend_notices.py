"""Notices that nobody took: delivered once more, to whoever did not take them; what fails again stays."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from headrace.adapters.queues import UndeliveredNotices
from headrace.domain.notice import Notice
from headrace.usecases.recovery.redrive import Redriven
from headrace.usecases.recovery.resend_notices import resend_notices

SLACK, PAGERDUTY = "arn:sns:topic:slack", "arn:sns:topic:pagerduty"


def letter(title: str, subscription: str = SLACK) -> str:
    message = json.dumps(Notice("error", title).to_json())
    return json.dumps({"Records": [{"EventSubscriptionArn": subscription, "Sns": {"Message": message}}]})


class Aws:
    """SQS with a queue, SNS with two subscriptions, and Lambda with the function of each; `broken` ones fail."""

    def __init__(self, *bodies: str, broken: str = "") -> None:
        self.bodies = dict(enumerate(bodies))
        self.hidden: set[int] = set()
        self.delivered: list[tuple[str, str]] = []
        self._broken = broken

    def receive_message(self, **_: Any) -> dict[str, Any]:
        shown = [number for number in self.bodies if number not in self.hidden][:2]
        self.hidden |= set(shown)
        return {"Messages": [{"Body": self.bodies[number], "ReceiptHandle": str(number)} for number in shown]}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        assert QueueUrl == "queue"
        del self.bodies[int(ReceiptHandle)]

    def change_message_visibility(self, *, ReceiptHandle: str, VisibilityTimeout: int, **_: Any) -> None:  # noqa: N803
        assert VisibilityTimeout == 0
        self.hidden.remove(int(ReceiptHandle))

    def get_paginator(self, name: str) -> Aws:
        assert name == "list_subscriptions_by_topic"
        return self

    def paginate(self, *, TopicArn: str) -> list[dict[str, Any]]:  # noqa: N803
        assert TopicArn == "topic"
        return [
            {"Subscriptions": [{"SubscriptionArn": arn, "Endpoint": f"{arn}:function"}]} for arn in (SLACK, PAGERDUTY)
        ]

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        if self._broken and self._broken in Payload:
            failed = json.dumps({"errorType": "TransientError", "errorMessage": "Slack answered 503"})
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(failed.encode())}
        self.delivered.append((FunctionName, Payload))
        return {"Payload": io.BytesIO(b'{"posted": 1}')}


def run(aws: Aws, *, dry_run: bool = False) -> list[Redriven]:
    queue = UndeliveredNotices(aws, aws, aws, "queue", "topic")
    return resend_notices(queue, pause=lambda: None, dry_run=dry_run)


def test_each_goes_to_the_function_that_it_was_for_and_is_deleted() -> None:
    aws = Aws(letter("a"), letter("b", PAGERDUTY), letter("c"))
    assert run(aws) == [Redriven(title, "sent") for title in "abc"]
    assert [function.rpartition(":function")[0] for function, _ in aws.delivered] == [SLACK, PAGERDUTY, SLACK]
    assert aws.delivered[0][1] == letter("a")
    assert not aws.bodies


def test_what_fails_again_stays_with_the_reason() -> None:
    aws = Aws(letter("good"), letter("bad"), broken="bad")
    assert run(aws) == [Redriven("good", "sent"), Redriven("bad", "failed", "Slack answered 503")]
    assert list(aws.bodies.values()) == [letter("bad")]
    assert not aws.hidden & aws.bodies.keys()


def test_what_nobody_subscribes_to_any_more_stays() -> None:
    (answer,) = run(aws := Aws(letter("old", "arn:gone")))
    assert (answer.what, "no such subscription" in answer.detail) == ("failed", True)
    assert aws.bodies


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"Records": []}', '{"export": "daily"}', '{"Records": [{"Sns": 5}]}']
)
def test_what_is_no_notice_stays(body: str) -> None:
    aws = Aws(body)
    assert run(aws) == [Redriven(body, "unreadable", "not a notice")]
    assert aws.bodies
    assert not aws.delivered


def test_a_dry_run_delivers_and_deletes_nothing() -> None:
    aws = Aws(letter("a"), "{}")
    assert [answer.what for answer in run(aws, dry_run=True)] == ["sent", "unreadable"]
    assert len(aws.bodies) == 2
    assert not aws.delivered
    assert not aws.hidden
