"""Packing a batch's files into units of work: small files share a unit, large ones have their own, none is split.

A unit that a function cannot finish goes to Spark.
"""

from __future__ import annotations

from collections.abc import Iterable

from headrace.domain.contract import GLUE, LAMBDA, Contract
from headrace.domain.ingest.lane import Limits
from headrace.domain.ingest.ledger import FileRecord

UNIT_FILES = 100
UNIT_BYTES = 32 * 2**20
KILLED = "killed"
"""The group of files for which a function ran out of time or memory: each of them is a unit alone."""
APART = "apart"
"""The group of files that failed while nothing else of their lane loaded: it may not be them."""
KILLED_APART = f"{APART}-{KILLED}"
"""The same, of files whose function was killed when they were a unit alone, as they are here too."""
LACKING = f"{APART}-lacking"
"""The group of markers and manifests whose files are not there yet. The one that was looked at first is the next."""
COMPRESSED = (".gz", ".bz2", ".zst", ".zip")
GROWS = 8
"""Text is about so much longer than it was compressed."""
NEVER = 0
"""Nothing is so large that Spark is used: there is no job."""


def first_batch(files: Iterable[FileRecord], limits: Limits, loaded_at: str | None = None) -> list[FileRecord]:
    """The oldest files that fit in one batch; at least one, whatever its size.

    Suspects of a failed batch are only with suspects of the same group, released files with those of the same batch.
    Where others wait, they are tried before those for which a function was killed and those that failed while nothing
    loaded, unless something has since: `loaded_at`.
    """
    chosen: list[FileRecord] = []
    size = 0
    for file in sorted(files, key=lambda file: (_stands_back(file, loaded_at), _looked_at(file))):
        if chosen and (file.suspects, file.released) != (chosen[0].suspects, chosen[0].released):
            continue
        size += file.size
        if chosen and (size > limits.size or len(chosen) == limits.files):
            break
        chosen.append(file)
    return chosen


def was_killed(file: FileRecord) -> bool:
    """Whether a function was killed for the file. It is a unit alone, so that the next time it can only be the file."""
    return file.suspects in {KILLED, KILLED_APART}


def waits_for_others(file: FileRecord, loaded_at: str | None) -> bool:
    """Whether the file failed while nothing loaded, and nothing has since: others may show whether it is the file."""
    return file.suspects in {APART, KILLED_APART, LACKING} and _stands_back(file, loaded_at)


def _looked_at(file: FileRecord) -> str:
    """When it was seen last that a group lacks files; of all others, which keep their order, the same."""
    return str(file.apart_since) if file.suspects == LACKING else ""


def _stands_back(file: FileRecord, loaded_at: str | None) -> bool:
    """Whether others are tried before the file: so one that kills its function again keeps them waiting no second time.

    Once something has loaded it is its turn, however many come.
    """
    loaded = file.apart_since and loaded_at and loaded_at > file.apart_since
    return (file.suspects in {APART, LACKING} or was_killed(file)) and not loaded


def halves(files: list[FileRecord]) -> tuple[list[FileRecord], list[FileRecord]]:
    """Two halves of a batch, in order."""
    middle = (len(files) + 1) // 2
    return files[:middle], files[middle:]


def units(files: Iterable[FileRecord]) -> list[list[FileRecord]]:
    """Files in their order, cut into units by number and size. The same files always give the same units."""
    packed: list[list[FileRecord]] = []
    size = count = 0
    for file in files:
        count += max(1, file.members)
        if not packed or was_killed(file) or count > UNIT_FILES or size + file.size > UNIT_BYTES:
            packed.append([])
            size, count = 0, max(1, file.members)
        packed[-1].append(file)
        size += file.size
    return packed


def is_heavy(files: Iterable[FileRecord], contract: Contract, above: int) -> bool:
    """Whether a unit is for Spark: by its contract, or for a file of more than `above` bytes, by its size and name.

    A large file is a unit alone. With `NEVER` none is heavy, and none that stands for others.
    """
    if above == NEVER or contract.grouped or contract.engine == LAMBDA:
        return False
    return contract.engine == GLUE or any(_text_bytes(file, contract) > above for file in files)


def _text_bytes(file: FileRecord, contract: Contract) -> int:
    """About how long the text in a file is."""
    said = contract.format.compression
    compressed = file.key.lower().endswith(COMPRESSED) if said == "auto" else said != "none"
    return file.size * (GROWS if compressed else 1)
