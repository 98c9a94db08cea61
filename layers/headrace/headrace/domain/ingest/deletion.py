"""An object that is deleted from landing: an event, what a contract wants of it, its place among its key's versions.

In a bucket with versions a DeleteObject writes a delete marker, which is later than all versions before it; a version
can also be deleted permanently, by itself. S3's lifecycle rules do both, and say so as the `reason`
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace.domain.clock import precise
from headrace.domain.contract import Contract
from headrace.domain.ingest.arrival import text_of
from headrace.domain.ingest.ledger import DELETED, Arrival, FileRecord, FileStatus
from headrace.domain.ingest.sequencer import right_after

DETAIL_TYPE = "Object Deleted"
MARKER = "Delete Marker Created"
EXPIRED = "Lifecycle Expiration"
NOT_LOADED = {FileStatus.PENDING, FileStatus.HELD, FileStatus.FAILED, FileStatus.UNROUTABLE, FileStatus.DUPLICATE}
"""Versions that have replaced nothing, and that no load has read and not yet brought."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """One `Object Deleted` event. `version` is the one that was deleted for good; empty where the key is gone."""

    bucket: str
    key: str
    version: str
    sequencer: str
    at: str
    expired: bool


def deletion_of(event: Any) -> Deletion | None:
    """The deletion that an event of EventBridge reports, None if it reports something else.

    Raises one of NOT_AS_EXPECTED for one that lacks what it must have.
    """
    if not isinstance(event, dict) or event.get("detail-type") != DETAIL_TYPE:
        return None
    detail = event["detail"]
    item = detail["object"]
    version = "" if detail.get("deletion-type") == MARKER else item.get("version-id", "")
    return Deletion(
        bucket=text_of("bucket", detail["bucket"]["name"]),
        key=text_of("key", item["key"]),
        version=text_of("version", version, least=0),
        sequencer=text_of("sequencer", item.get("sequencer", ""), least=0),
        at=precise(event["time"]),
        expired=detail.get("reason") == EXPIRED,
    )


def removes_rows(deletion: Deletion, contract: Contract) -> bool:
    """Whether the contract wants the rows to go with the object."""
    return contract.remove_expired if deletion.expired else contract.remove_deleted


def as_version(deletion: Deletion, versions: Sequence[FileRecord]) -> Arrival | None:
    """The deletion as a version of its key without rows, which takes the place of those before it.

    None if it says nothing of the rows: `versions`, the key's known ones and the oldest first, have another one as the
    newest, or the newest one's rows never came: those of the version before stay, which is the object again.

    One that was deleted for good makes room right after itself, so that none that is on its way counts as earlier. An
    event without a sequencer comes right after the last version that was there before it, and so does one that is older
    than a version which was found without an event: the sequencers of those say nothing of other events.
    """
    if deletion.version:
        newest = versions[-1] if versions else None
        if newest is None or newest.version != deletion.version or _brought_nothing(newest):
            return None
        return _arrival(deletion, right_after(newest.sequencer, 0))
    if deletion.sequencer and not any(version.was_found and version.arrived_at > deletion.at for version in versions):
        return _arrival(deletion, deletion.sequencer)
    before = [version for version in versions if version.arrived_at <= deletion.at]
    return _arrival(deletion, right_after(before[-1].sequencer, 0)) if before else None


def _brought_nothing(version: FileRecord) -> bool:
    """Whether the target has no rows of a version, and gets none: its object is gone."""
    return version.status in NOT_LOADED and not version.has_rows


def _arrival(deletion: Deletion, sequencer: str) -> Arrival:
    name = f"{DELETED}{deletion.version or sequencer}"
    return Arrival(deletion.bucket, deletion.key, name, 0, "", sequencer, deletion.at)
