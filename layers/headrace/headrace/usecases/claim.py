"""Content identity: the first file to bring a content has it; the same bytes again are a duplicate of that file."""

from __future__ import annotations

from headrace.domain.contract import Contract
from headrace.domain.ledger import FileRecord, FileStatus
from headrace.usecases.ports import Ledger, Services


def claim(file: FileRecord, sha256: str, contract: Contract, services: Services) -> FileRecord | None:
    """Claim a content for a file. Returns None, or the file that has it already.

    A holder that failed, or whose rows a newer version of its key has replaced, loses the claim: its content is not
    in the warehouse, so a file that brings it (back) must be loaded.
    """
    ledger = services.ledger
    holder_id = ledger.claim_content(contract.dataset, sha256, file.file_id)
    while holder_id != file.file_id:
        holder = ledger.file(holder_id)
        if _keeps(holder, file, contract, ledger):
            return holder
        holder_id = ledger.claim_content(contract.dataset, sha256, file.file_id, instead_of=holder_id)
    return None


def _keeps(holder: FileRecord, file: FileRecord, contract: Contract, ledger: Ledger) -> bool:
    if holder.status is FileStatus.FAILED:
        return False
    if not contract.replace_versions:
        return True
    same_key = (holder.bucket, holder.key) == (file.bucket, file.key)
    newer = _newer_versions(holder, ledger)
    if same_key:
        # Between the holder and this version lies another one: the content was changed, and is now changed back.
        return not any(version.sequencer < file.sequencer for version in newer if version.file_id != file.file_id)
    return not any(version.status is FileStatus.LOADED for version in newer)


def _newer_versions(file: FileRecord, ledger: Ledger) -> list[FileRecord]:
    versions = ledger.versions(file.bucket, file.key)
    ids = [version.file_id for version in versions]
    return [version for version in versions[ids.index(file.file_id) + 1 :] if version.status is not FileStatus.FAILED]
