"""Rules between the columns of a row."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain.contract import Contract, Kind, RowRule
from headrace.transform import Limits
from headrace.transform.rules.rows import OPERATIONS
from headrace_compiler import compile_contract, to_json
from headrace_compiler.compile.expressions import parse
from tests.unit.transform.kit import BLOCK, column, contract, decimal, integer, number, read, text, transform_of

COLUMNS = (
    text("id", required=True),
    column("start", Kind.TIMESTAMP),
    column("end_at", Kind.TIMESTAMP),
    integer("a"),
    integer("b"),
    decimal("net", 12, 2),
    number("rate"),
    column("day", Kind.DATE),
    column("ok", Kind.BOOLEAN),
)
NAMES = [item.name for item in COLUMNS]


def ruled(*queries: str, **file_format: Any) -> Contract:
    rules = tuple(RowRule(f"rule{place}", query, parse(query, NAMES)) for place, query in enumerate(queries, 1))  # type: ignore[arg-type]
    return replace(contract(*COLUMNS, **file_format), rules=rules)


def passes(query: str, **values: str) -> bool:
    row = {"id": "x"} | values
    data = ",".join(row) + "\n" + ",".join(row.values()) + "\n"
    found = read(ruled(query), data.encode())
    assert len(found.good) + len(found.bad) == 1
    return not found.bad


@pytest.mark.parametrize(
    ("query", "values", "holds"),
    [
        ("end_at >= start", {"start": "2024-01-01T00:00:00", "end_at": "2024-01-01T00:00:00"}, True),
        ("end_at >= start", {"start": "2024-01-01T00:00:01", "end_at": "2024-01-01T00:00:00"}, False),
        ("end_at >= start", {"start": "2024-01-01T00:00:01"}, True),
        ("start >= '2024-01-01'", {"start": "2023-12-31T23:59:59"}, False),
        ("day <= start", {"day": "2024-01-02", "start": "2024-01-01T12:00:00"}, False),
        ("day between '2024-01-01' and '2024-12-31'", {"day": "2025-01-01"}, False),
        ("day not between '2024-01-01' and '2024-12-31'", {"day": "2025-01-01"}, True),
        ("a + b = 10", {"a": "4", "b": "6"}, True),
        ("a - b * 2 = -8", {"a": "4", "b": "6"}, True),
        ("(a - b) * 2 = -4", {"a": "4", "b": "6"}, True),
        ("a / b > 0.6", {"a": "4", "b": "6"}, True),
        ("a / b > 0.6", {"a": "4", "b": "0"}, False),
        ("a * b > 0", {"a": "9223372036854775807", "b": "2"}, False),
        ("net = 1.10", {"net": "1.1"}, True),
        ("net <= a", {"net": "5.01", "a": "5"}, False),
        ("rate < 0.5 or a is null", {"rate": "0.9"}, True),
        ("rate < 0.5 or a is null", {"rate": "0.9", "a": "1"}, False),
        ("a is not null or b is not null", {}, False),
        ("a in (1, 2, 3)", {"a": "4"}, False),
        ("a in (1, 2, 3)", {}, True),
        ("a not in (1, 2, 3)", {"a": "4"}, True),
        ("id not like 'x%'", {}, False),
        ("length(id) = 1 and upper(id) = 'X'", {}, True),
        ("not ok or a > 0", {"ok": "true", "a": "0"}, False),
        ("ok = true", {"ok": "no"}, False),
        ("coalesce(a, 0) + coalesce(b, 0) > 0", {"b": "1"}, True),
        ("abs(a) < 5", {"a": "-5"}, False),
        ("id <> 'it''s'", {"id": "it's"}, False),
    ],
)
def test_means_what_sql_means(query: str, values: dict[str, str], holds: bool) -> None:
    assert passes(query, **values) is holds


DATA = b'id,a,b\nx,1,2\n"y\n2",5,2\n\nz,1,oops\nw,9,3\n'


@pytest.mark.parametrize("block_bytes", [3, BLOCK])
def test_a_row_that_breaks_a_rule_is_quarantined_under_its_name(block_bytes: int) -> None:
    found = read(ruled("a <= b", "a < 9"), DATA, block_bytes)
    assert found.values("id") == ["x"]
    assert sorted(found.errors()) == [
        (2, None, "rule1"),
        (3, "b", "logicalType"),
        (4, None, "rule1"),
        (4, None, "rule2"),
    ]
    bad = {row.row_number: row for row in found.bad}
    assert (bad[2].raw, bad[4].raw) == (b'"y\n2",5,2', b"w,9,3")
    assert bad[4].errors[0].reason == "a 9, b 3 breaks a <= b"


def test_json_rows_too() -> None:
    found = read(ruled("a <= b", kind="json", null_tokens=()), b'{"id":"x","a":1,"b":2}\n{"id":"y","a":3,"b":2}\n')
    assert found.errors() == [(2, None, "rule1")]
    assert found.bad[0].raw == b'{"id":"y","a":3,"b":2}'


def test_only_the_rows_that_cannot_be_computed_are_broken() -> None:
    rows = [f"r{n},{n},{0 if n in {7, 300} else 1}" for n in range(1, 501)]
    found = read(ruled("a / b >= 0"), "\n".join(["id,a,b", *rows]).encode())
    assert [row.row_number for row in found.bad] == [7, 300]
    assert "cannot be computed" in found.bad[0].errors[0].reason


@pytest.mark.parametrize("divisor", ["a", "net", "rate", "0"])
def test_a_division_by_zero_of_any_kind_breaks_its_rule(divisor: str) -> None:
    rows = [f"r{n},{n % 2},{n % 2}.0,{n % 2}e0" for n in range(100)]
    found = read(ruled(f"b = 1 OR 7 / {divisor} > 0"), "\n".join(["id,a,net,rate", *rows]).encode())
    assert len(found.bad) == (100 if divisor == "0" else 50)
    assert all("cannot be computed (divide by zero)" in row.errors[0].reason for row in found.bad)


WHOLE = (st.none() | st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63), 2**62, 10**18])).map(
    lambda value: "" if value is None else str(value)
)
COMPUTED = [
    "a / b > 0",
    "a * b + a > 0 OR b = 1",
    "a / (b - 1) / a <> 1",
    "-a < b",
    "a + b = 1 AND a / 0 > 1",
    "ABS(a) > b",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(WHOLE, WHOLE), min_size=1, max_size=12), st.sampled_from(COMPUTED))
def test_rows_are_judged_together_as_they_are_one_by_one(rows: list[tuple[str, str]], query: str) -> None:
    spec = ruled(query)
    together = read(spec, ("id,a,b\n" + "".join(f"x,{a},{b}\n" for a, b in rows)).encode())
    alone = [read(spec, f"id,a,b\nx,{a},{b}\n".encode()) for a, b in rows]
    assert [row.errors for row in together.bad] == [row.errors for found in alone for row in found.bad]
    assert len(together.good) == sum(len(found.good) for found in alone)


@pytest.mark.parametrize(
    ("query", "values"), [("a / b > 1", (1, 0)), ("a * b > 1", (9 * 10**18, 9)), ("a / 0 > b", (1, 1))]
)
def test_rows_that_cannot_be_computed_cost_a_few_operations_each(
    query: str, values: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole rule was computed again for each half of the rows, and again."""
    computed = []

    def counted(left: Any, right: Any) -> Any:
        computed.append(1)
        return pc.equal(left, right)

    monkeypatch.setitem(OPERATIONS, "=", counted)
    data = "id,a,b\n" + "x,{},{}\n".format(*values) * 1000
    assert read(ruled(f"a = 1 AND ({query}) AND b = 0"), data.encode()).report.rows_bad == 1000
    assert len(computed) <= 2


