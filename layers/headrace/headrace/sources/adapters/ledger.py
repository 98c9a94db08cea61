"""Servers and their files in the ledger's table, beside the files that landed.

pk                                 sk          what
SERVER#<server>                    STATE       breaker, counters, open incidents, who is polling it until when, and the
                                               number of that poll, its turn
SERVER#<server>#<dataset>          <path>      one file of the server, as it was last dealt with
SERVER#<server>#<dataset>#REFUSED  <digest>    an entry of a listing that is never taken, so that it is reported once

A poll reads the records of the files that are listed, a hundred a call, and those that are open, which index by_dataset
has because only they carry its keys: what a server has had before is not read. `listed_at` says how long a record has
been needed; one of a file that is done with, and that no listing has shown for long, expires.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from headrace.adapters.attributes import value_of
from headrace.adapters.table import EXPIRES, MOST_READ, from_item, in_batches, put_all_if, read_all, to_item
from headrace.domain.bounds import LONGEST_REASON, cut
from headrace.domain.clock import written
from headrace.errors import LeaseLostError
from headrace.sources.model.breaker import Breaker, State
from headrace.sources.model.server_state import MOST_CLOSED, ServerState, reset
from headrace.sources.model.source_file import OPEN, SourceFile, SourceStatus, forgotten_at

PAGE = 2000
"""Of a page of 1 MB, which is the most that DynamoDB gives, botocore makes 15 MB of dictionaries."""
TIMES = ("since", "taken_at", "modified", "stamp", "retry_at", "listed_at")
NOT_LATER = "attribute_not_exists(turn) OR turn <= :turn"
LONGEST_FOLDER, LONGEST_ANSWER = 600, 500
"""Bytes of a closed folder with its dataset, and of why it cannot be listed. With 200 incidents they are an item."""
INDEX_KEYS = ("dataset_files", "arrived_at")


class DynamoSourceLedger:
    """`client` is a boto3 DynamoDB client.

    Records of files that no listing shows any more go after `keep_days`, or 100 if that is more; 0 keeps everything.
    """

    def __init__(self, client: Any, table: str, keep_days: int = 0) -> None:
        self._client = client
        self._table = table
        self._keep_days = keep_days

    def lease(self, server: str, owner: str, now: datetime, until: datetime) -> ServerState | None:
        """Take the server for one poll, or for as long as that can last. None when another poll has it."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_state_key(server),
                UpdateExpression="SET poller = :owner, poller_until = :until ADD turn :one",
                ConditionExpression="attribute_not_exists(poller_until) OR poller_until < :now OR poller = :owner",
                ExpressionAttributeValues=to_item(
                    {":owner": owner, ":until": written(until), ":now": written(now), ":one": 1}
                ),
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return _state(server, from_item(answer["Attributes"]))

    def release(self, state: ServerState) -> None:
        """Give the server back, unless another poll has it by now."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_state_key(state.server),
                UpdateExpression="REMOVE poller, poller_until",
                ConditionExpression="turn = :turn",
                ExpressionAttributeValues=to_item({":turn": state.turn}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def state(self, server: str) -> ServerState:
        """A server, as it stands."""
        answer = self._client.get_item(TableName=self._table, Key=_state_key(server), ConsistentRead=True)
        item = from_item(answer.get("Item", {}))
        return replace(_state(server, item), polling="poller" in item)

    def save_state(self, state: ServerState) -> None:
        """Write a server's state; who polls it is another attribute and stays. Raises LeaseLostError."""
        kept = asdict(replace(state, polling=False, **_bounded(state)))
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_state_key(state.server),
                UpdateExpression="SET #state = :state",
                ConditionExpression="attribute_not_exists(turn) OR turn = :turn",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=to_item({":state": _json(kept), ":turn": state.turn}),
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise LeaseLostError(f"another poll of {state.server} has begun") from error

    def reset(self, server: str) -> None:
        """Close a server's breaker, regardless of what the last poll, or the one under way, has found.

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

    def files(self, server: str, dataset: str, paths: Iterable[str]) -> dict[str, SourceFile]:
        """What is known of these files, by path."""
        found: dict[str, SourceFile] = {}
        pk = _files_pk(server, dataset)

        def read(keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
            answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
            for item in answer["Responses"].get(self._table, []):
                record = _record(server, dataset, item)
                found[record.path] = record
            left: list[dict[str, Any]] = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            return left

        in_batches(({"pk": {"S": pk}, "sk": {"S": path}} for path in dict.fromkeys(paths)), MOST_READ, read)
        return found

    def open_paths(self, server: str, dataset: str) -> set[str]:
        """The files that wait, or are held. The index may lag behind by seconds."""
        query = {
            "TableName": self._table,
            "IndexName": "by_dataset",
            "KeyConditionExpression": "dataset_files = :files",
            "ProjectionExpression": "sk",
            "ExpressionAttributeValues": to_item({":files": _files_pk(server, dataset)}),
        }
        pages = self._client.get_paginator("query").paginate(**query, PaginationConfig={"PageSize": PAGE})
        return {item["sk"]["S"] for page in pages for item in page["Items"]}

    def reported(self, server: str, dataset: str, paths: Iterable[str]) -> set[str]:
        """Those of these paths that were refused and reported before."""
        pk = _refused_pk(server, dataset)
        by_key = {_digest(path): path for path in paths}
        return {by_key[sk] for _, sk in read_all(self._client, self._table, ((pk, sk) for sk in by_key))}

    def refused(self, server: str, dataset: str, most: int) -> list[SourceFile]:
        """Entries that were refused, at most this many."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": _refused_pk(server, dataset)}),
            Limit=most,
        )
        return [_record(server, dataset, item) for item in answer["Items"]]

    def save(self, record: SourceFile, turn: int) -> None:
        """Write one file's record. Raises LeaseLostError."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item(record, turn, self._keep_days),
                ConditionExpression=NOT_LATER,
                ExpressionAttributeValues=to_item({":turn": turn}),
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise _lost(record.server) from error

    def save_all(self, records: Iterable[SourceFile], turn: int) -> None:
        """Write several records, many in one call. Raises LeaseLostError; those before are written."""
        items = {_key(record): record for record in records}.values()
        condition = {"ConditionExpression": NOT_LATER, "ExpressionAttributeValues": to_item({":turn": turn})}
        written_items = [_item(record, turn, self._keep_days) for record in items]
        if not put_all_if(self._client, self._table, written_items, condition):
            raise _lost(next(iter(items)).server)

    def let_go(self, held: SourceFile) -> bool:
        """Let a held file be tried again, if it is still held."""
        pk, sk = _key(held)
        try:
            self._client.update_item(
                TableName=self._table,
                Key=to_item({"pk": pk, "sk": sk}),
                UpdateExpression="SET #status = :seen, attempts = :none REMOVE retry_at",
                ConditionExpression="#status = :held",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=to_item(
                    {":seen": str(SourceStatus.SEEN), ":held": str(SourceStatus.HELD), ":none": 0}
                ),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _lost(server: str) -> LeaseLostError:
    return LeaseLostError(f"another poll of {server} has begun")


def _files_pk(server: str, dataset: str) -> str:
    return f"SERVER#{server}#{dataset}"


def _refused_pk(server: str, dataset: str) -> str:
    return f"SERVER#{server}#{dataset}#REFUSED"


def _digest(path: str) -> str:
    """A path that is shown may read like a file's own, or be too long for a key."""
    return hashlib.sha256(path.encode(errors="replace")).hexdigest()[:32]


