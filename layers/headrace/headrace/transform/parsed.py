"""What a format's reader yields: typed rows with their numbers, and bad rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.transform.outcome import BadRow


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
    kept = [True] * parsed.table.num_rows
    for place in places:
        kept[place] = False
    mask = pa.array(kept, pa.bool_())
    return Parsed(parsed.table.filter(mask), parsed.numbers.filter(mask), parsed.bad)


def in_order(first: Parsed, second: Parsed) -> Parsed:
    """Both stretches as one, by row number."""
    if not second.table.num_rows:
        return Parsed(first.table, first.numbers, first.bad + second.bad)
    table = pa.concat_tables([first.table, second.table])
    numbers = pa.concat_arrays([first.numbers, second.numbers])
    order = pc.sort_indices(numbers)
    return Parsed(table.take(order), numbers.take(order), first.bad + second.bad)
