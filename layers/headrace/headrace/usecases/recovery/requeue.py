"""Files that a person sends through the pipeline once more: failed ones, and loaded ones to be loaded again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

from headrace.domain.ingest.arrival import route
from headrace.domain.ingest.ledger import BatchStatus, FileRecord, FileStatus
from headrace.usecases.ingest.starter import wake
from headrace.usecases.ports import (
    HasBatches,
    HasContents,
    HasContracts,
    HasEngines,
    HasEvents,
    HasFiles,
    HasLanes,
    HasSleepers,
    HasWakeUps,
    HasWorkflow,
)

HAS_ROWS = {BatchStatus.LOADED, BatchStatus.STAGED}
"""Batches whose rows are in the warehouse: a file of them that is sent again would be there twice."""

MEMBERS = {FileStatus.WAITING, FileStatus.GROUPED}
NO_GROUPS = "its dataset has no marker or manifest any more"
DELETED_SINCE = "its object was deleted from landing, and its rows with it: write it again"
MEMBER = "it is loaded with others, by its marker or manifest: name that one"


class Services(
    HasBatches,
    HasContents,
    HasContracts,
    HasEngines,
    HasEvents,
    HasFiles,
    HasLanes,
    HasSleepers,
    HasWakeUps,
    HasWorkflow,
    Protocol,
):
    """The ports used here."""


class Judging(HasContents, HasContracts, Protocol):
    """What it takes to say whether a file may be loaded again."""


@dataclass(frozen=True, slots=True)
class Requeued:
    """What was decided about a file: whether it waits for a batch now, and why or why not."""

    file: FileRecord
    done: bool
    why: str


def retry(files: Iterable[FileRecord], services: Services, *, dry_run: bool = False) -> list[Requeued]:
    """Failed files wait for a batch again, and their datasets are woken. Others are left as they are.

    A file that was no dataset's waits if one takes it by now. So does one that waited for a marker, or whose group has
    failed, if its contract wants no marker any more.
    """
    judged = [_routed(file, services) if file.status is FileStatus.UNROUTABLE else (file, *_may_retry(file, services))
              for file in files]  # fmt: skip
    return _requeue(judged, services, dry_run=dry_run)


def of_no_living_group(services: HasFiles) -> Callable[[FileRecord], bool]:
    """Leaves out, of many files, those whose rows are a group's: there may be far more of them than can be retried."""

    @cache
    def lives(group: str) -> bool:
        known = services.files.known([group])
        return group in known and known[group].status is not FileStatus.FAILED

    return lambda file: file.status is not FileStatus.GROUPED or not lives(file.group or "")


def reload(files: Iterable[FileRecord], services: Services, *, dry_run: bool = False) -> list[Requeued]:
    """Loaded and duplicate files are loaded again; what is in the table of them goes in the same transaction."""
    judged = [(replace(file, reload=True), *_may_reload(file, services)) for file in files]
    return _requeue(judged, services, dry_run=dry_run)


def advice_to_reload(file: FileRecord, services: Judging) -> str:
    """What to type so that the table has a file as it was loaded; where a reload is refused, what helps instead."""
    if file.status is FileStatus.FAILED:
        return f"`headrace retry {file.file_id}` loads it again"
    newer = _newer(file, services) if services.contracts.get(file.dataset).replace_versions else []
    if newer and newer[-1].is_deletion:
        return DELETED_SINCE
    if newer:
        return f"`headrace reload {newer[-1].file_id} --force`, the version of it that is loaded"
    may, why = _may_reload(file, services)
    return f"`headrace reload {file.file_id} --force` replaces its rows" if may else f"no reload helps: {why}"


def _routed(file: FileRecord, services: Services) -> tuple[FileRecord, bool, str]:
    routing = route(file.announced, services.contracts.all(), spark=services.spark)
    if routing.status is FileStatus.PENDING:
        return replace(file, dataset=routing.dataset), True, f"it was no dataset's; {routing.dataset} takes it now"
    return file, False, f"no dataset takes it: {routing.reason}"


def _may_retry(file: FileRecord, services: Services) -> tuple[bool, str]:
    if file.status is FileStatus.HELD:
        held = file.batch if services.batches.get(str(file.batch)).status is BatchStatus.HELD else file.file_id
        return False, f"it is held: `headrace release {held}` or `headrace reject {held}` decides"
    if file.status in MEMBERS:
        return (False, MEMBER) if services.contracts.get(file.dataset).grouped else _may_load_alone(file, services)
    if file.status is FileStatus.FAILED:
        return _may_retry_failed(file, services)
    return _may_retry_open(file, services)


