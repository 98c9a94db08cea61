"""A console of a stack, served in a thread as `headrace console` serves it in a process."""

from __future__ import annotations

import http.client
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from headrace_cli.console.memory import Pace
from headrace_cli.console.server import serve
from headrace_cli.stack.target import Target

QUICK = Pace(look=0.1, whole=0.2)
SECONDS = 10


@dataclass
class Running:
    """A console that answers. `addresses` are those that let a browser in, each once."""

    addresses: queue.Queue[str]

    def address(self) -> str:
        """The next address, to be opened once."""
        return self.addresses.get(timeout=SECONDS)


@contextmanager
def running(target: Target, *, read_only: bool = False, pace: Pace = QUICK) -> Iterator[Running]:
    """A console of the target on a free port."""
    addresses: queue.Queue[str] = queue.Queue()
    stop = threading.Event()
    options = {"read_only": read_only, "pace": pace, "stop": stop}
    thread = threading.Thread(target=serve, args=(target, 0, addresses.put), kwargs=options, daemon=True)
    thread.start()
    try:
        yield Running(addresses)
    finally:
        stop.set()
        thread.join(SECONDS)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Caller:
    """Speaks HTTP to one console, from the address that it has printed."""

    console: Running

    def __post_init__(self) -> None:
        self.address = self.console.address()
        parts = urlsplit(self.address)
        self.host, self.enter = parts.netloc, f"{parts.path}?{parts.query}"
        self.root = parts.path.removesuffix("/enter")
        self.cookie = ""

    def call(self, path: str, method: str = "GET", body: str = "", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", int(self.host.rpartition(":")[2]), timeout=10)
        given = {"Host": self.host} | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            given.setdefault("Cookie", self.cookie)
        try:
            connection.request(method, path, body.encode() or None, given)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)
        finally:
            connection.close()

    def let_in(self) -> Answer:
        answer = self.call(self.enter)
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def form_secret(self) -> str:
        """The secret that the console's own forms have."""
        page = self.call(f"{self.root}/file/{b'b.csv'.hex().ljust(24, '0')}").body
        return page.partition('name="form" value="')[2].partition('"')[0]

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        given = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        return self.call(f"{self.root}{path}", "POST", urlencode(fields), **given)
