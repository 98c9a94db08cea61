"""Dead-letter queues, and the intake queue that one of them belongs to."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from headrace.domain.ingest.arrival import DeadLetter

HIDDEN_SECONDS = 300
"""How long a dead letter that was read is hidden from the next reading."""
LETTERS_AT_ONCE = 10


class DeadLetterQueue:
    """`client` is a boto3 SQS client."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._dead = url

    def receive(self) -> list[DeadLetter]:
        """Some dead letters, none when there are no more. They are hidden for a while, not gone."""
        answer = self._client.receive_message(
            QueueUrl=self._dead,
            MaxNumberOfMessages=LETTERS_AT_ONCE,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,
        )
        return [DeadLetter(item["Body"], item["ReceiptHandle"]) for item in answer.get("Messages", [])]

    def keep(self, body: str) -> None:
        """Put a message in that nobody can handle."""
        self._client.send_message(QueueUrl=self._dead, MessageBody=body)

    def delete(self, letter: DeadLetter) -> None:
        """Remove it from the dead-letter queue."""
        self._client.delete_message(QueueUrl=self._dead, ReceiptHandle=letter.receipt)

    def give_back(self, letter: DeadLetter) -> None:
        """Show it again at once."""
        self._client.change_message_visibility(QueueUrl=self._dead, ReceiptHandle=letter.receipt, VisibilityTimeout=0)


class IntakeQueues(DeadLetterQueue):
    """The intake queue and its dead-letter queue."""

    def __init__(self, client: Any, intake_url: str, dead_letter_url: str) -> None:
        super().__init__(client, dead_letter_url)
        self._intake = intake_url

    def send(self, letter: DeadLetter) -> None:
        """Put a letter into the intake queue as it is."""
        self._client.send_message(QueueUrl=self._intake, MessageBody=letter.body)


class UndeliveredNotices(DeadLetterQueue):
    """SNS events that their function failed to process, and the functions. All three are boto3 clients."""

    def __init__(self, sqs: Any, sns: Any, functions: Any, queue_url: str, topic_arn: str) -> None:
        super().__init__(sqs, queue_url)
        self._sns = sns
        self._functions = functions
        self._topic = topic_arn

    @cached_property
    def _endpoints(self) -> dict[str, str]:
        """The topic's subscriptions and the function of each: Slack's and PagerDuty's."""
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic)
        return {item["SubscriptionArn"]: item["Endpoint"] for page in pages for item in page["Subscriptions"]}

    def deliver(self, letter: DeadLetter, subscription: str) -> str:
        """Call the function of a subscription with a letter, and wait. Returns its error, "" when it has none."""
        function = self._endpoints.get(subscription)
        if function is None:
            return "the topic has no such subscription any more"
        answer = self._functions.invoke(FunctionName=function, Payload=letter.body)
        payload = answer["Payload"].read()
        return str(json.loads(payload).get("errorMessage", "it failed")) if answer.get("FunctionError") else ""
