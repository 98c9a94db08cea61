"""Where one JSON document of a file ends and the next begins: lines, or the elements of an array."""

from __future__ import annotations

from collections.abc import Callable

from headrace.transform.decode.encoding import TextBytes
from headrace.transform.decode.lines import LineBlocks
from headrace.transform.json_files.array import ArrayElements
from headrace.transform.outcome import Limits

NextRecords = Callable[[], tuple[list[bytes], bool]]
"""Gives some of a text's records, and whether they are the last."""
Records = Callable[[TextBytes, Limits, int, int], NextRecords]
"""Cuts a text into records, given the limits, the bytes of a block, and how many records are given at a time."""


def lines(text: TextBytes, limits: Limits, block_bytes: int, _most_records: int) -> NextRecords:
    """One document a line; blank lines are none."""
    text.skip_blanks()
    blocks = LineBlocks(text.read, max(1, block_bytes // 2), limits)  # its values take more room than its text

    def next_lines() -> tuple[list[bytes], bool]:
        data, final = blocks.next_block()
        return [line for line in data.split(blocks.newline) if line and line != b"\r"], final

    return next_lines


def array_or_lines(text: TextBytes, limits: Limits, block_bytes: int, most_records: int) -> NextRecords:
    """The elements of one array, where the text begins like one, else lines."""
    text.skip_blanks()
    if text.begins_with(b"["):
        return ArrayElements(text.read, block_bytes, limits, most_records).next_elements
    return lines(text, limits, block_bytes, most_records)
