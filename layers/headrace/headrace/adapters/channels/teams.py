"""Microsoft Teams: an adaptive card, posted to the address of a workflow or of an incoming webhook.

A message is refused above about 28 KB, and more than four in a second are (429):
https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
"""

from __future__ import annotations

import json
import re
from typing import Any

from headrace.adapters.channels.channel import Channel, post_json
from headrace.adapters.secret import address
from headrace.domain.files.names import printable
from headrace.domain.notice import Notice

LARGEST = 24_000
"""Bytes of a message, with room for what Teams adds."""
COLORS = {"ok": "Good", "info": "Default", "warning": "Warning", "error": "Attention", "critical": "Attention"}
MARKDOWN = re.compile(r"([\\\[\]*_#>!|~])")
FORM = "the address of a Teams workflow that starts when a webhook request is received, https://…,"


def card(notice: Notice) -> dict[str, Any]:
    """A notice as an adaptive card: a bold line, then the details, as many as there is room for."""
    title = {"type": "TextBlock", "text": _plain(notice.title), "weight": "Bolder", "wrap": True}
    blocks: list[dict[str, Any]] = [title | {"color": COLORS[notice.level]}]
    room = LARGEST - len(json.dumps(_message(blocks)))
    for number, line in enumerate(notice.lines):
        block = {"type": "TextBlock", "text": _plain(line), "wrap": True, "spacing": "Small"}
        room -= len(json.dumps(block)) + 2
        if room < 200:
            more = f"and {len(notice.lines) - number} more lines"
            return _message([*blocks, {"type": "TextBlock", "text": more, "wrap": True}])
        blocks.append(block)
    return _message(blocks)


def _message(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    content = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": content}]}


def _plain(text: str) -> str:
    """Text that Teams shows as it is: whoever names a file can forge no link."""
    return MARKDOWN.sub(r"\\\1", printable(text.replace("\n", " ")))


def _read(text: str, what: str) -> str:
    return address(text, what, FORM)


def _send(url: str, notice: Notice, _name: str) -> bool:
    post_json(url, card(notice), "Teams")
    return True


TEAMS = Channel(
    "Teams",
    "TeamsSecret",
    "headrace/teams-workflow",
    holds="the address of a workflow",
    form="https://…",
    read=_read,
    send=_send,
    secret_for=str,
    begins="https://",
    optional=True,
    extra=True,
)
