"""Times as a person writes them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from headrace.domain.clock import written
from headrace_cli.output.formatting import moment

AGO = re.compile(r"(\d{1,6})\s*(min|m|h|d|w)")
UNITS = {"min": "minutes", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
WRITE = "write it as 2026-01-31, 2026-01-31T13:45:00Z, today, yesterday, 2h or 3d"


def since(text: str, now: datetime | None = None) -> str:
    """A time as the ledger writes it: a date or time in UTC, `today`, `yesterday` (from midnight), or how long ago.

    Raises ValueError for anything else.
    """
    now = now or datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    words = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    word = text.strip().lower()
    if word in words:
        return written(words[word])
    if ago := AGO.fullmatch(word):
        try:
            return written(now - timedelta(**{UNITS[ago[2]]: int(ago[1])}))
        except OverflowError:
            raise ValueError(f"{text!r} is too long ago") from None
    try:
        return written(moment(text))
    except ValueError:
        raise ValueError(f"{text!r} is not a time: {WRITE}") from None


def until(text: str, now: datetime | None = None) -> str:
    """A time to come as the ledger writes it: a date or time in UTC, or how long from now, such as 2h or 3d.

    Raises ValueError for anything else.
    """
    now = now or datetime.now(UTC)
    try:
        if ahead := AGO.fullmatch(text.strip().lower()):
            return written(now + timedelta(**{UNITS[ahead[2]]: int(ahead[1])}))
        return written(moment(text))
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a time: write it as 2026-01-31T18:00Z, 2h or 3d") from None
