"""Dates and times that a person gives, as the ledger writes them."""

from __future__ import annotations

import pytest

from headrace.domain.clock import since_of
from headrace.errors import TerminalError


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-01-31", "2026-01-31T00:00:00.000000Z"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31 12:00:00.5+02:00", "2026-01-31T10:00:00.500000Z"),
    ],
)
def test_a_date_or_a_time_is_written_as_the_ledger_does(text: str, wanted: str) -> None:
    assert since_of(text) == wanted


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "9", "0001-01-01T00:00:00+23:59"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(TerminalError, match="no date or time such as 2026-01-31"):
        since_of(text)
