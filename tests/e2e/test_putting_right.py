"""What an operator does when something went wrong: before, command, after."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Laptop

LONG = "a-long-name-"
WIDTH = "VARCHAR(16)"


def content(*meters: str, value: int = 1) -> bytes:
    return ("meter,read_at,value\n" + "".join(f"{m},2026-01-01T00:00:00Z,{value}\n" for m in meters)).encode()


def make_table(laptop: Laptop, width: str) -> None:
    """The dataset's table as somebody made it by hand, empty."""
    laptop.headrace("sql", "DROP TABLE public.gauges")
    columns = f"meter {width} NOT NULL, read_at TIMESTAMP NOT NULL, value BIGINT"
    lineage = "_file_id VARCHAR(32) NOT NULL, _row_number BIGINT NOT NULL, _batch_id VARCHAR(160) NOT NULL"
    laptop.headrace("sql", f"CREATE TABLE public.gauges ({columns}, {lineage}, PRIMARY KEY (meter))")


@pytest.fixture(scope="module")
def narrow(laptop: Laptop) -> Laptop:
    """The warehouse takes short names only, which the contract does not know."""
    make_table(laptop, "VARCHAR(6)")
    return laptop


def meters(laptop: Laptop, prefix: str) -> list[str]:
    rows = laptop.rows(f"SELECT meter FROM public.gauges WHERE meter LIKE '{prefix}%' ORDER BY 1")
    return [str(meter) for (meter,) in rows]


def test_one_file_that_the_warehouse_refuses_costs_no_neighbour_and_is_retried(narrow: Laptop) -> None:
    laptop = narrow
    for number in range(5):
        laptop.put(f"gauges/{number}.csv", content(f"{LONG if number == 3 else 'g'}{number}"))
    laptop.settle()
    assert meters(laptop, "g") == ["g0", "g1", "g2", "g4"]
    culprit = laptop.trace("gauges/3.csv")
    assert (culprit["status"], culprit["rows"]["loaded"]) == ("failed", 0)
    assert "too long" in culprit["reason"]

    laptop.headrace("sql", f"ALTER TABLE public.gauges ALTER COLUMN meter TYPE {WIDTH}")
    assert laptop.headrace("retry", "gauges/3.csv", "--dry-run")["sent"] == 1
    assert laptop.trace("gauges/3.csv")["status"] == "failed"
    assert laptop.headrace("retry", culprit["batch"] or "gauges/3.csv")["sent"] == 1
    laptop.settle()
    assert laptop.trace("gauges/3.csv")["status"] == "loaded"
    assert meters(laptop, LONG) == [f"{LONG}3"]
    assert laptop.headrace("retry", "gauges/3.csv")["sent"] == 0


def test_a_loaded_file_is_loaded_again_in_place_of_its_rows(narrow: Laptop) -> None:
    laptop = narrow
    laptop.put("gauges/again.csv", content("ra1", "ra2"))
    laptop.settle()
    laptop.headrace("sql", "DELETE FROM public.gauges WHERE meter = 'ra1'")
    laptop.headrace("sql", "UPDATE public.gauges SET value = 99 WHERE meter = 'ra2'")
    assert laptop.headrace("reload", "gauges/again.csv", "--force")["sent"] == 1
    laptop.settle()
    assert laptop.rows("SELECT meter, value FROM public.gauges WHERE meter LIKE 'ra%' ORDER BY 1") == [
        ["ra1", 1],
        ["ra2", 1],
    ]
    rows = {"read": 2, "loaded": 2, "superseded": 0, "quarantined": 0, "duplicate": 0}
    assert laptop.trace("gauges/again.csv")["rows"] == rows
    laptop.put("gauges/newer.csv", content("ra1", value=3))
    laptop.settle()
    assert laptop.trace("gauges/again.csv")["rows"] == rows | {"loaded": 1, "superseded": 1}
