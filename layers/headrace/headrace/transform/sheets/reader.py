"""A sheet to typed rows: each row becomes the JSON document that it means, which the reader of documents reads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import IO, Any

import orjson

from headrace.domain.contract import Contract, FileFormat
from headrace.transform.decode.compression import Archive, spool
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.delimited.header import Layout, by_name, positional
from headrace.transform.json_files.made import some_of
from headrace.transform.json_files.reader import JsonReader
from headrace.transform.key_columns import KeyColumns, in_rows
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.rules.parsed import Parsed
from headrace.transform.sheets.formats import Shown, digits, meant, meant_iso, number_in
from headrace.transform.sheets.workbook import Cell, Row, Workbook, open_workbook
from headrace.transform.typed.documents import as_documents
from headrace.transform.typed.files import Read
from headrace.transform.typed.sample import ROWS, Sample

PLACE = "the sheet's header"
TITLE = "workbook"
MAGIC = b"PK"
LISTED = 20


class SheetReader:
    """Reads one sheet of one workbook."""

    def __init__(
        self, contract: Contract, read: Read, limits: Limits, block_bytes: int, key: KeyColumns | None = None
    ) -> None:
        self._contract = contract
        self._read = read
        self._limits = limits
        self._block_bytes = block_bytes
        self._key = key
        self.detected: dict[str, Any] = {}

    def parse(self) -> Iterator[Parsed]:
        """The rows, a stretch at a time."""
        with tempfile.TemporaryFile() as file:
            lines = self._lines(file)
            reader = JsonReader(
                as_documents(self._contract),
                TextBytes(lambda _: b"", "utf-8"),
                self._limits,
                self._block_bytes,
                lambda _text, _limits, block_bytes, most: some_of(lines, block_bytes, most),
                self._key,
            )
            yield from reader.parse()
            self.detected |= {name: value for name, value in reader.detected.items() if name != "encoding"}

    def _lines(self, file: IO[bytes]) -> Iterator[bytes]:
        book, sheet = opened(file, self._read, self._limits, self._contract.format.sheet)
        others = [name for name in book.sheets if name != sheet]
        self.detected |= {"sheet": sheet} | ({"other_sheets": others[:LISTED]} if others else {})
        yield from documents(book, sheet, in_rows(self._contract), self._limits)


def opened(file: IO[bytes], read: Read, limits: Limits, wanted: str = "") -> tuple[Workbook, str]:
    """The workbook, and the sheet to read: the one that is wanted, else the first."""
    spool(file, read, limits, TITLE)
    if not file.read(len(MAGIC)).startswith(MAGIC):
        raise FileRejected("xlsx", "the file is no Excel workbook (.xlsx) that can be read: it is no zip")
    book = open_workbook(Archive(file, limits), limits)
    if wanted and wanted not in book.sheets:
        there = ", ".join(map(repr, islice(book.sheets, LISTED)))
        raise FileRejected("xlsx", f"the workbook has no sheet {wanted!r}; there are {there}")
    return book, wanted or next(iter(book.sheets))


def documents(book: Workbook, sheet: str, contract: Contract | None, limits: Limits) -> Iterator[bytes]:
    """The rows of a sheet below its header, as documents; without a contract its names are the columns.

    Rows without a value are none, and values that are empty texts are none.
    """
    written = contract.format if contract is not None else FileFormat()
    rows = ((number, cells) for number, cells in _filled(book, sheet) if number > written.skip_lines)
    last = written.skip_lines
    if written.header:
        layout, number = _header(book, next(rows, None), contract, limits)
        last = number + written.after_header
    else:
        assert contract is not None
        layout = positional(contract)
    names = _names(layout)
    ours = next((name for name, column in zip(layout.names, layout.columns, strict=True) if column is not None), "")
    for number, cells in rows:
        if number > last:
            found = {names.get(at, f"({at})"): _value(book, cell, layout, at) for at, cell in cells.items()}
            _refuse_large(book, number, found, limits)
            yield orjson.dumps(found if ours in found or not ours else {ours: None, **found}, default=_as_json)


def _refuse_large(book: Workbook, number: int, row: dict[str, Any], limits: Limits) -> None:
    """Raises FileRejected for a row that is too large with its names and the texts that its cells only refer to."""
    size = sum(len(name) + (len(value) if isinstance(value, str) else 0) for name, value in row.items())
    if size > limits.line:
        raise FileRejected("line_too_long", f"row {number:,} of the sheet is longer than {limits.line:,} bytes")
    book.archive.spend(size)


def _as_json(number: Decimal) -> orjson.Fragment:
    return orjson.Fragment(digits(number))


def _filled(book: Workbook, sheet: str) -> Iterator[Row]:
    """The rows with the cells that hold more than an empty text."""
    for number, cells in book.rows(sheet):
        if filled := {place: cell for place, cell in cells.items() if book.text(cell)}:
            yield number, filled


def _header(book: Workbook, row: Row | None, contract: Contract | None, limits: Limits) -> tuple[Layout, int]:
    """What the header says, and the number of its row."""
    if row is None:
        raise FileRejected("empty", "the sheet is empty")
    number, cells = row
    most = limits.unknown_names + (len(contract.named_columns) if contract is not None else 0)
    if len(cells) > most:
        raise FileRejected("too_wide", f"{PLACE} has {len(cells):,} names, and at most {most:,} are read")
    texts = {place: str(_value(book, cell, None, place)).strip() for place, cell in cells.items()}
    if sum(map(len, texts.values())) > limits.header:
        raise FileRejected("line_too_long", f"{PLACE} is longer than {limits.header:,} bytes")
    names = [texts.get(place, "") for place in range(1, max(texts) + 1)]
    if contract is None:
        return Layout(tuple(names), (None,) * len(names), ()), number
    return by_name(contract, names, PLACE), number


def _names(layout: Layout) -> dict[int, str]:
    """The names of the columns by their place, from 1."""
    unknown = {place: name for name, place in layout.unknown_places.items()}
    return {place + 1: unknown.get(place, name) for place, name in enumerate(layout.names)}


def _value(book: Workbook, cell: Cell, layout: Layout | None, place: int) -> Any:
    """What a cell says to its column."""
    if cell.kind == "b":
        return cell.text.strip() in {"1", "true"}
    column = layout.columns[place - 1] if layout is not None and place <= len(layout.columns) else None
    if cell.kind == "d":
        return meant_iso(cell.text.strip(), column)
    if cell.kind != "n":
        return book.text(cell)
    number = number_in(cell.text.strip())
    if number is None:
        return cell.text
    shown, zeros = book.styles[cell.style] if cell.style < len(book.styles) else (Shown.NUMBER, 0)
    return meant(number, shown, zeros, column, from_1904=book.from_1904)


def sample_of_sheet(read: Read, limits: Limits) -> Sample:
    """The first rows of the first sheet."""
    with tempfile.TemporaryFile() as file:
        book, sheet = opened(file, read, limits)
        return Sample(b"\n".join([*islice(documents(book, sheet, None, limits), ROWS), b""]))
