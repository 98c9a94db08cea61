"""A notice in Slack's words."""

from __future__ import annotations

import re
from typing import Any

from headrace.domain.bounds import cut
from headrace.domain.files.names import printable
from headrace.domain.notice import Notice

MARKS = {
    "ok": ":white_check_mark:",
    "info": ":information_source:",
    "warning": ":warning:",
    "error": ":rotating_light:",
    "critical": ":fire:",
}
LONGEST_TEXT = 39_000
"""Signs that Slack gets: it cuts what has more than 40,000, and escapes of ours make a text longer.

https://docs.slack.dev/reference/methods/chat.postMessage
"""
LONGEST_OF_BOT = 4_000
"""Bytes of a bot's text: Slack refuses to change a message to one of more characters (`msg_too_long`).

https://docs.slack.dev/reference/methods/chat.update https://github.com/F3-Nation/archive-slackblast/issues/64
https://github.com/seratch/ChatGPT-in-Slack/issues/102
"""
BROKEN_ESCAPE = re.compile(r"&[a-z]{0,3}(?=…?$)")


def slack_message(notice: Notice, channel: str | None = None) -> dict[str, Any]:
    """A notice in Slack's words: one bold line, then the details."""
    channel = channel or notice.channel
    text = f"{MARKS[notice.level]} *{_plain(notice.title)}*"
    details = "\n".join(f"• {_plain(line)}" for line in notice.lines)
    message = {"text": f"{text}\n{details}".rstrip()[:LONGEST_TEXT]}
    return message | ({"channel": channel} if channel else {})


def bot_message(notice: Notice, channel: str) -> dict[str, Any]:
    """A notice as a bot posts it, or changes a message to it."""
    message = slack_message(notice, channel)
    return message | {"text": BROKEN_ESCAPE.sub("", cut(message["text"], LONGEST_OF_BOT))}


def _plain(text: str) -> str:
    """Text that Slack shows as it is: whoever names a file cannot call a channel, or forge a link or a line."""
    text = printable(text.replace("\n", " "))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("*", "\u2217")
