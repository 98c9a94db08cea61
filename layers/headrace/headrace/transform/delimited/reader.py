"""Delimited text to typed rows, block by block.

A block is swept once for what its lines are (`sweep`), then its rows are made (`rows`).
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from headrace.domain.contract import Contract, Kind
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.decode.footer import Footer
from headrace.transform.decode.lines import LineBlocks, Skimmed, filled_lines
from headrace.transform.delimited.header import Layout, by_name, header_line, positional, refuse_blank_after, seeming
from headrace.transform.delimited.line_kinds import line_end
from headrace.transform.delimited.quoted import SplitError, Unterminated
from headrace.transform.delimited.record_path import RecordReader
from headrace.transform.delimited.rows import RowMaker
from headrace.transform.delimited.scan import ODD_LINE_EVERY, Block, LookAhead, Sweeper, Swept, Window
from headrace.transform.delimited.splitters import AnySplitter, splitter_of
from headrace.transform.delimited.stand_in import DelimiterStandIn
from headrace.transform.delimited.time_columns import habits_of
from headrace.transform.delimited.within import Within
from headrace.transform.key_columns import KeyColumns, in_rows
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.rules.parsed import Parsed
from headrace.transform.rules.rows import RowRules, apart

JSON_MARKS = 4
"""Bytes that a member of a JSON object has beside its key, quoted and escaped, and its value."""
FIRST_LINES, LATER_LINES = 100, 50


class DelimitedReader:
    """Reads one delimited text, from its beginning or from `within` it."""

    def __init__(
        self,
        contract: Contract,
        text: TextBytes,
        limits: Limits,
        block_bytes: int,
        within: Within | None = None,
        key: KeyColumns | None = None,
    ) -> None:
        self._contract = contract = in_rows(contract)
        self._text = text
        self._limits = limits
        self._footer = Footer(text.read, contract.format, limits) if contract.format.footer_lines else None
        read = self._footer.read if self._footer else text.read
        self.lines = LineBlocks(read, block_bytes, limits, within.newline if within else None)
        self._marks_of_no_row = contract.format.marks
        self.layout = (within and within.layout) or self._read_header()
        self._before = within.before if within else 0
        self._wanted = within.rows if within else None
        self._records = RecordReader(contract, self.layout, text.label)
        self._seen = DelimiterStandIn(contract.format)
        self._rules = RowRules(contract, key)
        self._has_json = any(column is not None and column.kind is Kind.SUPER for column in self.layout.columns)
        keeps = any(column.unknown for column in contract.columns)
        named = sum(len(orjson.dumps(name)) + JSON_MARKS for name in self.layout.unknown) if keeps else 0
        faults = len(self.layout.columns) + len(contract.rules)
        self._most_rows = limits.rows_of(faults, len(contract.columns), named)
        self.look_ahead = LookAhead(limits.record)
        self._ready: tuple[Sweeper, RowMaker] | None = None
        self._has_shapes = False
        self._rows_read = 0
        self._carry = b""
        self._marks = (contract.format.quote.encode(), contract.format.escape.encode())

    @property
    def detected(self) -> dict[str, Any]:
        """What the text showed of itself."""
        newline = {"newline": "CR"} if self.lines.newline == b"\r" else {}
        unknown = {"unknown_columns": self.layout.unknown} if self.layout.unknown else {}
        missing = [column.source for column in self.layout.absent if not column.unknown and not column.origin]
        absent = {"absent_columns": missing} if missing else {}
        return {"encoding": self._text.label} | newline | unknown | absent

    def parse(self) -> Iterator[Parsed]:
        """The rows, a stretch at a time."""
        for block in self._blocks():
            start = 0
            while start < len(block.data) and self._left:
                parsed, swept = self._stretch(block, start)
                yield parsed
                start = swept.end
        if self._footer is not None:
            self._footer.check(self._rows_read)

    def skim(self, border: Callable[[], int | None]) -> Skimmed:
        """Counts the records that begin before a border of the text, which must be known once it is read up to there.

        The border is where a line begins.
        """
        for block in self._blocks():
            known = border()
            stop = len(block.data) if known is None else min(len(block.data), known - block.place)
            end = self._skim_block(block, stop)
            if known is not None and block.place + end >= known:
                return Skimmed(self._rows_read, known, block.data[known - block.place : end])
        return Skimmed(self._rows_read, None, b"")

    def _skim_block(self, block: Block, stop: int) -> int:
        """Where the last record ends that begins before `stop`; before that, where it goes on beyond the block."""
        if not any(mark and mark in block.data for mark in (*self._marks, BOM_UTF8)):
            self._rows_read += filled_lines(
                memoryview(block.data)[:stop].tobytes(), self.lines.newline, self._marks_of_no_row
            )
            return stop
        end = 0
        while end < stop and not self._carry:
            end = self._swept(block, end, stop)[1].end
        return end - len(self._carry)

    def _blocks(self) -> Iterator[Block]:
        """The text, block by block. What a sweep leaves for the next block is in `_carry`."""
        place, final = 0, False
        while not final and self._left:
            data, final = self.lines.next_block(self._carry)
            self._carry = b""
            yield Block(data, self._seen.data(data), final, place)
            place += len(data) - len(self._carry)

    @property
    def _left(self) -> int:
        """How many records more are read together."""
        return self._most_rows if self._wanted is None else min(self._most_rows, self._wanted - self._rows_read)

    def _read_header(self) -> Layout:
        for _ in range(self._contract.format.skip_lines):
            self.lines.next_line()
        if not self._contract.format.header:
            return positional(self._contract)
        line = header_line(self.lines, self._contract.format)
        try:
            names = self._header_names(line)
            self._check_width(len(names))
            layout = by_name(self._contract, names)
            self._skip_below()
            self._refuse_wide_delimiter(line)
        except FileRejected as rejected:
            seems = seeming(line, self._contract) if rejected.code == "header" else ""
            raise FileRejected(rejected.code, f"{seems}{rejected.reason}", rejected.line) from rejected
        return layout

    def _skip_below(self) -> None:
        """Leaves out the lines below the header that are no rows, such as units."""
        for _ in range(self._contract.format.after_header):
            self.lines.next_line()

    def _refuse_wide_delimiter(self, header: bytes) -> None:
        delimiter = self._contract.format.delimiter
        if not delimiter.isspace():
            row = self.lines.peeked_line().decode("utf-8", "replace")
            refuse_blank_after(delimiter, header.decode("utf-8", "replace"), row)

    def _check_width(self, names: int) -> None:
        named, more = len(self._contract.named_columns), self._limits.unknown_names
        if names > named + more:
            reason = f"the header has {names:,} names, the contract has {named:,}: at most {more:,} more are read"
            raise FileRejected("too_wide", f"{reason}; is it the header of this dataset?")

    def _header_names(self, line: bytes) -> list[str]:
        if b"\0" in line:
            raise FileRejected("not_text", "the header is not text: it contains NUL bytes")
        if len(line) > self._limits.header:
            reason = f"the header is longer than {self._limits.header:,} bytes: is the file in the contract's format?"
            raise FileRejected("too_wide", reason)
        try:
            return [name.decode() for name in self._header_fields(line)]
        except SplitError as error:
            raise FileRejected("header", f"the header cannot be read: {error.reason}") from error
        except UnicodeDecodeError as error:
            raise FileRejected("not_text", f"the header is not {self._text.label} text") from error

    def _header_fields(self, line: bytes) -> list[bytes]:
        """The names in the header, which goes on in the next line where one in quotes has a line end."""
        splitter = splitter_of(self._contract)
        try:
            return splitter.split(line)
        except Unterminated:
            return splitter.split(self._to_its_end(line, splitter))

    def _to_its_end(self, line: bytes, splitter: AnySplitter) -> bytes:
        """The header with the lines after it that belong to it; the line alone where it ends nowhere in reach.

        Its end is looked for once: a look after each line that is added took hours where a million lines are empty.
        """
        newline, longest = self.lines.newline, self._limits.header
        following = self.lines.peeked(longest)
        text = line + newline + following
        try:
            end = splitter.record_end(text, 0, min(len(text), longest), newline) if following else 0
        except SplitError:
            return line
        more = text.count(newline, 0, end)
        return b"\n".join([line, *(self.lines.next_line() or b"" for _ in range(more))])

    def _stretch(self, block: Block, start: int) -> tuple[Parsed, Swept]:
        """The rows of a block from `start` on, as many as are read at a time."""
        maker, swept = self._swept(block, start, len(block.data))
        parsed = maker.rows(block, swept)
        if self._has_shapes and len(swept.sound) * ODD_LINE_EVERY > swept.rows:
            self._ready = self._prepared(block.data, shaped=False)
        return apart(parsed, self._rules, lambda number: self._text.landed(swept.raw(number))), swept

    def _swept(self, block: Block, start: int, stop: int) -> tuple[RowMaker, Swept]:
        """What the block holds from `start` on, as much as is read at a time, and what makes rows of it."""
        sweeper, maker = self._ready = self._ready or self._prepared(block.data)
        swept = sweeper.sweep(block, self._before + self._rows_read, Window(start, stop, self._left))
        self._rows_read += swept.rows
        self._carry = swept.carry
        return maker, swept

    def _prepared(self, data: bytes, *, shaped: bool = True) -> tuple[Sweeper, RowMaker]:
        """What reads the blocks, made for a file whose text is like this; `shaped`, its JSON is so too."""
        habits = habits_of(
            self.layout.columns, [values for line in self._samples(data) if (values := self._split(line))]
        )
        habits = habits if shaped else replace(habits, shapes={})
        self._has_shapes = any(habits.shapes.values())
        maker = RowMaker(self._contract, self.layout, habits, self._records, self._text.landed)
        kinds = maker.kinds(self.lines.newline)
        return Sweeper(self._records, kinds, self._marks_of_no_row, self.look_ahead), maker

    def _samples(self, data: bytes) -> list[bytes]:
        """The first lines, and some from all over the text."""
        newline = self.lines.newline
        first = data.split(newline, FIRST_LINES)[:FIRST_LINES]
        if len(first) < FIRST_LINES or not self._has_json:
            return first
        starts = (line_end(data, place, newline) for place in range(0, len(data), len(data) // LATER_LINES + 1))
        return first + [data[start : data.find(newline, start)] for start in starts if start < len(data)]

    def _split(self, line: bytes) -> list[bytes]:
        """The values of a line that is a whole record, nothing for any other."""
        try:
            values = self._records.splitter.split(line.removesuffix(b"\r"))
        except SplitError:
            return []
        return values if len(values) == len(self.layout.columns) else []
