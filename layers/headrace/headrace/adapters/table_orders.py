"""The queue of what is to be registered: EventBridge puts events in, and each night the names of all datasets."""

from __future__ import annotations

import json
from typing import Any

from headrace.domain.contract import Contract


class TableOrders:
    """`client` is a boto3 SQS client."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send_repair(self, contract: Contract) -> int:
        """Ask for a look through one dataset. Returns 1, to be counted."""
        self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps({"repair": contract.dataset}))
        return 1
