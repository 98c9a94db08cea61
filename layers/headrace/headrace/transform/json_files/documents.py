"""One JSON document at a time: the authority on what row it is, or what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from headrace.domain.contract import Column, Contract, FileFormat, Kind
from headrace.transform.delimited.odd_rows import Row
from headrace.transform.json_files.columns import Path, at_path, has_paths, key_tree, path_of, surplus
from headrace.transform.json_files.values import (
    AsWritten,
    exact_number,
    json_reader,
    needs_all_digits,
    takes_numbers_as_texts,
)
from headrace.transform.outcome import BadRow, FileRejected, Limits, RowError
from headrace.transform.rules.parsed import Parsed, table_of
from headrace.transform.rules.values import ColumnReader
from headrace.transform.schema import data_schema
from headrace.transform.values.json_text import repeated_key
from headrace.transform.values.meaning import CHANGES, Change, meaning
from headrace.transform.values.values import shown

UNDERFLOW = re.compile(rb"[eE]-0*[1-9][0-9]|0{200}")
"""What a line holds in which a number other than zero may be read as the double zero, being less than 1e-323."""
LOSSY = re.compile(rb"[0-9][0-9.]{15}|[eE]-0*[1-9][0-9]{2}")
"""What a line holds in which a number is not read exactly: more digits than a double has, or an exponent beyond it."""
JSON_NUMBERS = frozenset({int, float})


class _Exact(NamedTuple):
    """A line with all digits of its numbers: as decimals, as JSON and as texts. None where they are not needed."""

    numbers: Any
    as_written: Any
    texts: Any


class DocumentReader:
    """Reads the documents of one file, whose contract is as rows must keep it."""

    def __init__(self, contract: Contract, limits: Limits) -> None:
        self._format = contract.format
        self._most_values = limits.values
        self._schema = data_schema(contract)
        self._columns = [
            (c, path_of(c.source), ColumnReader(c, json_reader(c), meaning(c, contract.format)))
            for c in contract.columns
        ]
        self._needs_digits = any(map(needs_all_digits, contract.columns))
        self._has_supers = any(column.kind is Kind.SUPER for column in contract.columns)
        self._texts = [path_of(c.source) for c in contract.columns if takes_numbers_as_texts(c)]
        self._tree = key_tree(contract)
        self._nested = has_paths(self._tree)

    def rows(self, lines: Iterable[tuple[int, bytes]], raw: Callable[[int], bytes]) -> Parsed:
        """The rows that documents are, each given with its number; `raw` gives what is kept of a bad one."""
        rows: list[tuple[Any, ...]] = []
        numbers: list[int] = []
        bad: list[BadRow] = []
        changes: list[Change] = []
        names = self._schema.names
        for number, line in lines:
            row = self._read(line, first=number == 1)
            if row.errors:
                bad.append(BadRow(number, raw(number), row.errors))
            else:
                rows.append(row.values)
                numbers.append(number)
                changes += [
                    (number, name, CHANGES[kind])
                    for name, kind in zip(names, map(type, row.values), strict=True)
                    if kind in CHANGES
                ]
        return Parsed(table_of(rows, self._schema), pa.array(numbers, pa.int64()), bad, changes)

    def is_crowded(self, line: bytes) -> bool:
        """Whether a document has more values than may be held at once, at up to some hundred bytes each."""
        if len(line) <= self._most_values:
            return False
        return line.count(b",") + line.count(b"[") + line.count(b"{") > self._most_values

    def _read(self, line: bytes, *, first: bool) -> Row:
        if self.is_crowded(line):
            reason = f"it has more than {self._most_values:,} commas and opening brackets"
            return Row((), (RowError(None, "json", f"{reason}, which is more than a row may have"),))
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if first:
                _refuse_arrays(line, self._format)
            return Row((), (_not_json(line, error),))
        if type(document) is not dict:
            if first:
                _refuse_arrays(line, self._format)
            return Row((), (RowError(None, "json", "the line is JSON, but not an object"),))
        if (key := repeated_key(line, document)) is not None:
            return Row((), (RowError(None, "json", f"an object has the key {shown(key)} twice"),))
        try:
            exact = self._exactly(line, document)
        except RecursionError:
            return Row((), (RowError(None, "json", "it is nested too deeply for its numbers to be read exactly"),))
        errors: list[RowError] = []
        values = tuple(
            _value(self._said(column, path, document, exact), reader, errors) for column, path, reader in self._columns
        )
        return Row((), tuple(errors)) if errors else Row(values)

    def _said(self, column: Column, path: Path, document: Any, exact: _Exact) -> Any:
        """What a document says for a column, with all digits where the column needs them."""
        if column.kind is Kind.SUPER:
            document = document if exact.as_written is None else exact.as_written
            return surplus(document, self._tree, nested=self._nested) if column.unknown else at_path(document, path)
        said = at_path(document, path)
        if exact.texts is not None and takes_numbers_as_texts(column) and type(said) in JSON_NUMBERS:
            return at_path(exact.texts, path)
        return at_path(exact.numbers, path) if exact.numbers is not None and needs_all_digits(column) else said

    def _exactly(self, line: bytes, document: Any) -> _Exact:
        """The line with all digits, where a column needs them. Raises RecursionError where it is nested too deeply."""
        is_lossy = LOSSY.search(line)
        numbers = self._needs_digits and (is_lossy or UNDERFLOW.search(line))
        as_written = self._has_supers and is_lossy
        texts = any(type(at_path(document, path)) in JSON_NUMBERS for path in self._texts)
        return _Exact(
            json.loads(line, parse_float=exact_number, parse_int=exact_number) if numbers else None,
            json.loads(line, parse_float=orjson.Fragment, parse_int=orjson.Fragment) if as_written else None,
            json.loads(line, parse_float=AsWritten, parse_int=AsWritten) if texts else None,
        )


def _value(said: Any, reader: ColumnReader, errors: list[RowError]) -> Any:
    said = reader.meant(said) if type(said) is str else said
    if said is None:
        errors.extend(reader.missing)
        return None
    return reader.value(said, errors)


def _refuse_arrays(line: bytes, written: FileFormat) -> None:
    if line.lstrip().startswith(b"[") and (written.concatenated or written.kind == "jsonl"):
        agreed = "objects: concatenated" if written.concatenated else "JSON Lines, one object per line"
        accepts = "without it an array is accepted" if written.concatenated else "format: json accepts both"
        raise FileRejected("not_json_lines", f"the file is one JSON array; the contract says {agreed}: {accepts}")
    if line.strip() == b"{":
        reason = "an object goes over several lines: one a line is read, as jq -c . writes them, or an array of them"
        raise FileRejected("not_json_lines", reason)


def _not_json(line: bytes, error: orjson.JSONDecodeError) -> RowError:
    try:
        line.decode()
    except UnicodeDecodeError as undecodable:
        byte = line[undecodable.start]
        return RowError(None, "encoding", f"byte 0x{byte:02x} at place {undecodable.start + 1} is not UTF-8")
    return RowError(None, "json", f"the line is not JSON: {error.msg} (place {error.colno})")
