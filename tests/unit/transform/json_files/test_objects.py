"""JSON objects behind one another, rows within an object, numbers that JSON does not have, values of other types."""

from __future__ import annotations

import io
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import Contract, Kind
from headrace.domain.writing import Writing
from headrace.transform import FileRejected
from headrace.transform.rebuild import frame_of, rows_good_now
from tests.unit.transform.kit import column, contract, decimal, integer, number, read, text

BLOCKS = [3, 17, 4 << 20]


def events(**said: object) -> Contract:
    return contract(integer("ev"), text("v", 40), kind="json", null_tokens=(), **said)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(
    "data",
    [
        b'{"ev":1,"v":"a"}{"ev":2,"v":"b}{"}{"ev":3,"v":"c"}',
        b'{"ev":1,"v":"a"},\n{"ev":2,"v":"b}{"},\r\n{"ev":3,"v":"c"}\n',
        b'\xef\xbb\xbf{\n  "ev": 1,\n  "v": "a"\n}\n{"ev":2, "v":"b}{"} {"ev":3,"v":"c"}',
    ],
)
def test_objects_behind_one_another_are_rows(data: bytes, block: int) -> None:
    got = read(events(concatenated=True), data, block)
    assert got.values("ev", "v") == [(1, "a"), (2, "b}{"), (3, "c")]


def test_an_object_that_breaks_a_rule_costs_its_own_row() -> None:
    got = read(events(concatenated=True), b'{"ev":1}{"ev":"x"}{"ev":2,}{"ev":3}')
    assert (got.values("ev"), [(row.row_number, row.raw) for row in got.bad]) == (
        [1, 3], [(2, b'{"ev":"x"}'), (3, b'{"ev":2,}')],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"ev":1}{"ev":2', "not closed"),
        (b'{"ev":1} x {"ev":2}', "between JSON objects"),
        (b'{"ev":1}}{"ev":2}', "between JSON objects"),
        (b'{"ev":1} "x"', "between JSON objects"),
    ],
)
def test_where_objects_end_must_be_clear(data: bytes, reason: str) -> None:
    with pytest.raises(FileRejected, match=reason):
        read(events(concatenated=True), data)


rows_of_json = st.lists(st.fixed_dictionaries({"ev": st.integers(0, 99), "v": st.text(max_size=5)}), max_size=8)


@given(rows_of_json, st.sampled_from(["", " ", "\n", ",", ",\n"]), st.sampled_from([2, 7, 50]), st.booleans())
def test_any_objects_are_the_rows_that_were_written(
    rows: list[dict[str, object]], between: str, block: int, indented: bool
) -> None:
    rows = [row | {"v": str(row["v"]).replace("\0", "")} for row in rows]
    said = between.join(json.dumps(row, indent=1 if indented else None) for row in rows)
    assert read(events(concatenated=True), said.encode() or b" ", block).values("ev", "v") == [
        (row["ev"], row["v"]) for row in rows
    ]
    around = json.dumps(
        {"next": [1, {"items": []}], "data": {"items": rows, "n": "]}"}}, indent=1 if indented else None
    )
    assert read(events(rows_at="data.items"), around.encode(), block).report.rows_good == len(rows)


@pytest.mark.parametrize("block", BLOCKS)
def test_rows_may_be_a_list_within_the_one_object(block: int) -> None:
    data = b'{"data": {"next": null, "items": [{"ev": 1}, {"ev": "x"}, {"ev": 2, "v": "]"}]}, "pages": {"n": [1]}}\n'
    got = read(events(rows_at="data.items"), data, block)
    assert (got.values("ev"), got.errors()) == ([1, 2], [(2, "ev", "logicalType")])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"items": [{"ev": 1}]}', "no list at data.items"),
        (b'{"data": {"items": {"ev": 1}}}', "no list at data.items"),
        (b'{"data": {"items": [{"ev": 1}]}', "not closed"),
        (b'{"data": {"items": [{"ev": 1}', "not closed"),
        (b'["data", {"items": [{"ev": 1}]}]', "no list at data.items"),
    ],
)
def test_without_that_list_a_file_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(FileRejected, match=reason):
        read(events(rows_at="data.items"), data)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"data":{"items":[{"ev":1}]}}\n{"data":{"items":[{"ev":2}]}}\n', "is not one object"),
        (b'{"data":{"items":[{"ev":1}]}}, {"more":2}', "is not one object"),
        (b'{"more":2}{"data":{"items":[{"ev":1}]}}', "is not one object"),
        (b'{"data":{"items":[{"ev":1}],"items":[{"ev":2}]}}', "'items' .* twice"),
        (b'{"data":{"items":null,"items":[{"ev":2}]}}', "'items' .* twice"),
        (b'{"data":{"items":[{"ev":1}]},"d\\u0061ta":{"items":[{"ev":2}]}}', "'data' .* twice"),
        (b'{"data":{"items":[{"ev":1}]}} garbage', "is not one object"),
        (b'{"data":{"items":[{"ev":1}] garbage}}', "is not one object"),
        (b'{"data":{"items":[{"ev":1}]]}', "is not one object"),
        (b'{"data":{"items":[{"ev":1}]}]', "is not one object"),
        (b'{"data":{"items":[{"ev":1}]}, "open": "', "is not one object"),
        (b'{"n" 1, "data":{"items":[{"ev":1}]}}', "is not one object"),
    ],
)
def test_rows_of_another_object_or_list_are_not_passed_over(data: bytes, reason: str, block: int) -> None:
    with pytest.raises(FileRejected, match=reason):
        read(events(rows_at="data.items"), data, block)


