"""Quarantined rows go back in through the front door, once the contract lets them through.

The rows of one file that are good now become an object of their own under the dataset's prefix, under the header they
came with. Which rows they are is written to the lake first, under the name that the object's key has. When that object
has loaded, its origin's rows leave quarantine: see `record_outcome`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath
from typing import Protocol

from headrace.domain.contract import Contract
from headrace.domain.ingest.groups import opens
from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.domain.ingest.replay import MOST_REPLAYS, object_key, replay_name
from headrace.domain.lake_folders import QUARANTINE
from headrace.errors import ObjectGoneError
from headrace.transform import FileRejected, QuarantinedRow, read_quarantine
from headrace.transform.rebuild import Frame, compressed, frame_of, rows_good_now
from headrace.transform.typed.documents import in_replays
from headrace.usecases import lake_paths
from headrace.usecases.ports import HasContents, HasFiles, HasLake, Landing
from headrace.usecases.unit.transform import landed_key

TOO_OFTEN = f"rows of it came back {MOST_REPLAYS} times: land it again as a whole, or `headrace reload {{}}`"
UNORDERED = (
    "the contract has no orderingColumns, so its changes would come after all others of their file:"
    " `headrace reload {}` loads the file as a whole"
)
TOGETHER = "its rows stand in several files: `headrace reload {}` loads all of them again"
WHOLE = {
    FileStatus.FAILED: "`headrace retry {0}` tries all of it again",
    FileStatus.HELD: "`headrace release {0}` loads it, `headrace reject {0}` gives it up",
}
"""Files of which no row comes alone."""
UNDER_WAY = {
    FileStatus.PENDING, FileStatus.RUNNING, FileStatus.STAGED, FileStatus.MERGING, FileStatus.LOADED
}  # fmt: skip


class Services(HasContents, HasFiles, HasLake, Protocol):
    """The ports used here."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows to look at: those that broke a rule, of files that arrived since a time (ISO 8601), of a batch, of a
    `file`, which is a key or the last part of one.
    """

    rule: str | None = None
    since: str | None = None
    batch: str | None = None
    file: str | None = None

    def has(self, row: QuarantinedRow, file: FileRecord) -> bool:
        """Whether a row is wanted."""
        if self.file not in {None, file.key, PurePath(file.key).name}:
            return False
        rules = {name for error in row.errors for name in (error.rule, f"{error.column or 'row'}: {error.rule}")}
        return (self.rule is None or self.rule in rules) and (self.since is None or file.arrived_at >= self.since)


@dataclass(frozen=True, slots=True)
class Replayed:
    """The rows of one file: how many are wanted, how many are good now, and the object that they went into."""

    key: str
    file_id: str
    rows: int
    good: int
    landed_as: str | None
    why: str = ""


def replay(
    contract: Contract, wanted: Wanted, landing: Landing, services: Services, *, dry_run: bool = False
) -> list[Replayed]:
    """Land the wanted rows that the contract lets through now. The others stay in quarantine, as they are."""
    quarantine = Quarantine(services)
    return [
        _replay(contract, file, rows, landing, services, dry_run=dry_run)
        for file, rows in rows_by_file(contract, wanted, quarantine, services)
    ]


class Quarantine:
    """Which of the rows that were ever quarantined still are: those of a file's last load, without those that came back
    or were given up.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._files: dict[str, FileRecord | None] = {}
        self._taken_out: dict[str, set[int]] = {}

    def file(self, file_id: str) -> FileRecord | None:
        """The ledger's record of a file, read once."""
        if file_id not in self._files:
            self._files[file_id] = self._services.files.get(file_id) if self._knows(file_id) else None
        return self._files[file_id]

    def holds(self, row: QuarantinedRow) -> bool:
        """Whether the row is in quarantine now."""
        file = self.file(row.file_id)
        if file is None:
            return True
        return file.batch == row.batch_id and row.row_number not in self._gone(file)

    def _knows(self, file_id: str) -> bool:
        return self._services.files.knows(file_id)

    def _gone(self, file: FileRecord) -> set[int]:
        if file.file_id not in self._taken_out:
            plans = [self._services.lake.read_json(lake_paths.replay(file.dataset, name)) for name in file.replays]
            self._taken_out[file.file_id] = {number for plan in plans for number in plan["rows"]}
        return self._taken_out[file.file_id]


def rows_by_file(
    contract: Contract, wanted: Wanted, quarantine: Quarantine, services: Services
) -> Iterator[tuple[FileRecord, list[QuarantinedRow]]]:
    """The wanted rows, file by file; a file's rows are all in one object."""
    below = f"{QUARANTINE}/{contract.dataset}/" + (f"batch={wanted.batch}/" if wanted.batch else "")
    for key, _ in sorted(services.lake.listing(below)):
        rows = [row for row in read_quarantine(services.lake.read(key)) if quarantine.holds(row)]
        for file_id, group in groupby(rows, key=lambda row: row.file_id):
            file = quarantine.file(file_id)
            if file and (chosen := [row for row in group if wanted.has(row, file)]):
                yield file, chosen


def _replay(
    contract: Contract,
    file: FileRecord,
    rows: list[QuarantinedRow],
    landing: Landing,
    services: Services,
    *,
    dry_run: bool,
) -> Replayed:
    if why := _why_not(contract, file):
        return Replayed(file.key, file.file_id, len(rows), 0, None, why)
    try:
        frame = _frame(contract, file, services)
    except (FileRejected, ObjectGoneError) as error:
        return Replayed(file.key, file.file_id, len(rows), 0, None, str(error))
    key = landed_key(file, contract, services.files)
    good = [rows[place] for place in rows_good_now(contract, frame, [row.raw for row in rows], key)]
    if not good:
        return Replayed(file.key, file.file_id, len(rows), 0, None, "no row of it is good by the contract of today")
    name = replay_name(file.file_id, str(file.batch), [row.row_number for row in good])
    key = object_key(contract, name)
    if any(version.status in UNDER_WAY for version in services.contents.versions(landing.bucket, key)):
        return Replayed(file.key, file.file_id, len(rows), len(good), key, "it is on its way already")
    if not dry_run:
        plan = {"file_id": file.file_id, "batch": file.batch, "rows": [row.row_number for row in good]}
        services.lake.write_json(lake_paths.replay(contract.dataset, name), plan)
        data = frame.around([row.raw for row in good])
        landing.put(key, compressed(data, in_replays(contract).format.compression))
    return Replayed(file.key, file.file_id, len(rows), len(good), key)


def _why_not(contract: Contract, file: FileRecord) -> str | None:
    """Why no row of a file comes back alone, and what to do instead."""
    if file.status in WHOLE:
        return f"the file is {file.status}, none of its rows is loaded: {WHOLE[file.status].format(file.file_id)}"
    if opens(contract, file.key):
        return TOGETHER.format(file.key)
    if contract.operation and not contract.ordering:
        return UNORDERED.format(file.file_id)
    return TOO_OFTEN.format(file.key) if len(file.replays) >= MOST_REPLAYS else None


def _frame(contract: Contract, file: FileRecord, services: Services) -> Frame:
    with services.lake.open(file.bucket, file.key, file.version) as stream:
        return frame_of(contract, stream)
