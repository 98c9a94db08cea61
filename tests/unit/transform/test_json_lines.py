"""JSON Lines: columns by key or path, strict types, every fault of a line told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from headrace.domain.contract import Kind
from headrace.transform import FileRejected

from .kit import column, contract, decimal, integer, moment, number, read, text

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
        read(SPEC, b'[\n{"id": 1},\n{"id": 2}\n]\n')
