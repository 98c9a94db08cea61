"""Servers and their files in the ledger's table, beside the files that landed.

pk                            sk          what
SERVER#<server>               STATE       breaker, counters, open incidents, and who is polling it until when
SERVER#<server>#<dataset>     <path>      one file of the server, as it was last dealt with
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from headrace.adapters.table import from_item, to_item, write_all
from headrace.domain.breaker import Breaker, State
from headrace.domain.clock import written
from headrace.domain.serverstate import ServerState, reset
from headrace.domain.sourcefile import SourceFile, SourceStatus

PAGE = 2000
"""Of a page of 1 MB, which is the most that DynamoDB gives, boto3 makes 15 MB of dictionaries."""
TIMES = ("since", "taken_at", "modified", "stamp")


class DynamoSourceLedger:
    """`client` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def lease(self, server: str, owner: str, now: datetime, until: datetime) -> ServerState | None:
        """Take the server for one poll, or for as long as that can last. None when another poll has it."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_state_key(server),
                UpdateExpression="SET poller = :owner, poller_until = :until",
                ConditionExpression="attribute_not_exists(poller_until) OR poller_until < :now OR poller = :owner",
                ExpressionAttributeValues=to_item({":owner": owner, ":until": written(until), ":now": written(now)}),
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return _state(server, from_item(answer["Attributes"]))

    def release(self, server: str, owner: str) -> None:
        """Give the server back, unless somebody else has it by now."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_state_key(server),
                UpdateExpression="REMOVE poller, poller_until",
                ConditionExpression="poller = :owner",
                ExpressionAttributeValues=to_item({":owner": owner}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def state(self, server: str) -> ServerState:
        """A server, as it stands."""
        answer = self._client.get_item(TableName=self._table, Key=_state_key(server), ConsistentRead=True)
        item = from_item(answer.get("Item", {}))
        return replace(_state(server, item), polling="poller" in item)

    def save_state(self, state: ServerState) -> None:
        """Write a server's state; who polls it is another attribute and stays."""
        self._client.update_item(
            TableName=self._table,
            Key=_state_key(state.server),
            UpdateExpression="SET #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues=to_item({":state": _json(asdict(replace(state, polling=False)))}),
        )

    def reset(self, server: str) -> None:
        """Close a server's breaker, whatever the last poll, or the one under way, has found.

        Which poll that is, not when, is written down: clocks differ, and a poll under way writes its state at its end.
        """
        poll = self.state(server).last_poll
        if poll is not None:
            self._client.update_item(
                TableName=self._table,
                Key=_state_key(server),
                UpdateExpression="SET reset_poll = :poll",
                ExpressionAttributeValues=to_item({":poll": written(poll)}),
            )

    def known(self, server: str, dataset: str) -> dict[str, SourceFile]:
        """All files of a server that a dataset has ever had to do with, by path."""
        query = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": to_item({":pk": _files_pk(server, dataset)}),
            "ConsistentRead": True,
        }
        found: dict[str, SourceFile] = {}
        for page in self._client.get_paginator("query").paginate(**query, PaginationConfig={"PageSize": PAGE}):
            for item in page["Items"]:
                record = _record(server, dataset, item)
                found[record.path] = record
        return found

    def save(self, record: SourceFile) -> None:
        """Write one file's record."""
        self._client.put_item(TableName=self._table, Item=_item(record))

    def save_all(self, records: Iterable[SourceFile]) -> None:
        """Write several records, many in one call."""
        write_all(self._client, self._table, map(_item, records))


def _files_pk(server: str, dataset: str) -> str:
    return f"SERVER#{server}#{dataset}"


def _state_key(server: str) -> dict[str, Any]:
    return to_item({"pk": f"SERVER#{server}", "sk": "STATE"})


def _json(value: Any) -> Any:
    """Plain values; times as text, and nothing for what is not there."""
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items() if item is not None}
    return written(value) if isinstance(value, datetime) else str(value) if isinstance(value, State) else value


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _state(server: str, item: dict[str, Any]) -> ServerState:
    value = item.get("state")
    if value is None:
        return ServerState(server)
    kept = value["breaker"]
    breaker = Breaker(
        State(kept["state"]), kept["failures"], _moment(kept.get("since")), _moment(kept.get("retry_at")), kept["fatal"]
    )
    times = {name: _moment(value.get(name)) for name in ("last_seen", "last_poll")}
    incidents = {key: datetime.fromisoformat(at) for key, at in value.get("incidents", {}).items()}
    state = ServerState(**value | times | {"breaker": breaker, "incidents": incidents})
    return reset(state) if value.get("last_poll") == item.get("reset_poll", "never") else state


def _item(record: SourceFile) -> dict[str, Any]:
    value = asdict(record) | {name: written(at) for name in TIMES if (at := getattr(record, name)) is not None}
    value |= {"pk": _files_pk(record.server, record.dataset), "sk": record.path, "status": str(record.status)}
    return to_item({name: item for name, item in value.items() if name not in {"server", "dataset", "path"}})


def _record(server: str, dataset: str, item: dict[str, Any]) -> SourceFile:
    """Read without boto3's deserializer, which takes longer than the listing of a large folder."""
    plain = {name: _plain(value) for name, value in item.items()}
    path = plain.pop("sk")
    del plain["pk"]
    plain |= {name: datetime.fromisoformat(plain[name]) for name in TIMES if name in plain}
    plain.setdefault("size", None)
    plain.setdefault("modified", None)
    return SourceFile(server, dataset, path, **plain | {"status": SourceStatus(plain["status"])})


def _plain(value: dict[str, Any]) -> Any:
    kind, content = next(iter(value.items()))
    return int(content) if kind == "N" else content
