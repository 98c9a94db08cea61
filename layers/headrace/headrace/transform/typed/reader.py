"""Tables of typed columns to typed rows, a stretch at a time.

A row means what its JSON document means, and the reader of documents is the authority on it. What fits the contract's
columns exactly, and breaks no rule, is taken a column at a time; every other row becomes its document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from headrace.domain.contract import Column, Contract, FileFormat, Kind
from headrace.transform.delimited.header import Layout
from headrace.transform.json_files.documents import DocumentReader
from headrace.transform.json_files.objects import without_nan
from headrace.transform.key_columns import KeyColumns, in_rows
from headrace.transform.memory import at_most_more
from headrace.transform.outcome import BadRow, FileRejected, Limits, RowError
from headrace.transform.rules.columns import ColumnChecks
from headrace.transform.rules.parsed import Parsed, in_order, without
from headrace.transform.rules.rows import RowRules, apart
from headrace.transform.schema import arrow_type, data_schema
from headrace.transform.typed.documents import as_documents, member, spoiling
from headrace.transform.typed.exact import Taken, take_of, utf8
from headrace.transform.typed.fields import Field, fields_of
from headrace.transform.typed.files import too_large
from headrace.transform.typed.json_lines import TooDeepError, is_text, json_texts, objects
from headrace.transform.values.values import shown

SPOILED = frozenset({"json", "encoding"})
WITHIN = RowError(None, "json", "a value within a list or struct cannot be JSON: NaN, or bytes that are no text")
FEWEST_ROWS = 16
"""A stretch of so few rows is not divided again."""


class Tables(Protocol):
    """A file of tables."""

    @property
    def schema(self) -> pa.Schema: ...

    def tables(self, most_rows: int) -> Iterator[pa.Table]:
        """The rows, at most so many at a time. Raises FileRejected for a file that cannot be read."""


class TypedReader:
    """Reads one file of typed columns."""

    def __init__(self, contract: Contract, source: Tables, limits: Limits, key: KeyColumns | None = None) -> None:
        contract = in_rows(contract)
        self._source = source
        self._limits = limits
        self._fields, self._layout = fields_of(contract, source.schema, limits)
        self._schema = data_schema(contract)
        self._takers = [_taker(column, self._fields, self._layout, contract.format) for column in contract.columns]
        self._nan_is_null = contract.format.nan_is_null
        self._checks = ColumnChecks(contract)
        self._rules = RowRules(contract, key)
        self._documents = DocumentReader(as_documents(contract), limits)
        faults = sum(column.required for column in contract.columns) + len(contract.rules)
        self._most_rows = limits.rows_of(faults, max(len(contract.columns), len(self._fields)))
        self._rows_read = 0

    @property
    def detected(self) -> dict[str, Any]:
        """What the file showed of itself."""
        unknown = {"unknown_columns": self._layout.unknown} if self._layout.unknown else {}
        missing = [column.source for column in self._layout.absent if not column.unknown and not column.origin]
        return unknown | ({"absent_columns": missing} if missing else {})

    def parse(self) -> Iterator[Parsed]:
        """The rows, a stretch at a time."""
        for table in self._source.tables(self._most_rows):
            yield from self._within_memory(table)

    def _within_memory(self, table: pa.Table) -> Iterator[Parsed]:
        """The rows of a table, which is divided where it takes more memory than there is for it."""
        try:
            with at_most_more(self._limits.tables):
                parsed = self._stretch(table)
        except MemoryError as error:
            middle = table.num_rows // 2
            if middle < FEWEST_ROWS:
                raise too_large(self._limits) from error
            for part in (table[:middle], table[middle:]):
                yield from self._within_memory(part)
            return
        except (pa.ArrowNotImplementedError, TooDeepError) as error:
            raise FileRejected("types", "the file has a column of a type that cannot be read") from error
        self._rows_read += table.num_rows
        yield parsed

    def _stretch(self, table: pa.Table) -> Parsed:
        arrays = [self._read(field, table) for field in self._fields]
        taken = [take(arrays, table.num_rows) for take in self._takers]
        rows = pa.table([values for values, _ in taken], schema=self._schema)
        masks = [doubtful for _, doubtful in taken if pc.any(doubtful).as_py()]
        places = set(pc.indices_nonzero(reduce(pc.or_, masks)).to_pylist() if masks else [])
        places.update(self._checks.broken(rows))
        fast = Parsed(rows, pa.arange(self._rows_read + 1, self._rows_read + 1 + table.num_rows), [])
        lines = _Lines(self._layout, arrays, self._rows_read)
        if places:
            slow = self._documents.rows(self._left(lines, sorted(places)), lines.raw)
            explained = [self._explained(row, arrays) for row in slow.bad]
            fast = in_order(without(fast, places), Parsed(slow.table, slow.numbers, explained, slow.changes))
        return apart(fast, self._rules, lines.raw)

    def _read(self, field: Field, table: pa.Table) -> pa.Array:
        array = field.of(table)
        if self._nan_is_null and kinds.is_floating(array.type):
            return pc.if_else(pc.is_finite(array), array, pa.scalar(None, array.type))
        return array

    def _explained(self, row: BadRow, arrays: Sequence[pa.Array]) -> BadRow:
        """The row with what spoils its document, if something does: people have values before them, and no lines."""
        if row.errors[0].column is not None or row.errors[0].rule not in SPOILED:
            return row
        place = row.row_number - self._rows_read - 1
        values = [
            (array[place].as_py(), column)
            for column, array in zip(self._layout.columns, arrays, strict=True)
            if is_text(array.type) or kinds.is_floating(array.type)
        ]
        if found := tuple(error for value, column in values if (error := spoiling(value, column))):
            return row._replace(errors=found)
        return row if self._is_json(row.raw) else row._replace(errors=(WITHIN,))

    def _is_json(self, raw: bytes) -> bool:
        try:
            orjson.loads(without_nan(raw) if self._nan_is_null else raw)
        except orjson.JSONDecodeError:
            return False
        return True

    def _left(self, lines: _Lines, places: list[int]) -> Iterator[tuple[int, bytes]]:
        """The documents of the rows that are doubtful, with their numbers."""
        for number, line in lines.take(places):
            yield number, without_nan(line) if self._nan_is_null else line


Taker = Callable[[Sequence[pa.Array], int], Taken]
"""A column of the contract out of the fields of a stretch, of so many rows."""


def _taker(column: Column, fields: Sequence[Field], layout: Layout, file_format: FileFormat) -> Taker:
    none = pa.scalar(value=False)
    if column.unknown:
        unknown = layout.unknown_places
        return lambda arrays, rows: _unknown({name: arrays[place] for name, place in unknown.items()}, rows)
    if column not in layout.columns:
        return lambda _, rows: (pa.nulls(rows, arrow_type(column)), pa.repeat(none, rows))
    place = layout.columns.index(column)
    take = take_of(column, fields[place].kind, file_format)

    def taken(arrays: Sequence[pa.Array], rows: int) -> Taken:
        array = arrays[place]
        if take is not None:
            return take(array)
        if array.null_count < len(array):
            raise _misfit(column, fields[place])
        return pa.nulls(rows, arrow_type(column)), pa.repeat(none, rows)

    return taken


def _misfit(column: Column, field: Field) -> FileRejected:
    """Why a file is refused that has values of a type of which the column takes none."""
    said = "text" if is_text(field.kind) else str(field.kind)
    loose = is_text(field.kind) or column.kind is Kind.STRING
    hint = ": its property may say jsonTypes: loose" if loose else ""
    reason = f"the file has {shown(field.name)} as {said}, of which no {column.redshift_type} is made{hint}"
    return FileRejected("types", reason)


def _unknown(fields: dict[str, pa.Array], rows: int) -> Taken:
    """The fields that no column is, as one object a row; nothing where all of them are null."""
    members = {name: json_texts(array) for name, array in fields.items() if array.null_count < len(array)}
    if not members:
        return pa.nulls(rows, pa.string()), pa.repeat(pa.scalar(value=False), rows)
    found = objects(members, rows)
    return utf8(pc.if_else(pc.equal(found, b"{}"), pa.scalar(None, pa.binary()), found))


class _Lines:
    """The rows of a stretch as JSON documents, made when they are asked for."""

    def __init__(self, layout: Layout, arrays: Sequence[pa.Array], before: int) -> None:
        self._layout = layout
        self._arrays = arrays
        self._before = before
        self._known: dict[int, bytes] = {}

    def take(self, places: Sequence[int]) -> list[tuple[int, bytes]]:
        """The numbers of the rows at these places, and their documents."""
        chosen = pa.array(places, pa.int64())
        made = self._made([array.take(chosen) for array in self._arrays], len(places))
        found = [(self._before + place + 1, line) for place, line in zip(places, made, strict=True)]
        self._known.update(found)
        return found

    def raw(self, number: int) -> bytes:
        """The document of a row by its number."""
        if number not in self._known:
            self.take(range(len(self._arrays[0])))
        return self._known[number]

    def _made(self, arrays: Sequence[pa.Array], rows: int) -> list[bytes]:
        named = zip(self._layout.names, self._layout.columns, arrays, strict=True)
        lines: list[bytes] = objects({name: member(array, column) for name, column, array in named}, rows).to_pylist()
        return lines
