"""What a format's reader yields: typed rows with their numbers, and bad rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.transform.outcome import BadRow

FEW = 200
"""Where fewer than one row in so many is left out, the others are sliced and not copied."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A stretch of records. `numbers` are the row numbers of `table`; together with `bad` they have no gap."""

    table: pa.Table
    numbers: pa.Array
    bad: list[BadRow]


def table_of(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    """Rows of Python values, in the schema's order, as a table."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)


def without(parsed: Parsed, places: Iterable[int]) -> Parsed:
    """The stretch without the rows at these places of its table."""
    gaps = sorted(places)
    kept = pc.invert(pc.is_in(pa.arange(0, parsed.table.num_rows), pa.array(gaps, pa.int64())))
    few = len(gaps) * FEW < parsed.table.num_rows
    table = _between(parsed.table, gaps) if few else parsed.table.filter(kept)
    return Parsed(table, parsed.numbers.filter(kept), parsed.bad)


def _between(table: pa.Table, gaps: list[int]) -> pa.Table:
    """The rows between the gaps, without a copy."""
    edges = zip([-1, *gaps], [*gaps, table.num_rows], strict=True)
    return pa.concat_tables([table.slice(before + 1, gap - before - 1) for before, gap in edges if gap - before > 1])


def in_order(first: Parsed, second: Parsed) -> Parsed:
    """Both stretches as one, by row number."""
    if not second.table.num_rows:
        return Parsed(first.table, first.numbers, first.bad + second.bad)
    table = pa.concat_tables([first.table, second.table])
    numbers = pa.concat_arrays([first.numbers, second.numbers])
    order = pc.sort_indices(numbers)
    return Parsed(table.take(order), numbers.take(order), first.bad + second.bad)
