"""A table with as many columns as Redshift takes: made, loaded, loaded again, corrected, on the embedded Redshift."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.domain.contract import LINEAGE_COLUMNS, Column, Contract, Kind
from headrace.domain.ingest.load import load_statements, split_statements
from headrace.domain.sql_text import MOST_BYTES
from headrace.transform.schema import arrow_type
from headrace_compiler.compile.sizes import load_bytes
from headrace_compiler.sql.load import load_sql, table_sql
from headrace_compiler.sql.names import is_wide
from headrace_compiler.sql.staged import append_sql, merge_sql, stage_sql
from tests.functional.redshift.client import Client
from tests.support.fakes import contract

MIGRATIONS = sorted((Path(__file__).parents[4] / "sql" / "migrations").glob("*.sql"))
KINDS: list[tuple[str, Kind, str, Any]] = [
    ("count", Kind.INTEGER, "BIGINT", 7),
    ("amount", Kind.DECIMAL, "DECIMAL(12,2)", Decimal("1.50")),
    ("label", Kind.STRING, "VARCHAR(64)", "seven"),
    ("flag", Kind.BOOLEAN, "BOOLEAN", True),
    ("tags", Kind.SUPER, "SUPER", '{"a": 1}'),
]


def kind_of(number: int) -> tuple[str, Kind, str, Any]:
    return KINDS[number % 4] if number % 100 else KINDS[4]


def wide(columns: int = 1600) -> Contract:
    """Key, ordering, then columns of every kind, the column for unknown fields last."""
    named = [
        Column("meter", "", Kind.STRING, "VARCHAR(16)", required=True, max_bytes=16),
        Column("round", "", Kind.INTEGER, "INTEGER", required=True, bits=32),
    ]
    for number in range(columns - 6):
        name, kind, type_, _ = kind_of(number)
        named.append(Column(f"{name}_{number:04}", "", kind, type_, precision=12, scale=2, max_bytes=64))
    unknown = Column("_unknown", "", Kind.SUPER, "SUPER", unknown=True)
    return contract(
        columns=(*named, unknown), primary_key=("meter",), ordering=("round",), dist_key="meter", sort_key=("round",)
    )


def put(client: Client, given: Contract, batch: str, rows: list[tuple[str, str, int, str]]) -> str:
    """The parts of a batch of (file, meter, round, label), and their manifest's URL."""
    filled: dict[str, pa.Array] = {}
    for number, column in enumerate(given.columns):
        values = [kind_of(number - 2)[3]] * len(rows)
        if column.unknown or column.kind is Kind.TIMESTAMP:
            values = [None] * len(rows)
        if column.kind is Kind.STRING:
            values = [label for _, _, _, label in rows]
        filled[column.name] = pa.array(values, arrow_type(column)) if number > 1 else pa.array([])
    filled["meter"] = pa.array([meter for _, meter, _, _ in rows])
    filled["round"] = pa.array([turn for _, _, turn, _ in rows], pa.int32())
    lineage = ([file for file, *_ in rows], list(range(1, len(rows) + 1)), [batch] * len(rows))
    filled |= {name: pa.array(values) for name, values in zip(LINEAGE_COLUMNS, lineage, strict=True)}
    url = f"s3://lake/batches/{batch}/manifest.json"
    client.manifest(client.parquet(f"s3://lake/readings/{batch}.parquet", pa.table(filled)), url=url)
    return url


FIRST, SECOND, THIRD = "1" * 24, "2" * 24, "3" * 24


@pytest.fixture
def warehouse(client: Client) -> Client:
    client.run("CREATE SCHEMA IF NOT EXISTS etl")
    for path in MIGRATIONS:
        client.run(*split_statements(path.read_text()))
    return client


def loaded(client: Client, template: str, batch: str, manifest: str | None, **files: list[str]) -> None:
    given: dict[str, Any] = {"arrived": [], "replaced": [], "reloaded": []} | files
    given["arrived"] = {file_id: f"2026{file_id[:4]}-" for file_id in given["arrived"]}
    given["objects"] = {file_id: file_id[:16] for file_id in given["arrived"]}
    client.run(*load_statements(template, batch=batch, manifest=manifest, iam_role="default", **given))


def accounts(client: Client) -> list[list[Any]]:
    found = client.rows("SELECT file_id, staged, loaded, superseded FROM etl.file_rows ORDER BY file_id")
    return [[file, *map(int, counts)] for file, *counts in found]


