"""Slack's Web API with a bot's token: messages that are changed later.

An answer says in its body whether it was taken, under HTTP 200; too many requests are refused with 429:
https://docs.slack.dev/apis/web-api/rate-limits https://docs.slack.dev/reference/methods/chat.update
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from headrace.adapters.channels.channel import ask_json
from headrace.adapters.channels.slack_text import bot_message
from headrace.adapters.secret import address
from headrace.domain.notice import Notice
from headrace.errors import TerminalError, TransientError

API = "https://slack.com/api"
TOKEN = re.compile(r"xoxb-[0-9A-Za-z-]{10,}")
FORM = "a bot's token, xoxb-…, alone or as JSON with token, channel and url"
PASSES = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
UNCHANGEABLE = {"message_not_found", "cant_update_message", "edit_window_closed", "msg_too_long"}
"""With these a message is posted anew."""


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot, and the channel that gets what has no other."""

    token: str = field(repr=False)
    channel: str = ""
    url: str = API

    @classmethod
    def from_secret(cls, text: str, what: str) -> Bot:
        """The token alone, or JSON `{"token", "channel", "url"}`.

        Raises TerminalError that says which form `what` should have, and never what it has.
        """
        given = _given(text.strip())
        token, channel = given.get("token"), given.get("channel", "")
        if not isinstance(token, str) or not TOKEN.fullmatch(token) or not isinstance(channel, str):
            raise TerminalError(f"{what} should be {FORM}")
        return cls(token, channel, address(str(given.get("url", API)), f"the url in {what}", "https://HOST/PATH"))

    def post(self, channel: str, notice: Notice, below: str = "") -> str:
        """Post a message, or a reply below one. Returns what changes it later: the channel's id and the time."""
        place, _, ts = below.partition("/")
        reply = {"thread_ts": ts, "reply_broadcast": True} if ts else {}
        answer = self._ask("chat.postMessage", self._message(place or channel, notice) | reply)
        return f"{answer.get('channel')}/{answer.get('ts')}"

    def edit(self, channel: str, ref: str, notice: Notice) -> str:
        """Change a message. One that Slack changes no more is posted anew. Returns what changes it the next time."""
        place, _, ts = ref.partition("/")
        try:
            self._ask("chat.update", self._message(place, notice) | {"ts": ts})
        except UnchangeableError:
            return self.post(channel, notice)
        return ref

    def _message(self, channel: str, notice: Notice) -> dict[str, Any]:
        named = channel or notice.channel or self.channel
        if not named:
            raise TerminalError("Slack's bot has no channel for this: the secret's channel gets what has no other")
        return bot_message(notice, named)

    def _ask(self, method: str, document: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json; charset=utf-8"}
        said = ask_json(f"{self.url}/{method}", document, "Slack", headers)
        try:
            answer: Any = json.loads(said)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TransientError("the answer of Slack is no JSON object")
        if answer.get("ok") is not True:
            error = str(answer.get("error"))
            kinds = {**dict.fromkeys(PASSES, TransientError), **dict.fromkeys(UNCHANGEABLE, UnchangeableError)}
            raise kinds.get(error, TerminalError)(f"Slack answered {error[:100]} to {method}")
        return answer


class UnchangeableError(TerminalError):
    """A message that Slack does not change any more."""


def _given(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {"token": text}
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return value


def is_bot(text: str) -> bool:
    """Whether a secret's text is meant for the Web API."""
    text = text.strip()
    return text.startswith("xoxb-") or (text.startswith("{") and "token" in _given(text))
