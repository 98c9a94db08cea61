"""The time as the ledger writes it."""

from __future__ import annotations

from datetime import UTC, datetime


def seconds() -> float:
    """Now, in seconds since 1970 in UTC."""
    return datetime.now(UTC).timestamp()


def now() -> str:
    """Now, in UTC, ISO 8601 with microseconds, so that text order is time order."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
