"""PagerDuty's Events API v2: calls somebody, and lets him sleep again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from headrace.adapters.notices import post_json
from headrace.domain.notice import Incident, Notice
from headrace.errors import TerminalError

EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"
LONGEST_SUMMARY = 1024


@dataclass(frozen=True, slots=True)
class Routing:
    """Which service is called, and where PagerDuty takes events."""

    key: str
    url: str = EVENTS_URL

    @classmethod
    def from_secret(cls, text: str) -> Routing:
        """The secret is the integration's routing key alone, or JSON `{"routing_key", "url"}`."""
        if not text.lstrip().startswith("{"):
            return cls(text.strip())
        try:
            value = json.loads(text)
            return cls(value["routing_key"], value.get("url", EVENTS_URL))
        except (ValueError, KeyError) as error:
            raise TerminalError("PagerDuty's secret is a routing key, or JSON with routing_key and url") from error


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
            "severity": "critical",
            "component": notice.dataset or "sources",
            "custom_details": {"what to know": "\n".join(notice.lines)},
        }
    return event


def send(routing: Routing, notice: Notice, incident: Incident) -> None:
    """Send it. Raises TransientError when it is worth another try, TerminalError when not."""
    post_json(routing.url, event_of(notice, incident, routing.key), "PagerDuty")
