"""What each kind of column takes from a text, and the rule that refuses the rest."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from headrace.domain.contract import Column, Kind
from headrace.transform.values.values import Broken, text_reader
from tests.unit.transform.kit import column, decimal, integer, moment, number, text

ACCEPTED: list[tuple[Column, str, Any]] = [
    (text("c"), "añb", "añb"),
    (text("c"), " kept ", " kept "),
    (integer("c"), "-42", -42),
    (integer("c"), "+7", 7),
    (integer("c"), "007", 7),
    (integer("c", 16), "-32768", -32768),
    (integer("c"), "9223372036854775807", 9223372036854775807),
    (number("c"), "1e3", 1000.0),
    (number("c"), ".5", 0.5),
    (number("c"), "5.", 5.0),
    (number("c", 32), "0.1", 0.10000000149011612),
    (decimal("c", 5, 2), "1.5", Decimal("1.50")),
    (decimal("c", 5, 2), "-999.99", Decimal("-999.99")),
    (decimal("c", 5, 2), "1.500", Decimal("1.50")),
    (decimal("c", 2, 2), "0.25", Decimal("0.25")),
    (decimal("c", 38, 0), "9" * 38, Decimal("9" * 38)),
    (column("c", Kind.BOOLEAN), "TRUE", True),
    (column("c", Kind.BOOLEAN), "n", False),
    (column("c", Kind.BOOLEAN), "0", False),
    (column("c", Kind.DATE), "2024-02-29", date(2024, 2, 29)),
    (column("c", Kind.DATE, formats=("dd.MM.yyyy",)), "29.02.2024", date(2024, 2, 29)),
    (column("c", Kind.TIMESTAMP), "2024-05-31T13:45:00.5Z", moment(2024, 5, 31, 13, 45, 0, 500000)),
    (column("c", Kind.TIMESTAMP), "2024-05-31 13:45", moment(2024, 5, 31, 13, 45)),
    (column("c", Kind.TIMESTAMP), "2024-05-31t13:45:00,25z", moment(2024, 5, 31, 13, 45, 0, 250000)),
    (column("c", Kind.TIMESTAMP), "2024-05-31T13:45:00-0330", moment(2024, 5, 31, 17, 15)),
    (column("c", Kind.TIMESTAMP), "2024-05-31T01:00:00+02:30", moment(2024, 5, 30, 22, 30)),
    (column("c", Kind.TIMESTAMP), "2024-05-31T13:45:00.123456000", moment(2024, 5, 31, 13, 45, 0, 123456)),
    (column("c", Kind.SUPER), '{"a": [1, null]}', '{"a": [1, null]}'),
    (column("c", Kind.SUPER), "3", "3"),
]

REFUSED: list[tuple[Column, str, str]] = [
    (text("c", 4), "añño", "physicalType"),
    (text("c"), "a\0b", "encoding"),
    (integer("c"), "12.5", "logicalType"),
    (integer("c"), "1_000", "logicalType"),
    (integer("c"), " 1", "logicalType"),
    (integer("c"), "\u0661", "logicalType"),
    (integer("c"), "", "logicalType"),
    (integer("c", 16), "32768", "physicalType"),
    (integer("c"), "9223372036854775808", "physicalType"),
    (integer("c"), "9" * 5000, "physicalType"),
    (number("c"), "nan", "logicalType"),
    (number("c"), "inf", "logicalType"),
    (number("c"), "1e999", "physicalType"),
    (number("c", 32), "1e39", "physicalType"),
    (decimal("c", 5, 2), "1.505", "physicalType"),
    (decimal("c", 5, 2), "1000", "physicalType"),
    (decimal("c", 5, 2), "1e2", "logicalType"),
    (column("c", Kind.BOOLEAN), "maybe", "logicalType"),
    (column("c", Kind.DATE), "2023-02-29", "logicalType"),
    (column("c", Kind.DATE), "2024-1-1", "logicalType"),
    (column("c", Kind.DATE, formats=("dd.MM.yyyy",)), "2024-02-29", "format"),
    (column("c", Kind.TIMESTAMP), "2024-05-31", "logicalType"),
    (column("c", Kind.TIMESTAMP), "2024-05-31T24:00:00Z", "logicalType"),
    (column("c", Kind.TIMESTAMP), "2024-05-31T13:45:00.1234567Z", "logicalType"),
    (column("c", Kind.TIMESTAMP), "2024-05-31T23:59:60Z", "logicalType"),
    (column("c", Kind.TIMESTAMP), "2024-02-30T10:00:00Z", "logicalType"),
    (column("c", Kind.TIMESTAMP), "0000-05-31T10:00:00Z", "logicalType"),
    (column("c", Kind.TIMESTAMP), "0001-01-01T00:00:00+01:00", "logicalType"),
    (column("c", Kind.TIMESTAMP), "2024-05-31T13:45:00+24:00", "logicalType"),
    (column("c", Kind.SUPER), "{'a': 1}", "logicalType"),
    (column("c", Kind.SUPER), "NaN", "logicalType"),
    (column("c", Kind.SUPER), '"' + "x" * 65536 + '"', "physicalType"),
]


@pytest.mark.parametrize(("of", "said", "value"), ACCEPTED)
def test_reads(of: Column, said: str, value: Any) -> None:
    found = text_reader(of)(said)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("of", "said", "rule"), REFUSED)
def test_refuses_with_the_rule_and_a_reason(of: Column, said: str, rule: str) -> None:
    with pytest.raises(Broken) as broken:
        text_reader(of)(said)
    assert broken.value.rule == rule
    assert len(broken.value.reason) < 200
