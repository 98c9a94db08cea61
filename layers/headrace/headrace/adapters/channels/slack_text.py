"""A notice in Slack's words."""

from __future__ import annotations

from typing import Any

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


def slack_message(notice: Notice, channel: str | None = None) -> dict[str, Any]:
    """A notice in Slack's words: one bold line, then the details."""
    channel = channel or notice.channel
    text = f"{MARKS[notice.level]} *{_plain(notice.title)}*"
    details = "\n".join(f"• {_plain(line)}" for line in notice.lines)
    message = {"text": f"{text}\n{details}".rstrip()[:LONGEST_TEXT]}
    return message | ({"channel": channel} if channel else {})


def _plain(text: str) -> str:
    """Text that Slack shows as it is: whoever names a file cannot call a channel, or forge a link or a line."""
    text = printable(text.replace("\n", " "))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("*", "\u2217")
