"""Records that are no rows although each value may be good: copies of the header, and delimiters alone.

Both come from files that were put behind one another or out of spreadsheets. The quick paths only look for records
that may be such; `verdict` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Contract, Kind
from headrace.transform.delimited.header import Layout
from headrace.transform.outcome import RowError
from headrace.transform.values.meaning import Quoted, nulls_of


class Row(NamedTuple):
    """A record's values in the contract's order, or the errors that make it bad."""

    values: tuple[Any, ...]
    errors: tuple[RowError, ...] = ()


HEADER_AGAIN = Row((), (RowError(None, "header", "it repeats the header: were files put behind one another?"),))
NO_VALUES = Row((), (RowError(None, "empty", "none of its fields has a value"),))
MANY = 3
"""So many names in another order are no accident."""
BLANKS = " \t\n\v\f\r"


def _has_value(text: Any) -> bool:
    return bool(text) or type(text) is Quoted


class OddRows:
    """Finds such records among those of one file.

    A copy of the header has the same names, `MANY` of them in any order. It is looked for where a column is text, for
    elsewhere it cannot be good; without a header, and by a single column, a value may well be the column's name.
    """

    def __init__(self, contract: Contract, layout: Layout) -> None:
        self._width = len(layout.columns)
        self._several = self._width > 1
        self._present = [column for column in layout.columns if column is not None]
        nulls = {column.name: nulls_of(column, contract.format) for column in self._present}
        self._empty_is_null = {name for name, words in nulls.items() if "" in words}
        words = {word for each in nulls.values() for word in each}
        texts = [column.name for column in self._present if column.kind is Kind.STRING]
        self._header = list(layout.names)
        names = sorted(layout.names)
        named = (contract.format.header or self._several) and not set(names) & words
        self._names = names if texts and named else []
        self._known_names = frozenset(self._names)
        self._text_column = texts[0] if texts else ""
        self._arrow_names = pa.array(sorted(self._known_names), pa.string())

    def verdict(self, texts: Sequence[Any], row: Callable[[Sequence[Any]], Row]) -> Row:
        """What a record is. `texts` begin with its fields, as many as the header has; `row` makes a row of them."""
        first = texts[0]
        if first and isinstance(first, str) and first.strip(BLANKS) in self._known_names:
            names = [text.strip(BLANKS) for text in texts[: self._width] if isinstance(text, str)]
            is_copy = names == self._header or (self._width >= MANY and sorted(names) == self._names)
            return HEADER_AGAIN if is_copy else row(texts)
        found = row(texts)
        is_empty = not first and self._several and not found.errors and not any(map(_has_value, texts[: self._width]))
        return NO_VALUES if is_empty else found

    def suspects(self, table: pa.Table) -> list[int]:
        """The places of a table's rows that may be such: of values by column, or of their texts."""
        masks = [mask for mask in (self._named(table), self._without_values(table)) if mask is not None]
        places = (place for mask in masks for place in pc.indices_nonzero(mask).to_pylist())
        return sorted(set(places))

    def _named(self, table: pa.Table) -> pa.Array | None:
        """A mask of the rows with the name of a column in the first column of text."""
        if not self._names:
            return None
        return pc.is_in(pc.ascii_trim_whitespace(table[self._text_column]), self._arrow_names)

    def _without_values(self, table: pa.Table) -> pa.Array | None:
        """A mask of the rows without any value; None where a column is filled throughout."""
        found: pa.Array | None = None
        for column in self._present if self._several else ():
            array = table[column.name]
            empty = pc.is_null(array) if array.null_count else None
            if column.name not in self._empty_is_null and pa.types.is_string(array.type):
                blank = pc.equal(pc.binary_length(array), 0)
                empty = blank if empty is None else pc.or_kleene(empty, blank)
            if empty is None:
                return None
            found = empty if found is None else pc.and_(found, empty)
        return found
