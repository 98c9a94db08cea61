"""The queue of requests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from headrace.domain.foreign import NOT_AS_EXPECTED
from headrace.errors import TransientError
from headrace.exports.model.run import Request

MOST_ENTRIES = 10
MOST_BYTES = 250_000
"""Of one call, and of a message; SQS takes a megabyte, and took a quarter of it for long."""
PATIENCE = 5
"""A request that has failed for the nth time comes again after 5 to the power of n seconds."""
MOST_LOOKS = 1_000
"""At the dead-letter queue, for a run: ten letters each."""
HIDDEN_SECONDS = 30
"""How long a dead letter of another run is hidden by the look at it."""
UNFINISHED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class ExportQueue:
    """`client` is a boto3 SQS client."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, requests: Iterable[Request], delay: int = 0) -> None:
        """Send them all, to be seen after `delay` seconds.

        Raises TransientError when SQS did not take one; those before it are sent.
        """
        for bodies in _batches(json.dumps(request.to_json(), separators=(",", ":")) for request in requests):
            entries = [
                {"Id": str(number), "MessageBody": body, "DelaySeconds": delay} for number, body in enumerate(bodies)
            ]
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            if answer.get("Failed"):
                raise TransientError(f"SQS did not take {len(answer['Failed'])} requests: {answer['Failed'][0]}")

    def give_back(self, receipt: str, delivery: int) -> None:
        """Let a request that has failed come again after some seconds, longer each time.

        One that cannot be given back, because it was away too long, comes again by itself.
        """
        with suppress(ClientError):
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=PATIENCE**delivery
            )

    def idle(self) -> bool:
        """Whether nothing waits and nothing is being worked on, as far as SQS knows."""
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(UNFINISHED))
        return not any(int(answer["Attributes"][name]) for name in UNFINISHED)


def take_dead_letters(client: Any, url: str, export: str, date: str) -> int:
    """Remove a run's letters from the dead-letter queue: they are about to be asked for again. Returns how many.

    Those of other runs stay, and end it when they come again; what is left after this many looks is found by the next.
    """
    removed = 0
    seen: set[str] = set()
    for _ in range(MOST_LOOKS):
        answer = client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=MOST_ENTRIES, VisibilityTimeout=HIDDEN_SECONDS
        )
        messages = answer.get("Messages", [])
        if not messages or seen.issuperset(message["MessageId"] for message in messages):
            break
        for message in messages:
            seen.add(message["MessageId"])
            if _run_of(message["Body"]) == (export, date):
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                removed += 1
    return removed


def _run_of(body: str) -> tuple[str, str] | None:
    """The run that a letter belongs to; None for one that is not a request."""
    try:
        letter = json.loads(body)
        return letter["export"], letter["date"]
    except NOT_AS_EXPECTED:
        return None


def _batches(bodies: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body)  # json.dumps gives ASCII
        if batch and (len(batch) == MOST_ENTRIES or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch
