"""Values that were changed by hand in the table are found, column by column, on the embedded Redshift."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.domain.ingest.load import split_statements
from headrace.domain.sql_text import MOST_BYTES, size_of
from headrace_compiler.sql.load import load_sql, table_sql
from headrace_compiler.sql.values import COLUMNS_AT_ONCE, compared_columns, values_sql
from tests.functional.redshift.client import Client
from tests.functional.redshift.headrace_sql import test_wide
from tests.functional.redshift.headrace_sql.test_wide import FIRST, SECOND, loaded, put, wide

warehouse = test_wide.warehouse
COLUMNS = 14


def differing(client: Client, columns: int = COLUMNS) -> dict[str, dict[str, int]]:
    """The rows that differ, by file and column."""
    given, found = wide(columns), dict[str, dict[str, int]]()
    setup, queries = values_sql(given)
    for number, query in enumerate(queries):
        filled = [
            each.replace("${manifest}", "s3://lake/batches/readings-1/manifest.json").replace("${iam_role}", "default")
            for each in (*setup, query, "DROP TABLE stage")
        ]
        ended = client.batch(*filled)
        assert ended["Status"] == "FINISHED", ended.get("Error")
        answer: Any = client.call("GetStatementResult", Id=f"{ended['Id']}:{len(setup) + 1}")
        names = compared_columns(given)[number * COLUMNS_AT_ONCE :]
        for record in answer["Records"]:
            file_id, *counts = (next(iter(field.values())) for field in record)
            changed = {name: int(count) for name, count in zip(names, counts, strict=False) if int(count)}
            found.setdefault(file_id, {}).update(changed)
    return found


@pytest.fixture
def table(warehouse: Client) -> Client:
    """Two files in one batch; a row of the first has lost to one of the second."""
    given = wide(COLUMNS)
    warehouse.run(*split_statements(table_sql(given)))
    rows = [(FIRST, "a", 1, "old"), (FIRST, "b", 1, "b"), (SECOND, "a", 2, "new"), (SECOND, "c", 1, "c")]
    loaded(warehouse, load_sql(given), "readings-1", put(warehouse, given, "readings-1", rows), arrived=[FIRST, SECOND])
    return warehouse


def test_a_table_as_it_was_loaded_has_no_difference(table: Client) -> None:
    assert differing(table) == {}


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("label_0002 = 'other'", "label_0002"),
        ("label_0002 = NULL", "label_0002"),
        ("amount_0001 = 1.51", "amount_0001"),
        ("count_0004 = 8", "count_0004"),
        ("flag_0003 = FALSE", "flag_0003"),
        ("tags_0000 = JSON_PARSE('{\"a\": 2}')", "tags_0000"),
        ("_unknown = JSON_PARSE('{\"x\": 1}')", "_unknown"),
    ],
)
def test_a_changed_value_is_found_by_file_and_column(table: Client, change: str, column: str) -> None:
    table.run(f"UPDATE public.readings SET {change} WHERE meter = 'c'")
    assert differing(table) == {SECOND: {column: 1}}


def test_several_columns_are_counted_apart(table: Client) -> None:
    table.run(
        "UPDATE public.readings SET count_0004 = 8", "UPDATE public.readings SET flag_0003 = NULL WHERE round = 1"
    )
    assert differing(table) == {FIRST: {"flag_0003": 1, "count_0004": 1}, SECOND: {"flag_0003": 1, "count_0004": 2}}


def test_a_wide_table_is_compared_in_parts(warehouse: Client) -> None:
    given = wide(320)
    setup, queries = values_sql(given)
    assert len(queries) == 8
    assert max(size_of([*setup, query]) for query in queries) < MOST_BYTES
    warehouse.run(*split_statements(table_sql(given)))
    manifest = put(warehouse, given, "readings-1", [(FIRST, "a", 1, "x")])
    loaded(warehouse, load_sql(given), "readings-1", manifest, arrived=[FIRST])
    assert differing(warehouse, 320) == {}
    warehouse.run("UPDATE public.readings SET count_0308 = 0, label_0002 = 'y'")
    assert differing(warehouse, 320) == {FIRST: {"label_0002": 1, "count_0308": 1}}
