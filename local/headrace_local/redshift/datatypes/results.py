"""Result sets: fetched from DuckDB, kept as Arrow, given out in the Data API's pages."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace_local.redshift.datatypes.datatypes import RedshiftType, from_duckdb
from headrace_local.redshift.errors import SqlError

if TYPE_CHECKING:
    import duckdb

PAGE_ROWS = 1000
READ_ROWS = 10_000
MAX_RESULT_BYTES = 500 * 1024 * 1024


@dataclass(frozen=True)
class ResultSet:
    """The rows of a query, with Redshift's labels and types for its columns."""

    labels: tuple[str, ...]
    types: tuple[RedshiftType, ...]
    rows: pa.Table

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return int(self.rows.nbytes)

    def page(self, start: int) -> list[list[dict[str, Any]]]:
        """Up to PAGE_ROWS records from row `start` on, as lists of the Data API's fields."""
        part = self.rows.slice(start, PAGE_ROWS)
        columns = [
            [_field(value, kind) for value in _python_values(part.column(index))]
            for index, kind in enumerate(self.types)
        ]
        return [list(record) for record in zip(*columns, strict=True)]

    def csv_page(self, start: int) -> str:
        """The same records as CSV (RFC 4180, without a header): NULL is an empty field."""
        lines = io.StringIO()
        records = ([_text(field) for field in record] for record in self.page(start))
        csv.writer(lines).writerows(records)
        return lines.getvalue()

    def column_metadata(self) -> list[dict[str, Any]]:
        """The Data API's description of the columns."""
        return [column_metadata(label, kind) for label, kind in zip(self.labels, self.types, strict=True)]


def column_metadata(label: str, kind: RedshiftType, *, nullable: bool = True) -> dict[str, Any]:
    """One column in the Data API's shape."""
    return {
        "isCaseSensitive": kind.is_character,
        "isCurrency": False,
        "isSigned": kind.wire_name in {"int2", "int4", "int8", "numeric", "float4", "float8"},
        "label": label,
        "length": kind.length or 0,
        "name": label,
        "nullable": int(nullable),
        "precision": kind.precision or kind.length or 0,
        "scale": kind.scale or 0,
        "schemaName": "",
        "tableName": "",
        "typeName": kind.wire_name,
    }


def fetch(
    relation: duckdb.DuckDBPyRelation, label: Callable[[list[str]], list[str]], most_bytes: int | None
) -> ResultSet:
    """Run a query; `label` makes Redshift's column labels of DuckDB's. SqlError if it is too large to keep."""
    types = tuple(from_duckdb(str(kind)) for kind in relation.types)
    labels = tuple(label(list(relation.columns)))
    reader = relation.to_arrow_reader(READ_ROWS)
    return ResultSet(labels, types, pa.Table.from_batches(_limited(reader, most_bytes), schema=reader.schema))


def _limited(reader: pa.RecordBatchReader, most_bytes: int | None) -> Iterator[pa.RecordBatch]:
    size = 0
    for batch in reader:
        size += batch.nbytes
        if most_bytes is not None and size > most_bytes:
            raise SqlError("the result is larger than the Data API's maximum of 500 MB")
        yield batch


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column; moments with a zone are in UTC and lose the zone."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us"))
    values: list[Any] = column.to_pylist()
    return values


def _field(value: Any, kind: RedshiftType) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    name, convert = _FIELDS.get(kind.wire_name, ("stringValue", str))
    return {name: convert(value)}


def _text(entry: dict[str, Any]) -> str:
    ((kind, value),) = entry.items()
    if kind == "isNull":
        return ""
    return str(value).lower() if kind == "booleanValue" else str(value)


def _timestamp(value: dt.datetime) -> str:
    return value.isoformat(sep=" ")


def _timestamp_with_zone(value: dt.datetime) -> str:
    return value.isoformat(sep=" ") + "+00"


_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "bool": ("booleanValue", bool),
    **dict.fromkeys(("int2", "int4", "int8"), ("longValue", int)),
    **dict.fromkeys(("float4", "float8"), ("doubleValue", float)),
    "timestamp": ("stringValue", _timestamp),
    "timestamptz": ("stringValue", _timestamp_with_zone),
}
