"""One pass over a block of lines, in order: which are good rows, which are sound records, and what the others are.

Lines first: a line that matches an expression is a record, whatever precedes it. The others are read one by one,
and joined with the lines after them where a quoted value is still open. So a bad quote costs its own row and no other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import NamedTuple

from headrace.transform.delimited.line_kinds import Kind, LineKinds, LineTable, Run, line_end, line_table, lines_of
from headrace.transform.delimited.odd_rows import Row
from headrace.transform.delimited.quoted import SplitError, Unterminated
from headrace.transform.delimited.record_path import RecordReader

LOOKS_AHEAD = 16
ODD_LINES_BEFORE_TABLE, ODD_LINE_EVERY = 128, 16
"""Where this many lines are not good, and more than one in this many, the kinds of all others are found at once."""


class Block(NamedTuple):
    """Whole lines, which begin at `place` of the text.

    `seen` is what the expressions see: the same bytes, or None where they must not look.
    """

    data: bytes
    seen: bytes | None
    final: bool
    place: int = 0


class Window(NamedTuple):
    """Which of a block's records are wanted: those that begin from `start` on and before `stop`, at most so many."""

    start: int
    stop: int
    rows: int


BLANK_RUN = {b"\r\n": re.compile(rb"(?:\r?\n)*+"), b"\r": re.compile(rb"\r*+")}
"""Line ends with nothing between them, by what ends the lines."""
Numbered = list[tuple[int, bytes]]
"""Records by their row numbers."""


class Stretch(NamedTuple):
    """Good lines one after the other: their place in the block, and the first one's row number."""

    start: int
    end: int
    first: int
    rows: int


class Settled(NamedTuple):
    """A record that was read by itself."""

    number: int
    raw: bytes
    row: Row


@dataclass(slots=True)
class Swept:
    """What was found in a block up to `end`. `rows` are its records, `carry` the bytes that wait for the next block."""

    data: bytes
    newline: bytes
    before: int
    good: list[Stretch] = field(default_factory=list)
    sound: Numbered = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    rows: int = 0
    carry: bytes = b""
    end: int = 0
    _split: dict[int, list[bytes]] = field(default_factory=dict)

    def raw(self, number: int) -> bytes:
        """The bytes of a record by its row number."""
        place = bisect_right(self.good, number, key=attrgetter("first")) - 1
        if place >= 0 and number < self.good[place].first + self.good[place].rows:
            return self._good_line(self.good[place], number)
        for records in (self.sound, self.settled):
            place = bisect_right(records, number, key=itemgetter(0)) - 1
            if place >= 0 and records[place][0] == number:
                return records[place][1]
        raise LookupError(number)

    def _good_line(self, stretch: Stretch, number: int) -> bytes:
        if stretch.start not in self._split:
            self._split[stretch.start] = self.data[stretch.start : stretch.end].split(self.newline)
        return self._split[stretch.start][number - stretch.first].removesuffix(b"\r")


