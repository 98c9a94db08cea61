"""The door of the console: who may come in at all is decided here, before any page looks at a request.

Pages show rows and can change what is loaded, with the rights of the person who started the command. So neither a web
page of another origin nor another user of the machine may reach them. In this order:

- a request by another name than the server's own (DNS rebinding) is refused, and one that a page of another origin
  makes; a WebSocket is closed, nothing here speaks it;
- the address has a random first folder, the `place`. Cookies do not know ports, so without it a server of somebody
  else's on 127.0.0.1 would be sent this one's (https://datatracker.ietf.org/doc/html/rfc6265#section-8.5);
- the token in the address that is opened is good once. It is exchanged for a cookie that scripts cannot read and that
  no other site's page can make a browser send;
- what changes something is a POST with the session's own secret in its form, and none at all if the console only reads.

Every answer carries the headers under which a browser runs no script but the console's own, and asks nobody else for
anything.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "headrace-console"
FORM_SECRET = "form"  # noqa: S105 - the name of a field
LARGEST_FORM = 1_000_000
"""Bytes of a form: a contract or a statement, never a file."""
MOST_FIELDS = 50
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
OWN_PAGES = {"none", "same-origin"}
"""What `Sec-Fetch-Site` says of an address that was typed or opened by a command, and of the console's own links."""
ONLY_READS = "This console only reads: start `headrace console` without --read-only to change anything."
CLOSED = "Open the address that `headrace console` printed: it lets a browser in once."


@dataclass
class Access:
    """The secrets of one console: the one-time `token` of its address, the cookie's, the forms', and its place."""

    place: str = field(default_factory=lambda: secrets.token_hex(8))
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    form: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    used: Callable[[], None] = lambda: None
    """Called after a token was used, when there is a new one."""

    @property
    def root(self) -> str:
        """The path below which everything is."""
        return f"/{self.place}"

    def address(self, port: int) -> str:
        """What to open in a browser, once."""
        return f"http://127.0.0.1:{port}{self.root}/enter?token={self.token}"

    def exchange(self, token: str) -> bool:
        """Whether this is the token of the address; it is good no longer then."""
        if not same(token, self.token):
            return False
        self.token = secrets.token_urlsafe(32)
        self.used()
        return True


class Door:
    """Lets requests through to `inner` or refuses them. `reading` are the paths of forms that change nothing."""

    def __init__(
        self, inner: Application, port: int, access: Access, *, read_only: bool = False, reading: frozenset[str]
    ) -> None:
        self._inner = inner
        self._names = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._access = access
        self._read_only = read_only
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(scope, receive, guarded(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = named(scope["headers"])
        path = scope["path"]
        if refusal := self._foreign(headers):
            await refuse(send, 403, refusal)
        elif not path.startswith(self._access.root + "/"):
            await refuse(send, 404, CLOSED)
        elif path == f"{self._access.root}/enter":
            await self._enter(scope, send)
        elif not any(same(value, self._access.cookie) for value in cookies_of(headers)):
            await refuse(send, 403, CLOSED)
        elif scope["method"] == "POST":
            await self._posted(scope, receive, send)
        elif scope["method"] in {"GET", "HEAD"}:
            await self._inner(scope, receive, send)
        else:
            await refuse(send, 405, "The console answers GET, HEAD and POST.")

    async def _enter(self, scope: Scope, send: Send) -> None:
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] != "GET" or not self._access.exchange(token):
            await refuse(send, 403, "This address has been used, or was never one: the console prints the next one.")
            return
        cookie = f"{COOKIE}={self._access.cookie}; HttpOnly; SameSite=Strict; Path={self._access.root}/"
        await reply(send, 303, "", {"location": f"{self._access.root}/", "set-cookie": cookie})

    async def _posted(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._read_only and scope["path"].removeprefix(self._access.root) not in self._reading:
            await refuse(send, 403, ONLY_READS)
            return
        form = await form_of(receive)
        if form is None:
            await refuse(send, 413, f"A form has at most {LARGEST_FORM:,} bytes and {MOST_FIELDS} fields.")
        elif not same(form.pop(FORM_SECRET, ""), self._access.form):
            await refuse(send, 403, "This form is not of this console: go back, load the page again, repeat it.")
        else:
            await self._inner({**scope, "headrace.form": form}, receive, send)

    def _foreign(self, headers: dict[str, list[str]]) -> str:
        """Why a request is none of the owner's own, empty if it may be one."""
        hosts = headers.get("host", [])
        if not hosts or not self._names.issuperset(map(str.lower, hosts)):
            return "The console answers to its own address only."
        sites = headers.get("sec-fetch-site", [])
        if not OWN_PAGES.issuperset(map(str.lower, sites)):
            return "The console is not for other pages: open its own address."
        own = {f"http://{name}" for name in self._names}
        if "same-origin" in sites:
            own.add("null")  # a form of a page that sends no referrer has no origin: https://fetch.spec.whatwg.org/
        if not own.issuperset(map(str.lower, headers.get("origin", []))):
            return "The console is not for pages of other origins."
        return ""


def same(given: str, secret: str) -> bool:
    """Whether two texts are the same, in a time that says nothing about where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def named(raw: list[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """The headers by their names, each with every value that was sent."""
    headers: dict[str, list[str]] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers


def cookies_of(headers: dict[str, list[str]]) -> list[str]:
    """The value of each cookie with the console's name. Other servers of 127.0.0.1 set cookies for its pages, too.

    Pairs are split at each `;`, as browsers join them (https://www.rfc-editor.org/rfc/rfc6265#section-4.2.1): one that
    cannot be read must not hide the console's own.
    """
    pairs = (pair.strip().partition("=") for header in headers.get("cookie", []) for pair in header.split(";"))
    return [value for name, _, value in pairs if name == COOKIE]


async def form_of(receive: Receive) -> dict[str, str] | None:
    """The fields of a form, the last of each name; None when there is more than a form of the console's can have.

    Browsers send a line's end as CRLF, whatever the person's text had
    (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#form-submission-algorithm).
    """
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_FORM:
            return None
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return None
    return {name: values[-1].replace("\r\n", "\n") for name, values in fields.items()}


def guarded(send: Send) -> Send:
    """Puts the security headers on every answer."""

    async def send_on(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [entry for entry in message.get("headers", []) if entry[0].decode().lower() not in SECURITY_HEADERS]
            added = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
            message = {**message, "headers": own + added}
        await send(message)

    return send_on


async def refuse(send: Send, status: int, sentence: str) -> None:
    """A refusal, in a sentence."""
    await reply(send, status, sentence + "\n", {})


async def reply(send: Send, status: int, text: str, headers: dict[str, str]) -> None:
    """A short answer in plain text."""
    body = text.encode()
    sent = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), **headers}
    start = {"status": status, "headers": [(name.encode(), value.encode()) for name, value in sent.items()]}
    await send({"type": "http.response.start", **start})
    await send({"type": "http.response.body", "body": body})
