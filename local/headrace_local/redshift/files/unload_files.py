"""The files of an UNLOAD: their names, and their bytes as Parquet or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SLICES = 2
MIN_FILE_BYTES = 5 * 1024**2
MAX_FILE_BYTES = int(6.2 * 1024**3)
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
ROW_GROUP_BYTES = 32 * 1024**2

Encode = Callable[[pa.Table], bytes]


@dataclass(frozen=True)
class File:
    """One file to write; `name` is what follows the prefix of TO."""

    name: str
    data: bytes
    rows: int


@dataclass(frozen=True)
class Layout:
    """How rows are spread over files; sizes in bytes."""

    parallel: bool
    extension: str
    max_bytes: int
    partition_by: tuple[str, ...] = ()
    keep_partition_columns: bool = False

    def files(self, rows: pa.Table, encode: Encode) -> Iterator[File]:
        """The files of `rows`, partition by partition, slice by slice, part by part."""
        for folder, part in self._partitions(rows):
            for number, piece in enumerate(self._slices(part)):
                yield from self._parts(folder, number, piece, encode)

    def _partitions(self, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        if not self.partition_by:
            yield "", rows
            return
        kept = [name for name in rows.column_names if self.keep_partition_columns or name not in self.partition_by]
        ordered = rows.take(_stable_order(rows, self.partition_by))
        start = 0
        for value, count in _runs(ordered.select(self.partition_by)):
            folder = "".join(f"{name}={_folder_text(value[name])}/" for name in self.partition_by)
            yield folder, ordered.slice(start, count).select(kept)
            start += count

    def _slices(self, rows: pa.Table) -> list[pa.Table]:
        if not self.parallel or rows.num_rows < SLICES:
            return [rows]
        size = -(-rows.num_rows // SLICES)
        return [rows.slice(start, size) for start in range(0, rows.num_rows, size)]

    def _parts(self, folder: str, number: int, rows: pa.Table, encode: Encode) -> Iterator[File]:
        for part, (piece, data) in enumerate(_small_enough(rows, encode, self.max_bytes)):
            name = f"{number:04d}_part_{part:02d}" if self.parallel else f"{part:03d}"
            yield File(f"{folder}{name}{self.extension}", data, piece.num_rows)


def _small_enough(rows: pa.Table, encode: Encode, most: int) -> Iterator[tuple[pa.Table, bytes]]:
    """Halve the rows until each part's file is small enough."""
    data = encode(rows)
    if len(data) <= most or rows.num_rows < 2:
        yield rows, data
        return
    half = rows.num_rows // 2
    yield from _small_enough(rows.slice(0, half), encode, most)
    yield from _small_enough(rows.slice(half), encode, most)


def _stable_order(rows: pa.Table, names: tuple[str, ...]) -> pa.Array:
    """The indices of the rows by these columns; rows of one partition stay in the query's order."""
    numbered = rows.select(names).append_column("", pa.array(range(rows.num_rows), pa.int64()))
    return pc.sort_indices(numbered, sort_keys=[(name, "ascending") for name in (*names, "")])


def _runs(keys: pa.Table) -> Iterator[tuple[dict[str, Any], int]]:
    """The different rows of a sorted table, each with how often it comes."""
    names = keys.column_names
    counted = keys.group_by(names, use_threads=False).aggregate([([], "count_all")])
    for value in counted.to_pylist():
        yield value, value["count_all"]


def _folder_text(value: Any) -> str:
    return NULL_PARTITION if value is None else quote(_text(value), safe=" -:.")


def parquet(rows: pa.Table) -> bytes:
    """The rows as a Parquet file."""
    file = io.BytesIO()
    pq.write_table(rows, file, compression="snappy")
    return file.getvalue()


def csv_encoder(delimiter: str, *, header: bool) -> Encode:
    """Writes CSV: quotes where they are needed, NULL as nothing, booleans as t and f."""

    def encode(rows: pa.Table) -> bytes:
        lines = io.StringIO()
        writer = csv.writer(lines, delimiter=delimiter, lineterminator="\n")
        if header:
            writer.writerow(rows.column_names)
        writer.writerows(_records(rows))
        return lines.getvalue().encode()

    return encode


def _records(rows: pa.Table) -> Iterable[list[str]]:
    columns = [["" if value is None else _text(value) for value in column.to_pylist()] for column in rows.columns]
    return ([*record] for record in zip(*columns, strict=True))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
