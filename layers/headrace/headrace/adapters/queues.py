"""The intake queue and its dead-letter queue."""

from __future__ import annotations

from typing import Any

from headrace.domain.arrival import DeadLetter

HIDDEN_SECONDS = 300
"""How long a dead letter that was read is hidden from the next reading."""
MOST = 10


class IntakeQueues:
    """`client` is a boto3 SQS client."""

    def __init__(self, client: Any, intake_url: str, dead_letter_url: str) -> None:
        self._client = client
        self._intake = intake_url
        self._dead = dead_letter_url

    def receive(self) -> list[DeadLetter]:
        """Some dead letters, none when there are no more. They are hidden for a while, not gone."""
        answer = self._client.receive_message(
            QueueUrl=self._dead, MaxNumberOfMessages=MOST, VisibilityTimeout=HIDDEN_SECONDS, WaitTimeSeconds=1
        )
        return [DeadLetter(item["Body"], item["ReceiptHandle"]) for item in answer.get("Messages", [])]

    def send(self, letter: DeadLetter) -> None:
        """Put a letter into the intake queue as it is."""
        self._client.send_message(QueueUrl=self._intake, MessageBody=letter.body)

    def delete(self, letter: DeadLetter) -> None:
        """Remove it from the dead-letter queue."""
        self._client.delete_message(QueueUrl=self._dead, ReceiptHandle=letter.receipt)

    def give_back(self, letter: DeadLetter) -> None:
        """Show it again at once."""
        self._client.change_message_visibility(QueueUrl=self._dead, ReceiptHandle=letter.receipt, VisibilityTimeout=0)
