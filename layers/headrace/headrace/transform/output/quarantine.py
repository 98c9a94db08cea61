"""Bad rows as Parquet: enough to show them to a person, and their exact bytes to send them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
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
ROW_GROUP = 32_768
GROUP_BYTES = 64 << 20
"""Fewer are a group where they take as much: a bad row may be a line of 16 MB."""
AT_A_TIME = 128
"""How many rows are made Python objects together: each may have an error for every column."""
REPEATING = [
    *("dataset", "file_id", "key", "contract_version", "batch_id"),
    *("errors.list.element.column", "errors.list.element.rule"),
]


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
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._writer = pq.ParquetWriter(sink, SCHEMA, compression="zstd", use_dictionary=REPEATING, store_schema=False)
        self._rows = 0

    def write(self, rows: Sequence[BadRow], *, file_id: str, key: str) -> None:
        """Adds bad rows of the file that landed under `key`."""
        if not rows:
            return
        numbers, raws, errors = zip(*rows, strict=True)
        of_all = {
            "dataset": self._contract.dataset,
            "file_id": file_id,
            "key": key,
            "contract_version": self._contract.version,
            "batch_id": self._batch_id,
        }
        columns = {name: pa.repeat(value, len(rows)) for name, value in of_all.items()}
        columns |= {"row_number": numbers, "raw": raws, "errors": _errors(errors)}
        table = pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)
        self._waiting.append(table)
        self._waiting_rows += len(rows)
        self._waiting_bytes += table.nbytes
        if self._waiting_rows >= ROW_GROUP or self._waiting_bytes >= GROUP_BYTES:
            self._flush()

    def close(self) -> int:
        """Finishes the object, and gives the number of rows."""
        self._flush()
        self._writer.close()
        return self._rows

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting))
        self._rows += self._waiting_rows
        self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0


def _errors(of_rows: Sequence[tuple[RowError, ...]]) -> pa.Array:
    """The errors as Arrow has them: all in a row, and where each row's begin."""
    parts = [pa.array(texts, pa.string()) for texts in zip(*chain.from_iterable(of_rows), strict=True)]
    offsets = pa.array(accumulate(map(len, of_rows), initial=0), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(parts, fields=list(ERROR)))


def read_quarantine(data: bytes | BinaryIO | Path) -> Iterator[QuarantinedRow]:
    """The rows of a quarantine object, in the order in which they were written."""
    source = pa.BufferReader(data) if isinstance(data, bytes) else data
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(AT_A_TIME):
            for row in batch.to_pylist():
                errors = tuple(RowError(**error) for error in row.pop("errors"))
                yield QuarantinedRow(**row, errors=errors)
