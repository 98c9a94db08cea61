"""Rows as CSV, byte for byte as an export's dialect says: columns of Arrow in, lines of text out.

All rows of a part are written at once, column by column, which is what makes thousands of small files quick.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Kind
from headrace.domain.export import Dialect, ExportColumn
from headrace.errors import TerminalError
from headrace.transform.values.times import TimeFormat, parse_format

FORMULA = r"^[=+\-@\t\r\n\x00＝＋－＠]"  # noqa: RUF001 - spreadsheets take the wide signs for the narrow ones
"""How a text begins that a spreadsheet would run: https://owasp.org/www-community/attacks/CSV_Injection, and NUL by
https://github.com/OWASP/ASVS/blob/master/5.0/en/0x10-V1-Encoding-and-Sanitization.md (1.2.10)."""
GUARD = "'"
BLOCK_ROWS = 10_000
BOMS = {"utf-8-sig": ("utf-8", b"\xef\xbb\xbf"), "utf-16": ("utf-16-le", b"\xff\xfe")}
TOKENS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


class UnwritableError(TerminalError):
    """A value that the dialect cannot write: which row (from 1), which column, why."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one account, in order, without their ends."""

    texts: list[str]
    dialect: Dialect
    columns: tuple[ExportColumn, ...]

    def encoded(self) -> bytes:
        """The whole file. Raises UnwritableError for a character that the encoding does not have."""
        lines = [header(self.columns, self.dialect), *self.texts] if self.dialect.header else self.texts
        text = "".join(f"{line}{self.dialect.line_end}" for line in lines)
        encoding, mark = BOMS.get(self.dialect.encoding, (self.dialect.encoding, b""))
        try:
            return mark + text.encode(encoding)
        except UnicodeEncodeError as error:
            raise self._unwritable(text, error) from error

    def _unwritable(self, text: str, error: UnicodeEncodeError) -> UnwritableError:
        character = text[error.start]
        row = next((number for number, line in enumerate(self.texts, 1) if character in line), 0)
        return UnwritableError(
            f"row {row} has the character {character!r} (U+{ord(character):04X}), which {self.dialect.encoding} does"
            " not have: change the value, or the encoding of the export"
        )


@cache
def header(columns: tuple[ExportColumn, ...], dialect: Dialect) -> str:
    """The first line."""
    return dialect.delimiter.join(_quoted_text(column.header, dialect) for column in columns)


def lines(rows: pa.Table, columns: tuple[ExportColumn, ...], dialect: Dialect) -> pa.ChunkedArray:
    """Each row as a line, without its end. A row without any column that needs writing is an empty line."""
    written = [_column(rows[column.name], column, dialect) for column in columns]
    return _joined(*written, by=dialect.delimiter)


def by_account(
    rows: pa.Table, label: str, order_by: tuple[str, ...], columns: tuple[ExportColumn, ...], dialect: Dialect
) -> Iterator[tuple[str, Lines]]:
    """The lines of each account in `rows`, whose column `label` names it; within an account by `order_by`."""
    if not rows.num_rows:
        return
    ordered = rows.sort_by([(name, "ascending") for name in (label, *order_by)])
    texts = [text for block in _blocks(ordered) for text in lines(block, columns, dialect).to_pylist()]
    runs = pc.run_end_encode(ordered[label].combine_chunks())
    start = 0
    for account, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield account, Lines(texts[start:end], dialect, columns)
        start = end


def _blocks(rows: pa.Table) -> Iterator[pa.Table]:
    """The rows in blocks, so that what is made of columns on the way stays small."""
    for start in range(0, rows.num_rows, BLOCK_ROWS):
        yield rows.slice(start, BLOCK_ROWS)


def _joined(*texts: pa.ChunkedArray | str, by: str = "") -> pa.ChunkedArray:
    """Texts next to each other, row by row; NULL where one of them is NULL."""
    arrays = [pa.scalar(text, pa.large_string()) if isinstance(text, str) else text for text in (*texts, by)]
    return pc.binary_join_element_wise(*arrays)


def _column(values: pa.ChunkedArray, column: ExportColumn, dialect: Dialect) -> pa.ChunkedArray:
    """A column's values as fields of a line, quoted where they must be."""
    texts = _WRITERS[column.kind](values, column, dialect).cast(pa.large_string())
    if dialect.guard_formulas and column.kind in {Kind.STRING, Kind.SUPER}:
        texts = pc.if_else(pc.match_substring_regex(texts, FORMULA), _joined(GUARD, texts), texts)
    return pc.fill_null(_quoted(texts, dialect), dialect.null)


