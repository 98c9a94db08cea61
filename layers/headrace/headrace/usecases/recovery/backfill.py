"""Objects that landed without an event: older than Headrace's deployment, or their events were lost.

They go through a separate lane, so that live files are not delayed. What the ledger knows is left, so a backfill that
was stopped goes on where it was, and one that is done does nothing. The exception are objects that were no dataset's
when they came, while the contract was lacking or wrong: those that it takes by now are taken like unknown ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from typing import Protocol

from headrace.domain.clock import now
from headrace.domain.ingest.arrival import route
from headrace.domain.ingest.deletion import Deletion
from headrace.domain.ingest.landed import Landed
from headrace.domain.ingest.ledger import BACKFILL, UNROUTABLE, Arrival, FileRecord, FileStatus
from headrace.domain.ingest.sequencer import right_after, sortable
from headrace.usecases.ingest import starter
from headrace.usecases.ports import (
    HasBatches,
    HasContents,
    HasContracts,
    HasEngines,
    HasEvents,
    HasFiles,
    HasLanes,
    HasSleepers,
    HasStorms,
    HasTopic,
    HasWakeUps,
    HasWorkflow,
    Landing,
)

KEYS_TOGETHER = 500
"""Objects that are looked up, and those unknown written down, at once. Then the lane is woken, so that loading begins
while the listing goes on."""
PARALLEL = 8
MOST_LOOKED_AT = 1_000
NEVER = {FileStatus.FAILED, FileStatus.UNROUTABLE}


class Services(
    HasBatches,
    HasContents,
    HasContracts,
    HasEngines,
    HasEvents,
    HasFiles,
    HasLanes,
    HasStorms,
    HasTopic,
    HasSleepers,
    HasWakeUps,
    HasWorkflow,
    Protocol,
):
    """The ports used here."""


class ListServices(HasContracts, HasEngines, HasFiles, Protocol):
    """The ports used to look for files that came too early."""


Version = Arrival | FileRecord
"""A version of a key: one that the ledger does not know, or one that it knows as no dataset's."""


@dataclass(slots=True)
class Backfilled:
    """What was found below a prefix. `taken` are the keys that wait now, of `size` bytes together, `refused` those that
    can never be loaded.
    """

    dataset: str
    known: int = 0
    deleted: int = 0
    elsewhere: int = 0
    size: int = 0
    taken: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def backfill(
    dataset: str,
    prefix: str,
    landing: Landing,
    services: Services,
    *,
    dry_run: bool = False,
    progress: Callable[[Backfilled], None] = lambda _: None,
) -> Backfilled:
    """Let every object version of the dataset below `prefix` that the ledger does not know wait in the backfill lane.

    So does one that the ledger knows as no dataset's, if the dataset takes it now. A key that was deleted is left out;
    if the contract removes rows with their object, and the event was lost, they go now.
    Versions of one key keep their order among each other and with those that came by event. `progress` is called now
    and then with what was found so far.
    """
    found = Backfilled(dataset)

    def write(versions: list[Version]) -> list[tuple[Version, str]]:
        """The versions of one key, in their order, each with what became of it."""
        return [(version, _status(version, dataset, services, dry_run=dry_run)) for version in versions]

    removes = services.contracts.get(dataset).remove_deleted
    with ThreadPoolExecutor(PARALLEL) as pool:
        for keys in _together(landing.versions(prefix)):
            found.taken += _deleted(keys, landing, services, dry_run=dry_run) if removes else ()
            own = [_of_dataset(versions, services, found) for versions in _open(keys, services, found, removes=removes)]
            for version, status in (answer for answers in pool.map(write, own) for answer in answers):
                (found.refused if status in NEVER else found.taken).append(version.key)
                found.size += 0 if status in NEVER else version.size
            if found.taken and not dry_run:
                starter.wake(dataset, services, BACKFILL)
            progress(found)
    if not dry_run and services.lanes.pending(dataset, BACKFILL, 1):
        starter.wake(dataset, services, BACKFILL)
    return found


def came_before(services: ListServices, most: int = MOST_LOOKED_AT) -> dict[str, int]:
    """How many files came before a contract took them, by the dataset that takes them now: of the newest so many."""
    contracts = services.contracts.all()
    strays = services.files.newest(UNROUTABLE, most)
    routings = [route(file.announced, contracts, spark=services.spark) for file in strays]
    return dict(Counter(routing.dataset for routing in routings if routing.status is FileStatus.PENDING))


