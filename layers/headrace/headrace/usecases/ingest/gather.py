"""Which files a marker or manifest stands for: found out when its batch is made, once for all that the batch does.

A group that lacks files waits apart, as a file does that failed while nothing else loaded: others are loaded before it,
and it is looked at again, later each time. One whose files have not come in the contract's time fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Protocol

from headrace.domain import clock
from headrace.domain.contract import Contract
from headrace.domain.ingest.arrival import MAX_FILE_BYTES, left_out
from headrace.domain.ingest.groups import (
    MOST_LISTED,
    MOST_MEMBERS,
    Entry,
    Member,
    Members,
    by_key,
    folder_of,
    lacks,
    marked_file,
    opens,
    outside_of_partition,
    taken_by_another,
    there_at,
    there_or_next,
)
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.lane import Limits
from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.domain.ingest.manifest import MOST_BYTES, entries_of
from headrace.domain.ingest.packing import LACKING
from headrace.domain.ingest.replay import replay_of
from headrace.errors import GroupRefusedError, ObjectGoneError, TransientError
from headrace.usecases import lake_paths
from headrace.usecases.ports import HasContracts, HasEvents, HasFiles, HasLake, HasLanding

PARALLEL = 8
"""Records of members written at once."""
MOST_OF_BATCH = 2 * MOST_MEMBERS
"""Files that the groups of one batch have together; a group alone may have its own number."""

WAITS = "it waits: "
"""How the reason begins of a group that lacks files."""


class Services(HasContracts, HasEvents, HasFiles, HasLake, HasLanding, Protocol):
    """The ports used here."""


class _LackingError(Exception):
    """Files of a group are not there yet, of so many that were looked for."""

    def __init__(self, missing: list[str], listed: int) -> None:
        super().__init__(lacks(missing, listed))
        self.listed = listed


@dataclass(frozen=True, slots=True)
class _Found:
    """A file of a group, and what its manifest says of it."""

    landed: Landed
    entry: Entry

    @property
    def member(self) -> Member:
        return Member(self.landed.key, self.landed.version, self.landed.size, self.entry.sha256, self.entry.md5)


def gather(files: Iterable[FileRecord], batch: str, limits: Limits, services: Services) -> list[FileRecord]:
    """Those of the files that a batch can take now, each with its size and number of members, which the lake lists.

    The first ones, until their members are as much as a batch may hold; the others wait for the next. Doing it again
    gives the same.
    """
    ready: list[FileRecord] = []
    size = looked_for = 0
    chosen = [file.file_id for file in files]
    known = services.files.known(chosen)
    for file in (known[file_id] for file_id in chosen if file_id in known):
        if looked_for > MOST_OF_BATCH or file.status is not FileStatus.PENDING:
            continue
        gathered, listed = _gathered(file, batch, services)
        looked_for += listed
        if gathered is None:
            continue
        size += gathered.size
        if ready and (size > limits.size or looked_for > MOST_OF_BATCH):
            break
        ready.append(gathered)
    return ready


def _gathered(file: FileRecord, batch: str, services: Services) -> tuple[FileRecord | None, int]:
    """The file if a batch can take it now, and how many files were looked for."""
    contract = services.contracts.get(file.dataset)
    if not opens(contract, file.key):
        return file, 0
    try:
        members = _members(file, contract, services)
    except _LackingError as lacking:
        if not _is_overdue(file, contract):
            _set_apart(file, str(lacking), services)
            return None, lacking.listed
        members = Members(refused=f"{lacking} after {contract.patience_seconds // 60:,} minutes")
    except GroupRefusedError as refused:
        members = Members(refused=str(refused))
    services.lake.write_json(lake_paths.members(batch, file.file_id), members.to_json())
    size = sum(member.size for member in members.files)
    whole = file.cleared if (file.reason or "").startswith(WAITS) else file
    sized = replace(whole, size=size, members=len(members.files), reason=None)
    return sized if services.files.change(sized, file) else None, sized.members


def _is_overdue(file: FileRecord, contract: Contract) -> bool:
    return clock.seconds() - datetime.fromisoformat(file.arrived_at).timestamp() > contract.patience_seconds


def _set_apart(file: FileRecord, reason: str, services: Services) -> None:
    at = clock.now()
    since = file.failing_since or at
    waiting = replace(file, suspects=LACKING, failing_since=since, apart_since=at, reason=f"{WAITS}{reason}")
    if services.files.requeue(waiting, file) and file.reason != waiting.reason:
        services.events.note_file(file.file_id, "Waiting for its files", {"reason": reason})


def _members(file: FileRecord, contract: Contract, services: Services) -> Members:
    """The group's files, which count as its own from here on. Raises _LackingError and GroupRefusedError."""
    at = _written_at(file, services)
    if marked := marked_file(contract, file.key):
        if not _is_file(marked, contract):
            raise GroupRefusedError(f"it is the marker of {marked}, which the contract does not take as a file")
        found = _named([Entry(marked)], at, services)
    elif contract.manifest:
        found = _named(_entries(file, contract, services), at, services)
    else:
        found = [_Found(landed, Entry(landed.key)) for landed in _in_folder(file, at, contract, services)]
    if reason := outside_of_partition((each.landed.key for each in found), file, contract):
        raise GroupRefusedError(reason)
    there, found = found, _taken_in(found, file, contract, services)
    if not any(each.landed.size for each in found):
        raise GroupRefusedError(_none_of(found, file, contract, there=bool(there)))
    if (size := sum(each.landed.size for each in found)) > MAX_FILE_BYTES:
        has = f"its {len(found):,} files have {size / 2**30:.1f} GiB together"
        most = f"more than {MAX_FILE_BYTES >> 30} GiB do not fit in one function's time, and Glue reads no groups"
        raise GroupRefusedError(f"{has}; {most}: make {'more groups' if len(found) > 1 else 'smaller files'}")
    return Members(tuple(each.member for each in found))


