"""Where a file is cut: at the beginning of a line that is likely to begin a record, too."""

from __future__ import annotations

from typing import BinaryIO

from headrace.domain.contract import Contract
from headrace.transform.decode.encoding import TextBytes
from headrace.transform.delimited.quoted import Unterminated
from headrace.transform.delimited.record_path import RecordReader
from headrace.transform.outcome import Limits
from headrace.transform.split.head import Head
from headrace.transform.split.source import Source

WINDOW = 64 << 10
LINES = 50
"""So many lines are looked at for one that is a good row."""
WIDEST = 4
"""Bytes of a character."""


def border(contract: Contract, head: Head, source: Source, place: int, limits: Limits) -> int:
    """The beginning of a line at or after a place: the same for the same place, whoever asks.

    A line that is a good row by itself most likely begins a record, whatever quotes stand before it; of no line is that
    certain. Beyond the longest line that is allowed the file's end is given.
    """
    if place <= head.body:
        return head.body
    step = len(head.line_end)
    before = -(-(place - step) // step) * step
    with source.open(before) as stream:
        data, first = _first_line_end(stream, head.line_end, limits.line * WIDEST + WINDOW)
        if first < 0:
            return source.size
        data += stream.read(WINDOW)
    starts = _starts(data, first + step, head.line_end)
    good = next((start for start, end in starts if _is_good(contract, head, data[start:end])), first + step)
    return min(before + good, source.size)


def _first_line_end(stream: BinaryIO, line_end: bytes, most: int) -> tuple[bytes, int]:
    """What was read, and the place of the first line end in it; -1 if there is none."""
    data = b""
    while len(data) < most and (piece := stream.read(max(WINDOW, len(data)))):
        searched = max(0, len(data) - len(line_end))
        data += piece
        place = _find(data, line_end, searched)
        if place >= 0:
            return data, place
    return data, -1


def _find(data: bytes, line_end: bytes, start: int) -> int:
    """The first line end, which stands at a multiple of its length."""
    place = data.find(line_end, start)
    while place >= 0 and place % len(line_end):
        place = data.find(line_end, place + 1)
    return place


def _starts(data: bytes, start: int, line_end: bytes) -> list[tuple[int, int]]:
    """Some whole lines from `start` on: where they begin and end."""
    found: list[tuple[int, int]] = []
    while len(found) < LINES and (end := _find(data, line_end, start)) >= 0:
        found.append((start, end))
        start = end + len(line_end)
    return found


def _is_good(contract: Contract, head: Head, line: bytes) -> bool:
    if head.layout is None or not (contract.format.quote or contract.format.escape):
        return True
    pieces = iter((line, b""))
    text = TextBytes(lambda _: next(pieces), head.encoding, within=True)
    record = b"".join(iter(lambda: text.read(len(line) or 1), b"")).removesuffix(b"\r")
    try:
        return bool(record) and not RecordReader(contract, head.layout, text.label).read(record).errors
    except Unterminated:
        return False