def _together(landed: Iterable[Landed]) -> Iterator[list[list[Landed]]]:
    """The versions of each key, at least `KEYS_TOGETHER` versions at a time; the last are the rest."""
    keys: list[list[Landed]] = []
    for _, versions in groupby(landed, key=attrgetter("key")):
        keys.append(list(versions))
        if sum(map(len, keys)) >= KEYS_TOGETHER:
            yield keys
            keys = []
    yield keys


def _open(keys: list[list[Landed]], services: Services, found: Backfilled, *, removes: bool) -> Iterator[list[Version]]:
    """Of each key the versions that the ledger does not know, or knows as no dataset's, the oldest first."""
    there = [versions for versions in keys if any(version.latest for version in versions)]
    found.deleted += sum(map(len, keys)) - sum(map(len, there))
    known = services.files.known(version.file_id for versions in there for version in versions)
    found.known += sum(file.status is not FileStatus.UNROUTABLE for file in known.values())
    for newest_first in there:
        first = newest_first[0]
        all_known = all(version.file_id in known for version in newest_first)
        versions = [] if all_known or not removes else services.contents.versions(first.bucket, first.key)
        deletions = [version for version in versions if version.is_deletion]
        yield list(_in_their_places(reversed(newest_first), known, deletions))


def _deleted(keys: list[list[Landed]], landing: Landing, services: Services, *, dry_run: bool) -> Iterator[str]:
    """The keys that were deleted and still have rows, as the events would have said: those deletions wait now."""
    gone = [versions[0].key for versions in keys if versions and not any(version.latest for version in versions)]
    for key, at in keys_with_rows_left(gone, landing, services).items():
        deletion = Deletion(landing.bucket, key, "", "", at or now(), expired=False)
        if dry_run or starter.record_deletion(deletion, services, BACKFILL):
            yield key


def keys_with_rows_left(gone: Iterable[str], landing: Landing, services: HasContents) -> dict[str, str]:
    """Of keys that are gone from landing, those whose rows the ledger knows, and no deletion: since when they are gone.

    That is empty for a key that left no delete marker.
    """
    left = []
    for key in gone:
        known = services.contents.versions(landing.bucket, key)
        if known and not known[-1].is_deletion and any(version.rows.loaded for version in known):
            left.append(key)
    found = landing.histories(left) if left else {}
    return {key: max((item.at for item in items if item.deleted), default="") for key, items in found.items()}


def _in_their_places(
    versions: Iterable[Landed], known: dict[str, FileRecord], deletions: Sequence[FileRecord] = ()
) -> Iterator[Version]:
    """The open versions of a key, the oldest first, each unknown one right after the version before it.

    None of them is earlier than that one: S3 dates an object of several parts by the start of its upload
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
    """
    before, number, at = "", 0, ""
    for version in versions:
        if version.file_id in known:
            before = known[version.file_id].sequencer
            at = known[version.file_id].arrived_at
            if known[version.file_id].status is FileStatus.UNROUTABLE:
                yield known[version.file_id]
        else:
            at = max(at, version.at)
            passed = [each.sequencer for each in deletions if version.latest or each.arrived_at <= at]
            if (last := max(passed, key=sortable, default="")) and sortable(last) > sortable(before):
                before, number = last, 0
            number += 1
            yield replace(version, at=at).arrival(right_after(before, number))


def _of_dataset(versions: list[Version], services: Services, found: Backfilled) -> list[Version]:
    contracts, own = services.contracts.all(), list[Version]()
    for version in versions:
        routing = route(
            version.announced if isinstance(version, FileRecord) else version, contracts, spark=services.spark
        )
        if isinstance(version, FileRecord) and (routing.dataset, routing.status) != (found.dataset, FileStatus.PENDING):
            found.known += 1
        elif routing.dataset == found.dataset:
            own.append(version)
        else:
            found.elsewhere += 1
    return own


def _status(version: Version, dataset: str, services: Services, *, dry_run: bool) -> str:
    if isinstance(version, FileRecord):
        return FileStatus.PENDING if dry_run else _admitted(version, dataset, services)
    if dry_run:
        return route(version, services.contracts.all(), spark=services.spark).status
    return starter.record(version, services, BACKFILL).status


def _admitted(file: FileRecord, dataset: str, services: Services) -> str:
    """Let a file that was no dataset's wait. Another command may have done so in the meantime: then that holds."""
    if not services.files.requeue(replace(file, dataset=dataset, lane=BACKFILL, reason=None), file):
        return services.files.get(file.file_id).status
    services.events.note_file(file.file_id, "Sent again", {"why": f"{file.reason}; {dataset} takes it now"})
    return FileStatus.PENDING
