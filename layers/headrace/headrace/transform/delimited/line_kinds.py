"""Which lines of a text match the contract's expressions: runs of them, not one by one."""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace.transform.expression import compiled, match_end

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
        self._good = compiled(f"(?:(?:{good})(?:{end}))*") if good else None
        self._sound = compiled(f"(?:{sound})(?:{end})") if sound else None

    def good_end(self, data: bytes, start: int, stop: int) -> int:
        """Where the good lines from `start` on end: `start` if the first is none."""
        return start if self._good is None else max(start, match_end(self._good, data, start, stop))

    def is_sound(self, data: bytes, start: int, stop: int) -> bool:
        """Whether the line at these places, its end counted, is sound."""
        return self._sound is not None and match_end(self._sound, data, start, stop) >= 0


class LineTable:
    """The kinds of all lines of a text, found in one pass; worth it where they change often."""

    def __init__(self, kinds: LineKinds, data: bytes, start: int, stop: int) -> None:
        """Looks at the lines from `start` to `stop`. Raises ArrowInvalid for an expression too large for Arrow."""
        self.stop = stop
        self._start = start
        lines = pc.split_pattern(pa.array([memoryview(data)[start:stop]], pa.binary()), kinds.newline).values
        offsets = memoryview(lines.buffers()[1]).cast("i")
        of_lines = pa.repeat(pa.scalar(0, pa.int8()), len(lines))
        before_end = r"\r?" if kinds.newline == b"\n" else ""
        for kind, line in reversed(kinds.lines.items()):
            matching = pc.match_substring_regex(lines, f"^(?:{line}){before_end}$")
            of_lines = pc.if_else(matching, pa.scalar(int(kind), pa.int8()), of_lines)
        ends = _last_of_runs(of_lines)
        members = {int(kind): kind for kind in Kind}
        self._kinds = [members[kind] for kind in of_lines.take(ends).to_pylist()]
        self._ends = [min(start + offsets[place + 1] + place + 1, stop) for place in ends.to_pylist()]
        self._place = 0

    def run_at(self, start: int, stop: int) -> Run:
        """The lines from `start` on that are of one kind."""
        place = self._place
        if (self._ends[place - 1] if place else self._start) != start:
            place = bisect_right(self._ends, start)
        self._place = place + 1
        return Run(self._kinds[place], min(self._ends[place], stop))


def line_table(kinds: LineKinds, data: bytes, start: int, stop: int) -> LineTable | None:
    """The kinds of all lines from `start` to `stop`; None where an expression is too large for that."""
    try:
        return LineTable(kinds, data, start, stop)
    except pa.ArrowInvalid:
        return None


def _last_of_runs(kinds: pa.Array) -> pa.Array:
    """The places of the lines after which another run begins: the last ones, and every one that is by itself."""
    last = pc.or_(pc.not_equal(kinds[:-1], kinds[1:]), pc.equal(kinds[:-1], int(Kind.OTHER)))
    return pc.indices_nonzero(pa.concat_arrays([last, pa.array([True])]))


def line_end(data: bytes, start: int, newline: bytes) -> int:
    """Where the next line begins."""
    place = data.find(newline, start)
    return len(data) if place < 0 else place + len(newline)


def lines_of(data: bytes, newline: bytes) -> list[bytes]:
    """The lines of a text without their ends."""
    return [line.removesuffix(b"\r") for line in data.removesuffix(newline).split(newline)]
