"""The first pass over a range: how many records begin in it, and where the last of them ends."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.domain.contract import Contract
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.delimited.reader import DelimitedReader
from headrace.transform.file import BLOCK_BYTES
from headrace.transform.outcome import FileRejected, Limits
from headrace.transform.readers import reader_of
from headrace.transform.split.head import Head
from headrace.transform.split.source import Source, Stretch


@dataclass(frozen=True, slots=True)
class Span:
    """A range of a file's bytes, from one beginning of a line to another."""

    start: int
    border: int


@dataclass(frozen=True, slots=True)
class Skim:
    """The records that begin in a span, if one begins where it does. `end` is the place after the last of them.

    `text` is how long all this is as UTF-8. So many bytes were `searched` for the ends of open records, and at least
    `spare` more might have been, counting from the span's start. `rejected` is set if the file is rejected here.
    """

    rows: int
    end: int
    text: int
    searched: int = 0
    spare: int = 1
    rejected: bool = False


def skim(contract: Contract, head: Head, source: Source, span: Span, limits: Limits) -> Skim:
    """Read a span once, and a little beyond it."""
    with source.open(span.start) as stream:
        text = _Marked(Stretch(stream, span.start, span.border), head, span)
        reader = reader_of(contract, text, limits, BLOCK_BYTES, head.within())
        try:
            found = reader.skim(lambda: text.border)
        except FileRejected:
            return Skim(0, source.size, 0, rejected=True)
    look = reader.look_ahead if isinstance(reader, DelimitedReader) else None
    searched, spare = (look.searched, look.spare) if look else (0, 1)
    if found.border is None:
        return Skim(found.rows, source.size, text.made, searched, spare)
    end = span.border + len(text.landed(found.beyond))
    return Skim(found.rows, end, found.border + len(found.beyond), searched, spare)


class _Marked(TextBytes):
    """The text of a span and of what follows it. `border` is the span's end as a place of the text, once read."""

    def __init__(self, stretch: Stretch, head: Head, span: Span) -> None:
        super().__init__(stretch.read, head.encoding, within=True)
        self._size = span.border - span.start
        self.made = 0
        self.border: int | None = None

    def _transcoded(self, size: int) -> bytes:
        piece = super()._transcoded(size)
        self.made += len(piece)
        if self.border is None and self.place >= self._size:
            self.border = self.made
        return piece
