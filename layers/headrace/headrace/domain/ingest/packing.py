"""Packing a batch's files into units of work: small files share a unit, large ones have their own, none is split.

A unit that a function cannot finish goes to Spark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import zip_longest

from headrace.domain import clock
from headrace.domain.contract import GLUE, LAMBDA, Contract
from headrace.domain.ingest.lane import MOST_LOOKED_AT, Limits, backoff_seconds, most_looked_at
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
STANDS_BACK_SECONDS = 3600
"""For so long others are tried before a file that was set apart, if none of them loads."""
COMPRESSED = (".gz", ".bz2", ".zst", ".zip")
GROWS = 8
"""Text is about so much longer than it was compressed."""
NEVER = 0
"""Nothing is so large that Spark is used: there is no job."""


def waiting_in(
    lane: str, contract: Contract, loaded_at: str | None, pending: Callable[[str, str, int], list[FileRecord]]
) -> list[FileRecord]:
    """The oldest files that wait, as many as a batch may hold; more where all of these let others go before them.

    `pending` is the ledger's verb: the oldest files of a dataset's lane, at most so many.
    """
    most = most_looked_at(contract, lane)
    waiting = pending(contract.dataset, lane, most)
    at = clock.seconds()
    if len(waiting) < most or not all(stands_back(file, loaded_at, at) for file in waiting):
        return waiting
    return pending(contract.dataset, lane, MOST_LOOKED_AT)


def first_batch(
    files: Iterable[FileRecord], limits: Limits, loaded_at: str | None = None, at: float = 0
) -> list[FileRecord]:
    """The oldest files that fit in one batch; at least one, whatever its size.

    Suspects of a failed batch are only with suspects of the same group, released files with those of the same batch.
    Those that stand back at this time, in seconds since 1970, come only where no other waits; then the one that has
    done so for longest is the first, so that none of them keeps the others waiting either.
    """
    known = list(files)
    chosen: list[FileRecord] = []
    size = 0
    front = [file for file in known if not stands_back(file, loaded_at, at)]
    for file in _by_turns(front) if front else sorted(known, key=_apart_since):
        if chosen and _company(file) != _company(chosen[0]):
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
    """Whether the file failed while nothing loaded, and nothing has since: others may show whether it is the file.

    A group that lacks files waits for them.
    """
    return file.suspects == LACKING or (file.suspects in {APART, KILLED_APART} and not _has_loaded(file, loaded_at))


def stands_back(file: FileRecord, loaded_at: str | None, at: float) -> bool:
    """Whether others are tried before the file: so one that kills its function again keeps them waiting no second time.

    Once something has loaded it is its turn, however many come; or after `STANDS_BACK_SECONDS`, for what comes may
    bring no rows. A group that lacks files is looked at again after half the time for which it has lacked them.
    """
    if not file.apart_since:
        return False
    back_for = at - _seconds(file.apart_since)
    if file.suspects == LACKING:
        return back_for < backoff_seconds(_seconds(file.apart_since) - _seconds(file.failing_since or file.apart_since))
    return (file.suspects == APART or was_killed(file)) and not (
        _has_loaded(file, loaded_at) or back_for >= STANDS_BACK_SECONDS
    )


def _has_loaded(file: FileRecord, loaded_at: str | None) -> bool:
    return bool(file.apart_since and loaded_at and loaded_at > file.apart_since)


def _apart_since(file: FileRecord) -> str:
    return file.apart_since or ""


def _company(file: FileRecord) -> tuple[str | None, str | None]:
    """What files of one batch have in common. Nothing is wrong with a group that has its files by now."""
    return None if file.suspects == LACKING else file.suspects, file.released


def _by_turns(files: list[FileRecord]) -> list[FileRecord]:
    """Groups that lacked files, the one that was looked at first ahead, and all others: neither waits for the other."""
    lacked = sorted((file for file in files if file.suspects == LACKING), key=_apart_since)
    others = [file for file in files if file.suspects != LACKING]
    return [file for pair in zip_longest(others, lacked) for file in pair if file]


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


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
