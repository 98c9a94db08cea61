"""JSON documents to typed rows: one object a row, columns taken by key, or by path such as `customer.id`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.bounds import LONGEST_NAME
from headrace.domain.contract import Contract, Kind
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.decode.lines import LineBlocks, Skimmed
from headrace.transform.delimited.header import Layout, few, refuse_unknown
from headrace.transform.json_files.columns import JsonColumns, Values, has_paths, key_tree, known_keys, unclaimed
from headrace.transform.json_files.documents import LOSSY, UNDERFLOW, DocumentReader
from headrace.transform.json_files.objects import without_nan
from headrace.transform.json_files.records import LineRecords, Records
from headrace.transform.json_files.values import needs_all_digits
from headrace.transform.key_columns import KeyColumns, in_rows
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.rules.columns import ColumnChecks
from headrace.transform.rules.parsed import Parsed, in_order, without
from headrace.transform.rules.rows import RowRules, apart
from headrace.transform.schema import data_schema
from headrace.transform.values.json_text import have_each_key_once

FLOAT = r"[0-9][.e]"
"""How a double is written, and some texts."""
NAMED = 1000
"""At most this many unknown keys are remembered: documents may have keys without end."""
AT_A_TIME = 256
"""How many documents are parsed and taken apart before the next: they stay in the processor's cache."""


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
        self._documents = DocumentReader(contract, limits)
        self._decimals = [place for place, column in enumerate(contract.columns) if needs_all_digits(column)]
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
        fast, doubtful = self._fast_rows(values, places, lines, before)
        certain = set(places).difference(doubtful)
        left = [(before + place + 1, line) for place, line in enumerate(lines) if place not in certain]

        def raw_of(number: int) -> bytes:
            return self._raw(raw[number - before - 1])

        return apart(in_order(fast, self._documents.rows(left, raw_of)), self._rules, raw_of)

    def _raw(self, line: bytes) -> bytes:
        return self._text.landed(line.removesuffix(b"\r"))

    def _values(self, lines: list[bytes]) -> tuple[list[Values], list[int]]:
        """What the lines that are objects hold, by column, and the places of those lines."""
        by_column: list[Values] = [[] for _ in self._schema]
        places: list[int] = []
        for start in range(0, len(lines), AT_A_TIME):
            documents = self._parsed(lines[start : start + AT_A_TIME], start, places)
            for gathered, values in zip(by_column, self._quick.values(documents), strict=True):
                gathered.extend(values)
        return by_column, places

    def _parsed(self, lines: list[bytes], start: int, places: list[int]) -> list[dict[str, Any]]:
        """The lines that are objects, parsed; their places are added to `places`, the first being `start`."""
        found: list[tuple[int, dict[str, Any]]] = []
        for place, line in enumerate(lines):
            if self._documents.is_crowded(line):
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
