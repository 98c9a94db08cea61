"""JSON documents to typed rows: one object a row, columns taken by key, or by path such as `customer.id`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.bounds import LONGEST_NAME
from headrace.domain.contract import Column, Contract, FileFormat, Kind
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.decode.lines import LineBlocks, Skimmed
from headrace.transform.delimited.header import Layout, few, refuse_unknown
from headrace.transform.delimited.odd_rows import Row
from headrace.transform.json_files.columns import (
    JsonColumns,
    Path,
    Values,
    at_path,
    has_paths,
    key_tree,
    known_keys,
    path_of,
    surplus,
    unclaimed,
)
from headrace.transform.json_files.objects import without_nan
from headrace.transform.json_files.records import LineRecords, Records
from headrace.transform.json_files.values import (
    AsWritten,
    exact_number,
    json_reader,
    needs_all_digits,
    takes_numbers_as_texts,
)
from headrace.transform.key_columns import KeyColumns, in_rows
from headrace.transform.outcome import BadRow, FileRejected, Limits, RowError
from headrace.transform.rules.columns import ColumnChecks
from headrace.transform.rules.parsed import Parsed, in_order, table_of, without
from headrace.transform.rules.rows import RowRules, apart
from headrace.transform.rules.values import ColumnReader
from headrace.transform.schema import data_schema
from headrace.transform.values.json_text import have_each_key_once, repeated_key
from headrace.transform.values.meaning import CHANGES, Change, meaning
from headrace.transform.values.values import shown

UNDERFLOW = re.compile(rb"[eE]-0*[1-9][0-9]|0{200}")
"""What a line holds in which a number other than zero may be read as the double zero, being less than 1e-323."""
LOSSY = re.compile(rb"[0-9][0-9.]{15}|[eE]-0*[1-9][0-9]{2}")
"""What a line holds in which a number is not read exactly: more digits than a double has, or an exponent beyond it."""
FLOAT = r"[0-9][.e]"
"""How a double is written, and some texts."""
JSON_NUMBERS = frozenset({int, float})
NAMED = 1000
"""At most this many unknown keys are remembered: documents may have keys without end."""
AT_A_TIME = 256
"""How many documents are parsed and taken apart before the next: they stay in the processor's cache."""


class _Exact(NamedTuple):
    """A line with all digits of its numbers: as decimals, as JSON and as texts. None where they are not needed."""

    numbers: Any
    as_written: Any
    texts: Any


