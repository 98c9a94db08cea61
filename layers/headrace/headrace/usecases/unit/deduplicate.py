"""Content identity: the first file to bring a content has it; the same bytes again are a duplicate of that file."""

from __future__ import annotations

from typing import Protocol

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.usecases.ports import Contents, HasContents, HasFiles


class Services(HasContents, HasFiles, Protocol):
    """The ports used here."""


def claim(file: FileRecord, sha256: str, contract: Contract, services: Services) -> FileRecord | None:
    """Claim a content for a file. Returns None, or the file that has it already.

    A holder that failed, or whose rows a newer version of its key has replaced, loses the claim: its content is not
    in the warehouse, so a file that brings it (back) must be loaded. A file that is loaded again takes the claim along.
    """
    contents = services.contents
    holder_id = contents.claim(contract.dataset, sha256, file.file_id)
    while holder_id != file.file_id:
        holder = services.files.get(holder_id)
        if _keeps(holder, file, sha256, contract, contents):
            if holder.place != file.place:
                contents.note_copy(holder_id, file)
            contents.note(file, sha256)  # a later version of the key needs to know in a moment
            return holder
        holder_id = contents.claim(contract.dataset, sha256, file.file_id, instead_of=holder_id)
    return None


def _keeps(holder: FileRecord, file: FileRecord, sha256: str, contract: Contract, contents: Contents) -> bool:
    if holder.status is FileStatus.FAILED or file.reload:
        return False
    if not contract.replace_versions:
        return True
    loaded = contents.loaded_versions([holder.place])[holder.place]
    newer = [version for version in loaded if version.order > holder.order]
    if holder.place != file.place:
        return not newer
    between = [version for version in newer if version.order < file.order]
    return all(version.sha256 == sha256 for version in between) and _unchanged_since(holder, file, sha256, contents)


def _unchanged_since(holder: FileRecord, file: FileRecord, sha256: str, contents: Contents) -> bool:
    """Whether no other content waits between the holder's version and this one: it would be changed back then.

    The version before tells, unless it is a copy itself. One that has failed may be retried, and would then be the
    newest that was loaded. Where too many are copies, loading it again does no harm.
    """
    for version in reversed(contents.versions(file.bucket, file.key, before=file)):
        if version.order <= holder.order:
            return True
        if version.sha256 == sha256 and version.status is not FileStatus.FAILED:
            return True
        if version.status is not FileStatus.DUPLICATE:
            return False
    return False
