"""DynamoDB's write units, counted per operation and kind of item, by a client in front of moto's table.

By https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html a write takes a unit for
each KB begun, of the larger of the item before and after; what a transaction writes or checks takes twice that; a
delete or check of nothing takes one; a condition that fails takes what it looked at. An index takes no part of the
doubling: it is written when what it has of an item has changed
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes).
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto import mock_aws

from headrace.adapters.ledger import DynamoLedger
from tests.support.item_size import Item, size_of

TABLE = "ledger"
KEYS = {"pk": "HASH", "sk": "RANGE"}
INDEX = {"dataset_files": "HASH", "arrived_at": "RANGE"}
INDEXED = "index by_dataset"


def create_table(dynamodb: Any) -> None:
    """An empty ledger, as the template has it."""
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (*KEYS, *INDEX)],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in KEYS.items()],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_dataset",
                "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in INDEX.items()],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def kind_of(key: Item) -> str:
    """Which kind of item has this key: `FILE`, `FILE event`, `PENDING`, …"""
    kind = str(key["pk"]["S"]).split("#")[0]
    return f"{kind} event" if key["sk"]["S"].startswith("EVENT#") else kind


class Metered:
    """A client of DynamoDB that counts what its writes take, in `units` by operation and kind of item."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.units: Counter[tuple[str, str]] = Counter()
        self.largest: dict[str, int] = {}
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    @property
    def total(self) -> int:
        """All write units so far."""
        return sum(self.units.values())

    def put_item(self, **request: Any) -> Any:
        return self._one("Put", request, self._client.put_item)

    def update_item(self, **request: Any) -> Any:
        return self._one("Update", request, self._client.update_item)

    def delete_item(self, **request: Any) -> Any:
        return self._one("Delete", request, self._client.delete_item)

    def transact_write_items(self, TransactItems: list[Item]) -> Any:  # noqa: N803 - boto3's name
        with self._counted([*(next(iter(item.items())) for item in TransactItems)], times=2):
            return self._client.transact_write_items(TransactItems=TransactItems)

    def _one(self, operation: str, request: Item, do: Any) -> Any:
        with self._counted([(operation, request)], times=1):
            return do(**request)

    @contextmanager
    def _counted(self, writes: list[tuple[str, Item]], times: int) -> Iterator[None]:
        keys = [{name: (write.get("Key") or write["Item"])[name] for name in KEYS} for _, write in writes]
        before = [self._get(key) for key in keys]
        try:
            yield
        finally:
            for (operation, _), key, was in zip(writes, keys, before, strict=True):
                self._count(operation if times == 1 else f"transact {operation}", key, was, self._get(key), times)

    def _get(self, key: Item) -> Item:
        answer = self._client.get_item(TableName=TABLE, Key=key, ConsistentRead=True)
        return dict(answer.get("Item", {}))

    def _count(self, operation: str, key: Item, was: Item, becomes: Item, times: int) -> None:
        kind, size = kind_of(key), max(size_of(was), size_of(becomes), 1)
        with self._lock:
            self.largest[kind] = max(size, self.largest.get(kind, 0))
            self.units[operation, kind] += times * math.ceil(size / 1024)
            self.units["write", INDEXED] += _index_units(was, becomes)


def _index_units(was: Item, becomes: Item) -> int:
    """What the index takes, which has whole items: nothing where nothing changed; two where an entry moves."""
    entries = [item for item in (was, becomes) if all(name in item for name in INDEX)]
    if was == becomes or not entries:
        return 0
    units = [math.ceil(size_of(item) / 1024) for item in entries]
    same = len(entries) == 1 or all(was[name] == becomes[name] for name in INDEX)
    return max(units) if same else sum(units)


@contextmanager
def moto_ledger() -> Iterator[tuple[DynamoLedger, Any]]:
    """A ledger over moto's DynamoDB in this process, and its client."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    with mock_aws():
        client = boto3.client("dynamodb", **keys)
        create_table(client)
        yield DynamoLedger(client, TABLE, keep_days=365), client


@contextmanager
def metered_ledger() -> Iterator[tuple[DynamoLedger, Metered]]:
    """The same, and what counts its writes."""
    with moto_ledger() as (_, client):
        metered = Metered(client)
        yield DynamoLedger(metered, TABLE, keep_days=365), metered