def _key(record: SourceFile) -> tuple[str, str]:
    if record.status is SourceStatus.REFUSED:
        return _refused_pk(record.server, record.dataset), _digest(record.path)
    return _files_pk(record.server, record.dataset), record.path


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
    value, turn = item.get("state"), item.get("turn", 0)
    if value is None:
        return ServerState(server, turn=turn)
    kept = value["breaker"]
    breaker = Breaker(
        State(kept["state"]), kept["failures"], _moment(kept.get("since")), _moment(kept.get("retry_at")), kept["fatal"]
    )
    times = {name: _moment(value.get(name)) for name in ("last_seen", "last_poll")}
    incidents = {key: datetime.fromisoformat(at) for key, at in value.get("incidents", {}).items()}
    state = ServerState(**value | times | {"breaker": breaker, "incidents": incidents, "turn": turn})
    return reset(state) if value.get("last_poll") == item.get("reset_poll", "never") else state


def _bounded(state: ServerState) -> dict[str, Any]:
    """What a server may have said or named, in the room that its item has for it."""
    named = list(state.closed_folders.items())[:MOST_CLOSED]
    return {
        "reason": state.reason and cut(state.reason, LONGEST_REASON),
        "closed_folders": {cut(folder, LONGEST_FOLDER): cut(why, LONGEST_ANSWER) for folder, why in named},
    }


def _item(record: SourceFile, turn: int, keep_days: int) -> dict[str, Any]:
    value = asdict(record) | {name: written(at) for name in TIMES if (at := getattr(record, name)) is not None}
    pk, sk = _key(record)
    value |= {"pk": pk, "sk": sk, "status": str(record.status), "turn": turn}
    value["reason"] = record.reason and cut(record.reason, LONGEST_REASON)
    if record.status in OPEN:
        value |= dict(zip(INDEX_KEYS, (pk, written(record.since)), strict=True))
    if forgotten := forgotten_at(record, keep_days):
        value[EXPIRES] = int(forgotten.timestamp())
    left_out = {"server", "dataset"} if record.status is SourceStatus.REFUSED else {"server", "dataset", "path"}
    return to_item({name: item for name, item in value.items() if name not in left_out})


def _record(server: str, dataset: str, item: dict[str, Any]) -> SourceFile:
    plain = {name: value_of(value) for name, value in item.items() if name not in {"pk", "turn", EXPIRES, *INDEX_KEYS}}
    sk = plain.pop("sk")
    plain |= {name: datetime.fromisoformat(plain[name]) for name in TIMES if name in plain}
    plain = {"path": sk, "size": None, "modified": None} | plain
    return SourceFile(server, dataset, **plain | {"status": SourceStatus(plain["status"])})
