"""`headrace notifications`: the notifications that were sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.padding import Padding
from rich.text import Text

from headrace_cli.laptop.sink import received
from headrace_cli.output.console import Document, Json, emit, lines, show
from headrace_cli.output.formatting import clock
from headrace_cli.output.slack_text import as_text
from headrace_cli.stack.target import Target, target_of

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

PAUSE = 1.0
"""Seconds between two polls of --follow."""


def notifications(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new ones, until Ctrl-C.")] = False,
    limit: Annotated[int, typer.Option(help="Show only the latest ones, at most this many.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """Show the notifications the laptop received for Slack, as they would look there.

    Example: `headrace notifications --limit 3`
    """
    if follow and as_json:
        raise typer.BadParameter("--follow never ends, --json prints one document: choose one", param_hint="--follow")
    target = target_of(context)
    document = collect(target, limit)
    emit(document, render, as_json=as_json)
    if follow:
        _follow(target, after=document["received"])


def collect(target: Target, limit: int) -> Document:
    """`{"notifications": [{"n", "at", "channel", "text", "payload"}], "received"}`, oldest first."""
    kept = received(target)
    return {"notifications": kept[-limit:], "received": len(kept)}


def _follow(target: Target, after: int) -> None:
    while True:
        for message in received(target, after):
            show(message_text(message))
            after = message["n"]
        time.sleep(PAUSE)


def render(document: Document) -> ConsoleRenderable:
    """The messages below each other."""
    shown = document["notifications"]
    if not shown:
        return lines("No notifications yet.")
    hidden = document["received"] - len(shown)
    earlier = [Text(f"({hidden} earlier ones: --limit {document['received']})\n", style="dim")] if hidden else []
    return lines(*earlier, *map(message_text, shown))


def message_text(message: dict[str, Any]) -> ConsoleRenderable:
    """One message: when and where in a line, then its text."""
    channel = message["channel"] or "the webhook's own channel"
    head = Text(f"{clock(message['at'])}  {channel}", style="dim")
    return lines(head, Padding(as_text(message["text"]), (0, 0, 1, 2), expand=False))
