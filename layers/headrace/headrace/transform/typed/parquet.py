"""Parquet files, a row group at a time and of that no more than fits into memory."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.transform.decode.landed_bytes import PIECE
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.typed.files import Read, bounded, spooled, too_large

MAGIC = b"PAR1"
STRETCH_BYTES = 32 << 20
MOST_ROWS = 65_536
"""A stretch has no more rows, and no more bytes if the file says how many they are; it need not be true."""
SMALLER = 16
"""By so much fewer rows are read where they took too much memory."""


class ParquetTables:
    """A Parquet file, which is read from its end, and therefore goes to a temporary file first."""

    def __init__(self, read: Read, limits: Limits) -> None:
        """Raises FileRejected for what is not Parquet, or cannot be opened."""
        self._limits = limits
        source = spooled(read, limits, "Parquet", MAGIC)
        with bounded(limits, "Parquet"):
            self._file = pq.ParquetFile(source, pre_buffer=False, buffer_size=PIECE, coerce_int96_timestamp_unit="us")

    @property
    def schema(self) -> pa.Schema:
        """The types of its columns."""
        return self._file.schema_arrow

    def tables(self, most_rows: int) -> Iterator[pa.Table]:
        """The rows, at most so many at a time."""
        for group in range(self._file.metadata.num_row_groups):
            yield from self._group(group, min(most_rows, MOST_ROWS))

    def _group(self, group: int, most_rows: int) -> Iterator[pa.Table]:
        """The rows of a row group. Where a stretch takes too much memory, it is read again in smaller ones."""
        about = self._file.metadata.row_group(group)
        wide = about.total_byte_size // max(about.num_rows, 1)
        at_once, given = max(1, min(most_rows, STRETCH_BYTES // max(wide, 1))), 0
        while given < about.num_rows:
            before = given
            try:
                for table in self._stretches(group, at_once, before):
                    given += table.num_rows
                    yield table
            except MemoryError as error:
                if at_once == 1:
                    raise too_large(self._limits) from error
                at_once = max(1, at_once // SMALLER)
                continue
            if given == before:
                lacks = f"a row group lacks some of its {about.num_rows:,} rows"
                raise FileRejected("format", f"the Parquet is damaged: {lacks}")

    def _stretches(self, group: int, at_once: int, skipped: int) -> Iterator[pa.Table]:
        batches = self._file.iter_batches(at_once, row_groups=[group], use_threads=False)
        left = skipped
        while True:
            with bounded(self._limits, "Parquet"):
                batch = next(batches, None)
            if batch is None:
                return
            passed = min(left, batch.num_rows)
            left -= passed
            if batch.num_rows > passed:
                yield pa.Table.from_batches([batch.slice(passed)])
