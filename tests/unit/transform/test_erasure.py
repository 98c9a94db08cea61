"""Rows of one value out of Parquet."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import FileFormat
from headrace.transform.erasure import Value, bad_rows, count_rows, good_rows, write_without
from headrace.transform.values.values import shown
from tests.unit.transform.kit import contract, integer, text


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


@pytest.mark.parametrize(
    "name", ["José", 'Al "Bo" X', "a/b", "a\\b", "Škoda", "€5x", "日本", "😀", "O'Hara", "a\nb", "K1 "]
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_value_is_found_however_its_file_writes_it(name: str, *, ascii_only: bool) -> None:
    value = Value("name", name)
    document = json.dumps({"name": name.rstrip(), "n": 1}, ensure_ascii=ascii_only)
    doubled = 'x,"' + name.replace('"', '""') + '",1'
    escaped = "x," + re.sub(r'([\\",\n])', r"\\\1", name) + ",1"
    within = 'x,"' + document.replace('"', '""') + '",1'
    upper = re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), document)
    key = f"readings/name={quote(name, safe='')}/a.csv"
    for written in (document, document.replace("/", "\\/"), upper, doubled, escaped, within, key, repr(name)):
        assert Value("name", name, FileFormat(escape="\\")).stands_in(written.encode()), written
        assert value.stands_in(written.encode("utf-16-be"))
    assert not Value("name", name + "z").stands_in(f"{document}\n{doubled}\n{escaped}\n{within}".encode())


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Škoda", "cp1250"),
        ("€5x", "cp1252"),
        ("Иван", "koi8-r"),
        ("日本", "shift_jis"),
        ("日本", "gb18030"),
        ("ß", "cp437"),
    ],
)
def test_a_value_is_looked_for_in_the_contracts_encoding(name: str, encoding: str) -> None:
    raw = f"{name};1;x".encode(encoding)
    assert Value("name", name, FileFormat(encoding=encoding)).stands_in(raw)
    assert not Value("name", name, FileFormat(encoding=encoding)).stands_in(f"{name}a;1".encode(encoding))


@pytest.mark.parametrize(
    ("raw", "stands"),
    [(b"007,x", True), (b"+7;", True), (b"7.0,", True), (b"70,", False), (b"107,", False), (b"x7", False)],
)
def test_a_whole_number_is_found_with_zeros_before_it(raw: bytes, stands: bool) -> None:
    assert Value("id", "7", whole=True).stands_in(raw) is stands


def test_a_value_of_fixed_width_is_found_though_it_touches_its_neighbours() -> None:
    columns = (replace(text("id", 4), start=1, width=4), replace(integer("n"), start=5, width=3))
    value = Value("id", "C-17").of(contract(*columns, kind="fixed", header=False))
    assert value.stands_in(b"C-17123")
    assert value.stands_in(b"C-18123\nC-17  x\n")
    assert not value.stands_in(b"XC-1712")
    assert Value("n", "7").of(contract(*columns, kind="fixed", header=False)).stands_in(b"C-17007")


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        ("O&B", b"<n>O&amp;B</n>"), ("Müller", b"<n>M&#252;ller</n>"), ("Müller", b"<n>M&#xFC;ller</n>"),
        ("O'Neil", b"<n>O&apos;Neil</n>"), ("Müller", "<n>M&#252;ller</n>".encode("utf-16-le")),
    ],
)  # fmt: skip
def test_a_value_is_found_as_xml_writes_it(value: str, raw: bytes) -> None:
    assert Value("n", value).stands_in(raw)
    assert not Value("n", value[:-1]).stands_in(raw)


def test_a_value_that_a_reason_cuts_is_found() -> None:
    long = "Anna " * 40 + "X"
    assert Value("name", long).stands_in(f"{shown(long)} does not match".encode())
    assert not Value("name", long).stands_in(f"{shown('Bo' + long)} does not match".encode())


def test_parts_from_before_the_column_have_no_such_row(tmp_path: Path) -> None:
    source = part(tmp_path, name=["K1", "K2"], _file_id=["a", "b"])
    assert count_rows(source, good_rows(Value("email", "K1")), "_file_id") == {}
    assert write_without(source, tmp_path / "rest", good_rows(Value("email", "K1"))) == 2


@given(st.text(min_size=1), st.binary(), st.binary())
def test_looking_never_fails(text: str, before: bytes, after: bytes) -> None:
    found = Value("id", text).stands_in(before + b"," + text.encode("utf-8", "ignore") + b"," + after)
    assert found or "\ud800" <= max(text) <= "\udfff" or not text.encode("utf-8", "ignore")


def test_quarantined_rows_are_chosen_by_their_bytes(tmp_path: Path) -> None:
    source = part(tmp_path, raw=[b"C-17,x", b"C-18,x", None], file_id=["a", "a", "b"])
    assert count_rows(source, bad_rows(Value("id", "C-17")), "file_id") == {"a": 1}
