"""The console's pages and their addresses."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from importlib.resources import files as package_files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from headrace.errors import HeadraceError
from headrace_cli.console import actions
from headrace_cli.console.pages import executions, files, others, overview, warehouse
from headrace_cli.console.pages.comparing import Comparison
from headrace_cli.console.pages.quarantine import Quarantines, text_of, tried
from headrace_cli.console.rendering import render, shown
from headrace_cli.output.failures import CommandError, explain
from headrace_cli.stack.warehouse import Ends, write_csv

if TYPE_CHECKING:
    from starlette.requests import Request

    from headrace_cli.console.door import Access
    from headrace_cli.console.memory import Memory
    from headrace_cli.stack.target import Target

    Page = Callable[[Request], Response]

MOST_STREAMS = 24
MOST_ASKED = 100
"""Questions that wait for an answer; older ones have to be asked again."""
LOOK_SECONDS, HEARTBEAT_SECONDS = 0.2, 15.0
CHUNK = 256 * 1024
RUNNING_SECONDS = COMPARING_SECONDS = 1
"""How often a page is drawn again while an execution runs, or a comparison."""
LEFT = "headrace.left"
"""Where in a request's scope its event is: set when nobody waits for the answer any more."""
NO_READER = (
    "this console only reads, and the stack has no user who may only read: as the owner of the tables nothing is run."
    " Start `headrace console` without --read-only, or give the stack a reader"
)
ASSETS = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}
READING = frozenset({"/sql", "/trial", "/reconcile"})
"""Forms that change nothing: a console that only reads takes them, too."""
NAVIGATION = (
    ("", "Overview"), ("files", "Files"), ("executions", "Executions"), ("quarantine", "Quarantine"), ("held", "Held"),
    ("contracts", "Contracts"), ("sql", "SQL"), ("sources", "Sources"), ("exports", "Exports"),
    ("notifications", "Notifications"), ("reconcile", "Reconcile"), ("audit", "Audit"),
)  # fmt: skip
BELOW = {"file": "files", "execution": "executions", "contract": "contracts", "trial": "quarantine"}
"""Pages that are part of another one's."""


@dataclass
class Console:
    """What the pages work with: the stack as it is, and as the memory has it."""

    target: Target
    memory: Memory
    access: Access
    read_only: bool = False
    closing: bool = False
    streams: int = 0
    asked: dict[str, actions.Asked] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.overview = overview.Overview(self.memory)
        self.quarantines = Quarantines(self.memory)
        self.comparison = Comparison(self.target, self.memory)

    def ends_of(self, request: Request) -> Ends:
        """Why a query that this request waits for is to be cancelled; empty while it may go on."""
        left: threading.Event = request.scope[LEFT]
        longest = time.monotonic() + warehouse.LONGEST_SECONDS

        def ends() -> str:
            if left.is_set():
                return "the browser waits no longer"
            if self.closing:
                return "the console ends"
            late = time.monotonic() > longest
            return f"it took longer than {warehouse.LONGEST_SECONDS / 60:.0f} minutes" if late else ""

        return ends

    @property
    def view(self) -> Target:
        """The stack, with lists of files out of memory."""
        self.memory.ask()
        return self.memory.view

    def ask(self, asked: actions.Asked) -> str:
        """A number under which the action can be confirmed, once."""
        number = secrets.token_urlsafe(16)
        self.asked[number] = asked
        while len(self.asked) > MOST_ASKED:
            self.asked.pop(next(iter(self.asked)))
        return number

    def confirm(self, number: str, asked: actions.Asked) -> actions.Asked:
        """What was asked under the number, with the reason given now. Raises CommandError if it was not just this."""
        known = self.asked.pop(number, None)
        if known is None or replace(known, reason=asked.reason) != asked:
            raise CommandError("this was confirmed already, or never asked: look at what it would do first")
        return replace(known, reason=asked.reason)

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
            "here": BELOW.get(name.partition(".")[0], name.partition(".")[0]),
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
        Route("/executions", safely(console, pages.executions)),
        Route("/execution/{batch}", safely(console, pages.execution)),
        Route("/quarantine", safely(console, pages.quarantine)),
        Route("/trial", safely(console, pages.trial), methods=["GET", "POST"]),
        Route("/held", safely(console, pages.held)),
        Route("/contracts", safely(console, pages.contracts)),
        Route("/contract/{dataset}", safely(console, pages.contract)),
        Route("/sql", watched(safely(console, pages.sql)), methods=["GET", "POST"]),
        Route("/sources", safely(console, pages.sources)),
        Route("/exports", safely(console, pages.exports)),
        Route("/notifications", safely(console, pages.notifications)),
        Route("/audit", safely(console, pages.audit)),
        Route("/reconcile", safely(console, pages.reconcile), methods=["GET", "POST"]),
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


def watched(page: Page) -> Callable[[Request], Awaitable[Response]]:
    """The page, in whose scope an event is set as soon as the browser waits for it no longer."""

    async def answer(request: Request) -> Response:
        left = request.scope[LEFT] = threading.Event()
        watching = asyncio.ensure_future(note_leaving(request, left))
        try:
            return await run_in_threadpool(page, request)
        finally:
            watching.cancel()

    return answer


