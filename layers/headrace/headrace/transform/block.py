"""A block of lines while its records are being decided."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace.transform.explain import Row


class Settled(NamedTuple):
    """A record that the slow path has decided: its bytes and what it is."""

    raw: bytes
    row: Row


class LineBlock:
    """Lines by their place, 0 first. A record begins at a place; the lines that it goes on in are no records."""

    def __init__(self, data: bytes, newline: bytes, *, final: bool) -> None:
        self.data = data
        self.newline = newline
        self.final = final
        whole = pc.split_pattern(pa.array([data], pa.binary()), newline).values
        self._offsets = memoryview(whole.buffers()[1]).cast("i")
        self.lines = whole[:-1] if data.endswith(newline) else whole
        self.stop = len(self.lines)
        self.settled: dict[int, Settled] = {}
        self._not_records: list[int] = []

    def start(self, place: int) -> int:
        """Where the line begins in `data`."""
        return self._offsets[place] + place

    def end(self, place: int) -> int:
        """Where the line ends in `data`, its line end not counted."""
        return self._offsets[place + 1] + place

    def line(self, place: int) -> bytes:
        """The line without its end."""
        return self.data[self.start(place) : self.end(place)].removesuffix(b"\r")

    def lines_at(self, places: pa.Array) -> list[bytes]:
        """The lines at these places, without their ends."""
        return [line.removesuffix(b"\r") for line in self.lines.take(places).to_pylist()]

    @property
    def next_record(self) -> int:
        """The first place that no record or blank line before it has taken."""
        return self._not_records[-1] + 1 if self._not_records else 0

    def skip(self, first: int, beyond: int) -> None:
        """Lines that are no records: blank, or the rest of the record before them."""
        self._not_records.extend(range(first, beyond))

    def cut(self, place: int) -> bytes:
        """Leaves this line and those after it to the next block, and gives their bytes."""
        self.stop = place
        self.settled.pop(place, None)
        return self.data[self.start(place) :]

    def records(self) -> pa.Array | None:
        """A mask over the lines, true where a record begins; None if that is everywhere."""
        if not self._not_records:
            return None
        mask = [True] * self.stop
        for place in self._not_records:
            mask[place] = False
        return pa.array(mask)

    def numbers(self, before: int) -> pa.Array:
        """The row number of the record that begins at each place, `before` records being read already."""
        records = self.records()
        if records is None:
            return pa.arange(before + 1, before + self.stop + 1)
        return pc.add(pc.cumulative_sum(records.cast(pa.int64())), before)

    def only_records(self, chosen: pa.Array) -> pa.Array:
        """The mask without lines that are no records, and without those left to the next block."""
        records = self.records()
        chosen = chosen[: self.stop]
        return chosen if records is None else pc.and_(chosen, records)

    def joined(self, chosen: pa.Array) -> bytes:
        """The chosen lines as one text; all of them cost no copy, and few left out cost one of the whole."""
        left_out: list[int] = pc.indices_nonzero(pc.invert(chosen)).to_pylist()
        if not left_out and self.stop == len(self.lines):
            return self.data
        view = memoryview(self.data)
        pieces: list[memoryview] = []
        first = 0
        for place in [*left_out, self.stop]:
            if place > first:
                pieces.append(view[self.start(first) : self.start(place)])
            first = place + 1
        return b"".join(pieces)
