"""Typed rows written as a file come back as they were."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain.contract import Contract, Kind

from .kit import column, contract, decimal, integer, number, read, text

COLUMNS = (
    text("s", 400),
    integer("i"),
    integer("small", 16),
    number("f"),
    decimal("d", 20, 4),
    column("b", Kind.BOOLEAN),
    column("day", Kind.DATE),
    column("at", Kind.TIMESTAMP),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "s": st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60),
    "i": st.integers(-(2**63), 2**63 - 1),
    "small": st.integers(-(2**15), 2**15 - 1),
    "f": st.floats(allow_nan=False, allow_infinity=False),
    "d": st.integers(-(10**20) + 1, 10**20 - 1).map(lambda n: Decimal(n).scaleb(-4)),
    "b": st.booleans(),
    "day": st.dates(),
    "at": st.datetimes(),
}
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | value for name, value in VALUES.items()}), max_size=20)


def written(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(VALUES)
    writer.writerows([written(row[name]) for name in VALUES] for row in rows)
    return target.getvalue().encode()


def as_json_lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, default=written).encode() + b"\n" for row in rows)


def same(spec: Contract, data: bytes, rows: list[dict[str, Any]]) -> None:
    found = read(spec, data, block_bytes=512)
    assert found.bad == []
    assert [{name: row[name] for name in VALUES} for row in found.good] == rows


@settings(max_examples=60, deadline=None)
@given(ROWS.map(lambda rows: [row for row in rows if any(map(written, row.values()))]))
def test_csv(rows: list[dict[str, Any]]) -> None:
    same(contract(*COLUMNS), as_csv(rows), rows)


@settings(max_examples=60, deadline=None)
@given(ROWS.filter(bool))
def test_json_lines(rows: list[dict[str, Any]]) -> None:
    same(contract(*COLUMNS, kind="json", null_tokens=()), as_json_lines(rows), rows)
