"""DynamoDB items as Python values, and many items in few calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from headrace.adapters.attributes import attribute_of, value_of
from headrace.errors import TransientError

MOST_READ = 100
"""Keys that BatchGetItem takes at once: its own limit."""
MOST_IN_TRANSACTION = 100
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds before what DynamoDB had no capacity for is asked for again: its SDK does not do that.

They start over when something gets through."""

EXPIRES = "expires"
"""The attribute by which DynamoDB removes an item, in seconds since 1970; within two days of it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html"""
DAY = 86_400

A = TypeVar("A")
Key = tuple[str, str]
"""`pk` and `sk`."""


def to_item(value: dict[str, Any]) -> dict[str, Any]:
    """Python values as DynamoDB attributes; absent values are left out."""
    return {name: attribute_of(field) for name, field in value.items() if field is not None}


def expiry(days: int) -> dict[str, int]:
    """The attribute of an item that is kept for this many days from now; nothing for 0 days: it stays."""
    return {EXPIRES: int(time.time()) + days * DAY} if days else {}


def from_item(item: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB attributes as Python values, whole numbers as int."""
    return {name: value_of(field) for name, field in item.items()}


def condition_failed(error: ClientError) -> bool:
    """Whether a transaction was refused because of a condition, and not of a conflict that passes."""
    reasons = error.response.get("CancellationReasons", [])
    return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)


def read_all(client: Any, table: str, keys: Iterable[Key]) -> dict[Key, dict[str, Any]]:
    """The items of these keys that there are, read consistently, a hundred a call."""
    found: dict[Key, dict[str, Any]] = {}

    def read(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = client.batch_get_item(RequestItems={table: {"Keys": batch, "ConsistentRead": True}})
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
