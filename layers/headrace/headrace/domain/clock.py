"""The time: the one place that asks for it, and how the ledger writes it."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.errors import TerminalError


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


def since_of(text: str) -> str:
    """A date or a time that a person gave, as the ledger writes it; without a zone it is UTC. Raises TerminalError."""
    try:
        at = datetime.fromisoformat(text)
        return written(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise TerminalError(f"{text!r} is no date or time such as 2026-01-31 or 2026-01-31T12:00:00Z") from error


def written(at: datetime) -> str:
    """In UTC, ISO 8601 with microseconds, so that text order is time order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
