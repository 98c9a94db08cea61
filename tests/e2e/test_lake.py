"""The lake's tables as others see them: registered by the project's own event, queried through Athena."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.e2e.conftest import Laptop

PATIENCE = 90
"""Seconds until the function has heard of a batch; it imports pandas first."""


def query(laptop: Laptop, text: str) -> list[list[Any]]:
    found = laptop.headrace("lake", text, check=False)
    rows: list[list[Any]] = found["rows"] if "rows" in found else [[found["error"]]]
    return rows


def await_rows(laptop: Laptop, text: str, wanted: list[list[Any]]) -> None:
    latest = time.monotonic() + PATIENCE
    while (found := query(laptop, text)) != wanted and time.monotonic() < latest:
        time.sleep(1)
    assert found == wanted


@pytest.fixture(scope="module")
def loaded(laptop: Laptop) -> Laptop:
    """A file, and its next version, one row of which is bad."""
    head = "meter,read_at,value"
    others = [f"lake{number},2026-01-01T00:00:00Z,0" for number in range(3, 9)]
    first = [head, "lake1,2026-01-01T00:00:00Z,1", "lake2,2026-01-01T00:00:00Z,2", *others, ""]
    second = [head, "lake1,2026-01-01T00:00:00.123456Z,3", "lake2,2026-01-01T00:00:00Z,bad", *others, ""]
    for lines in (first, second):
        laptop.put("readings/lake.csv", "\n".join(lines).encode())
        laptop.settle()
    return laptop


def test_the_view_has_the_rows_of_the_warehouse_and_the_table_all_that_came(loaded: Laptop) -> None:
    await_rows(loaded, "SELECT meter, value FROM readings_current WHERE meter IN ('lake1', 'lake2')", [["lake1", 3]])
    every = query(loaded, "SELECT meter, value FROM readings WHERE meter IN ('lake1', 'lake2') ORDER BY meter, value")
    assert every == [["lake1", 1], ["lake1", 3], ["lake2", 2]]
    (row,) = query(loaded, "SELECT read_at, _file_id FROM readings_current WHERE meter = 'lake1'")
    sql = "SELECT _file_id FROM public.readings WHERE meter = 'lake1'"
    assert [row[1]] == loaded.headrace("sql", sql)["rows"][0]
    assert row[0].startswith("2026-01-01 00:00:00.123")


def test_bad_rows_are_a_table_with_their_reasons(loaded: Laptop) -> None:
    text = (
        'SELECT from_utf8(raw), e."column", e.rule FROM readings_quarantine CROSS JOIN UNNEST(errors) AS t(e)'
        " WHERE key = 'readings/lake.csv'"
    )
    await_rows(loaded, text, [["lake2,2026-01-01T00:00:00Z,bad", "value", "logicalType"]])


def test_others_find_columns_types_and_descriptions_in_glue(loaded: Laptop) -> None:
    glue = loaded.client("glue")
    table = glue.get_table(DatabaseName=loaded.output("LakeDatabase"), Name="readings")["Table"]
    columns = {each["Name"]: each["Type"] for each in table["StorageDescriptor"]["Columns"]}
    assert columns["meter"] == "string"
    assert columns["_file_id"] == "string"
    assert [key["Name"] for key in table["PartitionKeys"]] == ["_load_date", "_batch"]
    lineage = next(each for each in table["StorageDescriptor"]["Columns"] if each["Name"] == "_batch_id")
    assert lineage["Comment"] == "The batch that brought the row"


def test_what_a_query_costs_and_why_it_failed_is_said(loaded: Laptop) -> None:
    shown = loaded.run("lake", "SELECT count(*) AS n FROM readings").stdout
    assert "1 row in" in shown
    assert "scanned" in shown
    refused = loaded.run("lake", "SELECT * FROM missing")
    assert refused.returncode == 1
    assert "TABLE_NOT_FOUND" in refused.stderr
    assert "not a query" in loaded.run("lake", "DROP TABLE readings").stderr
