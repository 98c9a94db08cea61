"""Sound records a column at a time: what is plainly good is taken as a whole, and only the other values one by one.

It says of each record exactly what `RecordReader` says: the values that a column's expression and checks do not know
to be good are read by the column's own reader.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Column, Contract, Kind
from headrace.transform.delimited.arrow_path import FieldParser, unknown_fields
from headrace.transform.delimited.header import Layout
from headrace.transform.delimited.odd_rows import OddRows
from headrace.transform.delimited.patterns import Habits
from headrace.transform.delimited.plain_values import plain_reader
from headrace.transform.outcome import RowError
from headrace.transform.rules.columns import broken_by, column_checks
from headrace.transform.rules.values import ColumnReader
from headrace.transform.schema import arrow_type, data_schema
from headrace.transform.unknown import unknown_json
from headrace.transform.values.meaning import CHANGES, meanings, nulls_of
from headrace.transform.values.values import text_reader

Errors = dict[int, list[RowError]]
"""By the place of a record, in the order of the columns."""


class Found(NamedTuple):
    """Values, errors, the places of records that may be no rows, and of texts that were changed, with how."""

    table: pa.Table
    errors: Errors
    suspects: list[int]
    changes: list[tuple[int, str, str]]


class ColumnarPath:
    """Reads sound records of one file."""

    def __init__(self, contract: Contract, layout: Layout, habits: Habits) -> None:
        self._schema = data_schema(contract)
        self._unknown = unknown_fields(contract, layout)
        present = [column for column in layout.columns if column is not None]
        fields = [*(column.name for column in present), *self._unknown.values()]
        self._fields = FieldParser(contract, layout, dict.fromkeys(fields, pa.string()))
        self._present = frozenset(column.name for column in present)
        self._columns = [_ColumnPath(column, habits, nulls_of(column, contract.format)) for column in contract.columns]
        self._odd_rows = OddRows(contract, layout)

    def read(self, lines: Sequence[bytes]) -> Found | None:
        """The records' values, null where a value is bad, the errors, and the places of records that may be no rows.

        None if Arrow finds other records in the lines.
        """
        try:
            fields = self._fields.parse(b"\n".join([*lines, b""]))
        except pa.ArrowInvalid:
            return None
        if fields.num_rows != len(lines):
            return None
        errors: Errors = defaultdict(list)
        changes: list[tuple[int, str, str]] = []
        arrays = [path.values(self._texts(path.column, fields), errors, changes) for path in self._columns]
        return Found(pa.table(arrays, schema=self._schema), errors, self._odd_rows.suspects(fields), changes)

    def _texts(self, column: Column, fields: pa.Table) -> pa.Array:
        if column.name in self._present:
            return fields[column.name].combine_chunks()
        if column.unknown and self._unknown:
            return unknown_json({name: fields[field].combine_chunks() for name, field in self._unknown.items()})
        return pa.nulls(fields.num_rows, pa.string())


class _ColumnPath:
    """Reads the texts of one column."""

    def __init__(self, column: Column, habits: Habits, nulls: Sequence[str]) -> None:
        self._nulls = nulls
        self.column = column
        self._type = arrow_type(column)
        self._reader = ColumnReader(column, text_reader(column))
        self._checks = column_checks(column)
        typed = column.kind not in {Kind.STRING, Kind.SUPER}
        self._read = plain_reader(column, zoned=column.name in habits.zoned) if typed else None

    def values(self, texts: pa.Array, errors: Errors, changes: list[tuple[int, str, str]]) -> pa.Array:
        """The values, null where one is bad. What is bad about them, or changed, is added to the others'."""
        texts = meanings(texts, self.column, self._nulls)
        if self._reader.missing and texts.null_count:
            for place in pc.indices_nonzero(pc.is_null(texts)).to_pylist():
                errors[place] += self._reader.missing
        values, doubtful = self._plain(texts)
        places = pc.indices_nonzero(doubtful)
        return self._with_doubtful(values, texts, places, errors, changes) if len(places) else values

    def _plain(self, texts: pa.Array) -> tuple[pa.Array, pa.Array]:
        """The values that are plainly good, and a mask of the texts that must be looked at."""
        values = texts if self._read is None else self._read(texts)
        unread = pc.and_(pc.is_valid(texts), pc.is_null(values))
        broken = broken_by(self._checks, values)
        return values, unread if broken is None else pc.or_(unread, broken)

    def _with_doubtful(
        self, values: pa.Array, texts: pa.Array, places: pa.Array, errors: Errors, changes: list[tuple[int, str, str]]
    ) -> pa.Array:
        """The values with those that the column's reader makes of the texts at these places."""
        read: list[Any] = []
        for place, text in zip(places.to_pylist(), texts.take(places).to_pylist(), strict=True):
            found: list[RowError] = []
            value = self._reader.value(text, found)
            read.append(None if found else value)
            if found:
                errors[place] += found
            elif change := CHANGES.get(type(value)):
                changes.append((place, self.column.name, change))
        chosen = pc.is_in(pa.arange(0, len(texts)).cast(pa.uint64()), places)
        return pc.replace_with_mask(values, chosen, pa.array(read, self._type))
