"""A duplicate has no rows itself: when those of the file it copies are replaced, a person has to know.

Whether the copy was an accident or is wanted cannot be seen from here. So nothing is loaded automatically.
"""

from __future__ import annotations

from typing import Protocol

from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.usecases.ports import HasContents, HasEvents

MOST_LOOKED_AT = 100
"""Copies that one batch looks at: notices name a few, but there may be as many as files."""


class Services(HasContents, HasEvents, Protocol):
    """The ports used here."""


def bereft_copies(replaced: list[FileRecord], services: Services) -> list[FileRecord]:
    """The duplicates of files whose rows this batch replaced: their content is in no row now. Their stories record it.

    Only a copy that is the newest version of its own key counts; an older one has been replaced itself.
    """
    bereft: list[FileRecord] = []
    looked_at = 0
    for file in replaced:
        for copy in services.contents.copies(file.file_id):
            looked_at += 1
            if looked_at > MOST_LOOKED_AT:
                return bereft
            if _is_current(copy, services):
                services.events.note_file(copy.file_id, "Original replaced", {"was a copy of": copy.duplicate_of})
                bereft.append(copy)
    return bereft


def _is_current(copy: FileRecord, services: Services) -> bool:
    if copy.status is not FileStatus.DUPLICATE:
        return False
    versions = services.contents.versions(copy.bucket, copy.key)
    alive = [version.file_id for version in versions if version.status is not FileStatus.FAILED]
    return alive[-1:] in ([], [copy.file_id])
