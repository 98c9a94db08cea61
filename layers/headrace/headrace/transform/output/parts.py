"""Parquet parts for COPY: row groups of a good size, Snappy, dictionaries only where values repeat."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace.domain.contract import Contract
from headrace.transform.schema import arrow_schema

ROW_GROUP = 65_536
"""A row group has at least this many rows, but the last. Four times as many took 50 MB more, and was no faster."""
GROUP_BYTES = 64 << 20
"""Fewer are a group where they take as much: rows may be wide."""
GLANCE, SAMPLE = 1000, 10_000
REPEATS = 0.5
"""A column whose sample has fewer distinct values than this share of its rows gets a dictionary."""
COMPRESSION = "snappy"
"""COPY reads Parquet through Redshift Spectrum, documented for gzip, Snappy and bzip2 only; that it reads zstd is said
nowhere: https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html."""


class PartWriter:
    """Writes the good rows of any number of files to one Parquet object."""

    def __init__(self, sink: BinaryIO | Path, contract: Contract) -> None:
        self._sink = sink
        self._schema = arrow_schema(contract)
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._writer: pq.ParquetWriter | None = None
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        """Adds rows; they are written out by the row group."""
        if not table.num_rows:
            return
        self._waiting.append(table)
        self._waiting_rows += table.num_rows
        self._waiting_bytes += table.nbytes
        if self._waiting_rows >= ROW_GROUP or self._waiting_bytes >= GROUP_BYTES:
            self._flush()

    def close(self) -> int:
        """Finishes the object, which holds a schema even without rows, and gives the number of rows."""
        if self._waiting or self._writer is None:
            self._flush()
        assert self._writer is not None
        self._writer.close()
        return self._rows

    def _flush(self) -> None:
        table = pa.concat_tables(self._waiting).unify_dictionaries() if self._waiting else self._schema.empty_table()
        self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0
        if self._writer is None:
            self._writer = _open(self._sink, self._schema, table)
        self._writer.write_table(table)
        self._rows += table.num_rows


def _open(sink: BinaryIO | Path, schema: pa.Schema, sample: pa.Table) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        sink,
        schema,
        compression=COMPRESSION,
        use_dictionary=_repeating(sample.slice(0, SAMPLE)),
        write_statistics=True,
        store_schema=False,
    )


def _repeating(sample: pa.Table) -> list[str]:
    return [name for name in sample.column_names if _repeats(sample[name])]


def _repeats(column: pa.ChunkedArray) -> bool:
    if pa.types.is_dictionary(column.type):
        return True
    at_a_glance = pc.count_distinct(column.slice(0, GLANCE)).as_py()
    if at_a_glance == min(GLANCE, len(column)):
        return False
    return bool(pc.count_distinct(column).as_py() < REPEATS * len(column))
