"""Bad rows as Parquet: enough to show them to a person, and their exact bytes to send them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.domain.contract import Contract
from headrace.transform.outcome import BadRow, RowError

ERROR = pa.struct([("column", pa.string()), ("rule", pa.string()), ("reason", pa.string())])
SCHEMA = pa.schema(
    [
        ("dataset", pa.string()),
        ("file_id", pa.string()),
        ("key", pa.string()),
        ("row_number", pa.int64()),
        ("raw", pa.binary()),
        ("errors", pa.list_(ERROR)),
        ("contract_version", pa.string()),
        ("batch_id", pa.string()),
    ]
)
ROW_GROUP = 65_536


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A bad row and where it comes from. `raw` are its exact bytes in the landed file, without the line end."""

    dataset: str
    file_id: str
    key: str
    row_number: int
    raw: bytes
    errors: tuple[RowError, ...]
    contract_version: str
    batch_id: str


class QuarantineWriter:
    """Writes the bad rows of any number of files of one batch to one Parquet object."""

    def __init__(self, sink: BinaryIO | Path, contract: Contract, *, batch_id: str) -> None:
        self._contract = contract
        self._batch_id = batch_id
        self._writer = pq.ParquetWriter(sink, SCHEMA, compression="zstd", store_schema=False)
        self._waiting: list[QuarantinedRow] = []
        self._rows = 0

    def write(self, rows: Sequence[BadRow], *, file_id: str, key: str) -> None:
        """Adds bad rows of the file that landed under `key`."""
        dataset, version = self._contract.dataset, self._contract.version
        self._waiting += [
            QuarantinedRow(dataset, file_id, key, row.row_number, row.raw, row.errors, version, self._batch_id)
            for row in rows
        ]
        if len(self._waiting) >= ROW_GROUP:
            self._flush()

    def close(self) -> int:
        """Finishes the object, and gives the number of rows."""
        self._flush()
        self._writer.close()
        return self._rows

    def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        self._rows += len(rows)
        if rows:
            self._writer.write_table(_table(rows))


def _table(rows: list[QuarantinedRow]) -> pa.Table:
    columns = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names if name != "errors"}
    return pa.table(columns | {"errors": _errors([row.errors for row in rows])}, schema=SCHEMA)


def _errors(of_rows: list[tuple[RowError, ...]]) -> pa.Array:
    """The errors as Arrow has them: all in a row, and where each row's begin."""
    flat = [error for errors in of_rows for error in errors]
    parts = [pa.array([getattr(error, field.name) for error in flat], pa.string()) for field in ERROR]
    offsets = pa.array(accumulate((len(errors) for errors in of_rows), initial=0), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(parts, fields=list(ERROR)))


def read_quarantine(data: bytes | BinaryIO | Path) -> Iterator[QuarantinedRow]:
    """The rows of a quarantine object, in the order in which they were written."""
    source = pa.BufferReader(data) if isinstance(data, bytes) else data
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                errors = tuple(RowError(**error) for error in row.pop("errors"))
                yield QuarantinedRow(**row, errors=errors)