def test_a_rule_is_a_cell_of_its_row_for_the_rows_of_a_block() -> None:
    """Each column and each rule may have a reason of its own."""
    for spec, data in (
        (ruled("a < 1", "b < 1", "a < b"), "id,a,b\n" + "x,2,1\n" * 50),
        (ruled("a < 1", "b < 1", "a < b", kind="jsonl", null_tokens=()), '{"id": "x", "a": 2, "b": 1}\n' * 50),
    ):
        transform = transform_of(spec, data.encode(), limits=Limits(cells=60))
        blocks = [len(block.bad) for block in transform]
        assert (sum(blocks), max(blocks)) == (50, 10 if spec.format.kind == "csv" else 15)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.none() | st.integers(-9, 9), st.none() | st.integers(-9, 9)), min_size=1, max_size=20))
def test_unknown_is_not_broken(rows: list[tuple[int | None, int | None]]) -> None:
    lines = [f"r,{'' if a is None else a},{'' if b is None else b}" for a, b in rows]
    found = read(ruled("a < b or a = 5"), "\n".join(["id,a,b", *lines]).encode())
    broken = [n for n, (a, b) in enumerate(rows, 1) if a is not None and a != 5 and b is not None and not a < b]
    assert [row.row_number for row in found.bad] == broken


CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:test:trips
name: trips
version: 1.0.0
servers:
  - {server: landing, type: s3, location: "s3://{landing}/trips/", format: csv}
  - {server: warehouse, type: redshift, database: dev, schema: public}
schema:
  - name: trips
    quality:
      - {type: sql, name: endsAfterItStarts, query: ended_at >= started_at}
      - {type: sql, name: paidIfLong, query: "SELECT COUNT(*) FROM trips WHERE km > 10 AND price IS NULL", mustBe: 0}
      - {type: text, description: nice trips}
    properties:
      - {name: started_at, logicalType: timestamp}
      - {name: ended_at, logicalType: timestamp}
      - {name: km, logicalType: integer}
      - {name: price, logicalType: number, physicalType: "DECIMAL(8,2)"}
"""


def test_from_the_contract_to_the_quarantine(tmp_path: Path) -> None:

    path = tmp_path / "trips.odcs.yaml"
    path.write_text(CONTRACT)
    (value,) = json.loads(to_json([compile_contract(path)]))
    spec = Contract.from_json(value)
    assert spec == compile_contract(path)
    rows = ["2024-01-01T10:00:00,2024-01-01T09:00:00,5,", "2024-01-01T10:00:00,,50,", "2024-01-01T10:00:00,,50,9.99"]
    found = read(spec, "\n".join(["started_at,ended_at,km,price", *rows]).encode())
    assert found.errors() == [(1, None, "endsAfterItStarts"), (2, None, "paidIfLong")]
