"""Packing a batch's files into units of work. Small files share a unit, large ones have their own; none is split."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.domain.ingest.lane import Limits
from headrace.domain.ingest.ledger import FileRecord

UNIT_FILES = 100
UNIT_BYTES = 32 * 2**20
KILLED = "killed"
"""The last part of the name of a group whose transform ran out of time or memory: each of its files is a unit alone."""
APART = "apart"
"""The group of files that failed while nothing else of their lane loaded: it may not be them."""


def first_batch(files: Iterable[FileRecord], limits: Limits, loaded_at: str | None = None) -> list[FileRecord]:
    """The oldest files that fit in one batch; at least one, whatever its size.

    Suspects of a failed batch are only with suspects of the same group, released files with those of the same batch.
    Where others wait, they are tried before those that failed while nothing loaded; `loaded_at` is when something did.
    """
    chosen: list[FileRecord] = []
    size = 0
    for file in sorted(files, key=lambda file: waits_for_others(file, loaded_at)):
        if chosen and (file.suspects, file.released) != (chosen[0].suspects, chosen[0].released):
            continue
        size += file.size
        if chosen and (size > limits.size or len(chosen) == limits.files):
            break
        chosen.append(file)
    return chosen


def killed_group(batch: str) -> str:
    """The group in which the files of a batch's killed units are tried once more, each in a unit alone."""
    return f"{batch}-{KILLED}"


def was_killed(file: FileRecord) -> bool:
    """Whether the file was in a unit that was killed; the next time it can only have been this file."""
    return file.suspects is not None and file.suspects.endswith(f"-{KILLED}")


def waits_for_others(file: FileRecord, loaded_at: str | None) -> bool:
    """Whether the file failed while nothing loaded, and nothing has since: others may show whether it is the file."""
    return file.suspects == APART and not (file.apart_since and loaded_at and loaded_at > file.apart_since)


def halves(files: list[FileRecord]) -> tuple[list[FileRecord], list[FileRecord]]:
    """Two halves of a batch, in order."""
    middle = (len(files) + 1) // 2
    return files[:middle], files[middle:]


def units(files: Iterable[FileRecord]) -> list[list[FileRecord]]:
    """Files in their order, cut into units by number and size. The same files always give the same units."""
    packed: list[list[FileRecord]] = []
    size = 0
    for file in files:
        if not packed or was_killed(file) or len(packed[-1]) == UNIT_FILES or size + file.size > UNIT_BYTES:
            packed.append([])
            size = 0
        packed[-1].append(file)
        size += file.size
    return packed
