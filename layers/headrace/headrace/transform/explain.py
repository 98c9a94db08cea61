"""The slow path: one record at a time, with every rule that it breaks and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.domain.contract import Contract
from headrace.transform.header import Layout
from headrace.transform.outcome import RowError
from headrace.transform.rules import ColumnReader
from headrace.transform.splitting import SplitError, Splitter, Unterminated
from headrace.transform.values import text_reader


@dataclass(frozen=True, slots=True)
class Row:
    """A record's values in the contract's order, or the errors that make it bad."""

    values: tuple[Any, ...]
    errors: tuple[RowError, ...] = ()


class RecordReader:
    """Reads the records of one delimited file. It decides; whatever is fast must agree with it."""

    def __init__(self, contract: Contract, layout: Layout, encoding: str) -> None:
        self.splitter = Splitter(contract.format.delimiter.encode(), contract.format.quote.encode())
        self._encoding = encoding
        self._width = len(layout.columns)
        self._has_header = contract.format.header
        self._nulls = frozenset(token.encode() for token in contract.format.null_tokens)
        place = {column.name: index for index, column in enumerate(layout.columns) if column is not None}
        self._readers = [(place.get(c.name), ColumnReader(c, text_reader(c))) for c in contract.columns]

    def read(self, record: bytes) -> Row:
        """The row, good or bad. Raises Unterminated for a record whose last quoted value is not closed."""
        try:
            fields = self.splitter.split(record)
        except Unterminated:
            raise
        except SplitError as error:
            return Row((), (RowError(None, "quoting", error.reason),))
        if len(fields) != self._width:
            return Row((), (self._miscounted(len(fields)),))
        errors: list[RowError] = []
        values: list[Any] = []
        for place, reader in self._readers:
            field = fields[place] if place is not None else None
            if field is None or field in self._nulls:
                errors.extend(reader.missing)
                values.append(None)
            else:
                values.append(self._value(field, reader, errors))
        return Row((), tuple(errors)) if errors else Row(tuple(values))

    def unterminated(self) -> Row:
        """The verdict on a record whose quote never closes."""
        return Row((), (RowError(None, "quoting", Unterminated().reason),))

    def _value(self, field: bytes, reader: ColumnReader, errors: list[RowError]) -> Any:
        try:
            text = field.decode()
        except UnicodeDecodeError as error:
            errors.append(RowError(reader.name, "encoding", self._undecodable(error)))
            return None
        return reader.value(text, errors)

    def _undecodable(self, error: UnicodeDecodeError) -> str:
        if self._encoding != "UTF-8":
            return f"it holds bytes that mean nothing in {self._encoding}"
        return f"byte 0x{error.object[error.start]:02x} at place {error.start + 1} of the value is not UTF-8"

    def _miscounted(self, found: int) -> RowError:
        source = "the header" if self._has_header else "the contract"
        return RowError(None, "fieldCount", f"it has {found} field{'s' * (found != 1)}, {source} has {self._width}")
