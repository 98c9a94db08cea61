"""Drift: fields beyond the contract are kept, told with the change that takes them in, ignored, or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain.contract import UNKNOWN_COLUMN, Column, Contract, Kind
from headrace.transform import FileRejected
from headrace.transform.delimited.patterns import LinePatterns

from .kit import contract, integer, read, text

UNKNOWN = Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True)
KEEPS = contract(text("id", required=True), integer("n"), UNKNOWN)
JSON = contract(text("id", required=True), replace(text("city"), source="address.city"), UNKNOWN, kind="json")


def kept(spec: Contract, data: str) -> list[Any]:
    return [value and json.loads(value) for value in read(spec, data.encode()).values(UNKNOWN_COLUMN)]


def test_a_file_that_keeps_to_the_contract_has_nothing_unknown() -> None:
    found = read(KEEPS, b"n,id\n1,a\n2,b\n")
    assert found.values("id", UNKNOWN_COLUMN) == [("a", None), ("b", None)]
    assert "drift" not in found.report.detected


def test_unknown_columns_are_kept_as_they_are_written() -> None:
    data = 'colour,id,n,size\nred,a,1,007\n,b,2,\n"say ""hi""\\",c,3,"1,5"\n'
    assert kept(KEEPS, data) == [{"colour": "red", "size": "007"}, None, {"colour": 'say "hi"\\', "size": "1,5"}]


@pytest.mark.parametrize("rows", [3, 400])
@pytest.mark.parametrize("fields", ["x,,", "x,y,", ",,"])
def test_rows_without_unknown_values_keep_their_places(rows: int, fields: str) -> None:
    filled = dict(zip("pqr", fields.split(","), strict=True))
    data = "id,n,p,q,r\n" + "".join(f"a,{row},{fields if row % 3 else ',,'}\n" for row in range(rows))
    wanted = {name: value for name, value in filled.items() if value} or None
    assert kept(KEEPS, data) == [wanted if row % 3 else None for row in range(rows)]


def test_a_field_without_a_name_is_kept_under_its_place() -> None:
    assert kept(KEEPS, "id,,n,\na,x,1,y\n") == [{"(2)": "x", "(4)": "y"}]


def test_unknown_keys_are_kept_with_their_values() -> None:
    lines = ['{"id": "a", "tags": [1, {"x": null}], "w": 1.5}', '{"id": "b", "w": null}', '{"id": "c"}']
    assert kept(JSON, "\n".join(lines)) == [{"tags": [1, {"x": None}], "w": 1.5}, None, None]


def test_bad_bytes_in_an_unknown_column_cost_their_own_row() -> None:
    found = read(KEEPS, b"id,n,x\na,1,\xff\nb,2,y\n")
    assert found.errors() == [(1, UNKNOWN_COLUMN, "encoding")]
    assert found.values("id") == ["b"]


def test_a_name_that_is_there_twice_loses_nothing() -> None:
    assert kept(KEEPS, "id,n,x,x\na,1,2,3\n") == [{"x": "2", "x (4)": "3"}]


def test_without_a_header_nothing_is_unknown() -> None:
    spec = replace(KEEPS, format=replace(KEEPS.format, header=False))
    assert kept(spec, "a,1\nb,2\n") == [None, None]


def test_the_change_of_the_contract_is_told() -> None:
    data = b"id,n,Order Date,amount,yes\na,1,31/12/2024,1.50,x\nb,2,01/01/2025,,\n"
    drift = read(KEEPS, data).report.detected["drift"]
    assert drift["columns"] == [
        {"name": "Order Date", "type": "date"},
        {"name": "amount", "type": "DECIMAL(18,2)"},
        {"name": "yes", "type": "VARCHAR(16)"},
    ]
    date, amount, odd = yaml.safe_load(drift["yaml"])
    assert date == {
        "name": "Order Date",
        "physicalName": "order_date",
        "logicalType": "date",
        "logicalTypeOptions": {"format": "dd/MM/yyyy"},
    }
    assert amount["physicalType"] == "DECIMAL(18,2)"
    assert odd["name"] == "yes"


def test_ignored_columns_are_named_and_left_out() -> None:
    found = read(contract(text("id")), b"id,x\na,1\n")
    assert found.report.detected["unknown_columns"] == ["x"]
    assert "drift" not in found.report.detected


@pytest.mark.parametrize(("kind", "data"), [("csv", b"id,x\na,1\n"), ("json", b'{"id": "a", "x": 1}\n')])
def test_refused_columns_fail_the_file(kind: str, data: bytes) -> None:
    spec = replace(contract(text("id"), kind=kind), refuse_unknown=True)
    with pytest.raises(FileRejected, match="fields that the contract does not know: 'x'"):
        read(spec, data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"id": "a", "size": 1, "ann@example.org": 2}\n{"id": "b", "4711-00001": 3, "ann@example.org": 4}\n',
        b"id,size,ann@example.org,4711-00001\na,1,2,3\n",
    ],
)
def test_names_that_may_be_values_are_counted(data: bytes) -> None:
    """A key of JSON can be anybody's mail address, and so can a field of a header that is not ours."""
    spec = JSON if data.startswith(b"{") else KEEPS
    found = read(spec, data)
    assert "ann@" in str(found.values(UNKNOWN_COLUMN))
    detected = found.report.detected
    assert ([column["name"] for column in detected["drift"]["columns"]], detected["drift"]["others"]) == (["size"], 2)
    assert "ann" not in str(detected)
    assert "4711" not in str(detected)
    with pytest.raises(FileRejected, match="'size' and 2 whose names may be values") as refused:
        read(
            replace(spec, refuse_unknown=True),
            data if spec is KEEPS else data.replace(b"}\n{", b', "4711-00001": 3}\n{'),
        )
    assert "ann" not in str(refused.value)


