"""Documents that were made of something else, some at a time."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.transform.json_files.records import NextRecords


def some_of(lines: Iterator[bytes], block_bytes: int, most: int) -> NextRecords:
    """Gives some of the documents at a time."""

    def following() -> tuple[list[bytes], bool]:
        found: list[bytes] = []
        size = 0
        for line in lines:
            found.append(line)
            size += len(line)
            if len(found) >= most or size * 2 >= block_bytes:
                return found, False
        return found, True

    return following
