"""PagerDuty's Events API v2: opens an incident, and resolves it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from headrace.adapters.channels.channel import Channel, post_json
from headrace.adapters.secret import address
from headrace.domain.notice import Incident, Notice
from headrace.errors import TerminalError

EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"
LONGEST_SUMMARY = 1024
ROUTING_KEY = re.compile(r"[0-9A-Za-z]{32}")
"""https://developer.pagerduty.com/docs/events-api-v2-overview"""
FORM = "a routing key of the Events API v2, 32 letters and digits, alone or as JSON with routing_key and url"


@dataclass(frozen=True, slots=True)
class Routing:
    """Which PagerDuty service gets the incident, and where events are sent."""

    key: str = field(repr=False)
    url: str = EVENTS_URL

    @classmethod
    def from_secret(cls, text: str, what: str = "PagerDuty's secret") -> Routing:
        """The secret is the integration's routing key alone, or JSON `{"routing_key", "url"}`.

        Raises TerminalError that says `what` should have which form, and never what it has.
        """
        given = _given(text.strip())
        key = given.get("routing_key")
        if not isinstance(key, str) or not ROUTING_KEY.fullmatch(key.strip()):
            raise TerminalError(f"{what} should be {FORM}")
        return cls(key.strip(), address(str(given.get("url", EVENTS_URL)), f"the url in {what}", "https://HOST/PATH"))


def _given(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {"routing_key": text}
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return value


def event_of(notice: Notice, incident: Incident, routing_key: str) -> dict[str, Any]:
    """The event that triggers or resolves an incident."""
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": incident.action,
        "dedup_key": incident.key,
    }
    if incident.action == "trigger":
        event["payload"] = {
            "summary": notice.title[:LONGEST_SUMMARY],
            "source": incident.source,
            "severity": str(notice.severity),
            "component": notice.dataset or "sources",
            "custom_details": {"what to know": "\n".join(notice.lines)},
        }
    return event


def _send(routing: Routing, notice: Notice, _name: str) -> bool:
    """Send an incident; other notices are not for PagerDuty."""
    if notice.incident is None:
        return False
    post_json(routing.url, event_of(notice, notice.incident, routing.key), "PagerDuty")
    return True


def _secret_for(url: str) -> str:
    return json.dumps({"routing_key": "0" * 32, "url": url})


PAGERDUTY = Channel(
    "PagerDuty",
    "PagerDutySecret",
    "headrace/pagerduty-routing-key",
    holds="a routing key",
    form="ROUTING_KEY",
    read=Routing.from_secret,
    send=_send,
    secret_for=_secret_for,
    optional=True,
)
