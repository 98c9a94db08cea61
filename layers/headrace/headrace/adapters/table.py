"""One DynamoDB table: items as Python values, conditional writes, and many items in few calls."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from random import SystemRandom
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from headrace.adapters.attributes import attribute_of, value_of
from headrace.domain import clock
from headrace.errors import TransientError

MOST_READ = 100
"""Keys that BatchGetItem takes at once: its own limit."""
MOST_IN_TRANSACTION = 100
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds before what DynamoDB had no capacity for is asked for again: its SDK does not do that.

They start over when something gets through."""

JITTER = SystemRandom()
"""So that those who were in each other's way do not meet again."""
EXPIRES = "expires"
"""The attribute by which DynamoDB removes an item, in seconds since 1970; within two days of it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html"""
DAY = 86_400

PARALLEL_WRITES = 8
ATTRIBUTE = re.compile(r"#(\w+)")

A = TypeVar("A")
B = TypeVar("B")
Key = tuple[str, str]
"""`pk` and `sk`."""
Write = dict[str, dict[str, Any]]
"""One write or check as a transaction takes it: `{"Put" | "Update" | "Delete" | "ConditionCheck": {…}}`."""


def to_item(value: dict[str, Any]) -> dict[str, Any]:
    """Python values as DynamoDB attributes; absent values are left out."""
    return {name: attribute_of(field) for name, field in value.items() if field is not None}


def expiry(days: int) -> dict[str, int]:
    """The attribute of an item that is kept for this many days from now; nothing for 0 days: it stays."""
    return {EXPIRES: int(clock.seconds()) + days * DAY} if days else {}


def from_item(item: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB attributes as Python values, whole numbers as int."""
    return {name: value_of(field) for name, field in item.items()}


class Table:
    """A table whose key is `pk` and `sk`. `client` is a boto3 DynamoDB client.

    What expires goes after `keep_days`; 0 keeps everything. Reads are consistent, but for those of an index.
    """

    def __init__(self, client: Any, name: str, keep_days: int = 0) -> None:
        self._client = client
        self.name = name
        self.keep_days = keep_days

    def get(self, pk: str, sk: str) -> dict[str, Any]:
        """An item; empty when there is none."""
        key = to_item({"pk": pk, "sk": sk})
        answer = self._client.get_item(TableName=self.name, Key=key, ConsistentRead=True)
        return from_item(answer.get("Item", {}))

    def read(self, keys: Iterable[Key], *, consistent: bool = True) -> dict[Key, dict[str, Any]]:
        """The items of these keys that there are, a hundred a call."""
        return read_all(self._client, self.name, keys, consistent=consistent)

    def query(self, condition: str, values: dict[str, Any], **how: Any) -> Iterator[dict[str, Any]]:
        """All items that meet a key condition, in order, page by page. `values` stand in it as `:name`."""
        pages = self._client.get_paginator("query").paginate(**self._query(condition, values, how))
        return (from_item(item) for page in pages for item in page["Items"])

    def partition(self, pk: str, prefix: str = "") -> Iterator[dict[str, Any]]:
        """The items of a partition, in order; those whose sort key begins so."""
        condition = "pk = :pk AND begins_with(sk, :prefix)" if prefix else "pk = :pk"
        return self.query(condition, {"pk": pk, "prefix": prefix or None})

    def first(self, pk: str, most: int) -> list[dict[str, Any]]:
        """The first items of a partition, at most this many. One call."""
        query = self._query("pk = :pk", {"pk": pk}, {"Limit": most})
        return [from_item(item) for item in self._client.query(**query)["Items"]]

    def count(self, pk: str, enough: int) -> int:
        """How many items a partition has. Counting ends where there are `enough`."""
        query = self._query("pk = :pk", {"pk": pk}, {"Select": "COUNT"})
        number, start = 0, dict[str, Any]()
        while number < enough:
            answer = self._client.query(**query, **start)
            number += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return number

    def number(self, condition: str, values: dict[str, Any], **how: Any) -> int:
        """How many items meet a key condition. They may lag a moment, which takes half the read units."""
        query = self._query(condition, values, {"ConsistentRead": False, "Select": "COUNT", **how})
        return sum(page["Count"] for page in self._client.get_paginator("query").paginate(**query))

    def last(self, condition: str, values: dict[str, Any], most: int, **how: Any) -> list[dict[str, Any]]:
        """The last items that meet a key condition: at most this many, the last one first. One call."""
        query = self._query(condition, values, how | {"ScanIndexForward": False, "Limit": most})
        return [from_item(item) for item in self._client.query(**query)["Items"]]

    def _query(self, condition: str, values: dict[str, Any], how: dict[str, Any]) -> dict[str, Any]:
        consistent = {} if "IndexName" in how else {"ConsistentRead": True}
        named = {"KeyConditionExpression": condition, "ExpressionAttributeValues": _values(values)}
        return {"TableName": self.name, **named, **consistent, **how}

    def put(self, write: Write) -> bool:
        """Put one item. False, and nothing written, when its condition does not hold."""
        return _done(lambda: self._client.put_item(**write["Put"]))

    def update(self, write: Write) -> bool:
        """Update one item. False, and nothing written, when its condition does not hold."""
        return _done(lambda: self._client.update_item(**write["Update"]))

    def transact(self, writes: list[Write]) -> bool:
        """Write all or nothing. False, and nothing written, when a condition does not hold."""
        return _done(lambda: self._client.transact_write_items(TransactItems=writes))

    def refusals(self, writes: list[Write]) -> list[str]:
        """Write all or nothing. Returns DynamoDB's code for each write, `None` for one that was not in the way.

        Nothing is returned when all are written.
        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html
        """
        try:
            self._client.transact_write_items(TransactItems=writes)
        except self._client.exceptions.TransactionCanceledException as error:
            return [str(reason.get("Code")) for reason in error.response.get("CancellationReasons", [])]
        return []

    def putting(self, pk: str, sk: str, item: dict[str, Any], condition: str = "", **values: Any) -> Write:
        """A put of a whole item. In its condition, `:name` is one of the values, and `#name` an attribute."""
        return {"Put": {"TableName": self.name, "Item": to_item({"pk": pk, "sk": sk} | item), **_if(condition, values)}}

    def updating(self, pk: str, sk: str, expression: str, condition: str = "", **values: Any) -> Write:
        """An update of an item's attributes. `:name` is one of the values, and `#name` an attribute."""
        return {"Update": self._keyed(pk, sk) | {"UpdateExpression": expression} | _if(condition, values, expression)}

    def checking(self, pk: str, sk: str, condition: str, **values: Any) -> Write:
        """A condition that a transaction hangs on. `:name` is one of the values, and `#name` an attribute."""
        return {"ConditionCheck": self._keyed(pk, sk) | _if(condition, values)}

    def deleting(self, pk: str, sk: str, condition: str = "", **values: Any) -> Write:
        """A delete of an item, whether there is one or not. `:name` is one of the values, and `#name` an attribute."""
        return {"Delete": self._keyed(pk, sk) | _if(condition, values)}

    def in_parallel(self, do: Callable[[A], B], items: Iterable[A]) -> list[B]:
        """The answers for all items, a few at a time, in order."""
        with ThreadPoolExecutor(PARALLEL_WRITES) as pool:
            return list(pool.map(do, items))

    def expiry(self) -> dict[str, int]:
        """The attribute of an item that goes after `keep_days`."""
        return expiry(self.keep_days)

    def _keyed(self, pk: str, sk: str) -> dict[str, Any]:
        return {"TableName": self.name, "Key": to_item({"pk": pk, "sk": sk})}


def _if(condition: str, values: dict[str, Any], expression: str = "") -> dict[str, Any]:
    """What a write's expressions need beside themselves, the condition included."""
    names = {f"#{name}": name for name in ATTRIBUTE.findall(f"{expression} {condition}")}
    needed = {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": _values(values),
    }
    return {name: value for name, value in needed.items() if value}


def _values(values: dict[str, Any]) -> dict[str, Any]:
    return to_item({f":{name}": value for name, value in values.items()})


def _done(write: Callable[[], Any]) -> bool:
    """Whether something was written; False when a condition did not hold.

    Where a transaction has one of the items just then, it is tried again: botocore does not
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling).
    """
    pauses = iter(PAUSES)
    while True:
        try:
            write()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException" or condition_failed(error):
                return False
            pause = next(pauses, None)
            if pause is None or not _in_conflict(code, error):
                raise
            time.sleep(pause * JITTER.uniform(0.5, 1))
        else:
            return True


def _in_conflict(code: str, error: ClientError) -> bool:
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
    return code == "TransactionConflictException" or "TransactionConflict" in reasons


def condition_failed(error: ClientError) -> bool:
    """Whether a transaction was refused because of a condition, and not of a conflict that passes."""
    reasons = error.response.get("CancellationReasons", [])
    return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)


