"""Athena's queries on the laptop: what it reads of Glue's tables, what it says in results, what it refuses."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_local.athena import QueryError, run, view_of

KEYS = [{"Name": "_load_date", "Type": "string"}, {"Name": "_batch", "Type": "string"}]
COLUMNS = {
    "meter": "string",
    "value": "bigint",
    "read_at": "timestamp",
    "price": "decimal(12,2)",
    "later": "string",
}


class MemoryCatalog:
    """Tables by database and name, objects by place."""

    def __init__(self) -> None:
        self.tables: dict[tuple[str, str], dict[str, Any]] = {}
        self.parts: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.files: dict[str, bytes] = {}

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        return self.tables.get((database, name))

    def partitions(self, database: str, name: str) -> list[dict[str, Any]]:
        return self.parts.get((database, name), [])

    def objects(self, location: str) -> list[tuple[str, bytes]]:
        return sorted((key, data) for key, data in self.files.items() if key.startswith(location))

    def keep(self, view: dict[str, Any]) -> None:
        self.tables[view["database"], view["input"]["Name"]] = view["input"]


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.fixture
def catalog() -> MemoryCatalog:
    made = MemoryCatalog()
    described = [{"Name": name, "Type": kind} for name, kind in COLUMNS.items()]
    made.tables["lake", "readings"] = {
        "Name": "readings",
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": KEYS,
        "StorageDescriptor": {"Columns": described, "Location": "s3://b/readings/"},
    }
    for batch, value in (("readings-1", 1), ("readings-2", 2)):
        place = f"s3://b/readings/batch={batch}/"
        values = ["2026-01-31", batch]
        made.parts.setdefault(("lake", "readings"), []).append(
            {"Values": values, "StorageDescriptor": {"Location": place}}
        )
        made.files[f"{place}part-1.parquet"] = parquet(
            meter=pa.array(["a"]).dictionary_encode(),
            value=pa.array([value], pa.int32()),
            read_at=pa.array(
                [dt.datetime(2026, 1, 1, 12, 0, 0, 123456, dt.UTC).replace(tzinfo=None)], pa.timestamp("us")
            ),
            price=pa.array([Decimal("1.50")], pa.decimal128(12, 2)),
        )
    return made


def test_columns_are_found_by_name_and_the_values_of_partitions_by_place(catalog: MemoryCatalog) -> None:
    answer = run('SELECT * FROM "readings" ORDER BY value', "lake", catalog)
    assert answer.columns == [*COLUMNS, "_load_date", "_batch"]
    assert answer.types == ["varchar", "bigint", "timestamp", "decimal(12,2)", "varchar", "varchar", "varchar"]
    first = ["a", "1", "2026-01-01 12:00:00.123", "1.50", None, "2026-01-31", "readings-1"]
    assert answer.rows == [first, ["a", "2", *first[2:6], "readings-2"]]
    assert answer.scanned == sum(map(len, catalog.files.values()))


def test_functions_are_those_of_trino(catalog: MemoryCatalog) -> None:
    text = "SELECT max_by(_batch, value), date_format(max(read_at), '%Y-%m-%d'), approx_distinct(meter) FROM readings"
    answer = run(text, "lake", catalog)
    assert answer.rows == [["readings-2", "2026-01-01", "1"]]
    assert answer.columns == ["_col0", "_col1", "_col2"]
    assert run("SELECT count(*), meter FROM readings GROUP BY meter", "lake", catalog).columns == ["_col0", "meter"]


def test_a_view_is_kept_as_athena_keeps_it_and_may_be_made_another(catalog: MemoryCatalog) -> None:
    made = run("CREATE VIEW late AS SELECT meter, value FROM readings WHERE value > 1", "lake", catalog)
    assert made.view is not None
    catalog.keep(made.view)
    kept = catalog.tables["lake", "late"]
    assert kept["TableType"] == "VIRTUAL_VIEW"
    assert view_of(kept)["columns"] == [{"name": "meter", "type": "varchar"}, {"name": "value", "type": "bigint"}]
    assert run("SELECT value FROM lake.late", "other", catalog).rows == [["2"]]
    with pytest.raises(QueryError, match="already exists"):
        run("CREATE VIEW late AS SELECT 1 AS one", "lake", catalog)
    again = run("CREATE OR REPLACE VIEW late AS SELECT meter FROM readings", "lake", catalog)
    assert again.view is not None


def test_a_table_without_parts_is_empty(catalog: MemoryCatalog) -> None:
    catalog.parts.clear()
    assert run("SELECT * FROM readings", "lake", catalog).rows == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT * FROM nothing", "TABLE_NOT_FOUND: Table 'awsdatacatalog.lake.nothing' does not exist"),
        ("SELEC 1", "SYNTAX_ERROR|NOT_SUPPORTED"),
        ("SELECT 1; SELECT 2", "Only one sql statement"),
        ("DROP TABLE readings", "NOT_SUPPORTED"),
        ("SELECT missing FROM readings", "SYNTAX_ERROR.*missing"),
        ("CREATE VIEW v AS SELECT missing FROM readings", "SYNTAX_ERROR.*missing"),
    ],
)
def test_what_athena_refuses_is_refused(catalog: MemoryCatalog, text: str, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        run(text, "lake", catalog)


def test_a_query_that_scans_more_than_its_workgroup_allows_is_cancelled(catalog: MemoryCatalog) -> None:
    with pytest.raises(QueryError, match="Bytes scanned limit was exceeded"):
        run("SELECT * FROM readings", "lake", catalog, most_bytes=100)


def test_nested_values_and_bytes_are_written_as_athena_writes_them() -> None:
    text = "SELECT ARRAY[CAST(ROW('a', 1) AS ROW(name VARCHAR, n INTEGER))], CAST('ab' AS VARBINARY), true, NULL"
    answer = run(text, "lake", MemoryCatalog())
    assert answer.rows == [["[{name=a, n=1}]", "61 62", "true", None]]
