"""Slack's markup as text for a terminal: its emoji names, its *bold*, _italic_ and `code`, its escapes."""

from __future__ import annotations

import html
import re

from rich.text import Text

EMOJI = {
    ":white_check_mark:": "✅",
    ":information_source:": "\u2139\ufe0f ",
    ":warning:": "⚠️ ",
    ":rotating_light:": "🚨",
    ":fire:": "🔥",
}
INSIDE = r"[^\s{0}](?:[^{0}\n]*[^\s{0}])?"
"""What may stand between two signs: anything on one line that neither begins nor ends with a space."""
SIGNS = {"bold": r"\*", "italic": "_", "code": "`"}
SPANS = (rf"{sign}(?P<{kind}>{INSIDE.format(sign)}){sign}" for kind, sign in SIGNS.items())
SPAN = re.compile(rf"(?<!\w)(?:{'|'.join(SPANS)})(?!\w)")
STYLES = {"bold": "bold", "italic": "italic", "code": "cyan"}


def as_text(message: str) -> Text:
    """The message as Slack would show it."""
    for name, sign in EMOJI.items():
        message = message.replace(name, sign)
    shown, end = Text(), 0
    for span in SPAN.finditer(message):
        shown.append(html.unescape(message[end : span.start()]))
        kind = span.lastgroup or "bold"
        shown.append(html.unescape(span[kind]), style=STYLES[kind])
        end = span.end()
    shown.append(html.unescape(message[end:]))
    return shown