class LookAhead:
    """How far the ends of open records are looked for.

    Each line of a file may open a record that ends nowhere, and each is looked for up to `longest` bytes. Where that
    has come to many times what was read of the file, open records cost their own line without a look. Whether it has
    depends on the text before a record alone, not on the blocks in which it is read.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.searched = 0
        self.spare = longest * LOOKS_AHEAD
        """The least that was left of what may be searched."""

    def may_look(self, place: int) -> bool:
        """Whether the end of an open record that begins at this place of the text is looked for."""
        spare = (self.longest + place) * LOOKS_AHEAD - self.searched
        self.spare = min(self.spare, spare)
        return spare > 0

    def note(self, size: int) -> None:
        """How many bytes were searched for the end of a record."""
        self.searched += size


class Sweeper:
    """Sweeps the blocks of one text."""

    def __init__(
        self, records: RecordReader, kinds: LineKinds, comments: tuple[bytes, ...], look_ahead: LookAhead
    ) -> None:
        self.records = records
        self.kinds = kinds
        self.newline = kinds.newline
        self.comments = comments
        self.look_ahead = look_ahead

    def sweep(self, block: Block, before: int, window: Window) -> Swept:
        """What the block holds in the window, `before` records having been read already."""
        return _Sweep(self, block, before, window).swept()


class _Sweep:
    """The pass over one block."""

    def __init__(self, sweeper: Sweeper, block: Block, before: int, window: Window) -> None:
        self._its = sweeper
        self._data, self._seen, self._final, self._place = block
        self._found = Swept(block.data, sweeper.newline, before)
        self._at = window.start
        marks = sweeper.comments if block.data.isascii() else (*sweeper.comments, BOM_UTF8)
        self._next_marked = {mark: 0 for mark in marks if mark in block.data}
        self._stop = min(window.stop, len(block.data))
        self._most = window.rows
        self._table: LineTable | None = None
        self._odd = 0

    def swept(self) -> Swept:
        while self._at < self._stop and self._room:
            if self._seen is None:
                self._one_line()
            elif self._table is None:
                self._search(self._seen)
            else:
                self._look_up(self._seen, self._table)
        self._found.end = len(self._data) if self._found.carry else self._at
        return self._found

    @property
    def _room(self) -> int:
        """How many records more are read at a time."""
        return self._most - self._found.rows

    def _search(self, seen: bytes) -> None:
        """Takes the good lines from here on, and looks at the one after them."""
        kinds, stop = self._its.kinds, self._marked_from(self._at)
        end = kinds.good_end(seen, self._at, stop)
        if end > self._at:
            self._take_good(end)
        if end < self._stop:
            beyond = self._line_end(end)
            if not self._room:
                return
            if end < stop and kinds.is_sound(seen, end, beyond):
                self._take_sound(beyond)
            else:
                self._one_line()
            self._odd += 1
            if self._odd == ODD_LINES_BEFORE_TABLE and self._found.rows < ODD_LINES_BEFORE_TABLE * ODD_LINE_EVERY:
                self._table = self._lines_ahead(seen)

    def _lines_ahead(self, seen: bytes) -> LineTable | None:
        """The kinds of as many lines as may be read now."""
        return line_table(self._its.kinds, seen, self._at, self._after_lines(self._room))

    def _look_up(self, seen: bytes, table: LineTable) -> None:
        """Takes the lines of one kind from here on."""
        stop = self._marked_from(self._at)
        if self._at >= table.stop:
            self._table = self._lines_ahead(seen)
            return
        kind, end = table.run_at(self._at, stop) if self._at < stop else Run(Kind.OTHER, stop)
        if kind is Kind.GOOD:
            self._take_good(end)
        elif kind is Kind.SOUND:
            self._take_sound(end)
        else:
            self._one_line()

    def _take_good(self, end: int) -> None:
        """Takes the lines up to `end`, each of them a good record up to checks."""
        start, newline = self._at, self._its.newline
        rows = self._data.count(newline, start, end) + (not self._data.endswith(newline, start, end))
        if rows > self._room:
            end, rows = self._after_lines(self._room), self._room
        self._found.good.append(Stretch(start, end, self._number(), rows))
        self._found.rows += rows
        self._at = end

    def _take_sound(self, end: int) -> None:
        """Takes the lines up to `end`, each of them a sound record."""
        lines = lines_of(self._data[self._at : end], self._its.newline)
        if len(lines) > self._room:
            end = self._after_lines(self._room)
            lines = lines_of(self._data[self._at : end], self._its.newline)
        self._found.sound += enumerate(lines, self._number())
        self._found.rows += len(lines)
        self._at = end

    def _after_lines(self, lines: int) -> int:
        """Where this many lines from here on end, or the block."""
        place, newline = self._at, self._its.newline
        if self._data.count(newline, place, self._stop) < lines:
            return self._stop
        for _ in range(lines):
            place = line_end(self._data, place, newline)
            if place >= self._stop:
                break
        return place

    def _marked_from(self, start: int) -> int:
        """Where the next line begins that is a comment, or has a byte order mark: no expression looks at such."""
        return min((self._next_with(mark, start) for mark in self._next_marked), default=self._stop)

    def _next_with(self, mark: bytes, start: int) -> int:
        if self._data.startswith(mark, start):
            return start
        newline = self._its.newline
        if self._next_marked[mark] <= start:
            place = self._data.find(newline + mark, start, self._stop)
            self._next_marked[mark] = place + len(newline) if place >= 0 else self._stop
        return self._next_marked[mark]

    def _number(self) -> int:
        return self._found.before + self._found.rows + 1

    def _line_end(self, start: int) -> int:
        return line_end(self._data, start, self._its.newline)

    def _line(self, start: int, end: int) -> bytes:
        return self._data[start:end].removesuffix(self._its.newline).removesuffix(b"\r")

    def _one_line(self) -> None:
        """Reads the line here, alone or joined with others to one record."""
        start, end = self._at, self._line_end(self._at)
        line = self._line(start, end)
        text = line.removeprefix(BOM_UTF8)
        if not text:
            self._at = self._after_blanks(end)
            return
        if text.startswith(self._its.comments):
            self._at = end
            return
        try:
            self._settle(line, self._its.records.read_odd(line), end)
        except Unterminated:
            self._open_quote(line, end)

    def _after_blanks(self, start: int) -> int:
        """Where the line ends that stand there have an end: lines without anything may be millions."""
        ends = b"\r\n" if self._its.newline == b"\n" else self._its.newline
        rest = BLANK_RUN[ends].match(self._data, start, self._stop)
        return rest.end() if rest else start

    def _settle(self, raw: bytes, row: Row, end: int) -> None:
        self._found.settled.append(Settled(self._number(), raw, row))
        self._found.rows += 1
        self._at = end

    def _open_quote(self, line: bytes, end: int) -> None:
        """Settles a record with an open quote, with the lines after it if they complete it.

        The lines are one record if that is good, or at least no line of it is good by itself. Where the block ends
        before this is known, the rest of it is left to the next.
        """
        records = self._its.records
        record_end = self._record_end(self._at)
        if record_end is None and not self._final:
            self._found.carry, self._stop = self._data[self._at :], self._at
            return
        if record_end:
            record, beyond = self._data[self._at : record_end], self._line_end(record_end)
            row = records.read(record)
            if not row.errors or self._hangs_together(row, end, beyond):
                self._settle(record, row, beyond)
                return
        self._settle(line, records.unterminated(), end)

    def _record_end(self, start: int) -> int | None:
        """Where the record ends that begins here: 0 if nowhere in reach, None if it goes on beyond the block."""
        look = self._its.look_ahead
        if not look.may_look(self._place + start):
            return 0
        start += len(BOM_UTF8) if self._data.startswith(BOM_UTF8, start) else 0
        horizon = min(len(self._data), start + look.longest)
        searched = end = horizon
        try:
            searched = end = self._its.records.splitter.record_end(self._data, start, horizon, self._its.newline)
        except Unterminated:
            end = 0
        except SplitError as error:
            searched, end = error.place or horizon, 0
        if searched == len(self._data) and not self._final:
            return None
        look.note(searched - start)
        return end

    def _hangs_together(self, row: Row, second: int, beyond: int) -> bool:
        """Whether a bad record over several lines is better seen as one bad row than line by line."""
        if row.errors[0].column is None:
            return False
        place = second
        while place < beyond:
            end = self._line_end(place)
            if self._good_alone(self._line(place, end)):
                return False
            place = end
        return True

    def _good_alone(self, line: bytes) -> bool:
        try:
            return bool(line) and not self._its.records.read(line).errors
        except Unterminated:
            return False
