"""Numbers and times for people."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.clock import written
from headrace.domain.ingest.ledger import RowCounts
from headrace_cli.output import formatting


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "-"),
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (59.7, "1 min"),
        (3599, "59 min 59 s"),
        (7800, "2 h 10 min"),
        (7205, "2 h"),
        (4 * 86400 + 3 * 3600, "4 d 3 h"),
    ],
)
def test_duration(seconds: float | None, said: str) -> None:
    assert formatting.duration(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(None, "never"), (3, "3.0 s ago"), (7500, "2 h ago"), (60, "1 min ago")])
def test_ago(seconds: float | None, said: str) -> None:
    assert formatting.ago(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (3 * 10**12, "3000.0 GB")]
)
def test_size(count: int, said: str) -> None:
    assert formatting.size(count) == said


def test_times_with_and_without_fractions_are_comparable() -> None:
    assert formatting.moment("2026-01-01T00:00:00Z") < formatting.moment("2026-01-01T00:00:00.000001Z")
    assert formatting.moment("2026-01-01T00:00:00") == formatting.moment("2026-01-01T00:00:00Z")


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_stamp_can_be_read_again(value: datetime) -> None:
    assert formatting.moment(written(value)) == value


@given(*[st.integers(0, 10**9)] * 4)
def test_a_balanced_equation_says_so(loaded: int, superseded: int, quarantined: int, duplicate: int) -> None:
    rows = RowCounts(loaded + superseded + quarantined + duplicate, loaded, superseded, quarantined, duplicate)
    told = {name: getattr(rows, name) for name in RowCounts.__slots__}
    assert " = " in formatting.balance(told)
    assert " ≠ " in formatting.balance(told | {"read": rows.read + 1})
