"""Files that are loaded as one: a marker says that they are there, or a manifest lists them.

The marker or manifest is the file that goes through ledger, batch and load, and the rows of its members are its rows.
So a group is loaded in one transaction or not at all, its versions replace each other, the same content is a copy.

Which files belong to it does not depend on when, how often, or in which order events come: those that were there when
the marker was written. S3 lists an object from the moment on at which it is written
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Self

from headrace.domain.contract import PARTITION, Contract
from headrace.domain.files.key_values import fitted, folder_values
from headrace.domain.files.names import matches, one_form
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.ledger import Arrival, FileRecord, FileStatus
from headrace.domain.ingest.replay import replay_of

NAME = "name"
ONE = f"{{{NAME}}}"
"""In a marker's pattern the name of the file that it is the marker of; without it, it is that of its folder."""
MOST_MEMBERS = 10_000
"""Files of one group: each takes a function some 30 ms, beside its bytes."""
MOST_LISTED = 200_000
"""Versions of objects that are looked at for the marker of a folder: 200 pages of a listing."""
NAMED = 3
"""Files that a sentence names."""
FREE = {FileStatus.WAITING, FileStatus.GROUPED, FileStatus.UNROUTABLE}
"""What a file may be that a group takes in; any other was loaded by itself, or is about to be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that a manifest lists. `size` and the hashes, in hex, are None and empty unless it gives them."""

    key: str
    required: bool = True
    size: int | None = None
    sha256: str = ""
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A version of an object that belongs to a group, and what its bytes must hash to, in hex, if that is known."""

    key: str
    version: str
    size: int
    sha256: str = ""
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Members:
    """The files of a group in their order; or why it cannot be loaded, in words for a person."""

    files: tuple[Member, ...] = ()
    refused: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(tuple(Member(**file) for file in value["files"]), value["refused"])


def opens(contract: Contract, key: str) -> bool:
    """Whether the object of this key is a marker or manifest of the dataset."""
    name = one_form(key.rpartition("/")[2])
    if not contract.grouped or replay_of(contract, key):
        return False
    if ONE in contract.marker:
        return fitted(one_form(contract.marker), name) is not None
    pattern = contract.marker or contract.manifest
    return matches(name, pattern)


def folder_of(key: str) -> str:
    """The folder in which an object is, with the slash behind it."""
    return "".join(key.rpartition("/")[:2])


def marked_file(contract: Contract, key: str) -> str | None:
    """The key of the one file that a marker is of; None where it is its folder's."""
    if ONE not in contract.marker:
        return None
    folder, name = folder_of(key), key.rpartition("/")[2]
    found = fitted(contract.marker, name) or fitted(one_form(contract.marker), one_form(name)) or {}
    return f"{folder}{found[NAME]}" if NAME in found else None


def there_at(history: Iterable[Landed], at: datetime) -> Landed | None:
    """Of the versions and deletions of one key the version that was there at a time; None if there was none.

    S3 dates to the second. Within one, what is there now came last, and else a file is rather there than not.
    """
    until = [(datetime.fromisoformat(item.at), item.latest, not item.deleted, item) for item in history]
    past = [found for found in until if found[0] <= at]
    last = max(past, key=lambda found: found[:3], default=None)
    return None if last is None or last[3].deleted else last[3]


def there_or_next(history: Sequence[Landed], at: datetime) -> Landed | None:
    """The same; where there was none at that time, the first that came after it."""
    later = [item for item in history if not item.deleted and datetime.fromisoformat(item.at) > at]
    return there_at(history, at) or min(later, key=lambda item: datetime.fromisoformat(item.at), default=None)


def by_key(listed: Iterable[Landed]) -> dict[str, list[Landed]]:
    """What was listed, by its key, in the order of the keys."""
    ordered = sorted(listed, key=lambda item: item.key)
    return {key: list(items) for key, items in groupby(ordered, key=lambda item: item.key)}


def arrival_of_member(bucket: str, found: Landed) -> Arrival:
    """A member as its event announces it."""
    return replace(found.arrival(), bucket=bucket)


def taken_by_another(
    known: FileRecord | None, group: FileRecord, contract: Contract, holders: Mapping[str, FileRecord]
) -> str | None:
    """Why a group must not take a file in that it lists; None where it may.

    An object is loaded once. Only a snapshot is whole with files that an earlier one had. `holders` are groups by id.
    """
    if known is None or contract.snapshot:
        return None
    if known.status not in FREE and not (known.status is FileStatus.FAILED and not known.has_rows):
        return "was loaded by itself"
    holder = holders.get(known.group or "")
    if holder is None or holder.place == group.place or holder.status is FileStatus.FAILED:
        return None
    return f"belongs to {holder.key} already"


def outside_of_partition(keys: Iterable[str], group: FileRecord, contract: Contract) -> str | None:
    """Why a group is no snapshot of one partition; None if it is, or need not be."""
    if contract.snapshot != PARTITION:
        return None
    wanted = folder_values(contract.folder_templates, group.key.removeprefix(contract.prefix))
    if wanted is None:
        return f"it must be in the folder of its partition, as its files are: {'/'.join(contract.folder_templates)}/"
    for key in keys:
        if folder_values(contract.folder_templates, key.removeprefix(contract.prefix)) != wanted:
            return f"{key} is not in the partition of which the group is the snapshot"
    return None


def waits_for(contract: Contract) -> str:
    """What a file waits for, in words for a person."""
    if contract.manifest:
        return f"it waits for a manifest that lists it ({contract.manifest})"
    return f"it waits for its marker ({contract.marker})"


def lacks(missing: Sequence[str], listed: int) -> str:
    """That files of a group are not there, in words for a person."""
    some = ", ".join(missing[:NAMED])
    more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
    return f"{len(missing):,} of its {listed:,} files {'is' if len(missing) == 1 else 'are'} not there: {some}{more}"
