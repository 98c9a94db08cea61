"""Delimited text to typed rows, block by block.

Lines first: a line that matches the contract's pattern is a row. The others are looked at one by one, and joined with
the lines after them where a quoted value is still open. So a bad quote or a bad byte costs its own row and no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Contract
from headrace.transform.block import LineBlock, Settled
from headrace.transform.checks import ColumnChecks
from headrace.transform.encoding import TextBytes
from headrace.transform.explain import RecordReader, Row
from headrace.transform.fast import FastPath
from headrace.transform.header import Layout, by_name, positional
from headrace.transform.lines import LineBlocks
from headrace.transform.outcome import BadRow, FileRejected, Limits
from headrace.transform.parsed import Parsed, in_order, table_of
from headrace.transform.pattern import has_fast_path
from headrace.transform.schema import data_schema
from headrace.transform.splitting import SplitError, Splitter, Unterminated


class DelimitedReader:
    """Reads one delimited text."""

    def __init__(self, contract: Contract, text: TextBytes, limits: Limits, block_bytes: int) -> None:
        self._contract = contract
        self._limits = limits
        self._text = text
        self._lines = LineBlocks(text.read, block_bytes, limits)
        self.layout = self._read_header()
        self._records = RecordReader(contract, self.layout, text.label)
        self._checks = ColumnChecks(contract)
        self._schema = data_schema(contract)
        self._fast: FastPath | None = None
        self._rows_read = 0

    @property
    def detected(self) -> dict[str, Any]:
        """What the text showed of itself."""
        newline = {"newline": "CR"} if self._lines.newline == b"\r" else {}
        unknown = {"unknown_columns": self.layout.unknown} if self.layout.unknown else {}
        absent = {"absent_columns": [c.source for c in self.layout.absent]} if self.layout.absent else {}
        return {"encoding": self._text.label} | newline | unknown | absent

    def parse(self) -> Iterator[Parsed]:
        """The rows, a stretch at a time."""
        carry = b""
        while True:
            data, final = self._lines.next_block(carry)
            if data:
                parsed, carry = self._block(data, final=final)
                yield parsed
            if final:
                return

    def _read_header(self) -> Layout:
        if not self._contract.format.header:
            return positional(self._contract)
        line = self._lines.next_line()
        while line == b"":
            line = self._lines.next_line()
        if line is None:
            raise FileRejected("empty", "the file is empty: not even a header")
        return by_name(self._contract, self._header_names(line))

    def _header_names(self, line: bytes) -> list[str]:
        file_format = self._contract.format
        splitter = Splitter(file_format.delimiter.encode(), file_format.quote.encode())
        try:
            return [name.decode() for name in splitter.split(line)]
        except SplitError as error:
            raise FileRejected("header", f"the header cannot be read: {error.reason}") from error
        except UnicodeDecodeError as error:
            raise FileRejected("not_text", f"the header is not {self._text.label} text") from error

    def _block(self, data: bytes, *, final: bool) -> tuple[Parsed, bytes]:
        block = LineBlock(data, self._lines.newline, final=final)
        good = self._matching(block)
        carry = self._settle_others(block, good)
        parsed = self._parsed(block, good[: block.stop])
        self._rows_read += parsed.table.num_rows + len(parsed.bad)
        return parsed, carry

    def _matching(self, block: LineBlock) -> pa.Array:
        if not has_fast_path(self._contract):
            return pa.repeat(pa.scalar(value=False), len(block.lines))
        if self._fast is None:
            self._fast = FastPath(self._contract, self.layout, self._first_values(block))
        return self._fast.matching(block.lines, block.data)

    def _first_values(self, block: LineBlock) -> list[bytes]:
        """The values of the first record that can be split, to see how it writes what may be written in two ways."""
        for place in range(min(len(block.lines), 100)):
            try:
                values = self._records.splitter.split(block.line(place))
            except SplitError:
                continue
            if len(values) == len(self.layout.columns):
                return values
        return []

    def _settle_others(self, block: LineBlock, good: pa.Array) -> bytes:
        """Decides the lines that do not match; gives back those that must wait for the next block."""
        for place in pc.indices_nonzero(pc.invert(good)).to_pylist():
            if place < block.next_record:
                continue
            line = block.line(place)
            if not line:
                block.skip(place, place + 1)
                continue
            try:
                block.settled[place] = Settled(line, self._records.read(line))
            except Unterminated:
                if self._needs_more(block, place):
                    return block.cut(place)
        return b""

    def _needs_more(self, block: LineBlock, place: int) -> bool:
        """Settles a record with an open quote, with the lines after it if they complete it.

        The lines are one record if that is good, or at least no line of it is good by itself. True when the block ends
        before this can be told.
        """
        start = block.start(place)
        stop = min(len(block.data), start + self._limits.record)
        line = block.line(place)
        block.settled[place] = Settled(line, self._records.unterminated())
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

    def _parsed(self, block: LineBlock, good: pa.Array) -> Parsed:
        records = block.records()
        if records is not None:
            good = pc.and_(good, records)
        numbers = block.numbers(self._rows_read)
        fast = self._fast_rows(block, good, numbers)
        slow = self._slow_rows(block, numbers)
        return in_order(fast, slow)

    def _fast_rows(self, block: LineBlock, good: pa.Array, numbers: pa.Array) -> Parsed:
        """The matching lines, typed and checked. Those that break a rule are left to the slow path."""
        places = pc.indices_nonzero(good)
        if self._fast is None or not len(places):
            return self._nothing()
        try:
            table = self._fast.table(block.joined(good))
            assert table.num_rows == len(places), "the pattern let a line through that is not one row"
        except (pa.ArrowInvalid, AssertionError):
            self._settle_all(block, places)
            return self._nothing()
        numbers = numbers.take(places)
        broken = self._checks.broken(table)
        if broken:
            self._settle_all(block, places.take(pa.array(broken)))
            kept = [True] * table.num_rows
            for index in broken:
                kept[index] = False
            table, numbers = table.filter(pa.array(kept)), numbers.filter(pa.array(kept))
        return Parsed(table, numbers, [])

    def _settle_all(self, block: LineBlock, places: pa.Array) -> None:
        for place in places.to_pylist():
            line = block.line(place)
            block.settled[place] = Settled(line, self._records.read(line))

    def _slow_rows(self, block: LineBlock, numbers: pa.Array) -> Parsed:
        accepted: list[tuple[Any, ...]] = []
        places: list[int] = []
        bad: list[BadRow] = []
        for place in sorted(block.settled):
            raw, row = block.settled[place]
            if row.errors:
                bad.append(BadRow(numbers[place].as_py(), self._text.landed(raw), row.errors))
            else:
                accepted.append(row.values)
                places.append(place)
        return Parsed(table_of(accepted, self._schema), numbers.take(pa.array(places, pa.int64())), bad)

    def _nothing(self) -> Parsed:
        return Parsed(self._schema.empty_table(), pa.array([], pa.int64()), [])
