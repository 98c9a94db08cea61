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
from headrace.transform.block import LineBlock
from headrace.transform.checks import ColumnChecks
from headrace.transform.encoding import TextBytes
from headrace.transform.explain import RecordReader
from headrace.transform.fast import FastPath
from headrace.transform.header import Layout, by_name, positional
from headrace.transform.lines import LineBlocks
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.parsed import Parsed, in_order, without
from headrace.transform.pattern import has_fast_path
from headrace.transform.rowrules import RowRules, apart
from headrace.transform.schema import data_schema
from headrace.transform.singledelimiter import SingleDelimiter
from headrace.transform.slow import SlowPath
from headrace.transform.splitters import splitter_of
from headrace.transform.splitting import SplitError

FIRST_LINES = 100


class DelimitedReader:
    """Reads one delimited text."""

    def __init__(self, contract: Contract, text: TextBytes, limits: Limits, block_bytes: int) -> None:
        self._contract = contract
        self._text = text
        self._lines = LineBlocks(text.read, block_bytes, limits)
        self._comment = contract.format.comment.encode()
        self.layout = self._read_header()
        self._records = RecordReader(contract, self.layout, text.label)
        self._slow = SlowPath(self._records, data_schema(contract), text.landed, limits.record, self._comment)
        self._single = SingleDelimiter(contract, self.layout)
        self._checks = ColumnChecks(contract)
        self._rules = RowRules(contract)
        self._fast: FastPath | None = None
        self._rows_read = 0

    @property
    def detected(self) -> dict[str, Any]:
        """What the text showed of itself."""
        newline = {"newline": "CR"} if self._lines.newline == b"\r" else {}
        unknown = {"unknown_columns": self.layout.unknown} if self.layout.unknown else {}
        missing = [column.source for column in self.layout.absent if not column.unknown]
        absent = {"absent_columns": missing} if missing else {}
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
        for _ in range(self._contract.format.skip_lines):
            self._lines.next_line()
        if not self._contract.format.header:
            return positional(self._contract)
        line = self._lines.next_line()
        while line == b"" or (line and self._comment and line.startswith(self._comment)):
            line = self._lines.next_line()
        if line is None:
            raise FileRejected("empty", "the file is empty")
        return by_name(self._contract, self._header_names(line))

    def _header_names(self, line: bytes) -> list[str]:
        try:
            return [name.decode() for name in splitter_of(self._contract).split(line)]
        except SplitError as error:
            raise FileRejected("header", f"the header cannot be read: {error.reason}") from error
        except UnicodeDecodeError as error:
            raise FileRejected("not_text", f"the header is not {self._text.label} text") from error

    def _block(self, data: bytes, *, final: bool) -> tuple[Parsed, bytes]:
        block = LineBlock(data, self._lines.newline, final=final)
        view = self._single.view(block)
        good = self._matching(view, block)
        carry = self._slow.settle(block, pc.indices_nonzero(pc.invert(good)))
        view.stop = block.stop
        numbers = block.numbers(self._rows_read)
        parsed = self._ruled(self._rows(block, view, block.only_records(good), numbers), block, numbers)
        self._rows_read += parsed.table.num_rows + len(parsed.bad)
        return parsed, carry

    def _matching(self, view: LineBlock, block: LineBlock) -> pa.Array:
        """A mask over the lines, true for those that are good rows by the pattern."""
        if not (has_fast_path(self._single.contract) and self._single.is_fast(view)):
            return pa.repeat(pa.scalar(value=False), len(block.lines))
        if self._fast is None:
            self._fast = FastPath(self._single.contract, self.layout, self._first_values(block))
        good = self._fast.matching(view.lines)
        if self._comment:
            good = pc.and_(good, pc.invert(pc.starts_with(block.lines, self._comment)))
        if self._contract.format.escape:
            good = pc.and_(good, pc.invert(pc.match_substring(block.lines, self._contract.format.escape)))
        return good

    def _first_values(self, block: LineBlock) -> list[bytes]:
        """The values of the first record that can be split, to see how it writes what may be written in two ways."""
        for place in range(min(len(block.lines), FIRST_LINES)):
            try:
                values = self._records.splitter.split(block.line(place))
            except SplitError:
                continue
            if len(values) == len(self.layout.columns):
                return values
        return []

    def _ruled(self, parsed: Parsed, block: LineBlock, numbers: pa.Array) -> Parsed:
        """The rows without those that break a rule between their columns."""
        return apart(parsed, self._rules, lambda number: self._raw(block, pc.index(numbers, number).as_py()))

    def _raw(self, block: LineBlock, place: int) -> bytes:
        settled = block.settled.get(place)
        return self._text.landed(settled.raw if settled else block.line(place))

    def _rows(self, block: LineBlock, view: LineBlock, good: pa.Array, numbers: pa.Array) -> Parsed:
        places = pc.indices_nonzero(good)
        table = self._typed(view, good, len(places))
        if table is None:
            self._slow.judge(block, places)
            return self._slow.rows(block, numbers)
        fast = Parsed(table, numbers.take(places), [])
        if broken := self._checks.broken(table):
            self._slow.judge(block, places.take(pa.array(broken)))
            fast = without(fast, broken)
        return in_order(fast, self._slow.rows(block, numbers))

    def _typed(self, block: LineBlock, good: pa.Array, rows: int) -> pa.Table | None:
        """The matching lines as a table; None if there are none, or Arrow does not read them as the pattern does."""
        if self._fast is None or rows == 0:
            return None
        try:
            table = self._single.restored(self._fast.table(block.joined(good)))
        except pa.ArrowInvalid:
            return None
        return table if table.num_rows == rows else None
