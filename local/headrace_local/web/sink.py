"""The laptop's end of Slack's webhook and PagerDuty's Events API: keeps what came, for a person and a test to read."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

ROUTING_KEY_LENGTH = 32
SEVERITIES = {"critical", "error", "warning", "info"}


class NotificationSink:
    """Posted messages, numbered from 1, in memory and in a file of JSON lines `{"number", "received_at", "body"}`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def keep(self, body: Any) -> dict[str, Any]:
        """Keep one posted message; returns it with its number and the time it was received (UTC)."""
        with self._lock:
            received_at = datetime.now(UTC).isoformat(timespec="milliseconds")
            notification = {"number": len(self._kept) + 1, "received_at": received_at, "body": body}
            self._kept.append(notification)
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(notification, ensure_ascii=False) + "\n")
        return notification

    def after(self, number: int) -> list[dict[str, Any]]:
        """The messages that came after message `number`; 0 gives all."""
        with self._lock:
            return self._kept[max(0, number) :]


def pagerduty_errors(event: Any) -> list[str]:
    """What PagerDuty's Events API v2 would refuse about an event."""
    if not isinstance(event, dict):
        return ["the event is not a JSON object"]
    errors = []
    if len(str(event.get("routing_key", ""))) != ROUTING_KEY_LENGTH:
        errors.append("'routing_key' is missing or not of 32 characters")
    action = event.get("event_action")
    if action not in {"trigger", "acknowledge", "resolve"}:
        errors.append("'event_action' must be trigger, acknowledge or resolve")
    if not 0 < len(str(event.get("dedup_key", ""))) <= 255:
        errors.append("'dedup_key' is missing or longer than 255 characters")
    return errors + (_payload_errors(event.get("payload")) if action == "trigger" else [])


def _payload_errors(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing"]
    errors = [f"'payload.{name}' is missing" for name in ("summary", "source", "severity") if not payload.get(name)]
    return (
        errors if payload.get("severity") in SEVERITIES else [*errors, "'payload.severity' is not one of PagerDuty's"]
    )
