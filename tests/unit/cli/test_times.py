"""Times as they are written on a command line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headrace_cli.output.times import since

NOW = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-01-31", "2026-01-31T00:00:00.000000Z"),
        ("2026-01-31T13:45:00+01:00", "2026-01-31T12:45:00.000000Z"),
        ("today", "2026-03-01T00:00:00.000000Z"),
        ("Yesterday", "2026-02-28T00:00:00.000000Z"),
        ("2h", "2026-03-01T08:30:00.000000Z"),
        ("15m", "2026-03-01T10:15:00.000000Z"),
        ("15 min", "2026-03-01T10:15:00.000000Z"),
        ("3d", "2026-02-26T10:30:00.000000Z"),
        ("1w", "2026-02-22T10:30:00.000000Z"),
    ],
)
def test_what_is_meant(text: str, meant: str) -> None:
    assert since(text, NOW) == meant


@pytest.mark.parametrize("text", ["last week", "2", "h", "-2h", "2y", "999999w", "2026-13-01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time: write it as|is too long ago"):
        since(text, NOW)
