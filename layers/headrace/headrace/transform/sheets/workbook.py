"""A workbook of Excel's (ECMA-376): its sheets, its texts, its formats, and the rows of one sheet as they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import join, normpath

from headrace.transform.decode.compression import Archive
from headrace.transform.decode.xml_events import PIECE, XmlEvents, feed_all
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.sheets.formats import BUILT_IN, Shown, shown_as

BOOK = "xl/workbook.xml"
MOST_STRINGS = 2_000_000
MOST_STYLES = 100_000
MOST_COLUMNS = 16_384
ESCAPED = re.compile("_x(D[89AB][0-9A-F]{2})__x(D[C-F][0-9A-F]{2})_|_x(?!D[89A-F])([0-9A-F]{4})_", re.IGNORECASE)
"""A character, or the two halves of one; half of one is none, and stands for itself."""
PLACE = re.compile("([A-Z]{1,3})[0-9]*")
Row = tuple[int, dict[int, "Cell"]]
"""The number of a row in its sheet, and its cells by the number of their column, both from 1."""


@dataclass(slots=True)
class Cell:
    """What a cell holds: `kind` as Excel writes it, `style` a place in the workbook's formats."""

    kind: str = "n"
    style: int = 0
    text: str = ""
    has_value: bool = False
    is_computed: bool = False


