"""`headrace sources`: the servers that files are fetched from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from headrace.domain.clock import written
from headrace.domain.source import Server, servers_of
from headrace.sources.model.breaker import State
from headrace.sources.model.source_file import SourceFile, SourceStatus
from headrace.sources.poll.reset import reset_source
from headrace_cli.output.console import Document, Json, emit, lines, table
from headrace_cli.output.failures import CommandError
from headrace_cli.output.formatting import ago, clock, number, size
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

STYLES = {State.CLOSED: "green", State.HALF_OPEN: "yellow", State.OPEN: "bold red"}
SHOWN = (SourceStatus.SEEN, SourceStatus.HELD, SourceStatus.REFUSED)
LISTED = 10
MOST_REFUSED = 1_000
"""Of a dataset on a server: a poll reports as many."""


def sources(
    context: typer.Context,
    reset: Annotated[
        str | None, typer.Option(metavar="SERVER", help="Close its breaker, release its held files, poll it now.")
    ] = None,
    poll: Annotated[
        str | None,
        typer.Option(metavar="SERVER", help="Poll it now instead of at its next round, if its breaker allows."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the servers that files are fetched from: last seen, files taken, failures, breaker, next try.

    Held and refused files are listed with the reason. A server whose breaker is open is not polled until the next try;
    one successful listing closes the breaker.

    Example: `headrace sources --reset carrier`
    """
    target = target_of(context)
    servers = {server.name: server for server in deployed_servers(target)}
    if reset is not None:
        reset_source(_known(servers, reset), target.source_ledger)
    for name in filter(None, (reset, poll)):
        target.poll_orders.send(_known(servers, name).name)
    emit(collect(target, list(servers.values())), render, as_json=as_json)


def deployed_servers(target: Target) -> list[Server]:
    """The servers that the deployed contracts name."""
    return servers_of(source for contract in target.contracts.values() for source in contract.sources)


def _known(servers: dict[str, Server], name: str) -> Server:
    if name not in servers:
        raise CommandError(f"no contract names a server {name}; deployed: {', '.join(servers) or 'none'}")
    return servers[name]


def collect(target: Target, servers: list[Server]) -> Document:
    """`{"sources": [{"server", "breaker", "last_seen", "files_taken", "held": […], "refused": […], …}]}`."""
    return {"sources": [_account(target, server) for server in servers]}


def _account(target: Target, server: Server) -> Document:
    state = target.source_ledger.state(server.name)
    records = [record for source in server.sources for record in _records(target, server.name, source.dataset)]
    counts = {str(status): sum(record.status is status for record in records) for status in SHOWN}
    waiting = {
        status: [{"path": record.path, "reason": record.reason} for record in records if record.status is status]
        for status in (SourceStatus.HELD, SourceStatus.REFUSED)
    }
    return {
        "server": server.name,
        "address": f"{server.endpoint.protocol}://{server.endpoint.host}:{server.endpoint.port}",
        "datasets": [source.dataset for source in server.sources],
        "breaker": str(state.breaker.state),
        "open_since": _stamp(state.breaker.since),
        "next_try": _stamp(state.breaker.retry_at),
        "last_seen": _stamp(state.last_seen),
        "last_poll": _stamp(state.last_poll),
        "polling": state.polling,
        "files": counts,
        "files_taken": state.files_taken,
        "bytes_taken": state.bytes_taken,
        "failures": state.failures,
        "trouble": state.trouble,
        "reason": state.reason,
        "closed_folders": state.closed_folders,
        "incidents": sorted(state.incidents),
        "held": waiting[SourceStatus.HELD],
        "refused": waiting[SourceStatus.REFUSED],
    }


def _records(target: Target, server: str, dataset: str) -> list[SourceFile]:
    """What a dataset's files on a server wait for; those that were taken are not read."""
    ledger = target.source_ledger
    still_open = ledger.files(server, dataset, ledger.open_paths(server, dataset)).values()
    return [*still_open, *ledger.refused(server, dataset, MOST_REFUSED)]


def _stamp(moment: datetime | None) -> str | None:
    return written(moment) if moment else None


def render(document: Document) -> ConsoleRenderable:
    """A line per server, with what needs attention below it."""
    if not document["sources"]:
        return lines("No contract fetches files: docs/ftp.md says how to add a server.")
    headers = ("server", "address", "breaker", "last seen", "taken", "bytes", "waiting", "failures", "next try")
    rows = [_row(item) for item in document["sources"]]
    shown = table(headers, rows, numbers=("taken", "bytes", "waiting", "failures"))
    return lines(shown, *(remark for item in document["sources"] for remark in _remarks(item)))


def _row(item: Document) -> list[Text | str]:
    state = State(item["breaker"])
    seen = (
        (datetime.now(UTC) - datetime.fromisoformat(item["last_seen"])).total_seconds() if item["last_seen"] else None
    )
    return [
        item["server"],
        item["address"],
        Text(state, style=STYLES[state]),
        ago(seen),
        number(item["files_taken"]),
        size(item["bytes_taken"]),
        number(item["files"][SourceStatus.SEEN]),
        number(item["failures"]),
        clock(item["next_try"]) if item["next_try"] else "at its round",
    ]


def _remarks(item: Document) -> list[str]:
    said = [f"\n{item['server']}: {item['trouble']}: {item['reason']}"] if item["reason"] else []
    said += [f"\n{item['server']}: {folder}: {reason}" for folder, reason in item["closed_folders"].items()]
    said += [f"\n{item['server']}: a poll is under way"] if item["polling"] else []
    for kind in ("held", "refused"):
        files = item[kind]
        said += [f"\n{item['server']}: {kind}: {file['path']}: {file['reason']}" for file in files[:LISTED]]
        said += [f"and {len(files) - LISTED} more {kind}"] if len(files) > LISTED else []
    return said