def test_a_table_of_1600_columns_is_loaded(warehouse: Client) -> None:
    given = wide(1600)
    assert load_bytes(given, 300) < MOST_BYTES
    warehouse.run(*split_statements(table_sql(given)))
    manifest = put(warehouse, given, "readings-1", [(FIRST, "a", 1, "old"), (FIRST, "a", 2, "new")])
    loaded(warehouse, load_sql(given), "readings-1", manifest, arrived=[FIRST])
    assert warehouse.value("COUNT(*) FROM svv_columns WHERE table_name = 'readings'") == 1600
    rows = warehouse.rows("SELECT meter, label_1590, amount_1593, tags_1500.a, _unknown FROM public.readings")
    assert rows == [["a", "new", "1.50", "1", None]]
    assert accounts(warehouse) == [[FIRST, 2, 1, 1]]


@pytest.mark.parametrize("columns", [20, 320], ids=["narrow", "wide"])
def test_both_forms_of_the_load_do_the_same(warehouse: Client, columns: int) -> None:
    given = wide(columns)
    assert is_wide(given) == (columns == 320)
    warehouse.run(*split_statements(table_sql(given)))
    text = load_sql(given)

    rows = [(FIRST, "a", 1, "old"), (FIRST, "b", 5, "kept"), (SECOND, "a", 1, "new"), (SECOND, "c", 1, "c")]
    manifest = put(warehouse, given, "readings-1", rows)
    for _ in range(2):  # again it changes nothing
        loaded(warehouse, text, "readings-1", manifest, arrived=[FIRST, SECOND])
    query = "SELECT meter, round, label_0002, amount_0001, tags_0000.a, _file_id, _row_number FROM public.readings"
    assert warehouse.rows(f"{query} ORDER BY meter") == [
        ["a", 1, "new", "1.50", "1", SECOND, 3],
        ["b", 5, "kept", "1.50", "1", FIRST, 2],
        ["c", 1, "c", "1.50", "1", SECOND, 4],
    ]
    assert accounts(warehouse) == [[FIRST, 2, 1, 1], [SECOND, 2, 2, 0]]

    # A later batch: an older row of b loses, a newer one of c wins, the rows that are left of the first file go.
    rows = [(THIRD, "b", 4, "late"), (THIRD, "c", 2, "newer"), (THIRD, "d", 1, "d")]
    manifest = put(warehouse, given, "readings-2", rows)
    loaded(warehouse, text, "readings-2", manifest, arrived=[THIRD], replaced=[FIRST])
    labels = "SELECT meter, label_0002 FROM public.readings ORDER BY meter"
    assert warehouse.rows(labels) == [["a", "new"], ["b", "late"], ["c", "newer"], ["d", "d"]]
    assert accounts(warehouse) == [[FIRST, 2, 0, 2], [SECOND, 2, 1, 1], [THIRD, 3, 3, 0]]

    # The same file loaded again leaves no trace of its earlier load.
    manifest = put(warehouse, given, "readings-3", [(THIRD, "d", 1, "again")])
    loaded(warehouse, text, "readings-3", manifest, arrived=[THIRD], reloaded=[THIRD])
    assert warehouse.rows(labels) == [["a", "new"], ["d", "again"]]
    assert accounts(warehouse)[-1] == [THIRD, 1, 1, 0]


@pytest.mark.parametrize("columns", [20, 320], ids=["narrow", "wide"])
def test_both_forms_of_a_staged_dataset_do_the_same(warehouse: Client, columns: int) -> None:
    given = replace(wide(columns), staged=True)
    named = [replace(c, logic="UPPER(label_0002)") if c.name == "label_0002" else c for c in given.columns]
    given = replace(given, columns=tuple(named))
    assert is_wide(given) == (columns == 320)
    warehouse.run(*split_statements(table_sql(given)))
    warehouse.run(*split_statements(stage_sql(given)))

    manifest = put(warehouse, given, "readings-1", [(FIRST, "a", 1, "x"), (FIRST, "a", 2, "y"), (FIRST, "b", 1, "z")])
    for _ in range(2):
        loaded(warehouse, append_sql(given), "readings-1", manifest)
    assert warehouse.value("COUNT(*) FROM etl.staged_readings") == 3
    for _ in range(2):
        loaded(warehouse, merge_sql(given), "readings-merge-1", None, arrived=[FIRST])
    query = "SELECT meter, label_0002, label_0006, tags_0000.a, _batch_id FROM public.readings ORDER BY 1"
    merged = "readings-merge-1"
    assert warehouse.rows(query) == [["a", "Y", "y", "1", merged], ["b", "Z", "z", "1", merged]]
    assert warehouse.value("COUNT(*) FROM etl.staged_readings") == 0
    assert accounts(warehouse) == [[FIRST, 3, 2, 1]]
