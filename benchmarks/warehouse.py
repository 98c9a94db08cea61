"""`make bench-warehouse`: COPY and MERGE of many rows in the embedded Redshift, against the same in plain DuckDB.

Both read the same Parquet file from memory into a staging table and merge it into a table of ten times its rows, half
of them known there. Set ROWS to try it with fewer.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from headrace_local.redshift import EmbeddedRedshift
from tests.functional.redshift.client import FakeS3

ROWS = int(os.environ.get("ROWS", "1000000"))
HELD = 10 * ROWS
MOST_TIMES_DUCKDB = 1.3
COLUMNS = "id BIGINT, name VARCHAR(32), amount DECIMAL(12,2), seen TIMESTAMP"
STAGE = f"CREATE TEMP TABLE stage ({COLUMNS})"
FILL = "SELECT {first} + range AS id, 'name-' || (range % 1000) AS name, CAST(range % 100 AS DECIMAL(12,2)) AS amount,"
MERGE = (
    "MERGE INTO target USING stage ON target.id = stage.id"
    " WHEN MATCHED THEN UPDATE SET name = stage.name, amount = stage.amount, seen = stage.seen"
    " WHEN NOT MATCHED THEN INSERT (id, name, amount, seen) VALUES (stage.id, stage.name, stage.amount, stage.seen)"
)
PART, MANIFEST = "s3://lake/part-0001.parquet", "s3://lake/manifest.json"
COPY = f"COPY stage FROM '{MANIFEST}' IAM_ROLE default FORMAT AS PARQUET MANIFEST"
TARGET = {"WorkgroupName": "headrace", "Database": "dev"}


def rows(first: int, count: int) -> str:
    """A query that makes rows with ids from `first` on."""
    return f"{FILL.format(first=first)} TIMESTAMP '2024-01-01' + INTERVAL (range) SECOND AS seen FROM range({count})"


def part() -> bytes:
    """The Parquet file: half of its rows are known to the target."""
    file = io.BytesIO()
    made: pa.Table = duckdb.connect().sql(rows(HELD - ROWS // 2, ROWS)).to_arrow_table()
    pq.write_table(made, file)
    return file.getvalue()


def fill(file: Path) -> None:
    """The target's rows, written past the emulator, which sees its own ordinary table."""
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"INSERT INTO public.target {rows(0, HELD)}")


def run(redshift: EmbeddedRedshift, *sqls: str) -> None:
    """One batch, which must end well."""
    submitted = redshift.call("BatchExecuteStatement", {**TARGET, "Sqls": list(sqls)}, principal="bench")
    described: dict[str, Any] = {"Status": "STARTED"}
    while described["Status"] not in {"FINISHED", "FAILED", "ABORTED"}:
        described = redshift.call(
            "DescribeStatement", {"Id": submitted["Id"], "WaitTimeSeconds": 30}, principal="bench"
        )
    if described["Status"] != "FINISHED":
        raise SystemExit(described.get("Error"))


def timed(action: Callable[[], None]) -> float:
    """The seconds it takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def in_duckdb(file: Path, data: bytes) -> float:
    """The same load in plain DuckDB."""
    with duckdb.connect(str(file), config={"memory_limit": "1GB", "threads": 2}) as connection:

        def load() -> None:
            connection.execute("BEGIN")
            connection.execute(STAGE)
            staged = pq.ParquetFile(io.BytesIO(data)).iter_batches(122_880)
            connection.register("source", pa.RecordBatchReader.from_batches(pq.read_schema(io.BytesIO(data)), staged))
            connection.execute("INSERT INTO stage SELECT * FROM source")
            connection.execute(MERGE.replace("INTO target", "INTO public.target AS target"))
            connection.execute("COMMIT")

        return timed(load)


def in_redshift(file: Path, s3: FakeS3) -> float:
    """The load in the embedded Redshift."""
    redshift = EmbeddedRedshift(file, s3)
    try:
        return timed(lambda: run(redshift, STAGE, COPY, MERGE))
    finally:
        redshift.close()


def main() -> int:
    """Print both times; 1 if the embedded Redshift takes more than it may."""
    data = part()
    manifest = {"entries": [{"url": PART, "mandatory": True, "meta": {"content_length": len(data)}}]}
    s3 = FakeS3({PART: data, MANIFEST: json.dumps(manifest).encode()})
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        loads: dict[str, Callable[[Path], float]] = {
            "plain DuckDB": lambda file: in_duckdb(file, data),
            "embedded": lambda file: in_redshift(file, s3),
        }
        for name, load in loads.items():
            file = Path(folder) / f"{name}.duckdb"
            redshift = EmbeddedRedshift(file, s3)
            run(redshift, f"CREATE TABLE target ({COLUMNS})")
            redshift.close()
            fill(file)
            seconds[name] = load(file)
            file.unlink()
    times = seconds["embedded"] / seconds["plain DuckDB"]
    print(f"COPY + MERGE of {ROWS:,} rows into {HELD:,}")
    for name, taken in seconds.items():
        print(f"  {name:14} {taken:6.2f} s")
    print(f"  {times:.2f} times plain DuckDB, at most {MOST_TIMES_DUCKDB}")
    return int(times > MOST_TIMES_DUCKDB)


if __name__ == "__main__":
    sys.exit(main())
