"""The laptop's end of the Slack webhook: keeps what was posted, so that a person and a test can read it."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


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