class JsonReader:
    """Reads one text of JSON documents, which `records` cuts apart.

    `is_ours` says whether an object so far had a key of the contract.
    """

    def __init__(
        self,
        contract: Contract,
        text: TextBytes,
        limits: Limits,
        block_bytes: int,
        records: Records,
        key: KeyColumns | None = None,
    ) -> None:
        contract = in_rows(contract)
        self._text = text
        self._limits = limits
        faults = sum(column.required for column in contract.columns) + len(contract.rules)
        self._most_rows = limits.rows_of(faults, len(contract.columns))
        self._records = records(text, limits, block_bytes, self._most_rows)
        self._schema = data_schema(contract)
        self._quick = JsonColumns(contract)
        self._checks = ColumnChecks(contract)
        self._rules = RowRules(contract, key)
        self._columns = [
            (c, path_of(c.source), ColumnReader(c, json_reader(c), meaning(c, contract.format)))
            for c in contract.columns
        ]
        self._decimals = [place for place, column in enumerate(contract.columns) if needs_all_digits(column)]
        self._texts = [path_of(c.source) for c in contract.columns if takes_numbers_as_texts(c)]
        self._format = contract.format
        self._nan_is_null = contract.format.nan_is_null
        self._known = known_keys(contract)
        self._tree = key_tree(contract)
        self._nested = has_paths(self._tree)
        self._refuse_unknown = contract.refuse_unknown
        self._supers = [place for place, column in enumerate(contract.columns) if column.kind is Kind.SUPER]
        self._unknown: dict[str, None] = {}
        self.is_ours = False
        self._rows_read = self._records.before if isinstance(self._records, LineRecords) else 0
        self._is_part = isinstance(self._records, LineRecords) and self._records.is_part
        self.layout: Layout | None = None

    @property
    def detected(self) -> dict[str, Any]:
        """What the text showed of itself."""
        unknown = {"unknown_columns": list(self._unknown)} if self._unknown else {}
        return {"encoding": self._text.label} | unknown

    @property
    def lines(self) -> LineBlocks | None:
        """The text's lines; None if it is one array."""
        return self._records.lines if isinstance(self._records, LineRecords) else None

    def parse(self) -> Iterator[Parsed]:
        """The rows, a stretch at a time.

        Raises FileRejected for an array where the contract says JSON Lines and, in the end, for objects of which none
        has a key of the contract. The latter is not said of a part of a file: it takes all parts to know.
        """
        final = False
        while not final:
            lines, final = self._records()
            for start in range(0, len(lines), self._most_rows):
                yield self._block(lines[start : start + self._most_rows])
        if self._unknown and not self.is_ours and not self._is_part:
            raise other_dataset(self._known)

    def skim(self, border: Callable[[], int | None]) -> Skimmed:
        """Counts the records that begin before a border of the text, which must be known once it is read up to there.

        The border is where a line begins.
        """
        assert isinstance(self._records, LineRecords)
        return self._records.skim(border)

    def _block(self, lines: list[bytes]) -> Parsed:
        before, self._rows_read = self._rows_read, self._rows_read + len(lines)
        raw, lines = lines, [without_nan(line) for line in lines] if self._nan_is_null else lines
        values, places = self._values(lines)
        fast, left = self._fast_rows(values, places, lines, before)
        certain = set(places).difference(left)
        slow = self._slow_rows([(place, line) for place, line in enumerate(lines) if place not in certain], before, raw)
        return apart(in_order(fast, slow), self._rules, lambda number: self._raw(raw[number - before - 1]))

    def _raw(self, line: bytes) -> bytes:
        return self._text.landed(line.removesuffix(b"\r"))

    def _values(self, lines: list[bytes]) -> tuple[list[Values], list[int]]:
        """What the lines that are objects hold, by column, and the places of those lines."""
        by_column: list[Values] = [[] for _ in self._columns]
        places: list[int] = []
        for start in range(0, len(lines), AT_A_TIME):
            documents = self._documents(lines[start : start + AT_A_TIME], start, places)
            for gathered, values in zip(by_column, self._quick.values(documents), strict=True):
                gathered.extend(values)
        return by_column, places

    def _documents(self, lines: list[bytes], start: int, places: list[int]) -> list[dict[str, Any]]:
        """The lines that are objects, parsed; their places are added to `places`, the first being `start`."""
        found: list[tuple[int, dict[str, Any]]] = []
        for place, line in enumerate(lines):
            if len(line) > self._limits.values and self._is_crowded(line):
                continue
            try:
                document = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if type(document) is dict:
                found.append((place, document))
                self.is_ours = self.is_ours or not self._tree.keys().isdisjoint(document)
                if len(self._unknown) < NAMED and (self._nested or not self._tree.keys() >= document.keys()):
                    self._note_unknown(document)
        if not have_each_key_once([lines[place] for place, _ in found], [document for _, document in found]):
            found = [each for each in found if have_each_key_once([lines[each[0]]], [each[1]])]
        places += [start + place for place, _ in found]
        return [document for _, document in found]

    def _is_crowded(self, line: bytes) -> bool:
        """Whether a document has more values than may be held at once, at up to some hundred bytes each."""
        return line.count(b",") + line.count(b"[") + line.count(b"{") > self._limits.values

    def _note_unknown(self, document: dict[str, Any]) -> None:
        """Remembers the keys that are not known, up to `NAMED`: which they are does not depend on blocks."""
        for name in unclaimed(document, self._tree):
            if len(self._unknown) < NAMED:
                self._unknown.setdefault(name[: LONGEST_NAME + 1])
        if self._refuse_unknown:
            refuse_unknown(list(self._unknown))

    def _fast_rows(
        self, values: list[Values], places: list[int], lines: list[bytes], before: int
    ) -> tuple[Parsed, list[int]]:
        """The rows that are plainly good, and the places of the others."""
        table, doubtful = self._quick.table(values)
        for column in self._decimals:
            doubtful |= _unlike_their_text(values[column], places, lines)
        for column in self._supers:
            doubtful |= _inexact(table[column], places, lines)
        doubtful.update(self._checks.broken(table))
        numbers = pc.add(pa.array(places, pa.int64()), before + 1)
        fast = Parsed(table, numbers, [])
        return without(fast, doubtful) if doubtful else fast, [places[index] for index in doubtful]

    def _slow_rows(self, lines: list[tuple[int, bytes]], before: int, raw: list[bytes]) -> Parsed:
        rows: list[tuple[Any, ...]] = []
        numbers: list[int] = []
        bad: list[BadRow] = []
        changes: list[Change] = []
        names = self._schema.names
        for place, line in lines:
            row, number = self._read(line, first=before + place == 0), before + place + 1
            if row.errors:
                bad.append(BadRow(number, self._raw(raw[place]), row.errors))
            else:
                rows.append(row.values)
                numbers.append(number)
                changes += [
                    (number, name, CHANGES[kind])
                    for name, kind in zip(names, map(type, row.values), strict=True)
                    if kind in CHANGES
                ]
        return Parsed(table_of(rows, self._schema), pa.array(numbers, pa.int64()), bad, changes)

    def _read(self, line: bytes, *, first: bool) -> Row:
        if len(line) > self._limits.values and self._is_crowded(line):
            reason = f"it has more than {self._limits.values:,} commas and opening brackets"
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
            self._value(self._said(column, path, document, exact), reader, errors)
            for column, path, reader in self._columns
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
        numbers = self._decimals and (is_lossy or UNDERFLOW.search(line))
        as_written = self._supers and is_lossy
        texts = any(type(at_path(document, path)) in JSON_NUMBERS for path in self._texts)
        return _Exact(
            json.loads(line, parse_float=exact_number, parse_int=exact_number) if numbers else None,
            json.loads(line, parse_float=orjson.Fragment, parse_int=orjson.Fragment) if as_written else None,
            json.loads(line, parse_float=AsWritten, parse_int=AsWritten) if texts else None,
        )

    def _value(self, said: Any, reader: ColumnReader, errors: list[RowError]) -> Any:
        said = reader.meant(said) if type(said) is str else said
        if said is None:
            errors.extend(reader.missing)
            return None
        return reader.value(said, errors)


