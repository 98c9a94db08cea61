"""Parquet files as COPY takes them: columns by position, each of exactly the table column's type."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace_local.redshift.catalog.catalog import Column
from headrace_local.redshift.datatypes.datatypes import RedshiftType

BATCH_ROWS = 122_880  # DuckDB's row group


class LoadError(Exception):
    """A file that COPY cannot load; it becomes a row of SYS_LOAD_ERROR_DETAIL."""

    def __init__(self, code: int, message: str, url: str, column: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.url = url
        self.column = column

    def full_message(self, query_id: int) -> str:
        """The text a client sees."""
        line = "-" * 47
        return (
            f"Spectrum Scan Error\n  Detail: \n  {line}\n  error:  Spectrum Scan Error\n  code:      {self.code}\n"
            f"  context:   {self.message} File: {self.url}\n  query:     {query_id}\n  {line}"
        )


class ParquetSource:
    """One Parquet file."""

    def __init__(self, url: str, data: bytes) -> None:
        self._url = url
        self.failure: LoadError | None = None
        try:
            self._file = pq.ParquetFile(pa.BufferReader(data), coerce_int96_timestamp_unit="us")
        except pa.ArrowInvalid as error:
            raise LoadError(15001, f"Invalid: not a Parquet file: {error}", url) from error
        self._fields: pa.Schema = self._file.schema_arrow

    @property
    def schema(self) -> pa.Schema:
        """The columns under the names `v0`, `v1`, …: only their positions count."""
        return pa.schema([pa.field(f"v{index}", field.type) for index, field in enumerate(self._fields)])

    def present(self, targets: list[Column]) -> list[Column]:
        """FILLRECORD: the leading columns that the file has."""
        return targets[: len(self._fields)]

    def check(self, targets: list[Column], *, serialize_to_json: bool) -> None:
        """LoadError unless number and types of the file's columns are those of `targets`."""
        if len(self._fields) != len(targets):
            raise LoadError(
                15007,
                "Unmatched number of columns between table and file."
                f" Table columns: {len(targets)}, Data columns: {len(self._fields)}.",
                self._url,
            )
        for field, column in zip(self._fields, targets, strict=True):
            if not _loads(field.type, column.type, serialize_to_json=serialize_to_json):
                raise LoadError(
                    15007,
                    f"has an incompatible Parquet schema for column '{column.name}'."
                    f" Column type: {str(column.type).upper()}, Parquet schema: {field.type} {field.name}.",
                    self._url,
                    column.name,
                )

    def check_missing(self, columns: list[Column]) -> None:
        """LoadError if one of the columns that FILLRECORD fills with NULL does not take it."""
        for column in columns:
            if not column.nullable:
                raise LoadError(1213, "Missing data for not-null field", self._url, column.name)

    def batches(self, targets: list[Column]) -> Iterator[pa.RecordBatch]:
        """The rows, checked while they are read; what was found wrong is kept in `failure` as well."""
        for batch in self._file.iter_batches(BATCH_ROWS):
            try:
                for values, column in zip(batch.columns, targets, strict=True):
                    self._check_values(values, column)
            except LoadError as error:
                self.failure = error
                raise
            yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)

    def _check_values(self, values: pa.Array, column: Column) -> None:
        if not column.nullable and values.null_count:
            raise LoadError(1213, "Missing data for not-null field", self._url, column.name)
        if column.type.length is None:
            return
        longest = pc.max(pc.binary_length(values)).as_py() or 0
        if longest > column.type.length:
            raise LoadError(
                1204,
                f"String length exceeds DDL length: the data column {column.name} is longer than the length defined in"
                f" the table. Table: {column.type.length}, Data: {longest}.",
                self._url,
                column.name,
            )


_EXACT_TYPES = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "date": pa.date32(),
}
_MOMENTS = (pa.timestamp("us"), pa.timestamp("ms"))


def _loads(found: pa.DataType, wanted: RedshiftType, *, serialize_to_json: bool) -> bool:
    if wanted.is_character:
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    if wanted.name == "numeric":
        return bool(found == pa.decimal128(wanted.precision, wanted.scale))
    if wanted.name == "timestamp without time zone":
        return found in _MOMENTS
    if wanted.name == "super":
        return serialize_to_json
    return bool(found == _EXACT_TYPES.get(wanted.name))
