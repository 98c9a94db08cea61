"""The fast path: lines that match the contract's pattern, parsed as a whole by Arrow's CSV reader."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from headrace.domain.contract import Column, Contract
from headrace.transform.header import Layout
from headrace.transform.pattern import line_pattern
from headrace.transform.schema import arrow_type, data_schema
from headrace.transform.typed import IN_UTC, WITHOUT_ZONE, is_zoned, typed_texts
from headrace.transform.unknown import unknown_json
from headrace.transform.values import BOOLEAN_FORMS

BLANK = pa.array([b"", b"\r"], pa.binary())
"""What a line of one column could be taken for, and a line of several never is."""


class FastPath:
    """Matches and parses lines of one file. What it accepts, `ColumnChecks` must still pass."""

    def __init__(self, contract: Contract, layout: Layout, first_values: list[bytes]) -> None:
        self._contract = contract
        self._schema = data_schema(contract)
        self._zoned = frozenset(
            column.name
            for column, value in zip(layout.columns, first_values, strict=False)
            if column and is_zoned(column, value)
        )
        self._layout = layout
        self._pattern = line_pattern(contract, layout, self._zoned)
        self._names = [c.name if c else f"unknown {place}" for place, c in enumerate(layout.columns)]
        keeps = any(column.unknown for column in contract.columns)
        self._unknown = {name: self._names[p] for name, p in layout.unknown_places.items()} if keeps else {}
        self._parsing = csv.ParseOptions(delimiter=contract.format.delimiter, quote_char=contract.format.quote or False)
        self._conversion = self._conversions()

    def matching(self, lines: pa.Array) -> pa.Array:
        """True for each line that is a good row by the pattern."""
        good = pc.match_substring_regex(lines, self._pattern)
        if len(self._layout.columns) > 1:
            return good
        return pc.and_(good, pc.invert(pc.is_in(lines, BLANK)))

    def table(self, data: pa.Buffer | bytes) -> pa.Table:
        """The rows of matching lines, as the contract's columns. Raises ArrowInvalid if a line is none."""
        one_block = csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=self._names)
        parsed = csv.read_csv(pa.BufferReader(data), one_block, self._parsing, self._conversion).combine_chunks()
        return pa.table([self._column(column, parsed) for column in self._contract.columns], schema=self._schema)

    def _column(self, column: Column, parsed: pa.Table) -> pa.Array:
        if column.unknown and self._unknown:
            return unknown_json({name: parsed[field] for name, field in self._unknown.items()})
        if column in self._layout.absent:
            return pa.nulls(parsed.num_rows, arrow_type(column))
        array = parsed[column.name]
        if column.formats:
            return typed_texts(array, column, zoned=False)
        return array.cast(WITHOUT_ZONE) if column.name in self._zoned else array

    def _conversions(self) -> csv.ConvertOptions:
        types = dict.fromkeys(self._unknown.values(), pa.string())
        types |= {column.name: self._read_type(column) for column in self._layout.columns if column is not None}
        return csv.ConvertOptions(
            check_utf8=False,
            column_types=types,
            include_columns=list(types),
            null_values=list(self._contract.format.null_tokens),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            true_values=BOOLEAN_FORMS[0],
            false_values=BOOLEAN_FORMS[1],
        )

    def _read_type(self, column: Column) -> pa.DataType:
        if column.formats:
            return pa.string()
        if column.name in self._zoned:
            return IN_UTC
        return arrow_type(column)