def _quoted(texts: pa.ChunkedArray, dialect: Dialect) -> pa.ChunkedArray:
    """Quotes around what needs them, the quotes within doubled. NULL stays NULL."""
    mark = dialect.quote
    doubled = pc.replace_substring(texts, mark, mark + mark)
    wrapped = _joined(mark, doubled, mark)
    if dialect.quoting == "all":
        return wrapped
    return pc.if_else(_needs_quotes(texts, dialect), wrapped, texts)


def _needs_quotes(texts: pa.ChunkedArray, dialect: Dialect) -> pa.ChunkedArray:
    """A text with a mark of the dialect in it, with blanks at its ends, or that would read as NULL."""
    special = re.escape(dialect.delimiter) + re.escape(dialect.quote)
    needed = pc.match_substring_regex(texts, f"[{special}\r\n]|^[ \t]|[ \t]$")
    return pc.or_(needed, pc.equal(texts, dialect.null))


def _quoted_text(text: str, dialect: Dialect) -> str:
    return str(_quoted(pa.chunked_array([pa.array([text], pa.large_string())]), dialect)[0].as_py())


def _text(values: pa.ChunkedArray, _column: ExportColumn, _dialect: Dialect) -> pa.ChunkedArray:
    return values.cast(pa.large_string())


def _number(values: pa.ChunkedArray, _column: ExportColumn, dialect: Dialect) -> pa.ChunkedArray:
    """Decimals with all their digits, floats as short as they can be read back; never in the form 1E-7 for decimals."""
    texts = _plain_decimals(values) if pa.types.is_decimal(values.type) else values.cast(pa.large_string())
    return pc.replace_substring(texts, ".", dialect.decimal) if dialect.decimal != "." else texts


def _plain_decimals(values: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = values.cast(pa.large_string())
    if not pc.any(pc.match_substring(texts, "E")).as_py():
        return texts
    plain = [None if value is None else format(value, "f") for value in values.to_pylist()]
    return pa.chunked_array([pa.array(plain, pa.large_string())])


def _boolean(values: pa.ChunkedArray, _column: ExportColumn, dialect: Dialect) -> pa.ChunkedArray:
    return pc.if_else(values, dialect.true, dialect.false)


def _time(values: pa.ChunkedArray, column: ExportColumn, _dialect: Dialect) -> pa.ChunkedArray:
    """A date or time in the column's format; by default 2026-01-31, and 2026-01-31 09:05:07 with a fraction if any."""
    if column.format:
        return _formatted(values, parse_format(column.format))
    texts = values.cast(pa.large_string())
    if not pa.types.is_timestamp(values.type):
        return texts
    return (
        pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), ".")
        if _has_fraction(values)
        else pc.utf8_slice_codeunits(texts, 0, 19)
    )


def _has_fraction(values: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.not_equal(values, values.cast(pa.timestamp("s"), safe=False).cast(values.type))).as_py())


def _formatted(values: pa.ChunkedArray, wanted: TimeFormat) -> pa.ChunkedArray:
    """Each different value once: dates repeat."""
    encoded = values.combine_chunks().dictionary_encode()
    texts = pa.array([_in_format(value, wanted) for value in encoded.dictionary.to_pylist()], pa.large_string())
    return pa.chunked_array([texts.take(encoded.indices)])


def _in_format(value: Any, wanted: TimeFormat) -> str:
    return "".join(_token(value, token) if token else literal for token, literal in wanted.parts)


def _token(value: Any, token: str) -> str:
    if token == "yyyy":  # noqa: S105 - a letter of the format; strftime does not fill the year with zeros everywhere
        return f"{value.year:04d}"
    if token.startswith("S"):
        return f"{value.microsecond:06d}000"[: len(token)]
    return "Z" if token == "XXX" else str(value.strftime(TOKENS[token]))  # noqa: S105 - the warehouse's times are UTC


_WRITERS = {
    Kind.STRING: _text,
    Kind.SUPER: _text,
    Kind.INTEGER: _number,
    Kind.FLOAT: _number,
    Kind.DECIMAL: _number,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _time,
    Kind.TIMESTAMP: _time,
}
