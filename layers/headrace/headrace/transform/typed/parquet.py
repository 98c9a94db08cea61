"""Parquet files, a row group at a time and of that no more than fits into memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.transform.decode.landed_bytes import PIECE
from headrace.transform.memory import at_most_more
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.typed.reader import too_large

MAGIC = b"PAR1"
ENCRYPTED = b"PARE"
STRETCH_BYTES = 32 << 20
MOST_ROWS = 65_536
"""A stretch has no more rows, and no more bytes if the file says how many they are; it need not be true."""
SMALLER = 16
"""By so much fewer rows are read where they took too much memory."""
LONGEST_COMPLAINT = 200
Read = Callable[[int], bytes]


class ParquetTables:
    """A Parquet file, which is read from its end, and therefore goes to a temporary file first."""

    def __init__(self, read: Read, limits: Limits) -> None:
        """Raises FileRejected for what is not Parquet, or cannot be opened."""
        self._limits = limits
        with tempfile.NamedTemporaryFile() as spool:
            self._fill(spool, read)
            source = pa.OSFile(spool.name)  # which stays open when its name goes
        with _bounded(limits):
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
                raise FileRejected("parquet", f"the Parquet is damaged: {lacks}")

    def _stretches(self, group: int, at_once: int, skipped: int) -> Iterator[pa.Table]:
        batches = self._file.iter_batches(at_once, row_groups=[group], use_threads=False)
        left = skipped
        while True:
            with _bounded(self._limits):
                batch = next(batches, None)
            if batch is None:
                return
            passed = min(left, batch.num_rows)
            left -= passed
            if batch.num_rows > passed:
                yield pa.Table.from_batches([batch.slice(passed)])

    def _fill(self, spool: IO[bytes], read: Read) -> None:
        first = read(PIECE)
        if not first.startswith(MAGIC):
            what = "it is encrypted" if first.startswith(ENCRYPTED) else "it does not begin with PAR1"
            raise FileRejected("not_parquet", f"the file is no Parquet that can be read: {what}")
        size, piece = 0, first
        while piece:
            size += len(piece)
            if size > self._limits.zipped:
                reason = f"the Parquet is larger than {self._limits.zipped:,} bytes, and must fit on the disk"
                raise FileRejected("too_big", f"{reason}, because it is read from its end: send several")
            spool.write(piece)
            piece = read(PIECE)
        spool.flush()


@contextmanager
def _bounded(limits: Limits) -> Iterator[None]:
    """Bounds the memory for what Arrow reads, and turns what it says of a broken file into FileRejected.

    MemoryError goes on as it is.
    """
    try:
        with at_most_more(limits.tables):
            yield
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:LONGEST_COMPLAINT]
        why = "it was cut off or damaged on its way, or needs what is not supported"
        raise FileRejected("parquet", f"the Parquet cannot be read ({said}): {why}") from error
