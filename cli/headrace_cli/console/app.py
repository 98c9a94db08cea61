"""The console's pages and their addresses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files as package_files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from headrace.errors import HeadraceError
from headrace_cli.console import actions
from headrace_cli.console.pages import files, overview
from headrace_cli.console.rendering import render
from headrace_cli.output.failures import explain

if TYPE_CHECKING:
    from starlette.requests import Request

    from headrace_cli.console.door import Access
    from headrace_cli.console.memory import Memory
    from headrace_cli.stack.target import Target

    Page = Callable[[Request], Response]

MOST_STREAMS = 24
LOOK_SECONDS, HEARTBEAT_SECONDS = 0.2, 15.0
CHUNK = 256 * 1024
ASSETS = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}
READING = frozenset[str]()
"""Forms that change nothing: a console that only reads takes them, too."""
NAVIGATION = (("", "Overview"), ("files", "Files"))


@dataclass
class Console:
    """What the pages work with: the stack as it is, and as the memory has it."""

    target: Target
    memory: Memory
    access: Access
    read_only: bool = False
    closing: bool = False
    streams: int = 0

    def __post_init__(self) -> None:
        self.overview = overview.Overview(self.memory)

    @property
    def view(self) -> Target:
        """The stack, with lists of files out of memory."""
        self.memory.ask()
        return self.memory.view

    def page(self, name: str, *, status: int = 200, **values: Any) -> Response:
        """A page of a template."""
        common = {
            "root": self.access.root,
            "form_secret": self.access.form,
            "read_only": self.read_only,
            "navigation": NAVIGATION,
            "stack": self.target.stack,
            "where": self.target.endpoint_url or "AWS",
            "trouble": self.memory.trouble,
            "actions": actions.ACTIONS,
            "here": name.partition(".")[0],
            "refresh": 0,
        }
        return HTMLResponse(render(name, **common | values), status)


def application(console: Console) -> Starlette:
    """The pages as an ASGI application, below the console's own place."""
    pages = Pages(console)
    routes = [
        Route("/", safely(console, pages.overview)),
        Route("/files", safely(console, pages.files)),
        Route("/file/{file_id}", safely(console, pages.file)),
        Route("/raw/{file_id}", safely(console, pages.raw)),
        Route("/part", safely(console, pages.part)),
        Route("/act", safely(console, pages.act), methods=["POST"]),
        Route("/events", pages.events),
        Route("/static/{name}", pages.asset),
    ]
    return Starlette(routes=[Mount(console.access.root, routes=routes)])


def safely(console: Console, page: Page) -> Page:
    """The page; or, of whatever goes wrong with it, a sentence on one."""

    def answer(request: Request) -> Response:
        try:
            return page(request)
        except Exception as error:  # a person must see what went wrong, whatever it was
            known = isinstance(error, HeadraceError)
            return console.page("error.html", status=404 if known else 502, sentence=explain(error))

    return answer


class Pages:
    """Each page: what was asked for in, the answer out."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def overview(self, _: Request) -> Response:
        """Every dataset at a glance."""
        self._console.memory.ask()
        return self._console.page("overview.html", **self._console.overview.collect())

    def files(self, request: Request) -> Response:
        """The list of files."""
        found = files.collect(self._console.view, dict(request.query_params))
        asked = {name: value for name, value in found["query"].items() if value}
        return self._console.page("files.html", **found, link=urlencode(asked))

    def file(self, request: Request) -> Response:
        """The story of one file."""
        found = files.story(self._console.view, request.path_params["file_id"])
        return self._console.page("file.html", file=found)

    def raw(self, request: Request) -> Response:
        """A landed file, to keep."""
        return download(*files.raw(self._console.target, request.path_params["file_id"]))

    def part(self, request: Request) -> Response:
        """A Parquet part, to keep."""
        return download(*files.part(self._console.target, request.query_params.get("key", "")))

    def act(self, request: Request) -> Response:
        """What an action would do; once confirmed, what it did."""
        form: dict[str, str] = request.scope["headrace.form"]
        asked, confirmed = actions.asked_of(form), form.get("confirmed") == "yes"
        document = actions.perform(self._console.target, asked, dry_run=not confirmed)
        if confirmed:
            self._console.memory.hurry()
        return self._console.page(
            "action.html", asked=asked, action=actions.ACTIONS[asked.name], document=document, done=confirmed
        )

    async def events(self, _: Request) -> Response:
        """A stream that says when something has changed, so that the page is drawn again."""
        if self._console.streams >= MOST_STREAMS:
            return PlainTextResponse(f"at most {MOST_STREAMS} pages are kept current\n", 503)
        return StreamingResponse(self._changes(), media_type="text/event-stream")

    async def _changes(self) -> AsyncIterator[str]:
        console, seen, said = self._console, -1, time.monotonic()
        console.streams += 1
        try:
            while not console.closing:
                console.memory.ask()
                if console.memory.changes != seen:
                    seen, said = console.memory.changes, time.monotonic()
                    yield f"event: changed\ndata: {seen}\n\n"
                elif time.monotonic() - said > HEARTBEAT_SECONDS:
                    said = time.monotonic()
                    yield ":\n\n"
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            console.streams -= 1

    def asset(self, request: Request) -> Response:
        """A style sheet, a script, the icon."""
        name = request.path_params["name"]
        if name not in ASSETS:
            return PlainTextResponse("there is no such file\n", 404)
        text = (package_files("headrace_cli.console") / "static" / name).read_text("utf-8")
        return Response(text, media_type=ASSETS[name])


def download(name: str, body: Any) -> Response:
    """A body as a file to keep: never shown, whatever it is."""

    def chunks() -> Iterator[bytes]:
        while data := body.read(CHUNK):
            yield data

    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return StreamingResponse(chunks(), media_type="application/octet-stream", headers=headers)
