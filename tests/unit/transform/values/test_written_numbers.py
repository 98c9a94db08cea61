"""Numbers as people write them. The truth is the number that a text was made of, by nothing that reads it."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import Column
from headrace.domain.writing import BLANKS, Writing
from headrace.transform.delimited.record_path import RecordReader
from headrace.transform.values import values as one_by_one
from headrace.transform.values.values import Broken, text_reader
from tests.unit.transform.kit import contract, decimal, integer, number, read, text

GERMAN = Writing(decimal_mark=",", grouping_mark=".")
AMOUNT = {"precision": 18, "scale": 2}


def money(**written: Any) -> Column:
    return decimal("n", 18, 2, writing=Writing(**written))


def reads(column: Column, said: str) -> Any:
    return text_reader(column)(said)


@pytest.mark.parametrize(
    ("column", "said", "means"),
    [
        (money(decimal_mark=","), "3,75", "3.75"),
        (money(decimal_mark=",", grouping_mark="."), "2.950,10", "2950.10"),
        (money(grouping_mark=","), "2,640,000.75", "2640000.75"),
        (money(grouping_mark=","), "12,34,567.5", "1234567.50"),
        (money(grouping_mark="'"), "-1'234.56", "-1234.56"),
        (money(grouping_mark="blank", decimal_mark=","), "7\u00a0890,12", "7890.12"),
        (money(grouping_mark="blank", decimal_mark=","), "7\u202f890,12", "7890.12"),
        (money(units=("$",)), "$4.70", "4.70"),
        (money(units=("$",)), "-$2.35", "-2.35"),
        (money(units=("$",)), "$-2.35", "-2.35"),
        (money(units=("€", "EUR"), decimal_mark=","), "6,90 €", "6.90"),
        (money(units=("€", "EUR"), decimal_mark=","), "EUR 6,90", "6.90"),
        (money(negatives=("parentheses",), units=("$",)), "($81.15)", "-81.15"),
        (money(negatives=("parentheses",), units=("$",)), "$(81.15)", "-81.15"),
        (money(negatives=("trailing",)), "12.50-", "-12.50"),
        (money(negatives=("trailing",), units=("EUR",)), "12.50- EUR", "-12.50"),
        (money(negatives=("minusSign",)), "\u221212.50", "-12.50"),
        (money(percent="number"), "12 %", "12.00"),
        (money(percent="fraction"), "12%", "0.12"),
        (money(percent="fraction"), "100%", "1.00"),
        (money(percent="fraction"), "0.5", "0.50"),
        (money(implied_decimals=2), "0001234", "12.34"),
        (money(implied_decimals=2, negatives=("trailing",)), "0000050-", "-0.50"),
        (money(implied_decimals=2), "7", "0.07"),
        (money(exponents=True), "1E+3", "1000.00"),
        (money(exponents=True), "0E-18", "0.00"),
        (money(rounding="halfUp"), "2.345", "2.35"),
        (money(rounding="halfEven"), "2.345", "2.34"),
        (money(rounding="cut"), "-2.349", "-2.34"),
    ],
)
def test_a_number_means_what_the_contract_says(column: Column, said: str, means: str) -> None:
    assert reads(column, said) == Decimal(means)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (money(decimal_mark=","), "3.75"),
        (money(decimal_mark=",", grouping_mark="."), "3.75"),
        (money(grouping_mark=","), "1,5"),
        (money(grouping_mark=","), "1234,567.5"),
        (money(units=("$",)), "4.70 EUR"),
        (money(units=("$",)), "$$4"),
        (money(negatives=("parentheses",)), "-(12.50)"),
        (money(negatives=("parentheses",)), "(12.50"),
        (money(negatives=("trailing",)), "-12.50-"),
        (money(units=("$",)), "12%"),
        (money(implied_decimals=2), "12.34"),
        (money(units=("$",)), ""),
        (money(units=("$",)), "$"),
    ],
)
def test_what_is_not_written_so_is_no_number(column: Column, said: str) -> None:
    with pytest.raises(Broken, match="as the contract writes them, such as"):
        reads(column, said)


def test_exponents_and_rounding_are_only_what_the_contract_says() -> None:
    with pytest.raises(Broken, match="not a decimal number"):
        reads(decimal("n", 18, 2), "1e3")
    with pytest.raises(Broken, match="it would be rounded"):
        reads(decimal("n", 18, 2), "2.345")
    with pytest.raises(Broken, match=r"is rounded to 100\.00, which does not fit"):
        reads(decimal("n", 4, 2, writing=Writing(rounding="halfUp")), "99.995")


def test_whole_numbers_may_have_decimals_where_the_contract_says_so() -> None:
    zeros = integer("n", 32, writing=Writing(rounding="zeros"))
    assert reads(zeros, "42.000") == 42
    with pytest.raises(Broken, match="has decimals: it would be rounded"):
        reads(zeros, "42.5")
    assert reads(integer("n", 32, writing=Writing(rounding="halfEven")), "42.5") == 42
    assert reads(integer("n", 32, writing=Writing(exponents=True)), "4.2e1") == 42
    with pytest.raises(Broken, match="does not fit"):
        reads(integer("n", 32, writing=Writing(exponents=True)), "1e999999999")


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_one_rule_rounds_numbers_of_json_and_of_text(kind: str) -> None:
    columns = [
        decimal("n", 12, 2, writing=Writing(rounding="halfUp")),
        integer("m", writing=Writing(rounding="halfUp")),
    ]
    rows = {"json": '{"n": %s, "m": %s}\n', "csv": "%s,%s\n"}[kind]
    said = [
        ("19.990000000000002", "2.5"),
        ("2.345", "-2.5"),
        ("12.340000000000000001", "9007199254740993.4"),
        ("7", "7"),
    ]
    spec = contract(*columns, kind=kind, null_tokens=()) if kind == "json" else contract(*columns)
    data = ("" if kind == "json" else "n,m\n") + "".join(rows % pair for pair in said)
    got = read(spec, data.encode())
    assert got.values("n", "m") == [
        (Decimal("19.99"), 3), (Decimal("2.35"), -3), (Decimal("12.34"), 9007199254740993), (Decimal("7.00"), 7),
    ]  # fmt: skip


def test_numbers_in_texts_of_json_are_written_as_the_contract_says() -> None:
    spec = contract(decimal("n", 12, 2, writing=GERMAN), kind="jsonl", null_tokens=())
    got = read(spec, b'{"n": "1.234,5"}\n{"n": 1234.5}\n{"n": "1234.5"}\n')
    assert got.values("n") == [Decimal("1234.50")] * 2
    assert got.errors() == [(3, "n", "logicalType")]


@st.composite
def written(draw: st.DrawFn) -> tuple[Writing, str, Decimal]:
    """A way to write, a text, and the number that it was made of."""
    mark, group = draw(st.sampled_from([(".", ","), (",", "."), (",", "blank"), (".", "'"), (",", ""), (".", "")]))
    unit, sign = (
        draw(st.sampled_from(["", "€", "EUR", "Fr.", "kg/m²"])),
        draw(st.sampled_from(["", "(", "-", "+", "\u2212"])),
    )
    whole, cents = draw(st.integers(0, 10**14)), draw(st.integers(0, 99))
    mode = "" if unit else draw(st.sampled_from(["", "number", "fraction"]))
    digits = f"{whole}"
    if group and draw(st.booleans()):
        digits = f"{whole:,}".replace(",", draw(st.sampled_from(BLANKS)) if group == "blank" else group)
    said = f"{digits}{mark}{cents:02d}" + ("%" if mode else "")
    gap = draw(st.sampled_from(["", " ", "\u00a0"]))
    said = draw(st.sampled_from([f"{unit}{gap}{said}", f"{said}{gap}{unit}"])) if unit else said
    value = Decimal(whole) + Decimal(cents) / 100
    value = value / 100 if mode == "fraction" else value
    trailing = draw(st.booleans()) and sign in {"-", "\u2212"}
    said = f"({said})" if sign == "(" else f"{said}{sign}" if trailing else f"{sign}{said}"
    negatives = ("parentheses", "trailing", "minusSign")
    made = Writing(mark, group, (unit,) if unit else (), mode, negatives)
    return made, said, -value if sign in {"(", "-", "\u2212"} else value


@given(written())
def test_a_number_is_read_as_the_one_that_was_written(example: tuple[Writing, str, Decimal]) -> None:
    made, said, value = example
    assert reads(decimal("n", 38, 4, writing=made), said) == value
    got = read(contract(text("k"), decimal("n", 38, 4, writing=made), delimiter=";"), f"k;n\na;{said}\n".encode())
    assert got.values("n") == [value], got.bad


MODES = {"halfUp": ROUND_HALF_UP, "halfEven": ROUND_HALF_EVEN, "cut": ROUND_DOWN}


@given(st.sampled_from(sorted(MODES)), st.lists(st.decimals(-9999, 9999, places=7), min_size=1), st.integers(0, 6))
def test_rounding_is_that_of_decimal_arithmetic(mode: str, values: list[Decimal], scale: int) -> None:
    spec = contract(text("k"), decimal("n", 12, scale, writing=Writing(rounding=mode)))
    got = read(spec, b"k,n\n" + b"".join(f"a,{value:f}\n".encode() for value in values))
    assert got.values("n") == [value.quantize(Decimal(1).scaleb(-scale), MODES[mode]) for value in values]


def test_no_value_of_a_column_that_is_written_another_way_is_read_by_itself() -> None:
    columns = [
        decimal("a", 12, 2, writing=Writing(decimal_mark=",", grouping_mark=".", units=("€",), rounding="halfUp")),
        number("b", writing=Writing(percent="fraction", negatives=("parentheses", "trailing"))),
        decimal("c", 9, 2, writing=Writing(implied_decimals=2)),
    ]
    data = "a;b;c\n" + "1.234,567 €;(12.5%);0001234\n7,1;12-;5\n" * 500
    broken = AssertionError("a value was read by itself")
    with (
        patch.object(RecordReader, "read", side_effect=broken),
        patch.object(one_by_one, "decimal_fits", side_effect=broken),
    ):
        got = read(contract(*columns, delimiter=";"), data.encode())
    assert set(got.values("a", "b", "c")) == {
        (Decimal("1234.57"), -0.125, Decimal("12.34")), (Decimal("7.10"), -12.0, Decimal("0.05")),
    }  # fmt: skip