def other_dataset(known: Iterable[str]) -> FileRejected:
    """Why a file is refused whose objects have keys, but none that is known.

    They are another dataset's, and would replace this one's rows by rows of NULLs.
    """
    keys = few(sorted(known), "or")
    return FileRejected("other_dataset", f"no object of the file has a key that the contract knows: {keys}")


def _unlike_their_text(values: Values, places: list[int], lines: list[bytes]) -> set[int]:
    """The places of doubles that may be another number than the file writes: of more digits, or less than any."""
    doubles = [place for place, value in enumerate(values) if type(value) is float]
    if not doubles:
        return set()
    texts = pa.array([lines[places[place]] for place in doubles], pa.binary())
    lossy = pc.match_substring_regex(texts, LOSSY.pattern)
    found = {doubles[index] for index in pc.indices_nonzero(lossy).to_pylist()}
    zeros = [place for place in doubles if not values[place]]
    return found.union(place for place in zeros if UNDERFLOW.search(lines[places[place]]))


def _inexact(json_texts: pa.ChunkedArray, places: list[int], lines: list[bytes]) -> set[int]:
    """The places of JSON that was written from doubles, of lines whose numbers may have more digits than they have."""
    floats = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(json_texts, FLOAT), pa.scalar(value=False)))
    return {place for place in floats.to_pylist() if LOSSY.search(lines[places[place]])}


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