async def note_leaving(request: Request, left: threading.Event) -> None:
    """Set the event once the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    left.set()


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
        console, form = self._console, form_of(request)
        asked, number = actions.asked_of(form), form.get("confirmed", "")
        if number:
            document, again = actions.confirmed(console.target, console.confirm(number, asked)), ""
            console.memory.hurry()
        else:
            document = actions.perform(console.target, asked, dry_run=True)
            again = console.ask(replace(asked, shown=actions.effects_of(document)))
        action = actions.ACTIONS[asked.name]
        return console.page(
            "action.html", asked=asked, action=action, document=document, done=bool(number), number=again
        )

    def executions(self, request: Request) -> Response:
        """The list of batches."""
        return self._console.page(
            "executions.html", **executions.collect(self._console.view, dict(request.query_params))
        )

    def execution(self, request: Request) -> Response:
        """One batch, with the graph of its states."""
        chosen, root = request.query_params.get("state", ""), self._console.access.root
        found = executions.story(self._console.view, request.path_params["batch"], chosen, root)
        return self._console.page("execution.html", story=found, refresh=RUNNING_SECONDS if found["running"] else 0)

    def quarantine(self, request: Request) -> Response:
        """Bad rows by rule."""
        self._console.memory.ask()
        found = self._console.quarantines.collect(dict(request.query_params))
        return self._console.page("quarantine.html", **found)

    def trial(self, request: Request) -> Response:
        """What another contract would say of the bad rows."""
        form = form_of(request)
        dataset, rule = (form.get(name) or request.query_params.get(name, "") for name in ("dataset", "rule"))
        self._console.target.contract(dataset)
        document, problem, text = None, "", form.get("text", "")
        if text:
            try:
                document = tried(self._console.target, dataset, text, rule)
            except HeadraceError as error:
                problem = str(error)
        values: dict[str, Any] = {"dataset": dataset, "rule": rule, "document": document, "problem": problem}
        return self._console.page("trial.html", **values | {"text": text or text_of(dataset)})

    def held(self, _: Request) -> Response:
        """What waits for a decision."""
        return self._console.page("held.html", **others.held_things(self._console.view))

    def contracts(self, _: Request) -> Response:
        """The deployed contracts."""
        return self._console.page("contracts.html", **others.contract_list(self._console.view))

    def contract(self, request: Request) -> Response:
        """One contract, for people."""
        return self._console.page(
            "contract.html", **others.contract(self._console.view, request.path_params["dataset"])
        )

    def sql(self, request: Request) -> Response:
        """A statement, and its rows."""
        form = form_of(request)
        text, target = form.get("text", "").strip(), self._console.target
        ends = self._console.ends_of(request)
        document, problem, reader = None, "", warehouse.has_reader(target)
        try:
            if text and self._console.read_only and not reader:
                raise CommandError(NO_READER)
            if text and form.get("as") == "csv":
                return csv_of(target, text, ends)
            document = warehouse.collect(target, text, ends) if text else None
        except HeadraceError as error:
            problem = str(error)
        tables = [contract.target for contract in target.contracts.values()]
        return self._console.page(
            "sql.html", text=text, document=document, problem=problem, tables=tables, reader=reader
        )

    def audit(self, request: Request) -> Response:
        """What people did by hand."""
        return self._console.page("audit.html", **others.audit(self._console.view, dict(request.query_params)))

    def sources(self, _: Request) -> Response:
        """The servers that files are fetched from."""
        return self._console.page("sources.html", **others.servers(self._console.view))

    def exports(self, _: Request) -> Response:
        """The last runs of each export."""
        return self._console.page("exports.html", **others.exports(self._console.view))

    def notifications(self, _: Request) -> Response:
        """What people were notified of."""
        return self._console.page("notifications.html", **others.messages(self._console.view))

    def reconcile(self, request: Request) -> Response:
        """The last comparison; a POST begins one."""
        comparison = self._console.comparison
        if request.method == "POST":
            comparison.begin(form_of(request).get("dataset") or None)
            return RedirectResponse(f"{self._console.access.root}/reconcile", 303)
        datasets = list(self._console.view.contracts)
        refresh = COMPARING_SECONDS if comparison.under_way else 0
        return self._console.page("reconcile.html", comparison=comparison, datasets=datasets, refresh=refresh)

    async def events(self, _: Request) -> Response:
        """A stream that says when something has changed, so that the page is drawn again."""
        if self._console.streams >= MOST_STREAMS:
            return PlainTextResponse(f"at most {MOST_STREAMS} pages are kept current\n", 503)
        return StreamingResponse(self._changes(), media_type="text/event-stream")

    async def _changes(self) -> AsyncIterator[str]:
        console, seen, said = self._console, -1, time.monotonic()
        trouble = None
        console.streams += 1
        try:
            while not console.closing:
                console.memory.ask()
                if console.memory.trouble != trouble:
                    trouble = console.memory.trouble
                    yield f"event: trouble\ndata: {json.dumps(shown(trouble))}\n\n"
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


def form_of(request: Request) -> dict[str, str]:
    """The fields that the door has read; none of a GET."""
    found: dict[str, str] = request.scope.get("headrace.form", {})
    return found


def csv_of(target: Target, text: str, ends: Ends) -> Response:
    """All rows of a query, as `headrace sql --out` writes them. Raises CommandError."""
    warehouse.reads(text)
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the answer
    try:
        written = io.TextIOWrapper(kept, "utf-8", newline="", write_through=True)
        write_csv(target, text, written, lambda _: None, ends=ends)
        written.detach()
    except BaseException:
        kept.close()
        raise
    kept.seek(0)
    return download("result.csv", kept)


def download(name: str, body: Any) -> Response:
    """A body as a file to keep: never shown, whatever it is."""

    def chunks() -> Iterator[bytes]:
        with closing(body):
            while data := body.read(CHUNK):
                yield data

    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return StreamingResponse(chunks(), media_type="application/octet-stream", headers=headers)