VALUES = st.text(st.sampled_from('aü",\\\n\t\x01\x7f '), max_size=5)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8))
def test_the_fast_path_keeps_what_the_slow_path_keeps(rows: list[tuple[str, str]]) -> None:
    quoted = [",".join('"' + value.replace('"', '""') + '"' for value in ("a", "1", *row)) for row in rows]
    data = "\n".join(["id,n,x,y ü", *quoted]).encode()
    fast = read(KEEPS, data)
    with patch.object(LinePatterns, "exist", new=False):
        slow = read(KEEPS, data)
    assert fast.good == slow.good
    assert fast.bad == slow.bad


def test_keys_without_end_do_not_fill_the_ledger() -> None:
    lines = [json.dumps({"id": "a", f"key {n}": n, "x" * 200: 1}) for n in range(2000)]
    detected = read(JSON, "\n".join(lines).encode()).report.detected
    assert len(detected["unknown_columns"]) == 50
    assert len(detected["drift"]["columns"]) == 50
    assert len(json.dumps(detected)) < 20_000


PATHS = contract(
    integer("id"), Column("city", "place.city", Kind.STRING, "VARCHAR(16)", max_bytes=16),
    Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True), kind="jsonl",
)  # fmt: skip


@pytest.mark.parametrize("times", [1, 300])
def test_siblings_of_what_a_path_names_are_kept(times: int) -> None:
    rows = [
        b'{"id": 1, "place": {"city": "Ulm", "zip": "89073", "at": {"lat": 48.4}}}',
        b'{"id": 2, "place": "Ulm"}',
        b'{"id": 3, "place": [{"city": "Ulm"}]}',
        b'{"id": 4, "place": {"city": null}, "place.city": "Bern"}',
        b'{"id": 5, "place": null}',
    ]
    got = read(PATHS, b"\n".join(rows * times) + b"\n")
    kept = [row and json.loads(row) for row in got.values(UNKNOWN_COLUMN)]
    siblings = {"place.zip": "89073", "place.at": {"lat": 48.4}}
    assert kept == [siblings, {"place": "Ulm"}, {"place": [{"city": "Ulm"}]}, None, None] * times
    assert got.values("city") == ["Ulm", None, None, "Bern", None] * times
    assert got.report.detected["unknown_columns"] == ["place.zip", "place.at", "place"]


def test_siblings_of_a_path_are_fields_that_may_be_refused() -> None:
    with pytest.raises(FileRejected, match=r"'place\.zip'"):
        read(replace(PATHS, refuse_unknown=True), b'{"id": 1, "place": {"city": "Ulm", "zip": "89073"}}\n')


def test_nothing_in_the_place_of_an_object_is_no_unknown_field() -> None:
    got = read(replace(PATHS, refuse_unknown=True), b'{"id": 1, "place": {"city": "Ulm"}}\n{"id": 2, "place": null}\n')
    assert got.values("city") == ["Ulm", None]
    assert got.report.detected.get("unknown_columns", []) == []


def test_advice_is_given_only_for_fields_that_a_property_can_take() -> None:
    unknown = Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True)
    spec = replace(contract(integer("id")), columns=(integer("id"), unknown))
    drift = read(spec, b"id,price,price,,net\n1,2,3,4,5\n").report.detected["drift"]
    assert [column["name"] for column in drift["columns"]] == ["price", "price (3)", "(4)", "net"]
    assert "net" in drift["yaml"]
    assert "price" not in drift["yaml"]
    assert "(4)" not in drift["yaml"]


def test_no_type_is_advised_for_a_field_that_no_good_row_has() -> None:
    unknown = Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True)
    spec = replace(contract(kind="jsonl"), columns=(integer("id", required=True), unknown))
    drift = read(spec, b'{"id": null, "rows": [1, 2]}\n{"id": 1}\n').report.detected["drift"]
    assert drift["columns"] == [{"name": "rows", "type": "no value in a good row"}]
    assert drift["yaml"] == ""


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_unknown_fields_that_are_too_long_cost_no_row(kind: str) -> None:
    """The longest are left out and counted: the file itself has them."""
    spec = contract(integer("id"), UNKNOWN, kind=kind, null_tokens=("",) if kind == "csv" else ())
    long = "y" * 70_000
    data = {
        "csv": f"id,a,html\n1,x,{long}\n2,z,\n",
        "jsonl": f'{{"id":1,"a":"x","html":"{long}"}}\n{{"id":2,"a":"z"}}\n',
    }
    got = read(spec, data[kind].encode())
    assert [json.loads(row) for row in got.values("_unknown")] == [{"a": "x"}, {"a": "z"}]
    assert got.report.detected["changed_values"] == {"_unknown": {"cut": 1}}
