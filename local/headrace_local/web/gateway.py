"""The one port of the laptop: an ASGI application in front of the emulator.

It answers the Redshift Data API and `/_headrace/*` itself and hands everything else to the emulator. Who may call it is
`door`'s affair.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from headrace.adapters.channels import CHANNELS
from headrace_local.redshift import TARGET_PREFIX
from headrace_local.warehouse import Warehouse
from headrace_local.web.sink import pagerduty_errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from headrace_local.warehouse import Workgroups
    from headrace_local.web.sink import NotificationSink

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

OWN_PATHS = "/_headrace/"


class Gateway:
    """Routes a request to the embedded Redshift, to the laptop's own pages or to the emulator."""

    def __init__(
        self, emulator: Application, warehouse: Warehouse, sink: NotificationSink, workgroups: Workgroups
    ) -> None:
        self._emulator = emulator
        self._warehouse = warehouse
        self._sink = sink
        self._workgroups = workgroups

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] != "http":
            await self._emulator(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("x-amz-target", "").startswith(TARGET_PREFIX):
            response = await self._warehouse.answer(headers, await body_of(receive))
            await send_back(send, response.status, response.headers, response.body)
        elif scope["path"].startswith(OWN_PATHS):
            status, answer = await self._own_page(scope, receive)
            await reply(send, status, answer)
        else:
            # Policies ask for TLS; here a request does not leave the machine.
            await self._emulator({**scope, "scheme": "https"}, receive, send)

    async def _own_page(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any]]:
        pages: dict[tuple[str, str], Callable[[Any], tuple[int, dict[str, Any]]]] = {
            ("GET", "health"): lambda _: (200, {"status": "ok"}),
            **{("POST", channel): self._keep for channel in CHANNELS},
            ("POST", "pagerduty"): self._pagerduty,
            ("GET", "notifications"): lambda _: (200, {"notifications": self._sink.after(after_of(scope))}),
            ("GET", "warehouse"): lambda _: (200, self._workgroups.held()),
            ("POST", "workgroups"): self._make_workgroup,
        }
        page = pages.get((scope["method"], scope["path"].removeprefix(OWN_PATHS)))
        if page is None:
            return 404, {"message": f"The laptop has no page {scope['method']} {scope['path']}"}
        return page(json_or_text(await body_of(receive)))

    def _make_workgroup(self, name: Any) -> tuple[int, dict[str, Any]]:
        try:
            self._workgroups.add(str(name))
        except ValueError as error:
            return 400, {"message": str(error)}
        return 200, {"workgroups": self._workgroups.names()}

    def _keep(self, message: Any) -> tuple[int, dict[str, Any]]:
        return 200, {"number": self._sink.keep(message)["number"]}

    def _pagerduty(self, event: Any) -> tuple[int, dict[str, Any]]:
        """PagerDuty's answer to an event: what it would refuse is refused here too."""
        errors = pagerduty_errors(event)
        if errors:
            return 400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
        self._sink.keep(event)
        return 202, {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}


async def body_of(receive: Receive) -> bytes:
    """The whole body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def once(body: bytes) -> Receive:
    """A body that was read, to be read again."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def reply(send: Send, status: int, answer: dict[str, Any]) -> None:
    """Send a JSON document."""
    body = json.dumps(answer).encode()
    await send_back(send, status, {"Content-Type": "application/json", "Content-Length": str(len(body))}, body)


async def send_back(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    """Send a whole answer."""
    named = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": body})


def json_or_text(body: bytes) -> Any:
    """What was posted: the JSON document, or the text when it is none."""
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def after_of(scope: Scope) -> int:
    """The `after` of the query string, 0 without one."""
    after = parse_qs(scope["query_string"].decode("latin-1")).get("after", ["0"])[0]
    return int(after) if after.isdecimal() else 0
