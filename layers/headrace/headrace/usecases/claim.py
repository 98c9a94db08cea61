"""Content identity: the first file to bring a content has it; the same bytes again are a duplicate of that file."""

from __future__ import annotations

from headrace.domain.contract import Contract
from headrace.domain.ledger import FileRecord, FileStatus
from headrace.usecases.ports import Ledger, Services


def claim(file: FileRecord, sha256: str, contract: Contract, services: Services) -> FileRecord | None:
    """Claim a content for a file. Returns None, or the file that has it already.

    A holder that failed, or whose rows a newer version of its key has replaced, loses the claim: its content is not
    in the warehouse, so a file that brings it (back) must be loaded. A file that is loaded again takes the claim along.
    """
    ledger = services.ledger
    holder_id = ledger.claim_content(contract.dataset, sha256, file.file_id)
    while holder_id != file.file_id:
        holder = ledger.file(holder_id)
        if _keeps(holder, file, sha256, contract, ledger):
            ledger.note_copy(holder_id, file.file_id)
            ledger.note_content(file, sha256)  # a later version of the key needs to know in a moment
            return holder
        holder_id = ledger.claim_content(contract.dataset, sha256, file.file_id, instead_of=holder_id)
    return None


def _keeps(holder: FileRecord, file: FileRecord, sha256: str, contract: Contract, ledger: Ledger) -> bool:
    if holder.status is FileStatus.FAILED or file.reload:
        return False
    if not contract.replace_versions:
        return True
    newer = _newer_versions(holder, ledger)
    if (holder.bucket, holder.key) == (file.bucket, file.key):
        # Another content between the holder's and this one: the file was changed, and is now changed back.
        between = [version for version in newer if version.order < file.order]
        return not any(_brings_rows(version) and version.sha256 != sha256 for version in between)
    return not any(version.has_rows for version in newer)


def _newer_versions(file: FileRecord, ledger: Ledger) -> list[FileRecord]:
    versions = ledger.versions(file.bucket, file.key)
    ids = [version.file_id for version in versions]
    return versions[ids.index(file.file_id) + 1 :]


def _brings_rows(version: FileRecord) -> bool:
    return version.status not in {FileStatus.FAILED, FileStatus.DUPLICATE}
