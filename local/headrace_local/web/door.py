"""The front door of the laptop: who may come in at all is decided here, before anything else looks at a request.

The server behind it runs functions as the person who started it, so neither a web page in that person's browser nor
another user of the machine may reach it. In this order:

- a request that a browser makes for a page, or that calls this server by another name (DNS rebinding), is refused, its
  preflight included; so is every WebSocket: nothing here speaks it;
- the laptop's own pages, `/_headrace/<token>/<page>`, need their token, as a Slack webhook does;
- the emulator's pages for its administration are closed, but for the answer of a custom resource, whose address has a
  separate token;
- everything else needs a signature of the laptop's key, or of a session that the emulator gave out.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Any

from headrace_local.web.gateway import OWN_PATHS, body_of, once, reply, send_back

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from headrace_local.web.gateway import Application, Receive, Scope, Send
    from headrace_local.web.signatures import Answer

    Judge = Callable[[Scope, Callable[[], Awaitable[bytes]]], Awaitable[Answer | None]]

FORBIDDEN = 403
POLICY_VIOLATION = 1008
CLOSED = ("/_ministack", "/_localstack", "/health")
CUSTOM_RESOURCE_ANSWER = re.compile(r"/_ministack/cfn-response/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OTHERS_PAGES = b"access-control-"
"""Headers that would let a page of another origin read an answer."""


class FrontDoor:
    """Lets requests through to `inner` or refuses them. `judge` answers those whose signature is not right."""

    def __init__(self, inner: Application, port: int, token: str, judge: Judge) -> None:
        self._inner = inner
        self._names = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._token = token
        self._judge = judge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        elif foreign := self._foreign(scope["headers"]):
            await reply(send, FORBIDDEN, {"message": foreign})
        else:
            await self._known(scope, receive, without_sharing(send))

    async def _known(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(OWN_PATHS):
            token, _, page = path.removeprefix(OWN_PATHS).partition("/")
            if not hmac.compare_digest(token.encode(), self._token.encode()):
                await reply(send, FORBIDDEN, {"message": "This address lacks the laptop's token: see laptop.json."})
                return
            await self._inner({**scope, "path": OWN_PATHS + page}, receive, send)
        elif scope["method"] == "PUT" and CUSTOM_RESOURCE_ANSWER.fullmatch(path):
            await self._inner(scope, receive, send)
        elif path.startswith(CLOSED):
            await reply(send, FORBIDDEN, {"message": "The emulator's own pages are closed on the laptop."})
        else:
            await self._signed(scope, receive, send)

    async def _signed(self, scope: Scope, receive: Receive, send: Send) -> None:
        read: list[bytes] = []

        async def body() -> bytes:
            read.append(await body_of(receive))
            return read[0]

        if refusal := await self._judge(scope, body):
            await send_back(send, *refusal)
        else:
            await self._inner(scope, once(read[0]) if read else receive, send)

    def _foreign(self, headers: list[tuple[bytes, bytes]]) -> str:
        """Why a request is none of the owner's own tools, empty if it may be one."""
        hosts = [value.decode("latin-1").lower() for name, value in headers if name.lower() == b"host"]
        if not hosts or not self._names.issuperset(hosts):
            return "The laptop answers to its own address only."
        for name, value in headers:
            if name.lower() == b"origin" or (name.lower() == b"sec-fetch-site" and value.lower() != b"none"):
                return "The laptop is not for web pages."
        return ""


def without_sharing(send: Send) -> Send:
    """The emulator lets any page read its answers; the laptop lets none."""

    async def send_on(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [entry for entry in message["headers"] if not entry[0].lower().startswith(OTHERS_PAGES)]
            message = {**message, "headers": own}
        await send(message)

    return send_on
