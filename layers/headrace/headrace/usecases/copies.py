"""A duplicate has no rows of its own: when those of the file it copies go, its content has to be loaded after all."""

from __future__ import annotations

from dataclasses import replace

from headrace.domain.ledger import FileRecord, FileStatus, RowCounts
from headrace.usecases.ports import Services


def revive_copies(accepted: list[FileRecord], services: Services) -> list[FileRecord]:
    """Let the copies of older versions of these files wait for a batch. Returns those that do now.

    Only a copy that is the newest version of its own key counts; an older one has been replaced itself.
    """
    found = [copy for file in accepted for older in _older(file, services) for copy in services.ledger.copies(older)]
    return [copy for copy in found if _is_current(copy, services) and _revive(copy, services)]


def _older(file: FileRecord, services: Services) -> list[str]:
    versions = [version.file_id for version in services.ledger.versions(file.bucket, file.key)]
    return versions[: versions.index(file.file_id)]


def _is_current(copy: FileRecord, services: Services) -> bool:
    versions = services.ledger.versions(copy.bucket, copy.key)
    alive = [version for version in versions if version.status is not FileStatus.FAILED]
    return copy.status is FileStatus.DUPLICATE and alive[-1].file_id == copy.file_id


def _revive(copy: FileRecord, services: Services) -> bool:
    waiting = replace(copy, batch=None, reason=None, duplicate_of=None, rows=RowCounts())
    if not services.ledger.requeue(waiting, FileStatus.DUPLICATE):
        return False
    services.ledger.tell_file(copy.file_id, "Loaded after all", {"was a copy of": copy.duplicate_of})
    return True
