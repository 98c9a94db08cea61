"""Sizes that AWS refuses and the emulator lets pass. `apply` is called once, before it serves.

- Lambda: 6 MB for the request and the answer of a synchronous invocation, 1 MB for an asynchronous one:
  https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
- EventBridge: 1 MB for the entries of a PutEvents, counted as AWS counts:
  https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html, .../userguide/eb-putevent-size.html
- S3: 1,024 bytes for a key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html

What the emulator refuses by itself (queue messages, SNS messages, DynamoDB items, keys and transactions) is held to it
by `tests/functional/local/test_limits.py`.
"""
# ruff: noqa: SLF001 - touching private names is what this module is for

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import eventbridge, lambda_svc, s3

from headrace_local.aws.patching import require

SYNCHRONOUS, ASYNCHRONOUS = 6_291_456, 1_048_576
LARGEST_ANSWER = 6_291_556
ENTRIES = 1_048_576
LONGEST_KEY = 1024
TIME_BYTES = 14
INVOCATION = re.compile(r"/functions/[^/]+/invocations$")
TOO_MUCH = 413


def apply() -> None:
    """Change Lambda, EventBridge and S3 in this process."""
    limit_invocations()
    limit_events()
    limit_keys()


def limit_invocations() -> None:
    """A payload that is too large does not reach the function."""
    handle = lambda_svc.handle_request
    wanted = ["method", "path", "headers", "body", "query_params"]
    require(list(inspect.signature(handle).parameters) == wanted, "Lambda's handle_request takes other arguments")

    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any) -> Any:
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        most = ASYNCHRONOUS if kind == "Event" else SYNCHRONOUS
        if INVOCATION.search(path) and len(body) > most:
            said = f"{len(body)} byte payload is too large for the {kind} invocation type (limit {most} bytes)"
            return error_response_json("RequestTooLargeException", said, TOO_MUCH)
        return await handle(method, path, headers, body, query_params)

    lambda_svc.handle_request = handle_request


def with_limited_answer(result: dict[str, Any]) -> dict[str, Any]:
    """A function's result, which is an error when its answer is too large."""
    body = result.get("body")
    if (
        result.get("error")
        or len(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")) <= LARGEST_ANSWER
    ):
        return result
    message = f"Response payload size exceeded maximum allowed payload size ({LARGEST_ANSWER} bytes)."
    document = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
    return {**result, "body": document, "error": True}


def limit_events() -> None:
    """Entries that are too large together are refused together."""
    put = eventbridge._put_events
    require(next(iter(inspect.signature(put).parameters)) == "data", "_put_events takes other arguments")

    def put_events(data: dict[str, Any], **named: Any) -> Any:
        if sum(map(size_of_entry, data.get("Entries", []))) >= ENTRIES:
            said = "Total size of the entries in the request is over the limit."
            return error_response_json("ValidationException", said, 400)
        return put(data, **named)

    eventbridge._put_events = put_events


def size_of_entry(entry: dict[str, Any]) -> int:
    """Bytes of an entry, by AWS's rule."""
    texts = [str(entry.get(name) or "") for name in ("Source", "DetailType", "Detail")] + list(
        entry.get("Resources") or ()
    )
    return (TIME_BYTES if entry.get("Time") else 0) + sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def limit_keys() -> None:
    """An object's key has its length."""
    handle, parse = s3.handle_request, s3._parse_bucket_key
    require(list(inspect.signature(handle).parameters)[:3] == ["method", "path", "headers"], "S3's handle_request")
    require(list(inspect.signature(parse).parameters) == ["path", "headers"], "_parse_bucket_key has changed")

    async def handle_request(method: str, path: str, headers: dict[str, str], *rest: Any, **named: Any) -> Any:
        _, key = parse(path, headers)
        if key and len(key.encode("utf-8", "surrogatepass")) > LONGEST_KEY:
            return s3._error("KeyTooLongError", "Your key is too long", 400)
        return await handle(method, path, headers, *rest, **named)

    s3.handle_request = handle_request