def _may_retry_open(file: FileRecord, services: Services) -> tuple[bool, str]:
    """Whether a file waits or runs that nothing will end, or there is nothing to end."""
    if services.files.unlisted([file]):
        return True, "no lane listed it"
    works = {FileStatus.RUNNING: file.batch, FileStatus.MERGING: file.merge}.get(file.status)
    ended = services.batches.get(works).status if works else BatchStatus.RUNNING
    if ended is not BatchStatus.RUNNING:
        return _left_in(str(works), ended)
    if file.status in {FileStatus.PENDING, FileStatus.RUNNING, FileStatus.STAGED, FileStatus.MERGING}:
        return False, f"it is {file.status} and will finish without help"
    return False, f"it is {file.status}: there is nothing to try again (`headrace reload` loads it again)"


def _may_load_alone(file: FileRecord, services: Services) -> tuple[bool, str]:
    """Whether a file is loaded by itself since its contract groups files no more: not if its rows are a group's."""
    known = services.files.known([file.group]) if file.group else {}
    group = known.get(file.group or "")
    if group and group.status is not FileStatus.FAILED:
        return False, f"its group {group.key} is {group.status}: its rows are that one's"
    if group and services.contents.loaded_versions([group.place])[group.place]:
        return False, f"{group.key} is loaded in another version, which may have its rows: write the file again"
    if file.group and not group:
        return False, "the ledger no longer has the group that took it in: write the file again"
    return True, NO_GROUPS


def _may_retry_failed(file: FileRecord, services: Services) -> tuple[bool, str]:
    if file.members and not services.contracts.get(file.dataset).grouped:
        return False, f"{NO_GROUPS}: `headrace retry {file.dataset}` loads its {file.members:,} files by themselves"
    return True, f"it had failed: {file.reason}"


def _left_in(batch: str, ended: BatchStatus) -> tuple[bool, str]:
    if ended in HAS_ROWS:
        return False, f"its batch {batch} is {ended}: `headrace unblock {batch}` records what became of the file"
    return True, f"its batch {batch} has ended without it"


def _may_reload(file: FileRecord, services: Judging) -> tuple[bool, str]:
    if file.status in MEMBERS:
        return False, MEMBER
    if file.status not in {FileStatus.LOADED, FileStatus.DUPLICATE}:
        return False, f"it is {file.status}: only a loaded or duplicate file can be loaded again"
    if services.contracts.get(file.dataset).replace_versions and (newer := _newer(file, services)):
        why = "a newer version of it is loaded, which has replaced its rows: reload that one"
        return False, DELETED_SINCE if newer[-1].is_deletion else why
    if file.replayed and not services.contracts.get(file.dataset).primary_key:
        return (
            False,
            f"{file.replayed:,} of its rows came back in files of their own: without a key they would be twice",
        )
    if file.status is FileStatus.DUPLICATE:
        return True, f"it was a duplicate of {file.duplicate_of}, whose rows stay"
    return True, f"its {file.rows.loaded:,} rows in the table are replaced"


def _newer(file: FileRecord, services: Judging) -> list[FileRecord]:
    """The newer versions of it that are loaded, its deletion among them, the newest last."""
    loaded = services.contents.loaded_versions([file.place])[file.place]
    return sorted((version for version in loaded if version.order > file.order), key=lambda version: version.order)


def _requeue(judged: list[tuple[FileRecord, bool, str]], services: Services, *, dry_run: bool) -> list[Requeued]:
    answers = [_one(file, why, services, dry_run=dry_run) if may else Requeued(file, done=False, why=why)
               for file, may, why in judged]  # fmt: skip
    if not dry_run:
        for dataset, lane in sorted({(answer.file.dataset, answer.file.lane) for answer in answers if answer.done}):
            wake(dataset, services, lane)
    return answers


def _one(file: FileRecord, why: str, services: Services, *, dry_run: bool) -> Requeued:
    if dry_run:
        return Requeued(file, done=True, why=why)
    waiting = file if file.status is FileStatus.PENDING else replace(file.cleared, batch=None, merge=None, reason=None)
    done = services.files.complete(file) if waiting is file else services.files.requeue(waiting, file)
    if not done:
        return Requeued(file, done=False, why="it has changed in the meantime: look again")
    services.events.note_file(file.file_id, "Sent again", {"why": why})
    return Requeued(waiting, done=True, why=why)
