"""A lasting trouble of a dataset that people are notified of once, and once that it is over."""

from __future__ import annotations

from dataclasses import dataclass

LATE = "LATE"
"""The trouble that a promise of freshness is broken."""

WAITING = "WAITING"
"""Files whose marker or manifest never came: `since` is until which arrival they were reported."""

WATCHED = "WATCHED"
"""What is remembered of a dataset's arrivals between two looks, as JSON in `what`; `since` is when that was written."""


def stale(view: str) -> str:
    """The trouble that a materialized view is not refreshed."""
    return f"VIEW#{view}"


@dataclass(frozen=True, slots=True)
class Reported:
    """What people were notified of: since when (ISO 8601, UTC; None: nothing), and what was the matter.

    `quiet_since` is since when it seems to be over, while that is watched.
    """

    since: str | None = None
    what: str = ""
    quiet_since: str | None = None
