"""The beginning of a file, and what it says about all the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.domain.contract import Contract
from headrace.transform.decode.compression import SNIFF_BYTES, open_members, sniff
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.decode.landed_bytes import LandedBytes
from headrace.transform.delimited.header import Layout
from headrace.transform.delimited.within import Within
from headrace.transform.file import BLOCK_BYTES, limits_of
from headrace.transform.outcome import Limits
from headrace.transform.readers import reader_of
from headrace.transform.split.source import Source


@dataclass(frozen=True, slots=True)
class Head:
    """Encoding and line ends of a file, the layout of its records, and the byte at which the records begin."""

    encoding: str
    newline: bytes
    layout: Layout | None
    body: int
    detected: dict[str, Any]

    @property
    def line_end(self) -> bytes:
        """What ends a line, as it stands in the file."""
        return self.newline.decode().encode(self.encoding)

    def within(self, before: int = 0, rows: int | None = None) -> Within:
        """What a reader must know that begins somewhere in the file."""
        return Within(self.newline, self.layout, before, rows)


def read_head(contract: Contract, source: Source, limits: Limits | None = None) -> Head | None:
    """The head of a file; None for one that cannot be cut: it is compressed, no text or a JSON array, or has a footer.

    Raises FileRejected as reading the whole file would.
    """
    limits = limits or limits_of(contract)
    with source.open() as stream:
        landed = LandedBytes(stream)
        first = landed.read(SNIFF_BYTES)
        compression = sniff(first, contract.format.compression, traits=contract.format.traits)
        if compression != "none" or contract.format.footer_lines or contract.format.traits.binary:
            return None
        member = next(open_members(landed, first, "none", limits))
        text = TextBytes(member.read, contract.format.encoding)
        reader = reader_of(contract, text, limits, BLOCK_BYTES)
        if reader.lines is None:
            return None
        body = text.place - len(text.landed(reader.lines.ahead + text.waiting))
        return Head(text.encoding, reader.lines.newline, reader.layout, body, reader.detected)