def read_all(client: Any, table: str, keys: Iterable[Key], *, consistent: bool = True) -> dict[Key, dict[str, Any]]:
    """The items of these keys that there are, a hundred a call; one that is not read consistently costs half."""
    found: dict[Key, dict[str, Any]] = {}

    def read(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = client.batch_get_item(RequestItems={table: {"Keys": batch, "ConsistentRead": consistent}})
        for item in map(from_item, answer["Responses"].get(table, [])):
            found[item["pk"], item["sk"]] = item
        left: list[dict[str, Any]] = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        return left

    in_batches((to_item({"pk": pk, "sk": sk}) for pk, sk in dict.fromkeys(keys)), MOST_READ, read)
    return found


def put_all_if(client: Any, table: str, items: Iterable[dict[str, Any]], condition: dict[str, Any]) -> bool:
    """Put these items, none of which has the key of another, a hundred a call, if a condition holds for each.

    False when it does not for one: neither its hundred nor those behind it are written.
    """
    holds = True

    def write(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        nonlocal holds
        puts = [{"Put": {"TableName": table, "Item": item, **condition}} for item in batch if holds]
        try:
            if puts:
                client.transact_write_items(TransactItems=puts)
        except client.exceptions.TransactionCanceledException as error:
            if not condition_failed(error):
                return batch
            holds = False
        return []

    in_batches(items, MOST_IN_TRANSACTION, write)
    return holds


def in_batches(items: Iterable[A], most: int, do: Callable[[list[A]], list[A]]) -> None:
    """Do something with all, at most this many at once. `do` returns those that it could not; they are done again.

    Raises TransientError when nothing gets through, though it was tried again and again.
    """
    waiting = iter(items)
    left: list[A] = []
    pauses = iter(PAUSES)
    while batch := left + list(islice(waiting, most - len(left))):
        left = do(batch)
        pauses = pauses if len(left) == len(batch) else iter(PAUSES)
        if left:
            _pause(next(pauses, None))


def _pause(seconds: float | None) -> None:
    if seconds is None:
        raise TransientError("DynamoDB did not take all keys, though asked again and again")
    time.sleep(seconds)
