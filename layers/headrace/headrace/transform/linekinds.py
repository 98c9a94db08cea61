"""Which lines of a text match the contract's expressions: runs of them, not one by one."""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import re2

MOST_MEMORY = 64 << 20
"""For one compiled expression, in bytes; it grows as it is needed."""
FALSE = pa.scalar(value=False)


class Kind(IntEnum):
    """What a line is: a good row up to `checks`, a sound record, or something that must be read by itself."""

    OTHER = 0
    SOUND = 1
    GOOD = 2


class Run(NamedTuple):
    """Lines of one kind: where they end, and how many they are. Of `OTHER` it is always one."""

    kind: Kind
    end: int


class LineKinds:
    """The expressions for lines without their ends; nothing where there is none. Lines end in `newline`."""

    def __init__(self, good: str, sound: str, newline: bytes) -> None:
        self.newline = newline
        self.lines = {kind: line for kind, line in ((Kind.GOOD, good), (Kind.SOUND, sound)) if line}
        end = r"\r?\n|\r?\z" if newline == b"\n" else r"\r|\z"
        runs = {kind: compiled(f"(?:(?:{line})(?:{end}))*") for kind, line in self.lines.items()}
        self.runs = {kind: run for kind, run in runs.items() if run is not None}

    def run_at(self, data: bytes, start: int, stop: int, *, after_good: bool = False) -> Run:
        """The lines from `start` on that are of one kind. Of sound ones it takes one: the next may be good.

        After good ones the next is none."""
        end = line_end(data, start, self.newline)
        for kind, expression in self.runs.items():
            if kind is Kind.GOOD and after_good:
                continue
            match = expression.match(data, start, stop if kind is Kind.GOOD else min(stop, end))
            if match is not None and match.end() > start:
                return Run(kind, match.end())
        return Run(Kind.OTHER, end)


class LineTable:
    """The kinds of all lines of a text, told in one pass; worth it where they change often."""

    def __init__(self, kinds: LineKinds, data: bytes, start: int) -> None:
        """Looks at the lines from `start` on. Raises ArrowInvalid for an expression that is too large."""
        lines = pc.split_pattern(pa.array([memoryview(data)[start:]], pa.binary()), kinds.newline).values
        offsets = memoryview(lines.buffers()[1]).cast("i")
        of_lines = pa.repeat(pa.scalar(0, pa.int8()), len(lines))
        before_end = r"\r?" if kinds.newline == b"\n" else ""
        for kind, line in reversed(kinds.lines.items()):
            matching = pc.match_substring_regex(lines, f"^(?:{line}){before_end}$")
            of_lines = pc.if_else(matching, pa.scalar(int(kind), pa.int8()), of_lines)
        ends = _last_of_runs(of_lines)
        members = {int(kind): kind for kind in Kind}
        self._kinds = [members[kind] for kind in of_lines.take(ends).to_pylist()]
        self._ends = [min(start + offsets[place + 1] + place + 1, len(data)) for place in ends.to_pylist()]
        self._place = 0

    def run_at(self, data: bytes, start: int, stop: int, *, after_good: bool = False) -> Run:
        """The lines from `start` on that are of one kind."""
        del after_good
        place = self._place
        if place and self._ends[place - 1] != start:
            place = bisect_right(self._ends, start)
        self._place = place + 1
        return Run(self._kinds[place], min(self._ends[place], stop))


def _last_of_runs(kinds: pa.Array) -> pa.Array:
    """The places of the lines after which another run begins: the last ones, and every one that is by itself."""
    last = pc.or_(pc.not_equal(kinds[:-1], kinds[1:]), pc.equal(kinds[:-1], int(Kind.OTHER)))
    return pc.indices_nonzero(pa.concat_arrays([last, pa.array([True])]))


def line_end(data: bytes, start: int, newline: bytes) -> int:
    """Where the next line begins."""
    place = data.find(newline, start)
    return len(data) if place < 0 else place + len(newline)


def compiled(pattern: str) -> re2._Regexp | None:
    """An expression over bytes; None for one that is too large for RE2."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    options.log_errors = False
    options.max_mem = MOST_MEMORY
    try:
        return re2.compile(pattern.encode("latin-1"), options)
    except re2.error:
        return None
