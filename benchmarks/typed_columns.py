"""Parquet in, by a contract that checks every column, beside pyarrow that reads and writes it without a look.

    .venv/bin/python -m benchmarks.typed_columns [ROWS]

Both run three times in turn, in one process each time; the best of each counts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headrace.domain.contract import UNKNOWN_COLUMN, Column, Contract, FileFormat, Kind
from headrace.transform import FileTransform, PartWriter

ROWS = 5_000_000
GROUP = 1_000_000
TRIES = 3
CONTRACT = Contract(
    "readings", "1.0.0", "d", "readings/", FileFormat("parquet", null_tokens=()), "public", "readings",
    (
        Column("id", "id", Kind.INTEGER, "BIGINT", required=True, minimum="1"),
        Column("meter", "meter", Kind.STRING, "VARCHAR(16)", max_bytes=16, required=True, pattern="^m-[0-9]+$"),
        Column("kind", "kind", Kind.STRING, "VARCHAR(8)", max_bytes=8, enum=("gas", "heat", "water")),
        Column("at", "at", Kind.TIMESTAMP, "TIMESTAMP", required=True, minimum="2020-01-01T00:00:00"),
        Column("day", "day", Kind.DATE, "DATE"),
        Column("value", "value", Kind.FLOAT, "DOUBLE PRECISION", minimum="0", maximum="1000"),
        Column("price", "price", Kind.DECIMAL, "DECIMAL(12,2)", precision=12, scale=2),
        Column("good", "good", Kind.BOOLEAN, "BOOLEAN"),
        Column("note", "note", Kind.STRING, "VARCHAR(64)", max_bytes=64, max_length=60),
        Column(UNKNOWN_COLUMN, "", Kind.SUPER, "SUPER", unknown=True),
    ),
)  # fmt: skip


def written(path: Path, rows: int) -> None:
    """A file of so many rows, in row groups of a million; one value in a thousand breaks a rule."""
    random = np.random.default_rng(1)
    with pq.ParquetWriter(path, stretch(random, 0, 1).schema) as writer:
        for start in range(0, rows, GROUP):
            writer.write_table(stretch(random, start, min(GROUP, rows - start)))


def stretch(random: np.random.Generator, start: int, rows: int) -> pa.Table:
    """Some rows."""
    value = random.random(rows) * 999
    value[random.random(rows) < 0.001] = 5000.0
    at = 1_700_000_000_000_000 + np.arange(start, start + rows) * 1_000_000
    cents = random.integers(0, 10**8, rows)
    return pa.table({
        "id": pa.array(np.arange(start + 1, start + rows + 1)),
        "meter": pa.array([f"m-{n}" for n in random.integers(0, 50_000, rows)]),
        "kind": pa.array(np.array(["gas", "heat", "water"])[random.integers(0, 3, rows)]),
        "at": pa.array(at).cast(pa.timestamp("us", "UTC")),
        "day": pa.array(at // 86_400_000_000).cast(pa.int32()).cast(pa.date32()),
        "value": pa.array(value),
        "price": pa.array(cents).cast(pa.decimal128(19, 0)).cast(pa.decimal128(21, 2)).cast(pa.decimal128(14, 2)),
        "good": pa.array(random.random(rows) < 0.5),
        "note": pa.array([f"reading {n:x} of the night" for n in random.integers(0, 2**60, rows)]),
    })  # fmt: skip


def plainly(source: Path, target: Path) -> int:
    """Read and written by pyarrow alone, in stretches, with one thread: no checks, no lineage."""
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow, compression="snappy") as writer:
        for batch in file.iter_batches(65_536, use_threads=False):
            writer.write_batch(batch)
    return 0


def checked(source: Path, target: Path) -> int:
    """Read, checked and written by the transform. Gives the number of bad rows."""
    with source.open("rb") as stream:
        transform = FileTransform(CONTRACT, stream, name="readings/a.parquet", file_id="f" * 24, batch_id="b")
        writer = PartWriter(target, CONTRACT)
        for block in transform:
            writer.write(block.good)
        writer.close()
    return transform.report.rows_bad


WAYS = {"plainly": plainly, "checked": checked}


def run(way: str, source: Path, target: Path) -> None:
    """One way, timed, in this process."""
    pa.set_cpu_count(1)
    began = time.process_time()
    bad = WAYS[way](source, target)
    print(time.process_time() - began, bad)


def main(rows: int) -> None:
    """Prints the best times and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.parquet", Path(folder) / "out.parquet"
        written(source, rows)
        best = dict.fromkeys(WAYS, (float("inf"), 0))
        for _ in range(TRIES):
            for way in WAYS:
                command = [sys.executable, "-m", "benchmarks.typed_columns", way, str(source), str(target)]
                seconds, found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                best[way] = min(best[way], (float(seconds), int(found)))
        (plain, _), (ours, bad) = best["plainly"], best["checked"]
        print(f"{rows:,} rows, {source.stat().st_size / 1e6:,.0f} MB of Parquet, seconds of CPU, best of {TRIES}")
        print(f"pyarrow reads and writes   {plain:6.2f} s")
        print(f"the transform checks, too  {ours:6.2f} s   {ours / plain:.2f} times   {bad:,} bad rows kept")


if __name__ == "__main__":
    if len(sys.argv) > 3:
        run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
