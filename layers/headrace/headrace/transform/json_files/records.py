"""Where one JSON document of a file ends and the next begins: lines, or the elements of an array."""

from __future__ import annotations

from collections.abc import Callable

from headrace.transform.decode.encoding import TextBytes
from headrace.transform.decode.lines import LineBlocks, Skimmed, filled_lines
from headrace.transform.delimited.within import Within
from headrace.transform.json_files.array import ArrayElements
from headrace.transform.outcome import Limits

NextRecords = Callable[[], tuple[list[bytes], bool]]
"""Gives some of a text's records, and whether they are the last."""
Records = Callable[[TextBytes, Limits, int, int], NextRecords]
"""Cuts a text into records, given the limits, the bytes of a block, and how many records are given at a time."""


class LineRecords:
    """One document a line, from the text's beginning or from `within` it; blank lines are none."""

    def __init__(self, text: TextBytes, limits: Limits, block_bytes: int, within: Within | None = None) -> None:
        half = max(1, block_bytes // 2)  # its values take more room than its text
        self.lines = LineBlocks(text.read, half, limits, within.newline if within else None)
        self.is_part = within is not None
        self.before = within.before if within else 0
        self._left = within.rows if within else None

    def __call__(self) -> tuple[list[bytes], bool]:
        """Some documents, and whether they are the last."""
        if self._left == 0:
            return [], True
        data, final = self.lines.next_block()
        found = [line for line in data.split(self.lines.newline) if line and line != b"\r"]
        if self._left is not None:
            found = found[: self._left]
            self._left -= len(found)
        return found, final or self._left == 0

    def skim(self, border: Callable[[], int | None]) -> Skimmed:
        """Counts the documents before a border of the text, which must be known once it is read up to there."""
        rows = place = 0
        final = False
        while not final:
            data, final = self.lines.next_block()
            known = border()
            stop = len(data) if known is None else min(len(data), known - place)
            rows += filled_lines(data[:stop], self.lines.newline, ())
            place += len(data)
            if known is not None and place >= known:
                return Skimmed(rows, known, b"")
        return Skimmed(rows, None, b"")


def lines(text: TextBytes, limits: Limits, block_bytes: int, _most_records: int) -> NextRecords:
    """One document a line; blank lines are none."""
    text.skip_blanks()
    return LineRecords(text, limits, block_bytes)


def array_or_lines(text: TextBytes, limits: Limits, block_bytes: int, most_records: int) -> NextRecords:
    """The elements of one array, where the text begins like one, else lines."""
    text.skip_blanks()
    if text.begins_with(b"["):
        return ArrayElements(text.read, block_bytes, limits, most_records).next_elements
    return lines(text, limits, block_bytes, most_records)
