"""What the stack asks of AWS, counted by request as AWS bills it, while it is wanted.

The laptop counts at `/_headrace/requests`: POST begins at zero, GET says the counts, DELETE ends it. A person's own
calls are not counted: only those that are signed by a role of the stack, the workflow's tasks, invocations, and what a
COPY reads. A request is counted as often as it is sent, so that a retry counts, as on AWS.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from headrace_local.web.gateway import body_of, once, reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace_local.web.gateway import Application, Receive, Scope, Send

PAGE = "/_headrace/requests"
DYNAMODB, S3 = "dynamodb", "s3"
CAPACITY = "ReturnConsumedCapacity"
READS = frozenset({"GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan"})
IN_A_TRANSACTION = 2
"""Each item of a transaction is written twice over, also where its condition does not hold."""
LISTINGS = frozenset({"list-type", "prefix", "versions", "delimiter"})
WRITE_UNITS, READ_UNITS = "write units", "read units"


@dataclass(slots=True)
class RequestCounts:
    """The counts since counting began, by service, what was asked, and who asked."""

    wanted: bool = False
    counted: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, service: str, what: str, caller: str, number: float = 1) -> None:
        """Count something. Units of a database may be halves."""
        if self.wanted:
            with self.lock:
                self.counted[service, what, caller] += number  # type: ignore[assignment]

    def begin(self) -> None:
        """Count from zero."""
        with self.lock:
            self.counted.clear()
        self.wanted = True

    def document(self) -> dict[str, Any]:
        """`{"counting", "requests": [{"service", "what", "caller", "number"}]}`."""
        with self.lock:
            items = sorted(self.counted.items())
        names = ("service", "what", "caller", "number")
        return {
            "counting": self.wanted,
            "requests": [dict(zip(names, (*key, number), strict=True)) for key, number in items],
        }


class CountingGateway:
    """The laptop's port, counting what passes. `caller` names the role that signed a request; empty for a person."""

    def __init__(self, inner: Application, counts: RequestCounts, caller: Callable[[Mapping[str, str]], str]) -> None:
        self._inner = inner
        self._counts = counts
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "http" and scope["path"] == PAGE:
            await reply(send, 200, self._page(scope["method"]))
        elif scope["type"] != "http" or not self._counts.wanted:
            await self._inner(scope, receive, send)
        else:
            await self._counted(scope, receive, send)

    def _page(self, method: str) -> dict[str, Any]:
        if method == "POST":
            self._counts.begin()
        if method == "DELETE":
            self._counts.wanted = False
        return self._counts.document()

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        caller, service = self._caller(headers), signed_for(headers)
        if not caller or service in {"", DYNAMODB}:  # which is counted where its answers are made
            await self._inner(scope, receive, send)
        elif service == S3:  # whose bodies may be large: they are not looked into
            self._counts.note(S3, s3_operation(scope), caller)
            await self._inner(scope, receive, send)
        else:
            body = await body_of(receive)
            self._counts.note(service, operation(headers, body), caller)
            await self._inner(scope, once(body), send)


def asking_for_units(body: bytes) -> bytes:
    """A request to DynamoDB that is answered with what it consumed, those of its indexes included."""
    return json.dumps(json.loads(body or b"{}") | {CAPACITY: "TOTAL"}).encode()


def units(request: bytes, answer: bytes) -> float:
    """The capacity that a request consumed, by its answer; a refused write consumes that of its item as well.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """
    told = json.loads(answer or b"{}")
    consumed = told.get("ConsumedCapacity")
    if consumed is not None:
        listed = consumed if isinstance(consumed, list) else [consumed]
        return float(sum(item["CapacityUnits"] for item in listed))
    refused = str(told.get("__type", ""))
    if refused.endswith("TransactionCanceledException"):
        return float(IN_A_TRANSACTION * len(json.loads(request).get("TransactItems", ())))
    return float(refused.endswith("ConditionalCheckFailedException"))


def signed_for(headers: Mapping[str, str]) -> str:
    """The service that a request is signed for, empty without a signature."""
    scoped = headers.get("authorization", "").partition("Credential=")[2].split("/")
    return scoped[3] if len(scoped) > 3 else ""


def operation(headers: Mapping[str, str], body: bytes) -> str:
    """What a request asks for, by its header or, in the query protocol, by its body."""
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    return target or parse_qs(body.decode("latin-1")).get("Action", ["other"])[0]


def s3_operation(scope: Scope) -> str:
    """S3's operation by its method, a listing by what it asks for."""
    asked = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    method = str(scope["method"])
    return "LIST" if method == "GET" and LISTINGS.intersection(asked) else method
