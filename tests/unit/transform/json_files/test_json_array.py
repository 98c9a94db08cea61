"""A file that is one JSON array: its elements are rows, whatever stands in them, at any size of the blocks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain.contract import Kind
from headrace.transform import FileRejected, Limits
from tests.unit.transform.kit import column, contract, integer, read, text

SPEC = contract(
    integer("id", required=True),
    text("note", 60),
    replace(text("country"), source="customer.country"),
    column("rest", Kind.SUPER),
    kind="json",
    null_tokens=(),
)
BLOCKS = [1, 7, 4 << 20]


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("indent", [None, 2])
def test_elements_are_rows(indent: int | None, block_bytes: int) -> None:
    rows = [
        {"id": 1, "note": 'a]},[\\" ü', "customer": {"country": "DE"}},
        {"id": 2, "rest": [[], {"x": "}"}]},
        {"id": 3, "customer": None},
    ]
    found = read(SPEC, b"\n " + json.dumps(rows, indent=indent, ensure_ascii=False).encode() + b"\r\n", block_bytes)
    assert found.bad == []
    assert found.values("id", "note", "country") == [(1, 'a]},[\\" ü', "DE"), (2, None, None), (3, None, None)]
    assert found.values("rest")[1] == '[[],{"x":"}"}]'


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_a_faulty_element_costs_its_own_row_and_keeps_its_bytes(block_bytes: int) -> None:
    data = b'[{"id": 1}, {"id": "x",\n "note": 5}, 7, {"id": 2,, }, {"id": 3}, ]'
    found = read(SPEC, data, block_bytes)
    assert found.values("id", "_row_number") == [(1, 1), (3, 5)]
    assert [row.raw for row in found.bad] == [b'{"id": "x",\n "note": 5}', b"7", b'{"id": 2,, }', b""]
    assert [rule for _, _, rule in found.errors()] == ["logicalType", "logicalType", "json", "json", "json"]


@pytest.mark.parametrize("data", [b"[]", b" [ ]\n"])
def test_an_empty_array_has_no_rows(data: bytes) -> None:
    assert read(SPEC, data).report.rows_read == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'[{"id": 1}, {"id": 2}', "not closed"),
        (b'[{"id": 1}, {"id": "2}]', "not closed"),
        (b'[{"id": 1}}, {"id": 2}]', "never opened"),
        (b'[{"id": 1}] {"id": 2}', "text follows"),
        (b"[" + b'"' + b"x" * 5000, "longer than 1,000 bytes"),
    ],
)
@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_a_broken_array_fails_the_file(data: bytes, says: str, block_bytes: int) -> None:
    with pytest.raises(FileRejected, match=says):
        read(SPEC, data, block_bytes, Limits(line=1000))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.sampled_from('a"\\[]{},:ü\n'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab]"), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(VALUES, max_size=5), st.integers(1, 40), st.sampled_from([None, 1]))
def test_an_array_reads_as_its_lines_do(values: list[Any], block_bytes: int, indent: int | None) -> None:
    rows = [{"id": place, "rest": value} for place, value in enumerate(values)]
    as_lines = read(SPEC, "\n".join(map(json.dumps, rows)).encode()).good if rows else []
    assert read(SPEC, json.dumps(rows, indent=indent).encode(), block_bytes).good == as_lines
