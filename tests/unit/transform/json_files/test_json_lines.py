"""JSON Lines: columns by key or path, strict types, every fault of a line told."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.domain.contract import Column, Kind
from headrace.transform import FileRejected, RowError
from headrace.transform.json_files.columns import JsonColumns
from headrace.transform.schema import data_schema
from tests.unit.transform.kit import column, contract, decimal, integer, moment, number, read, text

SPEC = contract(
    integer("id", required=True),
    text("name"),
    replace(text("city"), source="address.city"),
    column("at", Kind.TIMESTAMP),
    decimal("price", 12, 2),
    number("weight"),
    column("ok", Kind.BOOLEAN),
    column("rest", Kind.SUPER),
    kind="json",
    null_tokens=(),
)


def test_reads_keys_in_any_order_and_paths() -> None:
    line = (
        '{"price": 19.99, "id": 7, "address": {"city": "Ulm"}, "at": "2024-05-31T12:00+02", "rest": [1, {"a": null}]}'
    )
    row = read(SPEC, line.encode()).good[0]
    assert (row["id"], row["city"], row["price"]) == (7, "Ulm", Decimal("19.99"))
    assert (row["at"], row["rest"]) == (moment(2024, 5, 31, 10), '[1,{"a":null}]')
    assert (row["name"], row["weight"], row["ok"]) == (None, None, None)


@pytest.mark.parametrize("line", [b"hello", b"1", b'{"id": 1e400}', b'{"id": '])
def test_a_block_without_a_single_object_is_all_bad_rows(line: bytes) -> None:
    found = read(SPEC, line + b"\n" + line + b"\n")
    assert [(bad.row_number, bad.raw, bad.errors[0].rule) for bad in found.bad] == [
        (1, line, "json"),
        (2, line, "json"),
    ]


@pytest.mark.parametrize("block_bytes", [5, 4 << 20])
def test_blank_lines_are_no_rows_and_crlf_is_a_line_end(block_bytes: int) -> None:
    found = read(SPEC, b'{"id": 1}\r\n\r\n\n{"id": 2}\n', block_bytes)
    assert found.values("id", "_row_number") == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("line", "column_name", "rule"),
    [
        (b'{"id": "7"}', "id", "logicalType"),
        (b'{"id": 7.0}', "id", "logicalType"),
        (b'{"id": true}', "id", "logicalType"),
        (b'{"id": 1, "name": 5}', "name", "logicalType"),
        (b'{"id": 1, "name": {"a": 1}}', "name", "logicalType"),
        (b'{"id": 1, "price": 1.999}', "price", "physicalType"),
        (b'{"id": 1, "price": true}', "price", "logicalType"),
        (b'{"id": 1, "weight": "heavy"}', "weight", "logicalType"),
        (b'{"id": 1, "ok": 1}', "ok", "logicalType"),
        (b'{"id": 1, "at": 1717150000}', "at", "logicalType"),
        (b'{"id": 1, "name": "a\\u0000b"}', "name", "encoding"),
        (b'{"id": null}', "id", "required"),
        (b"{}", "id", "required"),
        (b'{"id": 1', None, "json"),
        (b'{"id": NaN}', None, "json"),
        (b'{"id": 1} {"id": 2}', None, "json"),
        (b'["id", 1]', None, "json"),
        (b'{"id": 1, "name": "caf\xe9"}', None, "encoding"),
    ],
)
def test_a_faulty_line_costs_its_own_row(line: bytes, column_name: str | None, rule: str) -> None:
    found = read(SPEC, b'{"id": 100}\n' + line + b'\n{"id": 300}\n')
    assert found.values("id", "_row_number") == [(100, 1), (300, 3)]
    assert found.errors() == [(2, column_name, rule)]
    assert found.bad[0].raw == line


def test_decimals_beyond_a_double_are_exact() -> None:
    spec = contract(decimal("d", 30, 4), kind="json")
    said = "12345678901234567890.1234"
    found = read(spec, f'{{"d": {said}}}\n{{"d": "{said}"}}\n{{"d": 5}}\n'.encode())
    assert [str(value) for value in found.values("d")] == [said, said, "5.0000"]


def test_unknown_keys_are_reported() -> None:
    found = read(SPEC, b'{"id": 1, "colour": "red"}\n{"id": 2, "size": 3, "colour": "blue"}\n')
    assert found.report.detected["unknown_columns"] == ["colour", "size"]


def test_a_json_array_is_no_json_lines() -> None:
    with pytest.raises(FileRejected, match="one JSON array"):
        read(replace(SPEC, format=replace(SPEC.format, kind="jsonl")), b'[\n{"id": 1},\n{"id": 2}\n]\n')


NUMBERS = [0, -1, 7, 2**31, 2**53 + 1, 2**63, 0.5, 1.25, 1.999, 1e300, 123456789.12]
TEXTS = ["", "x", "a\0b", "12.50", "2024-02-29", "2023-02-29", "31/01/2024", "29/02/2024"]
TIMES = ["2024-05-31T12:00:00Z", "2024-05-31 12:00", "2024-05-31T12:00:00.5+02:00"]
NESTED = [[], {}, {"city": "Ulm"}, {"city": 5}, {"city": None}, ["x", {"a": 1.0}]]
VALUES = st.sampled_from([None, True, *NUMBERS, *TEXTS, *TIMES, *NESTED])
KEYS = ["id", "name", "address", "at", "day", "price", "long", "weight", "small", "ok", "rest", "surplus"]
EVERY_KIND = contract(
    integer("id", 32, required=True, minimum="0"),
    text("name", 4, enum=("x", "y")),
    replace(text("city"), source="address.city"),
    column("at", Kind.TIMESTAMP),
    column("day", Kind.DATE, formats=("dd/MM/yyyy",)),
    decimal("price", 12, 2),
    decimal("long", 30, 2),
    number("weight", maximum="1000"),
    number("small", 32),
    column("ok", Kind.BOOLEAN),
    column("rest", Kind.SUPER),
    kind="json",
    null_tokens=("",),
)
LINES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6).map(lambda d: json.dumps({"id": 1} | d).encode())


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES | st.sampled_from([b"", b"{", b"3", b'{"id": 1, "name": "\xff"}']), min_size=1, max_size=12))
def test_the_quick_way_agrees_with_the_slow_one(lines: list[bytes]) -> None:
    data = b"\n".join([b'{"id": 0}', *lines])
    quick = read(EVERY_KIND, data)
    with patch.object(JsonColumns, "table", everything_is_doubtful):
        slow = read(EVERY_KIND, data)
    assert repr(quick.good) == repr(slow.good)
    assert sorted(quick.bad, key=lambda row: row.row_number) == sorted(slow.bad, key=lambda row: row.row_number)


def everything_is_doubtful(_: JsonColumns, values: list[list[Any]]) -> tuple[pa.Table, set[int]]:
    schema, rows = data_schema(EVERY_KIND), len(values[0])
    return pa.table([pa.nulls(rows, field.type) for field in schema], schema=schema), set(range(rows))


@pytest.mark.parametrize(("levels", "ids"), [(254, [1, 2, 3]), (255, [1, 3]), (600, [1, 3]), (3000, [1, 3])])
def test_json_nested_without_end_costs_its_own_row(levels: int, ids: list[int]) -> None:
    deep = b'{"id": 2, "rest": ' + b"[" * levels + b"]" * levels + b"}"
    found = read(SPEC, b'{"id": 1}\n' + deep + b'\n{"id": 3, "rest": [[]]}\n')
    assert found.values("id") == ids
    reasons = [error.reason for bad in found.bad for error in bad.errors]
    expected = "depth limit exceeded" if levels > 1000 else "the JSON is nested in more than 254 levels"
    assert [expected in reason for reason in reasons] == [True] * (3 - len(ids))


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (b'{"id": 1, "id": 2}', "id"),
        (b'{"id": 1, "name": "a", "name" : "a"}', "name"),
        (b'{"id": 1, "name": "a", "na\\u006de": "b:c"}', "name"),
        (b'{"id": 1, "name": "a", "name": "\\u003a"}', "name"),
        (b'{"id": 1, "ignored": [{"a": {"b": 1, "b": 1}}]}', "b"),
        (b'{"id": 1, "rest": {"a": 1, "b": {}, "a": null}}', "a"),
    ],
)
@pytest.mark.parametrize("form", [b'%s\n{"id": 3}', b'[%s, {"id": 3}]'])
def test_a_key_that_is_there_twice_costs_its_own_row(line: bytes, key: str, form: bytes) -> None:
    found = read(SPEC, form % line)
    assert found.values("id") == [3]
    assert found.bad[0].errors == (RowError(None, "json", f"an object has the key {key!r} twice"),)


@pytest.mark.parametrize(
    "line",
    [
        b'{"id" : 1, "name"\t:"x: y", "rest": {"id": {"id": [{"id": 2}, {"id": 2}]}}}',
        b'{"id": 1, "name": "\\u003a \\u003A :", "more": {"a": ":"}}',
        b'{"id": 1, "at": "2024-05-31T12:00:00Z", "address": {"id": 1}}',
    ],
)
def test_the_same_key_in_different_objects_is_no_fault(line: bytes) -> None:
    assert read(SPEC, line).values("id") == [1]


LEAVES = st.integers(0, 3).map(str) | st.text(':a\\" é', max_size=3).map(json.dumps)
SPELT_KEYS = st.sampled_from(['"a"', '"b"', '":"', r'"\u0061"'])
Written = tuple[str, bool]


def objects(values: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    """Objects as text, and whether one of them has a key twice."""
    return st.lists(st.tuples(SPELT_KEYS, st.sampled_from([":", " : ", ":\t"]), values), max_size=3).map(
        lambda members: (
            "{" + ",".join(key + colon + text for key, colon, (text, _) in members) + "}",
            any(twice for *_, (_, twice) in members) or len({json.loads(key) for key, *_ in members}) < len(members),
        )
    )


@given(st.lists(st.recursive(LEAVES.map(lambda text: (text, False)), objects, max_leaves=6), min_size=1, max_size=4))
def test_whether_a_key_is_there_twice_is_told_exactly(values: list[Written]) -> None:
    lines = "\n".join(f'{{"id": 1, "rest": {text}}}' for text, _ in values)
    bad = {row.row_number for row in read(SPEC, lines.encode()).bad}
    assert bad == {number for number, (_, twice) in enumerate(values, 1) if twice}


PRECISE = contract(integer("id", required=True), decimal("d", 38, 10), decimal("p", 10, 2), kind="json")


@pytest.mark.parametrize(
    ("line", "column_name", "rule"),
    [
        (b'{"id": 2, "d": 1e-400}', "d", "physicalType"),
        (b'{"id": 2, "p": 1e-400}', "p", "physicalType"),
        (b'{"id": 2, "p": 0.%s1}' % (b"0" * 400), "p", "physicalType"),
        (b'{"id": 2, "d": 1e-99999999999999999999}', "d", "physicalType"),
        (b'{"id": 2, "p": -1e-99999999999999999999}', "p", "physicalType"),
        (b'{"id": 2, "d": %s}' % (b"7" * 300), "d", "physicalType"),
        (b'{"id": %s}' % (b"7" * 300), "id", "physicalType"),
        (b'{"id": 2, "d": %s}' % (b"7" * 5000), None, "json"),
        (b'{"id": 2, "nobody": %s}' % (b"7" * 5000), None, "json"),
        (b'{"id": 2, "nobody": 1e99999999999999999999}', None, "json"),
    ],
)
@pytest.mark.parametrize("form", [b'{"id": 1}\n%s\n{"id": 3}', b'[{"id": 1}, %s, {"id": 3}]'])
def test_a_number_without_measure_costs_its_own_row(
    line: bytes, column_name: str | None, rule: str, form: bytes
) -> None:
    found = read(PRECISE, form % line)
    assert found.values("id") == [1, 3]
    assert found.errors() == [(2, column_name, rule)]


@pytest.mark.parametrize(
    ("line", "d"),
    [
        (b'{"id": 2, "d": 5, "nobody": 1e-99999999999999999999}', "5.0000000000"),
        (b'{"id": 2, "d": 0e-99999999999999, "nobody": 1e-400}', "0E-10"),
        (b'{"id": 2, "d": 0.0, "nobody": 1e-400}', "0E-10"),
        (b'{"id": 2, "d": 100e-2}', "1.0000000000"),
    ],
)
def test_a_number_that_no_column_takes_costs_nothing(line: bytes, d: str) -> None:
    found = read(PRECISE, b'{"id": 1}\n' + line)
    assert [str(value) for value in found.values("d")] == ["None", d]


def test_a_number_that_is_nested_too_deeply_to_be_read_exactly_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_deep(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(json, "loads", too_deep)
    found = read(PRECISE, b'{"id": 1, "d": 1}\n{"id": 2, "d": 1e-400}')
    assert (found.values("id"), found.errors()) == ([1], [(2, None, "json")])


def test_a_whole_number_beyond_64_bits_is_told_as_too_large() -> None:
    (bad,) = read(PRECISE, b'{"id": 99999999999999999999}').bad
    assert bad.errors[0].reason == "'1e+20' does not fit BIGINT"


EXTREMES = st.sampled_from(
    ["1e-400", "0.0", "-0.0", "0e-400", "1e-99999999999999999999", "0." + "0" * 330 + "1", "7" * 200, "1e300", "12.5"]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(EXTREMES, EXTREMES, EXTREMES), min_size=1, max_size=6))
def test_both_ways_agree_on_numbers_without_measure(numbers: list[tuple[str, str, str]]) -> None:
    data = "\n".join(f'{{"id": 1, "price": {a}, "long": {b}, "weight": {c}}}' for a, b, c in numbers).encode()
    quick = read(EVERY_KIND, data)
    with patch.object(JsonColumns, "table", everything_is_doubtful):
        slow = read(EVERY_KIND, data)
    assert repr(quick.good) == repr(slow.good)
    assert sorted(quick.bad) == sorted(slow.bad)


WITH_SUPER = contract(integer("id"), column("p", Kind.SUPER), kind="json")


@pytest.mark.parametrize(
    "number",
    [
        "12345678901234567890123",
        "-98765432109876543210.5",
        "0.1000000000000000055",
        "18446744073709551616",
        "1e-300",
        "1" * 38,
        "0e-400",
    ],
)
@pytest.mark.parametrize("form", ['{"id": 1, "p": %s}', '[{"id": 1, "p": {"a": [%s, "x"]}}]'])
def test_numbers_within_json_for_a_super_keep_all_their_digits(number: str, form: str) -> None:
    found = read(WITH_SUPER, (form % number).encode())
    assert found.values("p") == [number if form[0] == "{" else f'{{"a":[{number},"x"]}}']


def test_an_escaped_nul_within_json_for_a_super_stays() -> None:
    found = read(WITH_SUPER, b'{"p": {"a": "x\\u0000y"}}')
    assert found.values("p") == [r'{"a":"x\u0000y"}']
    assert found.errors() == []


@pytest.mark.parametrize("number", ["1e-400", "-1.5e-99999", "0.%s1" % ("0" * 400), "7" * 39])
def test_a_number_within_json_that_the_warehouse_has_no_type_for_costs_its_own_row(number: str) -> None:
    """In JSON Lines as in a value of delimited text."""
    delimited = contract(integer("id"), column("p", Kind.SUPER), delimiter="|")
    lines = "".join(f'{{"id": {row}, "p": [{value}]}}\n' for row, value in ((1, 1), (2, number), (3, f'"{number}"')))
    for spec, data in ((WITH_SUPER, lines), (delimited, f"id|p\n1|[1]\n2|[{number}]\n3|[0]\n")):
        found = read(spec, data.encode())
        assert (found.values("id"), found.errors()) == ([1, 3], [(2, "p", "physicalType")])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,2})?", fullmatch=True), min_size=1)
)
def test_any_number_within_json_for_a_super_is_the_same_number(numbers: list[str]) -> None:
    lines = "".join(f'{{"id": 1, "p": [{number}]}}\n' for number in numbers)
    found = read(WITH_SUPER, lines.encode())
    kept = [json.loads(text, parse_float=Decimal, parse_int=Decimal)[0] for text in found.values("p")]
    bad = {row.row_number for row in found.bad}
    assert kept == [Decimal(number) for row, number in enumerate(numbers, 1) if row not in bad]


@pytest.mark.parametrize("block_bytes", [20, 4 << 20])
@pytest.mark.parametrize("required", [True, False])
def test_objects_of_another_dataset_are_rejected_as_a_whole(block_bytes: int, required: bool) -> None:
    spec = contract(integer("id", required=required), text("name"), kind="json", null_tokens=())
    other = b'{"nodes": [1, 2]}\n{"links": []}\n'
    with pytest.raises(FileRejected, match="no object of the file has a key that the contract knows: id or name"):
        read(spec, other * 3, block_bytes)
    assert len(read(spec, other + b'{"id": 1}\n', block_bytes).good) == (1 if required else 3)


def test_objects_without_any_key_are_no_other_dataset() -> None:
    spec = contract(integer("id"), text("name"), kind="json", null_tokens=())
    assert read(spec, b"{}\n{}\n").values("id", "name") == [(None, None)] * 2


def test_a_number_with_more_digits_than_a_double_is_not_rounded() -> None:
    spec = contract(integer("n"), decimal("x", 9, 2), kind="jsonl")
    lines = [b'{"n": 1, "x": 2.340000000000000001}', b'{"n": 2, "x": "2.340000000000000001"}', b'{"n": 3, "x": 2.34}']
    got = read(spec, b"\n".join([*lines, b'{"n": 4, "x": 2.3400000000000000}']) + b"\n")
    assert got.values("n", "x") == [(3, Decimal("2.34")), (4, Decimal("2.34"))]
    assert got.errors() == [(1, "x", "physicalType"), (2, "x", "physicalType")]


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_objects_over_several_lines_are_called_so(kind: str) -> None:
    with pytest.raises(FileRejected, match="over several lines"):
        read(contract(integer("n"), kind=kind), b'{\n  "n": 1\n}\n{\n  "n": 2\n}\n')


@pytest.mark.parametrize("kind", ["json", "jsonl"])
@pytest.mark.parametrize("levels", [253, 254, 255, 300, 900, 2_000])
@pytest.mark.parametrize("opened", ["[", '{"a":'])
@pytest.mark.parametrize("name", ["id", "name", "address", "at", "price", "weight", "ok", "rest", "more"])
def test_a_deeply_nested_value_costs_its_row_at_most(name: str, opened: str, levels: int, kind: str) -> None:
    """Parsing takes 1,024 levels, writing 254: wherever a value is written again, the deeper ones must be expected."""
    wanted = (*SPEC.columns, Column("others", "", Kind.SUPER, "SUPER", unknown=True))
    spec = replace(contract(*wanted, kind=kind, null_tokens=("-",)), dataset="readings")
    deep = opened * levels + "1.12345678901234567890" + ("]" if opened == "[" else "}") * levels
    found = read(spec, f'{{"id": 1, "{name}": {deep}}}\n{{"id": 2}}\n'.encode())
    assert found.report.rows_read == 2
    assert 2 in found.values("id")
    assert all(error.rule in {"logicalType", "physicalType", "json"} for bad in found.bad for error in bad.errors)
