"""The examples of AWS's SQL reference: each gives Redshift's result here or is refused by name, never a third thing.

`examples.txt` holds them. The tally is printed with `pytest -s`.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.functional.redshift.client import Client

EXAMPLES = Path(__file__).with_name("examples.txt")
BY_NAME = re.compile(r"(not supported by|not known to) the embedded Redshift")
FEWEST_EXAMPLES, FEWEST_RIGHT = 854, 799
WINSALES = """
    (30001, '2003-08-02', 3, 'b', 10, 10), (10001, '2003-12-24', 1, 'c', 10, 10),
    (10005, '2003-12-24', 1, 'a', 30, NULL), (40001, '2004-01-09', 4, 'a', 40, NULL),
    (10006, '2004-01-18', 1, 'c', 10, NULL), (20001, '2004-02-12', 2, 'b', 20, 20),
    (40005, '2004-02-12', 4, 'a', 10, 10), (20002, '2004-02-16', 2, 'c', 20, 20),
    (30003, '2004-04-18', 3, 'b', 15, NULL), (30004, '2004-04-18', 3, 'b', 20, NULL),
    (30007, '2004-09-07', 3, 'c', 30, NULL)
"""


def examples() -> list[tuple[str, str, str]]:
    """Page, expression and expected value of each example."""
    found, page = [], ""
    for line in EXAMPLES.read_text().splitlines():
        if line.startswith("# "):
            page = f"https://docs.aws.amazon.com/redshift/latest/dg/{line[2:]}.html"
        elif " => " in line and not line.startswith("--"):
            expression, _, expected = line.rpartition(" => ")
            found.append((page, expression, expected))
    return found


def shown(value: Any) -> str:
    """A value as the reference prints it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def outcome(client: Client, expression: str, expected: str) -> str:
    """What became of an example: right, refused by name, or what it gave instead."""
    sql = expression if expression.startswith("SELECT") else f"SELECT {expression}"
    description = client.execute(sql)
    if description["Status"] != "FINISHED":
        error = str(description["Error"])
        if "internal error" in error:
            return error
        if expected == "!":
            return "right"
        return "refused by name" if BY_NAME.search(error) else error
    rows = client.rows(sql)
    given = ";".join("|".join(map(shown, row)) for row in rows)
    if len(expected) > 1 and expected[0] == expected[-1] == "'":
        expected = expected[1:-1]
    return "right" if given == expected else f"gives {given!r}"


@pytest.fixture
def winsales(client: Client) -> Client:
    client.run(
        "CREATE TABLE winsales (salesid INT, dateid DATE, sellerid INT, buyerid VARCHAR(10), qty INT, qty_shipped INT)",
        f"INSERT INTO winsales VALUES {WINSALES}",
    )
    return client


def test_every_example_gives_redshifts_result_or_is_refused_by_name(winsales: Client) -> None:
    outcomes = [(page, sql, outcome(winsales, sql, expected)) for page, sql, expected in examples()]

    tally = Counter(result if result in {"right", "refused by name"} else "different" for *_, result in outcomes)
    print(f"\n{tally['right']} right, {tally['refused by name']} refused by name, {tally['different']} different")
    different = [f"{sql}: {result} ({page})" for page, sql, result in outcomes if result not in tally]
    assert different == []
    assert len(outcomes) >= FEWEST_EXAMPLES
    assert tally["right"] >= FEWEST_RIGHT
