"""Which field of a file is which column: by the header's names in any order, or by position without a header."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.domain.contract import Column, Contract, FileFormat
from headrace.domain.files.formats import format_that_begins
from headrace.transform.decode.lines import LineBlocks
from headrace.transform.drift import is_name
from headrace.transform.outcome import FileRejected
from headrace.transform.rules.values import is_needed
from headrace.transform.values.values import shown

COMPARED = 1000
"""How many fields of a line are searched for a misspelt name."""
LONGEST = 127
"""A longer name could be no column."""
LISTED = 10
"""At most this many columns are named."""
QUOTES = ("'", '"', "`")
MARKUP = re.compile(rb"\s*<[!?A-Za-z]")
HEADER = "the header"
DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Layout:
    """The file's fields in their order, each a column of the contract, or None for one that the contract lacks.

    `absent` are the columns of the contract that no single field of the file fills.
    """

    names: tuple[str, ...]
    columns: tuple[Column | None, ...]
    absent: tuple[Column, ...]

    @property
    def unknown(self) -> list[str]:
        """Fields of the file that no column of the contract takes."""
        return list(self.unknown_places)

    @property
    def unknown_places(self) -> dict[str, int]:
        """Where the fields stand that no column takes. One that is there again, or without a name, gets its place."""
        places: dict[str, int] = {}
        for place, (name, column) in enumerate(zip(self.names, self.columns, strict=True)):
            if column is None:
                places[name if name and name not in places else f"{name} ({place + 1})".lstrip()] = place
        return places


def positional(contract: Contract) -> Layout:
    """The layout of a file without a header: exactly the contract's columns, but for those in the key."""
    named = contract.row_columns
    return Layout(tuple(c.source for c in named), named, tuple(c for c in contract.columns if c.unknown or c.origin))


def by_name(contract: Contract, names: list[str], place: str = HEADER) -> Layout:
    """The layout that a header gives, or another `place` for names. Capitals count only where two names differ in them.

    Raises FileRejected for a required column that is missing, one named twice, or names in other quotes. A change log
    needs its operation: without it a delete would be an insert.
    """
    wanted = {column.source: column for column in contract.named_columns}
    names = _as_wanted([name.strip() for name in names], wanted)
    _refuse_other_quotes(names, wanted, contract.format.quote)
    for name, times in Counter(names).items():
        if name in wanted and times > 1:
            raise FileRejected("header", f"{place} names the column {name!r} twice")
    in_rows = {column.source: column for column in contract.row_columns}
    if in_rows.keys().isdisjoint(names):
        raise _missing(list(in_rows), names, in_rows, place)
    found = set(names)
    absent = tuple(column for column in contract.columns if column.unknown or column.source not in found)
    needed = contract.needed_operation
    missing = [column.source for column in absent if (is_needed(column) or column == needed) and not column.origin]
    if missing:
        raise _missing(missing, names, wanted, place)
    layout = Layout(tuple(names), tuple(wanted.get(name) for name in names), absent)
    if contract.refuse_unknown:
        refuse_unknown(layout.unknown)
    return layout


def _as_wanted(names: list[str], wanted: Mapping[str, Column]) -> list[str]:
    """The names, those that differ from a column's in capitals alone as the contract writes them."""
    by_folded = {folded: name for name in wanted if (folded := name.casefold())}
    clear = {folded for folded, times in Counter(map(str.casefold, wanted)).items() if times == 1}
    once = {folded for folded, times in Counter(map(str.casefold, names)).items() if times == 1}
    return [by_folded[name.casefold()] if name.casefold() in clear & once else name for name in names]


def _refuse_other_quotes(names: list[str], wanted: Mapping[str, Column], quote: str) -> None:
    """Raises FileRejected for a header whose names are in quotes that the contract does not have."""
    for name in names:
        if len(name) > 1 and name[0] == name[-1] in QUOTES and name[1:-1].strip() in wanted:
            said = f"the contract says {quote}" if quote else "the contract says that there are no quotes"
            raise FileRejected("header", f"the names in the header are quoted with {name[0]}, {said}")


