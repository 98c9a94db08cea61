"""Units of a batch whose function was killed, by time or memory, or ended itself before: which files are to blame.

A killed function says nothing, but it wrote a line into the story of each file that it had done with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headrace.domain.ingest.lane import MAX_ATTEMPTS
from headrace.domain.ingest.ledger import TRANSFORMED, BatchRecord, FileRecord
from headrace.domain.ingest.packing import was_killed
from headrace.usecases import lake_paths
from headrace.usecases.ports import HasEvents, HasFiles, HasLake


class Services(HasEvents, HasFiles, HasLake, Protocol):
    """The ports used here."""


EVERY_UNIT = 3
"""If at least this many units are all killed, the files are not the cause: the batch has its attempts first."""


def crowded(batch: BatchRecord, units: Sequence[int], services: Services) -> frozenset[str]:
    """The ids of all files of units whose files were too much together: each is a unit alone the next time."""
    return frozenset(file.file_id for number in units for file in _files(batch, number, services))


def blamed(batch: BatchRecord, killed: Sequence[int], services: Services) -> frozenset[str]:
    """The ids of the files for which units were killed; none where each of several was for the first time.

    Of a unit it is the file that the function was at. Where some of its files were in a killed batch before, each may
    be to blame: they have been kept waiting once, and are not again for one file after the other.
    """
    units = [_files(batch, number, services) for number in killed]
    alone = any(was_killed(file) for files in units for file in files)
    if EVERY_UNIT <= len(killed) == batch.units and batch.attempts < MAX_ATTEMPTS and not alone:
        return frozenset()
    return frozenset(file.file_id for files in units for file in _of_unit(batch, files, services))


def _files(batch: BatchRecord, number: int, services: Services) -> list[FileRecord]:
    listed = services.lake.find_json(lake_paths.unit(batch.batch, number)) or []
    ids = [str(file["file_id"]) for file in listed]
    known = services.files.known(ids)
    return [known[file_id] for file_id in ids if file_id in known]


def _of_unit(batch: BatchRecord, files: list[FileRecord], services: Services) -> list[FileRecord]:
    at_work = None if any(file.failing_since for file in files) else _at_work(batch, files, services)
    return [at_work] if at_work else files


def _at_work(batch: BatchRecord, files: list[FileRecord], services: HasEvents) -> FileRecord | None:
    """The file that the unit's last call was at: the first that is not done since the one before it was.

    A call begins with a separate line for the first file, so that an earlier call's lines are not taken for this one's.
    """
    before = batch.started_at
    for file in files:
        last = services.events.last_of_file(file.file_id)
        if last is None or last.step != TRANSFORMED or last.at < before:
            return file
        before = last.at
    return None
