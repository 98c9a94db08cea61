"""JSON Lines to typed rows: one object a line, columns taken by key, or by path such as `customer.id`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa

from headrace.domain.contract import Contract, Kind
from headrace.transform.encoding import TextBytes
from headrace.transform.explain import Row
from headrace.transform.jsonvalues import json_reader
from headrace.transform.lines import LineBlocks
from headrace.transform.outcome import BadRow, FileRejected, Limits, RowError
from headrace.transform.parsed import Parsed, table_of
from headrace.transform.rules import ColumnReader
from headrace.transform.schema import data_schema

DOUBLE_DIGITS = 15
"""A JSON number of up to this many digits survives being read as a double."""


class JsonLinesReader:
    """Reads one text of JSON Lines."""

    def __init__(self, contract: Contract, text: TextBytes, limits: Limits, block_bytes: int) -> None:
        self._text = text
        self._lines = LineBlocks(text.read, block_bytes, limits)
        self._schema = data_schema(contract)
        self._columns = [(_path(c.source), ColumnReader(c, json_reader(c))) for c in contract.columns]
        self._known = {path[0] for path, _ in self._columns}
        self._nulls = frozenset(contract.format.null_tokens)
        self._exact = any(c.kind is Kind.DECIMAL and c.precision > DOUBLE_DIGITS for c in contract.columns)
        self._unknown: dict[str, None] = {}
        self._rows_read = 0

    @property
    def detected(self) -> dict[str, Any]:
        """What the text showed of itself."""
        unknown = {"unknown_columns": list(self._unknown)} if self._unknown else {}
        return {"encoding": self._text.label} | unknown

    def parse(self) -> Iterator[Parsed]:
        """The rows, a stretch at a time. Raises FileRejected for a JSON array."""
        final = False
        while not final:
            data, final = self._lines.next_block()
            if data:
                yield self._block(data)

    def _block(self, data: bytes) -> Parsed:
        rows: list[tuple[Any, ...]] = []
        numbers: list[int] = []
        bad: list[BadRow] = []
        for line in data.split(self._lines.newline):
            if not line or line == b"\r":
                continue
            row = self._read(line)
            self._rows_read += 1
            if row.errors:
                bad.append(BadRow(self._rows_read, self._text.landed(line.removesuffix(b"\r")), row.errors))
            else:
                rows.append(row.values)
                numbers.append(self._rows_read)
        return Parsed(table_of(rows, self._schema), pa.array(numbers, pa.int64()), bad)

    def _read(self, line: bytes) -> Row:
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            self._refuse_arrays(line)
            return Row((), (_not_json(line, error),))
        if type(document) is not dict:
            self._refuse_arrays(line)
            return Row((), (RowError(None, "json", "the line is JSON, but no object"),))
        if not self._known.issuperset(document):
            self._unknown.update(dict.fromkeys(key for key in document if key not in self._known))
        if self._exact:
            document = json.loads(line, parse_float=Decimal)
        errors: list[RowError] = []
        values = tuple(self._value(_at(document, path), reader, errors) for path, reader in self._columns)
        return Row((), tuple(errors)) if errors else Row(values)

    def _refuse_arrays(self, line: bytes) -> None:
        if self._rows_read == 0 and line.lstrip().startswith(b"["):
            reason = "the file is one JSON array; the contract says JSON Lines, one object on each line"
            raise FileRejected("not_json_lines", reason)

    def _value(self, said: Any, reader: ColumnReader, errors: list[RowError]) -> Any:
        if said is None or (type(said) is str and said in self._nulls):
            errors.extend(reader.missing())
            return None
        return reader.value(said, errors)


def _path(source: str) -> tuple[str, ...]:
    return tuple(source.split("."))


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if type(document) is not dict:
            return None
        document = document.get(key)
    return document


def _not_json(line: bytes, error: orjson.JSONDecodeError) -> RowError:
    try:
        line.decode()
    except UnicodeDecodeError as undecodable:
        byte = line[undecodable.start]
        return RowError(None, "encoding", f"byte 0x{byte:02x} at place {undecodable.start + 1} is not UTF-8")
    return RowError(None, "json", f"the line is not JSON: {error.msg} (place {error.colno})")