def _none_of(found: list[_Found], file: FileRecord, contract: Contract, *, there: bool) -> str:
    if found:
        return "its files are all empty (0 bytes)"
    if there:
        return f"the files that were in {folder_of(file.key)} were loaded by themselves, or with another marker"
    if contract.manifest:
        return "none of the files that it lists is there"
    again = "write the marker again when they are, or correct the contract"
    return f"no file of the dataset was in {folder_of(file.key)} when it was written: {again}"


def _written_at(file: FileRecord, services: Services) -> datetime:
    """When the marker or manifest was written, by S3's own clock, which dates its files too."""
    versions = services.landing.histories([file.key])[file.key]
    own = next((item for item in versions if item.version == file.version), None)
    if own is None:
        raise GroupRefusedError(str(ObjectGoneError(file.key)))
    return datetime.fromisoformat(own.at)


def _entries(file: FileRecord, contract: Contract, services: Services) -> list[Entry]:
    try:
        with services.lake.open(file.bucket, file.key, file.version) as stream:
            data = stream.read(MOST_BYTES + 1)
    except ObjectGoneError as gone:
        raise GroupRefusedError(str(gone)) from gone
    entries = entries_of(data, file, contract)
    for entry in entries:
        if not _is_file(entry.key, contract):
            raise GroupRefusedError(f"it lists {entry.key}, which the contract does not take as a file of the dataset")
    return entries


def _is_file(key: str, contract: Contract) -> bool:
    return not (opens(contract, key) or replay_of(contract, key) or left_out(key, contract))


def _named(entries: list[Entry], at: datetime, services: Services) -> list[_Found]:
    histories = services.landing.histories([entry.key for entry in entries])
    there = {entry.key: there_or_next(histories[entry.key], at) for entry in entries}
    if missing := [entry.key for entry in entries if entry.required and there[entry.key] is None]:
        raise _LackingError(missing, len(entries))
    found = [_Found(landed, entry) for entry in entries if (landed := there[entry.key])]
    for each in found:
        if each.entry.size not in {None, each.landed.size}:
            said = f"{each.landed.key} has {each.landed.size:,} bytes, its manifest says {each.entry.size:,}"
            raise GroupRefusedError(f"{said}: send file and manifest again")
    return found


def _in_folder(file: FileRecord, at: datetime, contract: Contract, services: Services) -> Iterator[Landed]:
    """What was in the marker's folder, and in those below, by key."""
    folder = folder_of(file.key)
    listed = list(islice(services.landing.history(folder), MOST_LISTED + 1))
    if len(listed) > MOST_LISTED:
        raise GroupRefusedError(f"{folder} has more than {MOST_LISTED:,} versions of files: too many to look through")
    for key, history in by_key(listed).items():
        if _is_file(key, contract) and (found := there_at(history, at)):
            yield found


def _taken_in(found: list[_Found], file: FileRecord, contract: Contract, services: Services) -> list[_Found]:
    """The files that become the group's, or are already. An object is loaded once.

    A marker leaves out what another one of its folder had; a manifest must not list it.
    """
    known = services.files.known([each.landed.file_id for each in found])
    holders = services.files.known({member.group for member in known.values() if member.group})
    own: list[_Found] = []
    for each in found:
        reason = taken_by_another(known.get(each.landed.file_id), file, contract, holders)
        if reason and contract.manifest:
            raise GroupRefusedError(f"it lists {each.landed.key}, which {reason}")
        if not reason:
            own.append(each)
    if len(own) > MOST_MEMBERS:
        raise GroupRefusedError(f"it stands for {len(own):,} files, of at most {MOST_MEMBERS:,}: make more groups")

    def join(each: _Found) -> None:
        member = known.get(each.landed.file_id)
        holder = holders.get((member and member.group) or "")
        if not holder or holder.order <= file.order or holder.place != file.place:
            _join(each.landed, member, file, services)

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(join, own))
    return own


def _join(landed: Landed, known: FileRecord | None, group: FileRecord, services: Services) -> None:
    """Write that a file belongs to the group, whether its event has come or not."""
    if known is not None and (known.status not in {*_JOIN} or known.group == group.file_id):
        return
    reason = f"its rows are those of {group.key}"
    if known is None:
        arrival = landed.arrival()
        fresh = FileRecord(
            file_id=arrival.file_id,
            dataset=group.dataset,
            lane=group.lane,
            bucket=arrival.bucket,
            key=arrival.key,
            version=arrival.version,
            size=arrival.size,
            etag=arrival.etag,
            sequencer=arrival.sequencer,
            arrived_at=arrival.at,
            status=FileStatus.GROUPED,
            group=group.file_id,
            reason=reason,
        )
        known = services.files.record_arrival(fresh)
        if known.group == group.file_id:
            return
    joined = replace(known, dataset=group.dataset, status=FileStatus.GROUPED, group=group.file_id, reason=reason)
    if not services.files.change(joined, known):
        raise TransientError(f"{landed.key} was changed while {group.key} took it in")


_JOIN = {FileStatus.WAITING, FileStatus.GROUPED, FileStatus.UNROUTABLE, FileStatus.FAILED}
"""Records that a group changes: a file that was loaded by itself stays what it is."""
