"""The table of prices: whole, with sources, warned of when it is old; and the page that shows it."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from headrace_cli.cost.prices import STALE, USUAL, Price, price_table, remarks, stale, stood_in, usd
from headrace_cli.cost.requests import KINDS, asked_for, counted
from scripts.list_costs import PAGE, written
from tests.support.template import TEMPLATE


def test_the_page_has_the_tables_as_the_code_makes_them() -> None:
    page = PAGE.read_text()
    assert page == written(page), "run .venv/bin/python -m scripts.list_costs"


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the requests"):
        written("# What it costs\n")


@pytest.mark.parametrize("price", price_table().values(), ids=lambda price: price.meter)
def test_each_price_is_of_the_usual_region_and_says_where_it_is_from(price: Price) -> None:
    assert price.usd[USUAL] > 0
    assert all(value > 0 for value in price.usd.values())
    assert all(urlsplit(url).scheme == "https" for url in (price.page, price.source))


def test_all_that_is_asked_for_has_a_price() -> None:
    assert {meter for usage in asked_for().values() for meter in usage} <= set(price_table())


def test_a_price_that_a_region_lacks_is_that_of_the_usual_one_and_it_is_said() -> None:
    usage = {"rpu_hour": 2.0, "gb_second": 1e6}
    there = usd(usage, "eu-central-1")
    assert there == pytest.approx(2 * 0.451 + 1e6 * price_table()["gb_second"].of(USUAL))
    assert stood_in(usage, "eu-central-1") == ["Lambda x86, GB-seconds"]
    today = price_table()["rpu_hour"].date
    assert remarks(usage, USUAL, today) == []
    (said,) = remarks(usage, "eu-central-1", today)
    assert "eu-central-1" in said


def test_prices_are_warned_of_when_they_are_more_than_a_year_old() -> None:
    oldest = min(price.date for price in price_table().values())
    assert not stale(oldest + STALE)
    assert stale(oldest + STALE + timedelta(days=1))
    (said,) = remarks({}, USUAL, oldest + STALE + timedelta(days=1))
    assert str(oldest) in said


def test_functions_have_the_memory_of_the_template() -> None:
    usual = TEMPLATE["Globals"]["Function"]["MemorySize"]
    table = counted()
    called = {function for kind in KINDS for function in table["calls"].get(kind, {})}
    assert called == set(table["memory_mb"]) == set(table["seconds"])
    for function, megabytes in table["memory_mb"].items():
        assert megabytes == TEMPLATE["Resources"][function]["Properties"].get("MemorySize", usual), function
