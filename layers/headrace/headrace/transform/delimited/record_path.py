"""The slow path: one record at a time, with every rule that it breaks and why."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Sequence
from typing import Any

from headrace.domain.contract import Contract
from headrace.transform.decode.encoding import AUTO
from headrace.transform.delimited.header import Layout
from headrace.transform.delimited.odd_rows import OddRows, Row
from headrace.transform.delimited.quoted import InQuotes, SplitError, Splitter, Unterminated, WellWritten
from headrace.transform.delimited.splitters import splitter_of
from headrace.transform.outcome import RowError
from headrace.transform.rules.values import ColumnReader
from headrace.transform.unknown import json_object
from headrace.transform.values.meaning import CHANGES, Quoted, Replaced, meaning
from headrace.transform.values.values import is_changing, text_reader, with_characters

Texts = Sequence[str | UnicodeDecodeError | None]
"""The fields of a record, an error where one is no text; then those of an absent column and of unknown fields."""


class RecordReader:
    """Reads the records of one delimited file. It is the authority: the fast paths must agree with it."""

    def __init__(self, contract: Contract, layout: Layout, encoding: str) -> None:
        self.splitter = splitter_of(contract)
        delimiter, quote = contract.format.delimiter, contract.format.quote
        usual = type(self.splitter) is Splitter and len(delimiter) == 1 and contract.format.quoted_nulls
        self._well_written = WellWritten(delimiter, quote, len(layout.columns)) if usual else None
        self._encoding = encoding
        self._is_named = contract.format.encoding != AUTO
        self._width = len(layout.columns)
        self._odd_rows = OddRows(contract, layout)
        self._has_header = contract.format.header
        self._null_bytes = frozenset(token.encode() for token in contract.format.null_tokens)
        self._fills_short = contract.format.fills_short
        self._quoted_nulls = contract.format.quoted_nulls
        self._changing = [(place, column.name) for place, column in enumerate(contract.columns) if is_changing(column)]
        self._unknown = layout.unknown_places if any(column.unknown for column in contract.columns) else {}
        place = {column.name: index for index, column in enumerate(layout.columns) if column is not None}
        absent, unknown = self._width, self._width + 1
        self._readers = [
            (
                unknown if c.unknown else place.get(c.name, absent),
                ColumnReader(c, text_reader(c), meaning(c, contract.format)),
            )
            for c in contract.columns
        ]

    def read(self, record: bytes) -> Row:
        """The row, good or bad. Raises Unterminated for a record whose last quoted value is not closed."""
        texts = self._texts(record)
        if texts is None:
            return self.read_odd(record)
        return self._odd_rows.verdict(texts, self._row)

    def _texts(self, record: bytes) -> Texts | None:
        """The fields of a record that is plainly well written, None for any other."""
        if self._well_written is None or self._unknown or record.startswith(BOM_UTF8):
            return None
        try:
            texts: Texts | None = self._well_written.split(record.decode())
        except UnicodeDecodeError:
            return None
        return texts and [*texts, None, None]

    def read_odd(self, record: bytes) -> Row:
        """As `read`, for a record that is likely not to be well written."""
        try:
            fields = self.splitter.split(record.removeprefix(BOM_UTF8))
        except Unterminated:
            raise
        except SplitError as error:
            return Row((), (RowError(None, "quoting", error.reason),))
        if len(fields) == self._width + 1 and not fields[-1]:
            fields.pop()  # a delimiter at the end of the row
        missing = max(0, self._width - len(fields)) if self._fills_short else 0
        if len(fields) + missing != self._width:
            return Row((), (self._miscounted(len(fields)),))
        texts = [*map(_text_or_error, fields), *[None] * missing]
        unknown = self._unknown_fields(fields) if self._unknown else None
        return self._odd_rows.verdict([*texts, None, unknown], self._row)

    def _row(self, texts: Texts) -> Row:
        """The row from its fields, and after them what an absent column and the column for unknown ones hold."""
        errors: list[RowError] = []
        values: list[Any] = []
        for place, reader in self._readers:
            text = texts[place]
            if isinstance(text, str):
                text = reader.meant(text)
            if text is None:
                errors += reader.missing
                values.append(None)
            elif isinstance(text, str):
                values.append(reader.value(text, errors))
            elif reader.replaces:
                values.append(self._replaced(text.object, reader, errors))
            else:
                errors.append(RowError(reader.name, "encoding", self._undecodable(text)))
        return Row((), tuple(errors)) if errors else Row(tuple(values))

    @staticmethod
    def _replaced(undecodable: bytes, reader: ColumnReader, errors: list[RowError]) -> Any:
        """The value of a text with bytes that are none."""
        text = reader.meant(with_characters(undecodable))
        if text is None:
            errors += reader.missing
            return None
        value = reader.value(text, errors)
        return Replaced(value) if type(value) is str else value

    def changes(self, row: Row) -> list[tuple[str, str]]:
        """The columns whose texts were changed to be kept, and how."""
        kinds = [(name, type(row.values[place])) for place, name in self._changing]
        return [(name, CHANGES[kind]) for name, kind in kinds if kind in CHANGES]

    def unterminated(self) -> Row:
        """The verdict on a record whose quote never closes."""
        return Row((), (RowError(None, "quoting", Unterminated().reason),))

    def _unknown_fields(self, fields: list[bytes]) -> str | UnicodeDecodeError | None:
        held = {name: fields[place] for name, place in self._unknown.items() if place < len(fields)}
        held = {name: field for name, field in held.items() if not self._is_null(field)}
        return _text_or_error(json_object(held)) if held else None

    def _is_null(self, field: bytes) -> bool:
        return field in self._null_bytes and not (isinstance(field, InQuotes) and not self._quoted_nulls)

    def _undecodable(self, error: UnicodeDecodeError) -> str:
        if self._encoding != "UTF-8":
            return f"it has bytes that are invalid in {self._encoding}"
        question = "" if self._is_named else ": is the file windows-1252? (`encoding`)"
        return f"byte 0x{error.object[error.start]:02x} at place {error.start + 1} of the value is not UTF-8{question}"

    def _miscounted(self, found: int) -> RowError:
        source = "the header" if self._has_header else "the contract"
        return RowError(None, "fieldCount", f"it has {found} field{'s' * (found != 1)}, {source} has {self._width}")


def _text_or_error(field: bytes) -> str | UnicodeDecodeError:
    try:
        return Quoted(field.decode()) if type(field) is InQuotes else field.decode()
    except UnicodeDecodeError as error:
        return error
