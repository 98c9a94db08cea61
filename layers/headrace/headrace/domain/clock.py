"""The time as the ledger writes it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Now, in UTC, ISO 8601 with microseconds, so that text order is time order."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
