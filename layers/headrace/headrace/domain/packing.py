"""Packing a batch's files into units of work. Small files share a unit, large ones have their own; none is split."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.domain.ledger import FileRecord

BATCH_FILES = 1000
BATCH_BYTES = 20 * 2**30
UNIT_FILES = 100
UNIT_BYTES = 32 * 2**20


def first_batch(files: Iterable[FileRecord]) -> list[FileRecord]:
    """The oldest files that fit in one batch; at least one, whatever its size."""
    chosen: list[FileRecord] = []
    size = 0
    for file in files:
        size += file.size
        if chosen and (size > BATCH_BYTES or len(chosen) == BATCH_FILES):
            break
        chosen.append(file)
    return chosen


def units(files: Iterable[FileRecord]) -> list[list[FileRecord]]:
    """Files in their order, cut into units by number and size. The same files always give the same units."""
    packed: list[list[FileRecord]] = []
    size = 0
    for file in files:
        if not packed or len(packed[-1]) == UNIT_FILES or size + file.size > UNIT_BYTES:
            packed.append([])
            size = 0
        packed[-1].append(file)
        size += file.size
    return packed
