"""Runs of exports in DynamoDB, in the ledger's table under keys of their own.

pk                       sk                                   what
EXPORT#<export>          RUN#<date>                           a day's run
EXPORT#<export>#<date>   CATEGORY#<category>                  where a category stands
EXPORT#<export>#<date>   DONE#<category>#<part>#<request>     an answer, counted: small, read at each look
EXPORT#<export>#<date>   FILES#<category>#<part>#<request>    the files of an answer, packed: read at the end

An answer is for all accounts of a message, so a file costs a fraction of a write. Its two items are written together,
and the first answer to a request stays.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from headrace.adapters.table import expiry, from_item, to_item
from headrace.domain.export import named
from headrace.domain.exportrun import Answer, CategoryState, FileResult, Request, Run, Tally


class DynamoExports:
    """`client` is a boto3 DynamoDB client. Answers go after `keep_days`, runs stay; 0 keeps everything."""

    def __init__(self, client: Any, table: str, keep_days: int = 0) -> None:
        self._client = client
        self._table = table
        self._keep_days = keep_days

    def find_run(self, export: str, date: str) -> Run | None:
        """A day's run; None when there was none."""
        found = self._get(_runs_pk(export), f"RUN#{date}")
        return Run.from_json(found) if found else None

    def open_run(self, run: Run, was: Run | None) -> bool:
        """Write a new attempt. False, and nothing written, when the run is no longer what it `was`."""
        condition = "attribute_not_exists(pk)" if was is None else "attempt = :attempt"
        values = {} if was is None else {"ExpressionAttributeValues": to_item({":attempt": was.attempt})}
        try:
            self._put(_runs_pk(run.export), f"RUN#{run.date}", _run_item(run), ConditionExpression=condition, **values)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def save_run(self, run: Run) -> None:
        """Write the run, unless a later attempt has it."""
        self.open_run(run, run)

    def runs(self, export: str, limit: int) -> list[Run]:
        """The last runs, the newest first."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues=to_item({":pk": _runs_pk(export), ":sk": "RUN#"}),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [Run.from_json(_stripped(from_item(item))) for item in answer["Items"]]

    def categories(self, export: str, date: str) -> list[CategoryState]:
        """Every category of the plan, in order."""
        return [CategoryState.from_json(_stripped(item)) for item in self._query(export, date, "CATEGORY#")]

    def save_category(self, export: str, date: str, state: CategoryState) -> None:
        """Write where a category stands."""
        self._put(_pk(export, date), f"CATEGORY#{named(state.category)}", state.to_json())

    def answered(self, request: Request) -> set[str]:
        """The accounts of the request that need no answer any more."""
        known: set[str] = set()
        for item in self._query(request.export, request.date, _sk("FILES", request, whole_part=True)):
            if item["sk"] == _sk("FILES", request):
                return set(request.accounts)
            known.update(result.account for result in _files(item))
        return known.intersection(request.accounts)

    def record(self, answer: Answer) -> None:
        """Write an answer, unless there is one. A failure is replaced by the answer to a later request."""
        request = answer.request
        counted = {
            "done": len(answer.files), "failed": 1 if answer.failure else 0,
            "rows": sum(file.rows for file in answer.files), "bytes": sum(file.bytes for file in answer.files),
            "milliseconds": round(answer.seconds * 1000),
            "account": request.accounts[0] if answer.failure else None, "reason": answer.failure or None,
        }  # fmt: skip
        puts = [self._put_of(request, "DONE", counted)]
        if answer.files:
            puts.append(self._put_of(request, "FILES", {"files": _packed(answer.files)}))
        puts[0]["Put"] |= {
            "ConditionExpression": "attribute_not_exists(pk) OR failed > :none",
            "ExpressionAttributeValues": to_item({":none": 0}),
        }
        try:
            self._client.transact_write_items(TransactItems=puts)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if "ConditionalCheckFailed" not in reasons:
                raise

    def tallies(self, export: str, date: str) -> dict[str, Tally]:
        """The answers by category, counted."""
        tallies: dict[str, Tally] = defaultdict(Tally)
        for item in self._query(export, date, "DONE#"):
            failures = {item.get("account", ""): str(item["reason"])} if item["failed"] else {}
            counted = Tally(
                item["done"], item["failed"], item["rows"], item["bytes"], item["milliseconds"] / 1000, 1, failures
            )
            tallies[_category(item)].add(counted)
        return dict(tallies)

    def files(self, export: str, date: str, category: str = "") -> Iterator[tuple[str, FileResult]]:
        """Every file with its category; those of one category when it is named."""
        for item in self._query(export, date, f"FILES#{named(category)}#" if category else "FILES#"):
            for result in _files(item):
                yield _category(item), result

    def forget_failures(self, export: str, date: str, category: str, accounts: Iterable[str]) -> None:
        """Remove failures, so that the accounts count as not answered."""
        wanted = set(accounts)
        keys = [
            {"pk": item["pk"], "sk": item["sk"]}
            for item in self._query(export, date, f"DONE#{named(category)}#")
            if item["failed"] and item.get("account", "") in wanted
        ]
        for key in keys:
            self._client.delete_item(TableName=self._table, Key=to_item(key))

    def _get(self, pk: str, sk: str) -> dict[str, Any]:
        answer = self._client.get_item(TableName=self._table, Key=to_item({"pk": pk, "sk": sk}), ConsistentRead=True)
        return _stripped(from_item(answer.get("Item", {})))

    def _put(self, pk: str, sk: str, value: dict[str, Any], **condition: Any) -> None:
        self._client.put_item(TableName=self._table, Item=to_item({"pk": pk, "sk": sk, **value}), **condition)

    def _put_of(self, request: Request, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        item = {"pk": _pk(request.export, request.date), "sk": _sk(kind, request), **value, **expiry(self._keep_days)}
        return {"Put": {"TableName": self._table, "Item": to_item(item)}}

    def _query(self, export: str, date: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues=to_item({":pk": _pk(export, date), ":sk": prefix}),
            ConsistentRead=True,
        )
        for page in pages:
            yield from map(from_item, page["Items"])


def _runs_pk(export: str) -> str:
    return f"EXPORT#{export}"


def _pk(export: str, date: str) -> str:
    return f"EXPORT#{export}#{date}"


def _sk(kind: str, request: Request, *, whole_part: bool = False) -> str:
    """The key of an answer: its request by the accounts that it names.."""
    head = f"{kind}#{named(request.category)}#{request.part:06d}#"
    return head if whole_part else head + _digest(request)


def _digest(request: Request) -> str:
    return hashlib.sha256("\0".join(request.accounts).encode()).hexdigest()[:16]


def _category(item: dict[str, Any]) -> str:
    name = item["sk"].split("#")[1]
    return "" if name == "%" else unquote(name)


def _run_item(run: Run) -> dict[str, Any]:
    numbers = {"usual_seconds": str(run.usual_seconds), "seconds": str(run.seconds)}  # DynamoDB takes no floats
    return run.to_json() | numbers


def _stripped(item: dict[str, Any]) -> dict[str, Any]:
    value = {name: field for name, field in item.items() if name not in {"pk", "sk"}}
    return value | {name: float(value[name]) for name in ("usual_seconds", "seconds") if name in value}


def _packed(files: Iterable[FileResult]) -> bytes:
    return zlib.compress(json.dumps([file.to_list() for file in files], separators=(",", ":")).encode())


def _files(item: dict[str, Any]) -> list[FileResult]:
    packed = item["files"]
    data = bytes(packed.value if hasattr(packed, "value") else packed)
    return [FileResult(*fields) for fields in json.loads(zlib.decompress(data))]
