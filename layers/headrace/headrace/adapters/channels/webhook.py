"""A webhook of your own: every notice as JSON, signed.

The header `Headrace-Signature` is `t=SECONDS,v1=HEX`: HEX is the HMAC-SHA256, with the secret's `key`, of the seconds,
a dot and the body. Whoever checks it, and that the time is a recent one, knows who has sent it and when.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from headrace.adapters.channels.channel import Channel, post_json
from headrace.adapters.secret import address
from headrace.domain import clock
from headrace.domain.notice import Notice
from headrace.errors import TerminalError

HEADER = "Headrace-Signature"
SHORTEST_KEY = 16
FORM = f"JSON with url (https://…) and key, a text of at least {SHORTEST_KEY} characters"


@dataclass(frozen=True, slots=True)
class Hook:
    """An address, and the key that signs what is sent there."""

    url: str = field(repr=False)
    key: str = field(repr=False)

    @classmethod
    def from_secret(cls, text: str, what: str) -> Hook:
        """Read `{"url", "key"}`. Raises TerminalError that says which form `what` should have, never what it has."""
        try:
            given = json.loads(text)
            url, key = given["url"], given["key"]
        except (ValueError, KeyError, TypeError):
            raise TerminalError(f"{what} should be {FORM}") from None
        if not isinstance(url, str) or not isinstance(key, str) or len(key) < SHORTEST_KEY:
            raise TerminalError(f"{what} should be {FORM}")
        return cls(address(url, f"the url in {what}", "https://HOST/PATH"), key)


def document(notice: Notice, name: str) -> dict[str, Any]:
    """What is sent: fields are added, none is renamed or taken away."""
    return {
        "cause": notice.cause, "key": notice.key, "severity": str(notice.severity), "over": notice.over,
        "title": notice.title, "lines": list(notice.lines), "dataset": notice.dataset, "batch": notice.batch,
        "channel": name,
    }  # fmt: skip


def signature(key: str, body: bytes, seconds: int) -> dict[str, str]:
    """The header that proves who has sent these bytes at a time."""
    digest = hmac.new(key.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return {HEADER: f"t={seconds},v1={digest}"}


def _send(hook: Hook, notice: Notice, name: str) -> bool:
    sign = partial(signature, hook.key, seconds=int(clock.seconds()))
    post_json(hook.url, document(notice, name), "the webhook", sign)
    return True


def _secret_for(url: str) -> str:
    return json.dumps({"url": url, "key": "0" * SHORTEST_KEY})


WEBHOOK = Channel(
    "the webhook",
    "WebhookSecret",
    "headrace/webhook",
    holds="the address and the key of a webhook",
    form='\'{"url": "https://…", "key": "…"}\'',
    read=Hook.from_secret,
    send=_send,
    secret_for=_secret_for,
    optional=True,
    extra=True,
)
