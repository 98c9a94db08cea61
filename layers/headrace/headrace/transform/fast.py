"""The fast path: lines that match the contract's pattern, parsed as a whole by Arrow's CSV reader."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from headrace.domain.contract import Column, Contract, Kind
from headrace.transform.header import Layout
from headrace.transform.pattern import PatternOptions, line_pattern
from headrace.transform.schema import arrow_type, data_schema
from headrace.transform.times import TimeFormat, parse_format
from headrace.transform.values import FALSE_TOKENS, TRUE_TOKENS

ZONED = re.compile(rb"(?:Z|[+-]\d\d:\d\d)\"?$")
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
            if column and column.kind is Kind.TIMESTAMP and not column.formats and ZONED.search(value)
        )
        self._layout = layout
        self._patterns: dict[bool, str] = {}
        self._read_options, self._parse_options, self._convert_options = self._csv_options()

    def matching(self, lines: pa.Array, data: bytes) -> pa.Array:
        """True for each line that is a good row by the pattern. `data` is what the lines were cut from."""
        good = pc.match_substring_regex(lines, self._pattern(_is_utf8(data)))
        if len(self._layout.columns) > 1:
            return good
        return pc.and_(good, pc.invert(pc.is_in(lines, BLANK)))

    def table(self, data: pa.Buffer | bytes) -> pa.Table:
        """The rows of matching lines, as the contract's columns. Raises ArrowInvalid if a line is none."""
        read_options = csv.ReadOptions(
            use_threads=False, block_size=len(data) + 1, column_names=self._read_options.column_names
        )
        source = pa.BufferReader(data)
        parsed = csv.read_csv(source, read_options, self._parse_options, self._convert_options).combine_chunks()
        return pa.table([self._column(column, parsed) for column in self._contract.columns], schema=self._schema)

    def _pattern(self, valid_utf8: bool) -> str:
        if valid_utf8 not in self._patterns:
            options = PatternOptions(self._zoned, valid_utf8)
            self._patterns[valid_utf8] = line_pattern(self._contract, self._layout, options)
        return self._patterns[valid_utf8]

    def _column(self, column: Column, parsed: pa.Table) -> pa.Array:
        if column in self._layout.absent:
            return pa.nulls(parsed.num_rows, arrow_type(column))
        array = parsed[column.name]
        if column.kind is Kind.TIMESTAMP and column.name in self._zoned:
            return array.cast(pa.timestamp("us"))
        if column.formats:
            return _rewritten(array, parse_format(column.formats[0])).cast(arrow_type(column))
        return array

    def _csv_options(self) -> tuple[csv.ReadOptions, csv.ParseOptions, csv.ConvertOptions]:
        file_format = self._contract.format
        known = {column.name: self._read_type(column) for column in self._layout.columns if column is not None}
        names = [c.name if c else f"unknown {place}" for place, c in enumerate(self._layout.columns)]
        convert = csv.ConvertOptions(
            check_utf8=False,
            column_types=known,
            include_columns=list(known),
            null_values=list(file_format.null_tokens),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            true_values=_forms(TRUE_TOKENS),
            false_values=_forms(FALSE_TOKENS),
        )
        parse = csv.ParseOptions(delimiter=file_format.delimiter, quote_char=file_format.quote or False)
        return csv.ReadOptions(column_names=names), parse, convert

    def _read_type(self, column: Column) -> pa.DataType:
        if column.formats:
            return pa.string()
        if column.name in self._zoned:
            return pa.timestamp("us", tz="UTC")
        return arrow_type(column)


def _forms(tokens: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(form for token in tokens for form in (token, token.upper(), token.title())))


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _rewritten(array: pa.Array, time_format: TimeFormat) -> pa.Array:
    """Texts in the format, written in ISO 8601 and cast to what they are."""
    groups = {token[0]: place for place, token in enumerate(time_format.tokens, start=1)}
    regex = time_format.regex({"S" * n: "[0-9]{6}" for n in range(7, 10)})
    text = rf"\{groups['y']}-\{groups['M']}-\{groups['d']}"
    if "H" in groups:
        clock = [rf"\{groups[letter]}" if letter in groups else "00" for letter in "Hms"]
        text += "T" + ":".join(clock) + (rf".\{groups['S']}" if "S" in groups else "")
    if "X" in groups:
        text += rf"\{groups['X']}"
    iso = pc.replace_substring_regex(array, f"^{regex}$", text)
    if "X" in groups:
        return iso.cast(pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us"))
    return iso.cast(pa.timestamp("us")) if "H" in groups else iso.cast(pa.date32())