@pytest.mark.parametrize("block", BLOCKS)
def test_what_stands_beside_the_rows_is_not_read(block: int) -> None:
    data = b'{"items":[{"ev":9}],"t":"\xff","x":NaN,"data":{"of":{"items":[1]},"items":[{"ev":1}],"a":[{"items":[2]}]}}'
    assert read(events(rows_at="data.items"), data, block).values("ev") == [1]


def test_rows_within_an_object_are_replayed_in_one() -> None:
    spec = events(rows_at="data.items")
    frame = frame_of(spec, io.BytesIO(b'{"data": {"items": [{"ev": "x"}]}}'))
    assert frame.around([b'{"ev": 7}', b'{"ev": 8}']) == b'{"data":{"items":[{"ev": 7},{"ev": 8}]}}'
    assert rows_good_now(spec, frame, [b'{"ev": 7}', b'{"ev": "x"}'], "parcels/a") == [0]


def test_numbers_that_json_does_not_have_may_mean_nothing() -> None:
    data = b'{"n": NaN, "s": "NaN"}\n{"n": -Infinity}\n{"n": 1.5, "s": "\\"NaN"}\n{"n": NaNs}\n'
    got = read(contract(number("n"), text("s"), kind="jsonl", null_tokens=(), nan_is_null=True), data)
    assert got.values("n", "s") == [(None, "NaN"), (None, None), (1.5, '"NaN')]
    assert [row.raw for row in got.bad] == [b'{"n": NaNs}']
    strict = read(contract(number("n"), text("s"), kind="jsonl", null_tokens=()), data)
    assert [row.row_number for row in strict.bad] == [1, 2, 4]


@pytest.mark.parametrize("times", [1, 300])
def test_json_types_count_unless_the_contract_says_otherwise(times: int) -> None:
    loose = Writing(loose=True)
    columns = [
        integer("i", writing=loose), number("f", writing=loose), decimal("d", 8, 2, writing=loose),
        column("b", Kind.BOOLEAN, writing=loose), text("s", 40, writing=loose),
    ]  # fmt: skip
    data = (
        b'{"i":"7","f":"1.5","d":"2.5","b":"yes","s":12345678901234567890123}\n{"i":8,"f":2,"d":3,"b":false,"s":true}\n'
        b'{"i":"x"}\n{"s":[1]}\n'
    )
    got = read(contract(*columns, kind="jsonl", null_tokens=()), data * times)
    assert got.values("i", "f", "d", "b", "s") == [
        (7, 1.5, Decimal("2.50"), True, "12345678901234567890123"), (8, 2.0, Decimal("3.00"), False, "true"),
    ] * times  # fmt: skip
    assert {error[1:] for error in got.errors()} == {("i", "logicalType"), ("s", "logicalType")}


@pytest.mark.parametrize("times", [1, 300])
def test_texts_of_json_are_read_as_the_contract_says_that_they_are_written(times: int) -> None:
    columns = [
        column("b", Kind.BOOLEAN, writing=Writing(true=("J",), false=("N",))),
        integer("i", writing=Writing(grouping_mark=",")),
        number("f", writing=Writing(percent="fraction")),
        integer("e", writing=Writing(exponents=True)),
    ]
    data = b'{"b":"j","i":"1,234","f":"12.5%","e":1e3}\n{"b":false,"i":5,"f":1.5,"e":2}\n{"b":"true"}\n{"e":1.5}\n'
    got = read(contract(*columns, kind="jsonl", null_tokens=()), data * times)
    assert got.values("b", "i", "f", "e") == [(True, 1234, 0.125, 1000), (False, 5, 1.5, 2)] * times
    assert got.report.rows_bad == 2 * times


@pytest.mark.parametrize("times", [1, 300])
def test_a_number_is_a_text_as_it_is_written_whatever_stands_beside_it(times: int) -> None:
    spec = contract(text("s", 40, writing=Writing(loose=True)), decimal("d", 38, 2), kind="jsonl", null_tokens=())
    said = ["1.50", "1e5", "-0", "1E+2", "12345678901234567890.10", "007", '"1.50"']
    lines = [
        f'{{"s":{number}{beside}}}\n' for number in said for beside in ("", ',"d":1.10', ',"d":12345678901234567.10')
    ]
    got = read(spec, "".join(lines * times).encode())
    wanted = [number.strip('"') for number in said if number != "007" for _ in range(3)]
    assert got.values("s") == wanted * times
    assert {rule for _, _, rule in got.errors()} == {"json"}


@pytest.mark.parametrize(
    ("said", "kind", "data", "says"),
    [
        ({"concatenated": True}, "json", b'[{"ev":1}]', "the contract says objects: concatenated: without it"),
        ({}, "jsonl", b'[{"ev":1}]', "the contract says JSON Lines"),
    ],
)
def test_an_array_where_none_was_agreed_is_called_so(said: dict[str, bool], kind: str, data: bytes, says: str) -> None:
    with pytest.raises(FileRejected, match=says):
        read(contract(integer("ev"), kind=kind, null_tokens=(), **said), data)


@pytest.mark.parametrize(
    ("said", "data"), [({}, b'[[1],{"ev":2}]'), ({"rows_at": "items"}, b'{"items":[[1],{"ev":2}]}')]
)
def test_a_list_as_the_first_row_is_a_bad_row(said: dict[str, str], data: bytes) -> None:
    got = read(contract(integer("ev"), kind="json", null_tokens=(), **said), data)
    assert (got.values("ev"), got.errors()) == ([2], [(1, None, "json")])
