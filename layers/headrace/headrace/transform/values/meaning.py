"""What a text means before it is read: blanks and Excel's quotes that are no part of it, words for nothing.

The same for single texts and for whole columns. A text that had to be changed to be kept says so by its type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Column, FileFormat
from headrace.domain.writing import BLANKS

NO_TEXT = pa.scalar(None, pa.string())
EXCEL_TEXT = re.compile(r'="(.*)"', re.DOTALL)
"""How spreadsheets are kept from taking a text for a number."""


class Quoted(str):
    """A text that stood in quotes, where it matters: no word in quotes means nothing."""

    __slots__ = ()


class Cut(str):
    """A text that was longer than its column."""

    __slots__ = ()


class Replaced(str):
    """A text with characters in the place of bytes that are none."""

    __slots__ = ()


CHANGES: dict[type, str] = {Cut: "cut", Replaced: "replaced"}
Change = tuple[int, str, str]
"""The number of a row, the column whose text was changed, and how."""


def nulls_of(column: Column, file_format: FileFormat) -> tuple[str, ...]:
    """The words that mean nothing in a column."""
    return file_format.null_tokens if column.writing.nulls is None else column.writing.nulls


def is_cleaned(column: Column) -> bool:
    """Whether something is taken from the column's texts before they are read."""
    return column.writing.trim or column.writing.excel_text


def meaning(column: Column, file_format: FileFormat) -> Callable[[str], str | None]:
    """A function from a text to what it means; None for nothing."""
    nulls = frozenset(nulls_of(column, file_format))
    if not is_cleaned(column) and file_format.quoted_nulls:
        return lambda text: None if text in nulls else text

    def meant(text: str) -> str | None:
        in_quotes = type(text) is Quoted
        cleaned = _cleaned(str(text), column)
        return None if cleaned in nulls and not in_quotes else cleaned

    return meant


def _cleaned(text: str, column: Column) -> str:
    if column.writing.excel_text and (match := EXCEL_TEXT.fullmatch(text)):
        text = match[1].replace('""', '"')
    return text.strip(BLANKS) if column.writing.trim else text


def meanings(texts: pa.Array, column: Column, nulls: Sequence[str]) -> pa.Array:
    """The same for a column of texts, without those that are words for nothing already."""
    if not is_cleaned(column):
        return texts
    if column.writing.excel_text and pc.any(pc.starts_with(texts, '="')).as_py():
        cleaned = pc.replace_substring_regex(texts, '^(?s:="(.*)")$', r"\1")
        texts = pc.if_else(pc.equal(cleaned, texts), texts, pc.replace_substring(cleaned, '""', '"'))
    if column.writing.trim:
        texts = pc.utf8_trim(texts, characters=BLANKS)
    words = pc.is_in(texts, pa.array(nulls, pa.string()))
    return pc.if_else(words, NO_TEXT, texts)
