"""The time: the one place that asks for it, and how the ledger writes it."""

from __future__ import annotations

from datetime import UTC, datetime


def utc() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def seconds() -> float:
    """Now, in seconds since 1970."""
    return utc().timestamp()


def now() -> str:
    """Now, as the ledger writes it."""
    return written(utc())


def precise(at: str) -> str:
    """A foreign ISO 8601 time, with or without fractions of a second, as the ledger writes it."""
    return written(datetime.fromisoformat(at))


def written(at: datetime) -> str:
    """In UTC, ISO 8601 with microseconds, so that text order is time order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
