"""A statement that the warehouse was sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StatementState:
    """A statement as the warehouse sees it; `error` when it has failed, in words that quote no row.

    `transient`: it may work later. `conflict`: another transaction was in its way, it may work at once. `aborted`: it
    was ended from outside. `seconds` is how long the warehouse worked on it,
    and `ended_at` its end, in seconds since 1970 (UTC).
    """

    ended: bool
    error: str = ""
    transient: bool = False
    conflict: bool = False
    aborted: bool = False
    seconds: float = 0.0
    ended_at: float | None = None
