"""What a format's reader yields: typed rows with their numbers, and bad rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.transform.outcome import BadRow
from headrace.transform.values.meaning import Change

FEW_ROWS = 200
"""Where fewer than one row in this many is left out, what is between them is concatenated, which is quicker."""
NUMBER = "_row_number"
"""A name that no column of a contract has."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A stretch of records. `numbers` are the row numbers of `table`; together with `bad` they have no gap.

    `changes` are of texts that were changed to be kept; a row of them may be bad for another reason.
    """

    table: pa.Table
    numbers: pa.Array
    bad: list[BadRow]
    changes: Sequence[Change] = ()


def table_of(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    """Rows of Python values, in the schema's order, as a table."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)


def without(parsed: Parsed, places: Collection[int]) -> Parsed:
    """The stretch without the rows at these places of its table."""
    rows = parsed.table.append_column(NUMBER, parsed.numbers)
    if len(places) * FEW_ROWS < rows.num_rows:
        rows = _between(rows, sorted(places))
    elif len(places) == rows.num_rows:
        rows = rows.schema.empty_table()  # a slice of no rows would keep all that it was cut from
    else:
        rows = rows.filter(pc.invert(pc.is_in(pa.arange(0, rows.num_rows), pa.array(list(places), pa.int64()))))
    return Parsed(rows.drop_columns(NUMBER), rows[NUMBER].combine_chunks(), parsed.bad, parsed.changes)


def _between(table: pa.Table, gaps: list[int]) -> pa.Table:
    """The rows between the gaps."""
    edges = zip([-1, *gaps], [*gaps, table.num_rows], strict=True)
    slices = [table.slice(before + 1, gap - before - 1) for before, gap in edges if gap - before > 1]
    return pa.concat_tables(slices).combine_chunks()


def in_order(first: Parsed, second: Parsed) -> Parsed:
    """Both stretches as one, by row number."""
    changes = (*first.changes, *second.changes)
    if not second.table.num_rows:
        return Parsed(first.table, first.numbers, first.bad + second.bad, changes)
    table = pa.concat_tables([first.table, second.table])
    numbers = pa.concat_arrays([first.numbers, second.numbers])
    order = pc.sort_indices(numbers)
    return Parsed(table.take(order), numbers.take(order), first.bad + second.bad, changes)