def refuse_blank_after(delimiter: str, header: str, row: str) -> None:
    """Raises FileRejected where each delimiter of header and first row is followed by a blank: it belongs to it."""
    parts = header.split(delimiter)[1:], row.split(delimiter)[1:]
    if all(part and all(text[:1] == " " != text[1:2] for text in part) for part in parts):
        wide = f"{delimiter} "
        reason = f"a blank follows every {delimiter!r} in the header and the first row: is the delimiter {wide!r}?"
        raise FileRejected("header", reason)


def header_line(lines: LineBlocks, written: FileFormat) -> bytes:
    """The first line after the preamble that is neither blank nor a comment. Raises FileRejected if there is none."""
    blanks = False
    lines.skip_empty_lines()
    while (line := lines.next_line()) is not None:
        is_comment = line.startswith(written.marks)
        if line.strip() and not is_comment:
            return line
        blanks = blanks or (bool(line) and not is_comment)
        lines.skip_empty_lines()
    reason = "the file contains only blanks" if blanks else "the file is empty"
    footer = f", but for its last lines, up to {written.footer_lines}, which footerLines says are no rows"
    raise FileRejected("empty", reason + (footer if written.footer_lines else ""))


def seeming(line: bytes, contract: Contract) -> str:
    """What a file whose first line is not the contract's header seems to be, as the beginning of a reason."""
    said = f"the contract says {contract.format.kind}"
    seems = format_that_begins(line)
    if seems.begins:
        return f"the file begins like {seems.title}, {said}: "
    if MARKUP.match(line):
        return f"the file begins like HTML or XML, {said}: "
    agreed, wanted = contract.format.delimiter, {column.source for column in contract.named_columns}
    text = line.decode("utf-8", "replace")
    found = (mark for mark in DELIMITERS if mark in text and not wanted.isdisjoint(_fields(text, mark)))
    mark = next(found, None) if agreed not in text else None
    return f"the file is delimited by {mark!r}, the contract says {agreed!r}: " if mark else ""


def _fields(text: str, delimiter: str) -> list[str]:
    return [field.strip(' "') for field in text.split(delimiter)]


def refuse_unknown(names: list[str]) -> None:
    """Raises FileRejected if there are fields that the contract does not know."""
    if names:
        told = [shown(name) for name in names if is_name(name)]
        told += [f"{hidden} whose names may be values"] if (hidden := len(names) - len(told)) else []
        reason = f"the file has fields that the contract does not know: {few(told)}"
        raise FileRejected("unknown_columns", reason)


def _missing(missing: list[str], names: list[str], wanted: dict[str, Column], place: str) -> FileRejected:
    """Why the line is not the contract's header. It may be a row, so the reason quotes nothing of it."""
    known = sum(name in wanted for name in names)
    near = _near(missing[:LISTED], names, wanted)
    quoted = known * 2 >= len(names)
    said = [
        f"{shown(names[place])} for {name!r}" if quoted else f"its field {place + 1} meant to be {name!r}"
        for name, place in near.items()
    ]
    hint = f"; is {'it ' if quoted else ''}{few(said)}?" if said else ""
    if known:
        reason = f"{place} lacks the required column{'s' if len(missing) > 1 else ''} {few(missing)}{hint}"
    else:
        fields = f"{len(names):,} field{'' if len(names) == 1 else 's'}"
        it = "the first line is not the header of this dataset" if place == HEADER else f"{place} is not this dataset's"
        what = f"{it}: it has {fields}, of which none is"
        reason = f"{what} {few(missing, 'or')}{hint}"
    return FileRejected("header", reason, ", ".join(names))


def _near(missing: list[str], names: list[str], wanted: dict[str, Column]) -> dict[str, int]:
    """Where fields stand that are nearly named as missing columns are."""
    places = {name: place for place, name in enumerate(names[:COMPARED]) if name not in wanted and len(name) <= LONGEST}
    close = {name: difflib.get_close_matches(name, list(places), 1) for name in missing}
    return {name: places[found[0]] for name, found in close.items() if found}


def few(texts: list[str], last: str = "and") -> str:
    """The texts as a list, cut to a readable length."""
    if len(texts) > LISTED:
        texts = [*texts[:LISTED], f"{len(texts) - LISTED:,} more"]
    return f" {last} ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)