@dataclass(slots=True)
class Workbook:
    """What a workbook says of all its sheets. `styles` are how numbers are shown, with the zeros of a code."""

    archive: Archive
    limits: Limits
    sheets: dict[str, str] = field(default_factory=dict)
    from_1904: bool = False
    styles: list[tuple[Shown, int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def rows(self, sheet: str) -> Iterator[Row]:
        """The rows of a sheet that have cells."""
        found = _Sheet(self.limits)
        read = self.archive.open(self.sheets[sheet])
        piece = b"begun"
        while piece:
            piece = read(PIECE)
            found.events.feed(piece)
            yield from found.taken()

    def text(self, cell: Cell) -> str:
        """The text in a cell, or that of its number. Raises FileRejected where it is none of the workbook's."""
        if cell.kind != "s":
            return _unescaped(cell.text)
        if not cell.text:
            return ""
        if not cell.text.isascii() or not cell.text.isdigit() or int(cell.text[:9]) >= len(self.texts):
            raise FileRejected("xlsx", "the workbook is damaged: a cell has a text that is not there")
        return self.texts[int(cell.text)]


def open_workbook(archive: Archive, limits: Limits) -> Workbook:
    """Reads all but the sheets. Raises FileRejected for what is no workbook, or has too many texts or formats."""
    if BOOK not in archive.names:
        raise FileRejected("xlsx", f"the file is no Excel workbook that can be read: there is no {BOOK} in it")
    made = Workbook(archive, limits)
    targets = _targets(archive, limits)
    _read_book(made, targets)
    for name in archive.names:
        if name.lower() == "xl/styles.xml":
            _read_styles(made, name)
        if name.lower() == "xl/sharedstrings.xml":
            _read_texts(made, name)
    return made


def _targets(archive: Archive, limits: Limits) -> dict[str, str]:
    """The workbook's parts by their id."""
    found: dict[str, str] = {}

    def begins(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship":
            target = attributes.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
            found[attributes.get("Id", "")] = path

    _read(archive, "xl/_rels/workbook.xml.rels", limits, begins)
    return found


def _read_book(made: Workbook, targets: dict[str, str]) -> None:
    def begins(name: str, attributes: dict[str, str]) -> None:
        if name == "workbookPr":
            made.from_1904 = attributes.get("date1904") in {"1", "true"}
        if name == "sheet":
            ids = [value for key, value in attributes.items() if key.endswith(" id")]
            path = targets.get(ids[0] if ids else "", "")
            if path in made.archive.names:
                made.sheets[attributes.get("name", "")] = path

    _read(made.archive, BOOK, made.limits, begins)
    if not made.sheets:
        raise FileRejected("xlsx", "the workbook has no sheet")


def _read_styles(made: Workbook, path: str) -> None:
    own: dict[str, str] = {}
    within: list[str] = []

    def begins(name: str, attributes: dict[str, str]) -> None:
        within.append(name)
        if name == "numFmt":
            own[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        if name == "xf" and "cellXfs" in within:
            made.styles.append(_style(attributes.get("numFmtId", "0"), own))
        if len(made.styles) + len(own) > MOST_STYLES:
            raise FileRejected("xlsx", f"the workbook has more than {MOST_STYLES:,} formats")

    _read(made.archive, path, made.limits, begins, lambda _: within.pop())


def _style(number: str, own: dict[str, str]) -> tuple[Shown, int]:
    if number in own:
        return shown_as(own[number]), len(own[number])
    return BUILT_IN.get(int(number) if number.isdecimal() else 0, Shown.NUMBER), 0


def _read_texts(made: Workbook, path: str) -> None:
    """The texts that cells name by number. How East Asian ones are pronounced is no part of them."""
    parts: list[str] = []
    within: list[str] = []

    def begins(name: str, _: dict[str, str]) -> None:
        within.append(name)

    def ends(name: str) -> None:
        within.pop()
        if name == "si":
            made.texts.append(_unescaped("".join(parts)))
            parts.clear()
            if len(made.texts) > MOST_STRINGS:
                raise FileRejected("too_large", f"the workbook has more than {MOST_STRINGS:,} texts: send several")

    def text(piece: str) -> None:
        if within[-1] == "t" and "rPh" not in within:
            parts.append(piece)

    made.archive.refuse_longer(path, made.limits.strings, "the workbook's texts take")
    feed_all(XmlEvents(begins, ends, text, made.limits, path), made.archive.open(path))


def _read(archive: Archive, path: str, limits: Limits, begins: object, ends: object = None) -> None:
    """Reads a small part of the workbook; one that is not there has nothing in it."""
    if path not in archive.names:
        return
    archive.refuse_longer(path, limits.line, f"{path} takes")
    no_text, no_end = (lambda _: None), (lambda _: None)
    feed_all(XmlEvents(begins, ends or no_end, no_text, limits, path), archive.open(path))  # type: ignore[arg-type]


def _unescaped(text: str) -> str:
    """Characters that XML cannot have are written as `_x000D_` (22.4.2.4)."""
    return ESCAPED.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    return bytes.fromhex(found[3] or found[1] + found[2]).decode("utf-16-be")


class _Sheet:
    """The rows of a sheet, as far as it was read."""

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.line
        self._done: list[Row] = []
        self._number = self._place = self._length = 0
        self._cells: dict[int, Cell] = {}
        self._cell: Cell | None = None
        self._within: list[str] = []
        self.events = XmlEvents(self._begins, self._ends, self._text, limits, "the sheet")

    def taken(self) -> list[Row]:
        """The rows that are whole, each once."""
        done, self._done = self._done, []
        return done

    def _begins(self, name: str, attributes: dict[str, str]) -> None:
        self._within.append(name)
        if name == "row":
            said = attributes.get("r", "")
            self._number = int(said) if said.isdecimal() and len(said) < 9 else self._number + 1
            self._cells, self._place, self._length = {}, 0, 0
        elif name == "c":
            self._begin_cell(attributes)
        elif self._cell is not None and name in {"v", "is"}:
            self._cell.has_value = True
        elif self._cell is not None and name == "f":
            self._cell.is_computed = True

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        found = PLACE.fullmatch(attributes.get("r", ""))
        self._place = _column(found[1]) if found else self._place + 1
        if self._place > MOST_COLUMNS:
            raise FileRejected("xlsx", f"row {self._number:,} of the sheet has more than {MOST_COLUMNS:,} columns")
        style = attributes.get("s", "")
        self._cell = Cell(attributes.get("t", "n"), int(style) if style.isdecimal() and len(style) < 9 else 0)

    def _ends(self, name: str) -> None:
        self._within.pop()
        if name == "c" and self._cell is not None:
            if self._cell.is_computed and not self._cell.has_value:
                place = f"in row {self._number:,}, column {self._place}"
                reason = f"a formula {place} has no value: the program that wrote the file did not compute it"
                raise FileRejected("xlsx", f"{reason}; open it in Excel and save it")
            if self._cell.has_value:
                self._cells[self._place] = self._cell
            self._cell = None
        elif name == "row" and self._cells:
            self._done.append((self._number, self._cells))
            self._cells = {}

    def _text(self, piece: str) -> None:
        name = self._within[-1]
        if self._cell is None or name not in {"v", "t"} or "rPh" in self._within:
            return
        self._length += len(piece)
        if self._length > self._limit:
            raise FileRejected(
                "line_too_long", f"row {self._number:,} of the sheet is longer than {self._limit:,} bytes"
            )
        self._cell.text += piece


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
