"""Date parts and date patterns."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlglot import exp

from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.meaning.date_formats import strftime_format, unit_of


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("YYYY-MM-DD", "2024-03-05"),
        ("yyyymmdd", "20240305"),
        ('YYYY-MM-DD"T"HH24:MI:SS', "2024-03-05T14:07:09"),
        ("DD Mon YY", "05 Mar 24"),
        ("Month DDD", "March 065"),
        ("HH12:MI AM", "02:07 PM"),
        ("100% (YYYY)", "100% (2024)"),
    ],
)
def test_patterns(pattern: str, text: str) -> None:
    moment = dt.datetime(2024, 3, 5, 14, 7, 9, tzinfo=dt.UTC)

    assert moment.strftime(strftime_format(pattern)) == text


@pytest.mark.parametrize("pattern", ["J", "YYYY-Q", "RM", "FMDD"])
def test_patterns_that_are_not_known(pattern: str) -> None:
    with pytest.raises(SqlError, match="the date pattern"):
        strftime_format(pattern)


@pytest.mark.parametrize(
    ("written", "unit"), [("d", "day"), ("Mons", "month"), ("'hrs'", "hour"), ("qtr", "quarter"), ("ms", "millisecond")]
)
def test_units(written: str, unit: str) -> None:
    node = exp.Literal.string(written.strip("'")) if "'" in written else exp.column(written)

    assert unit_of(node) == unit


def test_a_unit_that_does_not_exist() -> None:
    with pytest.raises(SqlError, match='date part "fortnight" is not recognized'):
        unit_of(exp.column("fortnight"))
