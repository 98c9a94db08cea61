"""From what the lines of a block are to its rows: good and typed, or bad and explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Contract
from headrace.transform.delimited.arrow_path import FastPath
from headrace.transform.delimited.column_path import ColumnarPath
from headrace.transform.delimited.header import Layout
from headrace.transform.delimited.line_kinds import LineKinds
from headrace.transform.delimited.odd_rows import OddRows
from headrace.transform.delimited.patterns import Habits, LinePatterns
from headrace.transform.delimited.record_path import RecordReader
from headrace.transform.delimited.scan import Block, Numbered, Settled, Stretch, Swept
from headrace.transform.delimited.stand_in import DelimiterStandIn
from headrace.transform.outcome import BadRow
from headrace.transform.rules.columns import ColumnChecks
from headrace.transform.rules.parsed import Parsed, in_order, table_of, without
from headrace.transform.schema import data_schema

FEW_RECORDS = 250
"""Up to this many records are read one by one sooner than a column at a time."""
NO_NUMBERS = pa.array([], pa.int64())


class RowMaker:
    """Makes the rows of one file. `landed` turns a record's bytes back into those of the file."""

    def __init__(
        self,
        contract: Contract,
        layout: Layout,
        habits: Habits,
        records: RecordReader,
        landed: Callable[[bytes], bytes],
    ) -> None:
        self._patterns = LinePatterns(contract, layout)
        self._habits = habits
        self._records = records
        self._landed = landed
        self._seen = DelimiterStandIn(contract.format)
        self._schema = data_schema(contract)
        self._odd_rows = OddRows(contract, layout)
        self._checks = ColumnChecks(contract, lambda column: self._patterns.proven(column, habits))
        self._fast = FastPath(contract, layout, habits) if self._patterns.exist else None
        self._columnar = ColumnarPath(contract, layout, habits) if self._patterns.exist else None

    def kinds(self, newline: bytes) -> LineKinds:
        """The kinds of lines that this makes rows of without reading them one by one."""
        good = self._patterns.good(self._habits) if self._patterns.typed else ""
        return LineKinds(good, self._patterns.sound() if self._patterns.exist else "", newline)

    def rows(self, block: Block, swept: Swept) -> Parsed:
        """The rows of a block."""
        fast, left = self._fast_rows(block, swept)
        sound, left = self._sound_rows(left + swept.sound)
        settled = swept.settled + [Settled(number, line, self._records.read(line)) for number, line in left]
        table = in_order(fast, in_order(sound, self._settled_rows(settled)))
        table.bad.sort()
        return table

    def _fast_rows(self, block: Block, swept: Swept) -> tuple[Parsed, Numbered]:
        """The rows that are good by the pattern and the checks, and the others."""
        numbers = _numbers(swept.good)
        typed = self._typed(block, swept.good, len(numbers))
        if typed is None:
            return self._parsed([], []), [(number, swept.raw(number)) for number in numbers.to_pylist()]
        table, unread = typed
        fast = Parsed(table, numbers, [])
        broken = sorted({*self._checks.broken(table), *self._odd_rows.suspects(table), *unread})
        left = [(number, swept.raw(number)) for number in numbers.take(pa.array(broken, pa.int64())).to_pylist()]
        return without(fast, broken) if broken else fast, left

    def _typed(self, block: Block, stretches: Sequence[Stretch], rows: int) -> tuple[pa.Table, list[int]] | None:
        """The matching lines as a table, and its rows that were not read whole.

        None if there are none, or Arrow does not read them as the pattern does.
        """
        if self._fast is None or not stretches or block.seen is None:
            return None
        try:
            typed = self._fast.table(_joined(block.seen, stretches))
        except pa.ArrowInvalid:
            return None
        return typed if typed[0].num_rows == rows else None

    def _sound_rows(self, lines: Numbered) -> tuple[Parsed, Numbered]:
        """The rows of sound records, and those that must be read one by one."""
        nothing = self._parsed([], [])
        if self._columnar is None or len(lines) < FEW_RECORDS:
            return nothing, lines
        found = self._columnar.read([self._seen.line(line) for _, line in lines])
        if found is None:
            return nothing, lines
        table, errors, suspects, changed = found
        bad = [
            BadRow(lines[place][0], self._landed(lines[place][1]), tuple(errors[place]))
            for place in sorted(errors.keys() - set(suspects))
        ]
        again = set(suspects)
        changes = [(lines[place][0], name, how) for place, name, how in changed if place not in again]
        parsed = Parsed(table, pa.array([number for number, _ in lines], pa.int64()), bad, changes)
        others = sorted({*errors, *suspects})
        return without(parsed, others) if others else parsed, [lines[place] for place in suspects]

    def _settled_rows(self, settled: Sequence[Settled]) -> Parsed:
        good = [record for record in settled if not record.row.errors]
        bad = [BadRow(number, self._landed(raw), row.errors) for number, raw, row in settled if row.errors]
        parsed = self._parsed([record.row.values for record in good], bad)
        changes = [(each.number, *change) for each in good for change in self._records.changes(each.row)]
        return Parsed(parsed.table, pa.array([record.number for record in good], pa.int64()), bad, changes)

    def _parsed(self, rows: Sequence[tuple[Any, ...]], bad: list[BadRow]) -> Parsed:
        return Parsed(table_of(rows, self._schema) if rows else self._schema.empty_table(), NO_NUMBERS, bad)


def _numbers(stretches: Sequence[Stretch]) -> pa.Array:
    """The row numbers of the lines, which go up by one within a stretch."""
    ends = list(accumulate(stretch.rows for stretch in stretches))
    ahead = [stretch.first + stretch.rows - end for stretch, end in zip(stretches, ends, strict=True)]
    runs = pa.RunEndEncodedArray.from_arrays(pa.array(ends, pa.int32()), pa.array(ahead, pa.int64()))
    return pc.add(pa.arange(0, ends[-1]), pc.run_end_decode(runs)) if stretches else NO_NUMBERS


def _joined(data: bytes, stretches: Sequence[Stretch]) -> bytes | memoryview:
    """The stretches as one text, which costs a copy unless there is only one."""
    view = memoryview(data)
    if len(stretches) == 1:
        return view[stretches[0].start : stretches[0].end]
    return b"".join([view[stretch.start : stretch.end] for stretch in stretches])
