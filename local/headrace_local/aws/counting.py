"""DynamoDB says what each request consumed while requests are counted. `apply` is called once, before it serves.

The port cannot ask for it: a request whose body is changed has no right signature any more.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from ministack.services import dynamodb

from headrace_local.aws.patching import require
from headrace_local.request_counts import DYNAMODB, READ_UNITS, READS, WRITE_UNITS, asking_for_units, operation, units

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace_local.request_counts import RequestCounts


def apply(counts: RequestCounts, caller: Callable[[Mapping[str, str]], str]) -> None:
    """Count the requests to DynamoDB and their units. `caller` names the role that signed one, empty for a person."""
    handle = dynamodb.handle_request
    parameters = list(inspect.signature(handle).parameters)
    require(parameters == ["method", "path", "headers", "body", "query_params"], "handle_request takes other arguments")

    async def counted(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> tuple[Any, ...]:
        who = caller(headers) if counts.wanted else ""
        if not who:
            return tuple(await handle(method, path, headers, body, query))
        status, answered, answer = await handle(method, path, headers, asking_for_units(body), query)
        what = operation(headers, b"")
        counts.note(DYNAMODB, what, who)
        counts.note(DYNAMODB, READ_UNITS if what in READS else WRITE_UNITS, who, units(body, as_bytes(answer)))
        return status, answered, answer

    dynamodb.handle_request = counted


def as_bytes(answer: bytes | str) -> bytes:
    """The body of an answer, which the emulator makes as either."""
    return answer if isinstance(answer, bytes) else answer.encode()
