"""Whether the first record of delimited text names the columns."""

from __future__ import annotations

import re
from collections import Counter

from headrace.transform.outcome import FileRejected
from headrace.transform.values.inference import guess
from headrace_compiler.draft.shown import shown

WORDS_OF_VALUES = {"boolean", "integer", "number", "date", "timestamp"}
NUMBERS = {"integer", "number"}
NULL_WORDS = ("NULL", "null", "NA", "N/A", "\\N", "None")
YEAR = re.compile("(19|20)[0-9]{2}")
PREAMBLE = "Take it out of the sample, and write skipLines into the contract"
FEWEST_BESIDE, FIRST_RECORDS = 3, 20
"""A title is known by as many fields without a value, and by a header that follows soon."""

Record = list[str]


def doubt_of_header(first: Record, rest: list[Record]) -> str | None:
    """What speaks against the first record being a header, None where nothing does.

    Raises FileRejected where it is one and nothing follows, and where it is none of the table that follows.
    """
    names = [name.strip() for name in first]
    below = [record for record in rest if len(record) == len(first)]
    if rest:
        _refuse_preamble(first, rest)
    values = [name for place, name in enumerate(names) if _is_value(name, [record[place] for record in below])]
    if values:
        return f"{shown(values[0])} in the first line looks like a value"
    if not rest:
        raise FileRejected("empty", "only a header, no rows to learn from")
    if _is_index(names, below) or any(
        _stands_out(name, [record[place] for record in below]) for place, name in enumerate(names)
    ):
        return None
    return _doubt_without_types(names, below)


def repeated_name(names: list[str]) -> str | None:
    """A name that is there twice, if any."""
    return next((name for name in names if name and names.count(name) > 1), None)


def _refuse_preamble(first: Record, rest: list[Record]) -> None:
    if first[0].startswith("sep=") and not any(first[1:]):
        raise FileRejected("preamble", f"the first line (sep=) names the delimiter for Excel. {PREAMBLE}")
    _refuse_padded_preamble(first, rest)
    width = len(first)
    usual, times = Counter(map(len, rest)).most_common(1)[0]
    if usual == width or times * 2 <= len(rest):
        return
    reason = f"the first line has {width} field{'s' * (width != 1)}, the others {usual}"
    if usual == width + 1 and not any(record[width] for record in rest if len(record) == usual):
        both = "end the header with one too, or give the field its name"
        raise FileRejected("header", f"{reason}: rows end with a delimiter: {both}, if it is the first that lacks one")
    if usual == width + 1:
        question = "does the header lack the first field's name, as R writes row names?"
        raise FileRejected("row_names", f"{reason}: {question}")
    if usual == width - 1 and not first[-1]:
        raise FileRejected("header", f"{reason}: the header ends with a delimiter, the rows do not: take it off")
    raise FileRejected("preamble", f"{reason}: is it a preamble? {PREAMBLE}")


def _refuse_padded_preamble(first: Record, rest: list[Record]) -> None:
    """Spreadsheets fill each line with delimiters: a title stands alone in its line, above names in all fields."""
    if len(first) < FEWEST_BESIDE or sum(map(bool, first)) > 1:
        return
    names = next((record for record in rest[:FIRST_RECORDS] if len(record) == len(first) and all(record)), None)
    if names is not None:
        raise FileRejected("preamble", f"the first line has a value in one field only: is it a preamble? {PREAMBLE}")


def _doubt_without_types(names: list[str], below: list[Record]) -> str | None:
    """Of texts over texts only the names themselves can tell."""
    if twice := repeated_name(names):
        return f"{shown(twice)} is twice in the first line"
    if not all(names):
        return "a field of the first line is empty"
    again = Counter(
        name for record in below if record != names for name, value in zip(names, record, strict=True) if name == value
    )
    often = next((name for name, times in again.items() if times > 1), None)
    return often and f"{shown(often)} of the first line also occurs below it"


def _known(values: list[str]) -> list[str]:
    return [value for value in values if value and value not in NULL_WORDS]


def _is_value(name: str, below: list[str]) -> bool:
    """Whether it looks like a number or time, and like those below it. A year over other numbers is a name."""
    logical = guess([name]).logical if name else "string"
    if logical not in WORDS_OF_VALUES or _stands_out(name, below):
        return False
    return not (YEAR.fullmatch(name) and below and not any(map(YEAR.fullmatch, below)))


def _stands_out(name: str, below: list[str]) -> bool:
    """Whether a name over values of a type is not of that type."""
    known = _known(below)
    if not known or not _known([name]) or not any(map(str.isalnum, name)):
        return False
    usual, together = guess(known).logical, guess([*known, name]).logical
    return usual in WORDS_OF_VALUES and together != usual and not {usual, together} <= NUMBERS


def _is_index(names: list[str], below: list[Record]) -> bool:
    """Whether the first column is the nameless one that counts rows, as data frames are written."""
    return not names[0] and bool(below) and [record[0] for record in below[:2]] == ["0", "1"][: len(below)]
