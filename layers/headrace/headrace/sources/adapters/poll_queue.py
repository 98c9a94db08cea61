"""The queue of polls to be made: one message per server and round, each with its own delay."""

from __future__ import annotations

import json
from typing import Any


class PollOrders:
    """`client` is a boto3 SQS client."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, server: str, delay_seconds: int = 0) -> None:
        """Order a poll, to begin after this many seconds (at most 900)."""
        body = json.dumps({"server": server})
        self._client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds)
