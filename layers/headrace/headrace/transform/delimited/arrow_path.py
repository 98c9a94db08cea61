"""Lines that match the expression for good rows, or for sound records, parsed as a whole by Arrow's CSV reader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from headrace.domain.contract import Column, Contract, Kind
from headrace.transform.delimited.header import Layout
from headrace.transform.delimited.patterns import Habits, is_written
from headrace.transform.delimited.plain_values import plain_reader
from headrace.transform.delimited.stand_in import DelimiterStandIn
from headrace.transform.delimited.time_columns import IN_UTC, WITHOUT_ZONE, typed_texts
from headrace.transform.schema import arrow_type, data_schema
from headrace.transform.unknown import unknown_json
from headrace.transform.values.meaning import is_cleaned, meanings, nulls_of
from headrace.transform.values.values import FALSE_TOKENS, TRUE_TOKENS

TRUE_FORMS, FALSE_FORMS = (
    [form for token in tokens for form in (token, token.upper(), token.title())]
    for tokens in (TRUE_TOKENS, FALSE_TOKENS)
)


WITHOUT_TYPE = frozenset({Kind.STRING, Kind.SUPER})
"""Their values are texts as they stand."""


class FieldParser:
    """Splits lines into the fields of a layout. The lines must be well formed, and not blank."""

    def __init__(self, contract: Contract, layout: Layout, types: dict[str, pa.DataType]) -> None:
        self._order = list(types)
        seen = DelimiterStandIn(contract.format)
        self._restoring = seen.restoring
        self._names = self._with_gaps(field_names(layout), seen.width)
        self._parsing = csv.ParseOptions(delimiter=seen.mark, quote_char=contract.format.quote or False)
        self._conversions = [
            self._conversion(contract, nulls, {name: types[name] for name in names})
            for nulls, names in _by_nulls(contract, layout, types).items()
        ]

    @staticmethod
    def _conversion(contract: Contract, nulls: Sequence[str], types: dict[str, pa.DataType]) -> csv.ConvertOptions:
        """For fields in which these words mean nothing."""
        return csv.ConvertOptions(
            check_utf8=False,
            column_types=types,
            include_columns=list(types),
            null_values=list(nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=contract.format.quoted_nulls,
            true_values=TRUE_FORMS,
            false_values=FALSE_FORMS,
        )

    def parse(self, lines: bytes | memoryview) -> pa.Table:
        """The fields by their names. Raises ArrowInvalid if a value is not of its type."""
        one_block = csv.ReadOptions(use_threads=False, block_size=len(lines) + 1, column_names=self._names)
        tables = [
            csv.read_csv(pa.BufferReader(lines), one_block, self._parsing, conversion).combine_chunks()
            for conversion in self._conversions
        ]
        table = tables[0] if len(tables) == 1 else _beside(tables, self._order)
        return self._restored(table) if self._restoring else table

    @staticmethod
    def _with_gaps(names: list[str], width: int) -> list[str]:
        """The names, and others for the empty fields between the bytes of a long delimiter."""
        return [
            name if byte == 0 else f"gap {place} {byte}"
            for place, name in enumerate(names)
            for byte in range(width if place + 1 < len(names) else 1)
        ]

    def _restored(self, table: pa.Table) -> pa.Table:
        assert self._restoring is not None
        for place, field in enumerate(table.schema):
            if pa.types.is_string(field.type):
                table = table.set_column(place, field, pc.replace_substring(table[place], *self._restoring))
        return table


def field_names(layout: Layout) -> list[str]:
    """A name for each field of a file: that of its column, and one that no column has for unknown fields."""
    return [column.name if column else f"unknown {place}" for place, column in enumerate(layout.columns)]


def unknown_fields(contract: Contract, layout: Layout) -> dict[str, str]:
    """The unknown fields that are kept: from their name in the file to that in a table of fields."""
    if not any(column.unknown for column in contract.columns):
        return {}
    names = field_names(layout)
    return {name: names[place] for name, place in layout.unknown_places.items()}


class FastPath:
    """Parses lines that are good rows by the pattern. What it accepts, `ColumnChecks` must still pass."""

    def __init__(self, contract: Contract, layout: Layout, habits: Habits) -> None:
        self._contract = contract
        self._schema = data_schema(contract)
        self._zoned = habits.zoned
        self._absent = layout.absent
        self._unknown = unknown_fields(contract, layout)
        types = dict.fromkeys(self._unknown.values(), pa.string())
        types |= {column.name: self._read_type(column) for column in layout.columns if column is not None}
        self._fields = FieldParser(contract, layout, types)
        present = [column for column in layout.columns if column is not None]
        self._nulls = {column.name: nulls_of(column, contract.format) for column in present if is_cleaned(column)}
        self._written = {
            column.name: plain_reader(column, zoned=column.name in habits.zoned)
            for column in present
            if column.kind not in WITHOUT_TYPE and (is_written(column) or is_cleaned(column))
        }

    def table(self, lines: bytes | memoryview) -> tuple[pa.Table, list[int]]:
        """The rows of matching lines, as the contract's columns, and the places of those with a value left unread.

        Raises ArrowInvalid if a line is no row.
        """
        parsed = self._cleaned(self._fields.parse(lines))
        table = pa.table([self._column(column, parsed) for column in self._contract.columns], schema=self._schema)
        return table, sorted({place for name in self._written for place in _unread(parsed[name], table[name])})

    def _cleaned(self, parsed: pa.Table) -> pa.Table:
        """The fields without what is no part of their values."""
        for column in self._contract.columns if self._nulls else ():
            if column.name in self._nulls:
                texts = meanings(parsed[column.name].combine_chunks(), column, self._nulls[column.name])
                parsed = parsed.set_column(parsed.schema.get_field_index(column.name), column.name, texts)
        return parsed

    def _column(self, column: Column, parsed: pa.Table) -> pa.Array:
        if column.unknown and self._unknown:
            return unknown_json({name: parsed[field] for name, field in self._unknown.items()})
        if column in self._absent:
            return pa.nulls(parsed.num_rows, arrow_type(column))
        array = parsed[column.name]
        if column.name in self._written:
            return self._written[column.name](array.combine_chunks())
        if column.kind in WITHOUT_TYPE:
            return array
        if column.formats:
            return typed_texts(array, column, zoned=False)
        return array.cast(WITHOUT_ZONE) if column.name in self._zoned else array

    def _read_type(self, column: Column) -> pa.DataType:
        if column.formats or is_written(column) or is_cleaned(column):
            return pa.string()
        if column.name in self._zoned:
            return IN_UTC
        return arrow_type(column)


def _unread(texts: pa.ChunkedArray, values: pa.ChunkedArray) -> list[int]:
    """The places of texts of which no value was made."""
    if values.null_count == texts.null_count:
        return []
    places: list[int] = pc.indices_nonzero(pc.and_(pc.is_valid(texts), pc.is_null(values))).to_pylist()
    return places


def _by_nulls(contract: Contract, layout: Layout, fields: Iterable[str]) -> dict[tuple[str, ...], list[str]]:
    """The fields by the words that mean nothing in them: those of a file, unless a column has its own."""
    columns = {column.name: column for column in layout.columns if column is not None}
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in fields:
        column = columns.get(name)
        groups[nulls_of(column, contract.format) if column else contract.format.null_tokens].append(name)
    return groups


def _beside(tables: Sequence[pa.Table], order: Sequence[str]) -> pa.Table:
    """The columns of several tables of the same rows. Raises ArrowInvalid if they are not."""
    columns = {name: table[name] for table in tables for name in table.column_names}
    return pa.table({name: columns[name] for name in order})
