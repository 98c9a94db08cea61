"""`make bench-operations`: a load with an operation column against one without, by the load's own SQL.

Each merges ROWS rows, half of them known, into ten times as many in the embedded Redshift; of the changes one in ten
deletes. The two take turns PAIRS times, and the middle of the ratios counts: a busy machine is slow for both.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from benchmarks.warehouse import HELD, ROWS, timed
from headrace.domain.contract import Column, Contract, FileFormat, Kind
from headrace.domain.ingest.load import load_statements, split_statements
from headrace_compiler.sql.load import load_sql, table_sql
from headrace_local.redshift import EmbeddedRedshift
from tests.functional.redshift.client import ROOT, Client, FakeS3

PAIRS = int(os.environ.get("PAIRS", "5"))
MOST_TIMES = 1.3
MIGRATIONS = sorted((Path(__file__).parents[1] / "sql" / "migrations").glob("*.sql"))
FILE, OLD = "a" * 24, "b" * 24
PART, MANIFEST = "s3://lake/part-0001.parquet", "s3://lake/manifest.json"
COLUMNS = (
    Column("id", "", Kind.INTEGER, "BIGINT", required=True),
    Column("name", "", Kind.STRING, "VARCHAR(32)"),
    Column("amount", "", Kind.DECIMAL, "DECIMAL(12,2)"),
    Column("seen", "", Kind.TIMESTAMP, "TIMESTAMP", required=True),
    Column("op", "", Kind.STRING, "VARCHAR(6)"),
)
PLAIN = Contract(
    dataset="readings", version="1.0.0", digest="0" * 64, prefix="readings/", format=FileFormat(),
    schema="public", table="readings", columns=COLUMNS, primary_key=("id",), ordering=("seen",),
)  # fmt: skip
CONTRACTS = {"without an operation": PLAIN, "with an operation": replace(PLAIN, operation="op")}


def rows(first: int, count: int, file_id: str, batch: str, day: str) -> str:
    """A query that makes rows of the table with ids from `first` on."""
    return (
        f"SELECT {first} + range AS id, 'name-' || (range % 1000) AS name,"
        f" CAST(range % 100 AS DECIMAL(12,2)) AS amount, TIMESTAMP '{day}' + INTERVAL (range) SECOND AS seen,"
        f" CASE WHEN range % 10 = 0 THEN 'D' ELSE 'U' END AS op,"
        f" '{file_id}' AS _file_id, range + 1 AS _row_number, '{batch}' AS _batch_id FROM range({count})"
    )


def storage() -> FakeS3:
    """The Parquet file of the batch, half of whose ids the target has, and its manifest."""
    file = io.BytesIO()
    pq.write_table(duckdb.connect().sql(rows(HELD - ROWS // 2, ROWS, FILE, "b-1", "2025-01-01")).to_arrow_table(), file)
    entry = {"url": PART, "mandatory": True, "meta": {"content_length": len(file.getvalue())}}
    return FakeS3({PART: file.getvalue(), MANIFEST: json.dumps({"entries": [entry]}).encode()})


def filled(file: Path, s3: FakeS3) -> None:
    """The target and the accounts. The rows are written past the emulator, which sees an ordinary table."""
    redshift = EmbeddedRedshift(file, s3)
    client = Client(redshift, s3, ROOT)
    client.run("CREATE SCHEMA IF NOT EXISTS etl")
    for path in MIGRATIONS:
        client.run(*split_statements(path.read_text()))
    client.run(*split_statements(table_sql(CONTRACTS["with an operation"])))
    redshift.close()
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"INSERT INTO public.readings {rows(0, HELD, OLD, 'b-0', '2024-01-01')}")


def load(contract: Contract, file: Path, s3: FakeS3) -> float:
    """The seconds of the whole transaction."""
    statements = load_statements(
        load_sql(contract), batch="b-1", manifest=MANIFEST, iam_role="default",
        arrived={FILE: "20250101000000-0A"}, objects={FILE: FILE[:16]}, replaced=[], reloaded=[],
    )  # fmt: skip
    redshift = EmbeddedRedshift(file, s3)
    try:
        return timed(lambda: Client(redshift, s3, ROOT).run(*statements))
    finally:
        redshift.close()


def main() -> int:
    """Print each pair and the middle of the ratios; 1 if the operation costs more than it may."""
    s3, ratios = storage(), list[float]()
    print(f"{ROWS:,} rows into {HELD:,}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        full, file = Path(folder) / "full.duckdb", Path(folder) / "one.duckdb"
        filled(full, s3)
        for _ in range(PAIRS):
            seconds = {}
            for name, contract in CONTRACTS.items():
                shutil.copyfile(full, file)
                seconds[name] = load(contract, file, s3)
            without, with_ = seconds.values()
            ratios.append(with_ / without)
            print("  " + ", ".join(f"{name} {taken:.2f} s" for name, taken in seconds.items()), flush=True)
    middle = statistics.median(ratios)
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"{middle:.2f} times in the middle of {PAIRS} pairs ({spread}), at most {MOST_TIMES}")
    return int(middle > MOST_TIMES)


if __name__ == "__main__":
    sys.exit(main())
