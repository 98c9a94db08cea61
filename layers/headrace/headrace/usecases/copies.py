"""A duplicate has no rows of its own: when those of the file it copies are replaced, a person has to know.

Whether the copy was an accident or stands for itself, nobody can see from here. So nothing is loaded by itself.
"""

from __future__ import annotations

from headrace.domain.ledger import FileRecord, FileStatus
from headrace.usecases.ports import Services


def bereft_copies(accepted: list[FileRecord], services: Services) -> list[FileRecord]:
    """The duplicates of older versions of these files, whose content is in no row now. Their stories say so.

    Only a copy that is the newest version of its own key counts; an older one has been replaced itself.
    """
    found = [copy for file in accepted for older in _older(file, services) for copy in services.ledger.copies(older)]
    bereft = [copy for copy in found if _is_current(copy, services)]
    for copy in bereft:
        services.ledger.tell_file(copy.file_id, "Original replaced", {"was a copy of": copy.duplicate_of})
    return bereft


def _older(file: FileRecord, services: Services) -> list[str]:
    versions = [version.file_id for version in services.ledger.versions(file.bucket, file.key)]
    return versions[: versions.index(file.file_id)]


def _is_current(copy: FileRecord, services: Services) -> bool:
    versions = services.ledger.versions(copy.bucket, copy.key)
    alive = [version for version in versions if version.status is not FileStatus.FAILED]
    return copy.status is FileStatus.DUPLICATE and alive[-1].file_id == copy.file_id
