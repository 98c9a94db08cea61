"""What a load must never take: each is stopped before or at COPY with the reason, and nothing of it is half loaded.

The load that the contract generated runs as the workflow runs it, over Parquet in the stack's own lake that is wrong in
one way each.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.domain.contract import Contract
from headrace.domain.ingest.load import load_statements
from headrace_compiler import compile_folder
from headrace_compiler.sql.load import load_sql
from tests.e2e.conftest import Laptop

FILE = "f" * 24
NUMBER = pa.decimal128(12, 2)


def contract_of(laptop: Laptop, dataset: str) -> Contract:
    return next(item for item in compile_folder(laptop.checkout / "contracts") if item.dataset == dataset)


def meters(batch: str, *, number: pa.DataType = NUMBER) -> pa.Table:
    """Two rows as the transform writes them."""
    return pa.table(
        {
            "meter": pa.array(["m1", "m2"]),
            "value": pa.array([Decimal("1.00"), Decimal("2.00")], number),
            "_unknown": pa.nulls(2, pa.string()),
            "_file_id": pa.array([FILE, FILE]),
            "_row_number": pa.array([1, 2], pa.int64()),
            "_batch_id": pa.array([batch, batch]),
        }
    )


def write(laptop: Laptop, batch: str, table: pa.Table, *, bytes_off: int = 0) -> str:
    """Put a part and its manifest into the lake; the manifest's URL."""
    file, bucket, s3 = io.BytesIO(), laptop.output("LakeBucket"), laptop.client("s3")
    pq.write_table(table, file)
    part, manifest = f"batches/{batch}/part-0001.parquet", f"batches/{batch}/manifest.json"
    s3.put_object(Bucket=bucket, Key=part, Body=file.getvalue())
    entry = {"url": f"s3://{bucket}/{part}", "mandatory": True}
    entry["meta"] = {"content_length": len(file.getvalue()) + bytes_off}
    s3.put_object(Bucket=bucket, Key=manifest, Body=json.dumps({"entries": [entry]}).encode())
    return f"s3://{bucket}/{manifest}"


def load(laptop: Laptop, dataset: str, batch: str, manifest: str, template: str | None = None) -> dict[str, Any]:
    """The description of the load's transaction, once it has ended."""
    statements = load_statements(
        template or load_sql(contract_of(laptop, dataset)), batch=batch, manifest=manifest, iam_role="default",
        arrived={FILE: "2026-"}, objects={}, replaced=[], reloaded=[],
    )  # fmt: skip
    api = laptop.client("redshift-data")
    where = {"WorkgroupName": laptop.output("Workgroup"), "Database": laptop.output("Database")}
    submitted = api.batch_execute_statement(Sqls=statements, **where)
    return dict(api.describe_statement(Id=submitted["Id"], WaitTimeSeconds=30))


def nothing_of(laptop: Laptop, dataset: str, batch: str) -> bool:
    """Whether the warehouse knows nothing of a batch."""
    tables = (f"public.{dataset} WHERE _batch_id", "etl.loads WHERE batch_id", "etl.load_files WHERE batch_id")
    return all(laptop.rows(f"SELECT COUNT(*) FROM {table} = '{batch}'") == [[0]] for table in tables)


def swapped(batch: str) -> pa.Table:
    table = meters(batch)
    return table.select(["value", "meter", *table.column_names[2:]])


CASES: dict[str, tuple[Callable[[str], pa.Table], int, str]] = {
    "a decimal of another precision": (lambda batch: meters(batch, number=pa.decimal128(10, 2)), 0, "'?value'?"),
    "swapped columns": (swapped, 0, "incompatible Parquet schema"),
    "a column too few": (lambda batch: meters(batch).drop_columns(["_unknown"]), 0, "Unmatched number of columns"),
    "a manifest with a wrong length": (meters, 1, "416|InvalidRange|length"),
}


@pytest.mark.parametrize("case", CASES)
def test_parquet_that_is_not_what_the_contract_says(laptop: Laptop, case: str) -> None:
    make, bytes_off, said = CASES[case]
    batch = "refused-" + case.replace(" ", "-")
    ended = load(laptop, "meters", batch, write(laptop, batch, make(batch), bytes_off=bytes_off))
    assert ended["Status"] == "FAILED"
    assert re.search(said, ended["Error"])
    assert [sub["Status"] for sub in ended["SubStatements"]].index("FAILED") == 2  # LOCK, the stage, COPY
    assert nothing_of(laptop, "meters", batch)


def test_the_same_without_a_fault_is_loaded(laptop: Laptop) -> None:
    batch = "taken-0"
    ended = load(laptop, "meters", batch, write(laptop, batch, meters(batch)))
    assert (ended["Status"], ended.get("Error")) == ("FINISHED", None)
    laptop.headrace("sql", "--write", f"DELETE FROM public.meters WHERE _batch_id = '{batch}'")
    laptop.headrace("sql", "--write", f"DELETE FROM etl.loads WHERE batch_id = '{batch}'")
    laptop.headrace("sql", "--write", f"DELETE FROM etl.load_files WHERE batch_id = '{batch}'")


def test_two_rows_per_key_in_a_merge(laptop: Laptop) -> None:
    """The load keeps one row per key; without that step the MERGE refuses to choose."""
    laptop.put("readings/key.csv", b"meter,read_at,value\ntwokeys,2026-01-01T00:00:00Z,1\n")
    laptop.settle()
    batch = "refused-two-rows"
    table = pa.table(
        {
            "meter": pa.array(["twokeys"] * 2),
            "read_at": pa.array([1798761600000000] * 2, pa.timestamp("us")),
            "value": pa.array([7, 8], pa.int64()),
            "_unknown": pa.nulls(2, pa.string()),
            "_file_id": pa.array([FILE] * 2),
            "_row_number": pa.array([1, 2], pa.int64()),
            "_batch_id": pa.array([batch] * 2),
        }
    )
    template = load_sql(contract_of(laptop, "readings"))
    assert "WHERE _rank = 1" in template
    both = template.replace("WHERE _rank = 1", "WHERE _rank >= 1")
    ended = load(laptop, "readings", batch, write(laptop, batch, table), both)
    assert ended["Status"] == "FAILED"
    assert "Found multiple matches to update the same tuple" in ended["Error"]
    assert laptop.rows("SELECT value FROM public.readings WHERE meter = 'twokeys'") == [[1]]
    assert nothing_of(laptop, "readings", batch)


def test_a_varchar_too_short_in_bytes_quarantines_the_row_before_copy(laptop: Laptop) -> None:
    wide = "ä" * 9  # nine characters, eighteen bytes, for a VARCHAR(16)
    laptop.put(
        "readings/bytes.csv", f"meter,read_at,value\n{wide},2026-01-01T00:00:00Z,1\nb,2026-01-01T00:00:00Z,1\n".encode()
    )
    laptop.settle()
    rows = {"read": 2, "loaded": 1, "superseded": 0, "quarantined": 1, "duplicate": 0}
    assert laptop.trace("readings/bytes.csv")["rows"] == rows
    (bad,) = [row for row in laptop.headrace("quarantine", "readings")["rows"] if row["file"] == "readings/bytes.csv"]
    assert "18 bytes" in json.dumps(bad)
