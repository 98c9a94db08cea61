"""What the fast path leaves over: each line decided, alone or joined with others to one record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from headrace.transform.block import LineBlock, Settled
from headrace.transform.explain import RecordReader, Row
from headrace.transform.outcome import BadRow
from headrace.transform.parsed import Parsed, table_of
from headrace.transform.splitting import SplitError, Unterminated


class SlowPath:
    """Decides lines one by one. `landed` turns a record's bytes back into those of the file."""

    def __init__(
        self,
        records: RecordReader,
        schema: pa.Schema,
        landed: Callable[[bytes], bytes],
        longest_record: int,
        comment: bytes,
    ) -> None:
        self._records = records
        self._schema = schema
        self._landed = landed
        self._longest_record = longest_record
        self._comment = comment

    def judge(self, block: LineBlock, places: pa.Array) -> None:
        """Decides lines that are whole records: they match the pattern, but break a rule."""
        for place, line in zip(places.to_pylist(), block.lines_at(places), strict=True):
            block.settled[place] = Settled(line, self._records.read(line))

    def settle(self, block: LineBlock, places: pa.Array) -> bytes:
        """Decides lines that do not match, in order; gives back what must wait for the next block."""
        for place, line in zip(places.to_pylist(), block.lines_at(places), strict=True):
            if place < block.next_record:
                continue
            if not line or (self._comment and line.startswith(self._comment)):
                block.skip(place, place + 1)
                continue
            try:
                block.settled[place] = Settled(line, self._records.read(line))
            except Unterminated:
                if self._needs_more(block, place, line):
                    return block.cut(place)
        return b""

    def rows(self, block: LineBlock, numbers: pa.Array) -> Parsed:
        """What was settled. `numbers` are the row numbers by place."""
        accepted: list[tuple[Any, ...]] = []
        accepted_numbers: list[int] = []
        bad: list[BadRow] = []
        places = sorted(block.settled)
        for place, number in zip(places, numbers.take(pa.array(places, pa.int64())).to_pylist(), strict=True):
            raw, row = block.settled[place]
            if row.errors:
                bad.append(BadRow(number, self._landed(raw), row.errors))
            else:
                accepted.append(row.values)
                accepted_numbers.append(number)
        return Parsed(table_of(accepted, self._schema), pa.array(accepted_numbers, pa.int64()), bad)

    def _needs_more(self, block: LineBlock, place: int, line: bytes) -> bool:
        """Settles a record with an open quote, with the lines after it if they complete it.

        The lines are one record if that is good, or at least no line of it is good by itself. True when the block ends
        before this can be told.
        """
        block.settled[place] = Settled(line, self._records.unterminated())
        start = block.start(place)
        stop = min(len(block.data), start + self._longest_record)
        try:
            end = self._records.splitter.record_end(block.data, start, stop, block.newline)
        except Unterminated:
            return stop == len(block.data) and not block.final
        except SplitError:
            return False
        record = block.data[start:end]
        beyond = place + 1 + record.count(block.newline)
        row = self._records.read(record)
        if not row.errors or self._hangs_together(block, row, range(place + 1, beyond)):
            block.settled[place] = Settled(record, row)
            block.skip(place + 1, beyond)
        return False

    def _hangs_together(self, block: LineBlock, row: Row, rest: range) -> bool:
        """Whether a bad record over several lines is better seen as one bad row than line by line."""
        if row.errors[0].column is None:
            return False
        return not any(self._good_alone(block.line(place)) for place in rest)

    def _good_alone(self, line: bytes) -> bool:
        try:
            return bool(line) and not self._records.read(line).errors
        except Unterminated:
            return False
