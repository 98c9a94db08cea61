"""Rows of one value out of Parquet."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.transform.erasure import Value, bad_rows, count_rows, good_rows, write_without


def part(folder: Path, **columns: list[Any]) -> Path:
    path = folder / "part"
    pq.write_table(pa.table(columns), path)
    return path


def test_good_rows_go_by_their_column_whatever_blanks_follow(tmp_path: Path) -> None:
    names = ["K1", "K1  ", " K1", "K10", None, "k1"]
    source = part(tmp_path, name=names, _file_id=["a", "b", "c", "d", "e", "f"])
    assert count_rows(source, good_rows(Value("name", "K1")), "_file_id") == {"a": 1, "b": 1}
    write_without(source, tmp_path / "rest", good_rows(Value("name", "K1")))
    assert pq.read_table(tmp_path / "rest")["name"].to_pylist() == names[2:]


def test_whole_numbers_are_compared_as_they_are_written(tmp_path: Path) -> None:
    source = part(tmp_path, id=[7, 70, 17, 7], _file_id=["a", "a", "b", "b"])
    assert count_rows(source, good_rows(Value("id", "7")), "_file_id") == {"a": 1, "b": 1}


def test_what_is_kept_has_the_same_schema(tmp_path: Path) -> None:
    columns = {
        "id": pa.array([1, 2], pa.int16()),
        "at": pa.array([0, 1], pa.timestamp("us")),
        "price": pa.array([Decimal("1.50"), None], pa.decimal128(12, 2)),
    }
    fields = [pa.field(name, column.type, nullable=name != "id") for name, column in columns.items()]
    table = pa.table(columns, schema=pa.schema(fields))
    pq.write_table(table, tmp_path / "part")
    assert write_without(tmp_path / "part", tmp_path / "rest", good_rows(Value("id", "1"))) == 1
    assert pq.read_table(tmp_path / "rest").schema.equals(pq.read_table(tmp_path / "part").schema)


@pytest.mark.parametrize(
    ("raw", "stands"),
    [
        (b"C-17,5", True),
        (b'{"id":"C-17"}', True),
        (b"x;C-17", True),
        (b"C-170,5", False),
        (b"XC-17,5", False),
        (b"C-170,C-17", True),
        ("C-17;ü".encode("latin-1"), True),
        ("a,C-17".encode("utf-16-le"), True),
        ("a,C-170".encode("utf-16-be"), False),
        (b"", False),
    ],
)
def test_bad_rows_go_where_the_value_stands_alone(raw: bytes, stands: bool) -> None:
    assert Value("id", "C-17").stands_in(raw) is stands


@given(st.text(min_size=1), st.binary(), st.binary())
def test_looking_never_fails(text: str, before: bytes, after: bytes) -> None:
    found = Value("id", text).stands_in(before + b"," + text.encode("utf-8", "ignore") + b"," + after)
    assert found or "\ud800" <= max(text) <= "\udfff" or not text.encode("utf-8", "ignore")


def test_quarantined_rows_are_chosen_by_their_bytes(tmp_path: Path) -> None:
    source = part(tmp_path, raw=[b"C-17,x", b"C-18,x", None], file_id=["a", "a", "b"])
    assert count_rows(source, bad_rows(Value("id", "C-17")), "file_id") == {"a": 1}
