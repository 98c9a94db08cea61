"""The expressions for bounds: they take what is within, and refuse what is plainly beyond."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import Column, Kind
from headrace.transform.values.ranges import between, fractions_up_to, highest, up_to, years
from tests.unit.transform.kit import column, number


@given(st.integers(1, 6), st.data())
def test_numbers_of_so_many_digits_between_two(width: int, data: st.DataObject) -> None:
    low, high = sorted(data.draw(st.lists(st.integers(0, 10**width - 1), min_size=2, max_size=2)))
    value = data.draw(st.integers(0, 10**width - 1))
    expression = between(f"{low:0{width}}", f"{high:0{width}}")
    assert bool(re.fullmatch(expression, f"{value:0{width}}")) == (low <= value <= high)


@given(st.integers(0, 10**6), st.integers(0, 10**7))
def test_whole_numbers_up_to_a_bound(bound: int, value: int) -> None:
    assert bool(re.fullmatch(up_to(bound), str(value))) == (value <= bound)


@pytest.mark.parametrize(
    ("text", "fits"),
    [("0", True), ("0.7", True), ("1", True), ("1.0", True), ("1.0001", False), ("2", False), ("12", False)],
)
def test_fractions_up_to_a_bound(text: str, fits: bool) -> None:
    assert bool(re.fullmatch(fractions_up_to(1, r"(?:\.[0-9]{1,15})?"), text)) == fits


def test_nothing_but_zero_is_up_to_zero() -> None:
    expression = fractions_up_to(0, r"(?:\.[0-9]+)?")
    assert [bool(re.fullmatch(expression, text)) for text in ("0", "0.0", "0.1", "1")] == [True, True, False, False]


@pytest.mark.parametrize(("bound", "found"), [("20", 20), ("0.5", None), ("-3", None), ("1e3", None), ("123456", None)])
def test_only_whole_maxima_of_few_digits_are_told(bound: str, found: int | None) -> None:
    assert highest(number("n", maximum=bound), 5) == found


@pytest.mark.parametrize(
    ("spec", "taken"),
    [
        (column("at", Kind.TIMESTAMP), ["1000", "2020", "2026", "2999"]),
        (column("at", Kind.TIMESTAMP, minimum="2020-01-01T00:00:00Z"), ["2020", "2026", "2999"]),
        (column("at", Kind.DATE, minimum="2019-12-31", exclusive_maximum="2026-01-01"), ["2020", "2026"]),
        (column("at", Kind.DATE, minimum="3019-12-31"), ["1000", "2020", "2026", "2999"]),
    ],
)
def test_years_within_the_bounds(spec: Column, taken: list[str]) -> None:
    seen = ["0999", "1000", "2020", "2026", "2999", "3000"]
    assert [year for year in seen if re.fullmatch(years(spec), year)] == taken
