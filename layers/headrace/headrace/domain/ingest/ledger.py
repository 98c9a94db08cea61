"""What the ledger knows: files, batches, and the trail of events that explains them."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from headrace.domain.ingest.sequencer import arrival, sortable

UNROUTABLE = "#unroutable"
"""Where the files of no dataset are listed. No dataset can be named so."""
LIVE = "live"
"""The lane of files that arrive by event."""
BACKFILL = "backfill"
"""The lane of files that were there before, or whose events were lost: they must not delay live ones."""
MERGE = "merge"
"""The lane of a staged dataset's merges: from its stage table into the target."""
LANES = (LIVE, BACKFILL, MERGE)
TRANSFORMING = "Transforming"
"""The line of the history of a unit's first file that says that a call of the transform begins with it."""
TRANSFORMED = "Transformed"
"""The line of a file's history that says that the transform is done with it."""
RUN = "glue"
"""What of a unit's result, and of what is detected in a file, names the run that transformed it.

`{"run", "dpu_seconds", "at_most"?}`: `at_most` where Glue had not yet reported what the run took; with auto-scaling it
does so some time after the end.
"""
DELETED = "deleted "
"""How the version of a key begins that is no object but the deletion of one: S3's own have no blank."""
ARRIVED, SEEN = "Arrived", "Seen by the starter"
"""The first lines of a file's history: what its record says of them."""
ERASED = "Erased"
"""The line of a file's history that says that `headrace erase` deleted its object."""
HELD = "Held"
"""The line of a batch's history that says that it waits for a person."""


class FileStatus(StrEnum):
    """Where a file stands. The last five are final. HELD: its batch waits for a person's decision.

    WAITING: no marker or manifest has taken it in yet. GROUPED: one has, and has its rows.
    """

    WAITING = "waiting"
    PENDING = "pending"
    RUNNING = "running"
    STAGED = "staged"
    MERGING = "merging"
    HELD = "held"
    LOADED = "loaded"
    GROUPED = "grouped"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    UNROUTABLE = "unroutable"


class BatchStatus(StrEnum):
    """Where a batch stands. RUNNING covers a batch whose execution died: the next one takes it up again.

    STAGED is the end of a batch whose rows went to a stage table: a batch of the merge lane takes them on.
    HELD waits for a person, whose decision makes it RELEASED, its files load in a batch of their own, or REJECTED.
    """

    RUNNING = "running"
    STAGED = "staged"
    LOADED = "loaded"
    FAILED = "failed"
    HELD = "held"
    RELEASED = "released"
    REJECTED = "rejected"


BEFORE: dict[BatchStatus, tuple[BatchStatus, ...]] = {
    BatchStatus.RUNNING: (BatchStatus.RUNNING,),
    BatchStatus.HELD: (BatchStatus.RUNNING,),
    BatchStatus.STAGED: (BatchStatus.RUNNING, BatchStatus.STAGED),
    BatchStatus.LOADED: (BatchStatus.RUNNING, BatchStatus.STAGED, BatchStatus.LOADED),
    BatchStatus.FAILED: (BatchStatus.RUNNING, BatchStatus.FAILED),
    BatchStatus.RELEASED: (BatchStatus.HELD, BatchStatus.RELEASED),
    BatchStatus.REJECTED: (BatchStatus.HELD, BatchStatus.REJECTED),
}
"""What a batch may have been before it is written so: a late function cannot take back what was decided."""


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows of one file, or summed. In the end read = loaded + superseded + quarantined + duplicate + discarded.

    `loaded` rows are in the target now, with this file's lineage; `superseded` ones lost to another row of the same
    key, on arrival or later, to a newer version of their file, or, quarantined at first, to the same row sent again;
    `duplicate` ones came in a file whose content was loaded before. `staged` ones are on the way, in the stage table
    of a dataset that is merged on a schedule; with them the sum holds at any time. `withheld` are the good rows of a
    file that is held, or failed because of its other rows: none of them is loaded. `discarded` were quarantined until
    a person gave them up.
    """

    read: int = 0
    loaded: int = 0
    superseded: int = 0
    quarantined: int = 0
    duplicate: int = 0
    staged: int = 0
    withheld: int = 0
    discarded: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for."""
        kept = self.loaded + self.superseded + self.staged
        return self.read == kept + self.quarantined + self.duplicate + self.withheld + self.discarded

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            self.read + other.read,
            self.loaded + other.loaded,
            self.superseded + other.superseded,
            self.quarantined + other.quarantined,
            self.duplicate + other.duplicate,
            self.staged + other.staged,
            self.withheld + other.withheld,
            self.discarded + other.discarded,
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """One `Object Created` event, reduced to what identifies and describes the object."""

    bucket: str
    key: str
    version: str
    size: int
    etag: str
    sequencer: str
    at: str

    @property
    def file_id(self) -> str:
        """The object's identity: the same version of the same key is the same file, however often it is reported."""
        identity = f"{self.bucket}\0{self.key}\0{self.version}"
        return hashlib.sha256(identity.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file in the ledger. Times are ISO 8601 in UTC.

    `reload` asks the next load to replace the file's own rows. `suspects` names the half of a failed batch that the
    file was put in: those load apart from all others. `failing_since` is when the first batch with it has failed, and
    `apart_since` when it was set apart last, while it is not loaded. `released` names the held batch that a person let
    pass: its files load together, and are not held again. `replayed` counts the bad rows that came back in files of
    their own, `replays` names the lists of those, and of rows that a person discarded. `merge` is the batch that takes
    the file's rows from the stage to the target, where `batch` brought them to the stage. `group` is the marker or
    manifest that has taken the file in; of such a one `members` counts the files, and `size` is theirs together.
    `seen_at` is when its event was read, `revision` how often the record was changed, deliveries aside.
    """

    file_id: str
    dataset: str
    lane: str
    bucket: str
    key: str
    version: str
    size: int
    etag: str
    sequencer: str
    arrived_at: str
    status: FileStatus
    reason: str | None = None
    batch: str | None = None
    rows: RowCounts = field(default_factory=RowCounts)
    sha256: str | None = None
    duplicate_of: str | None = None
    deliveries: int = 1
    contract_version: str | None = None
    detected: dict[str, Any] = field(default_factory=dict)
    updated_at: str | None = None
    reload: bool = False
    suspects: str | None = None
    failing_since: str | None = None
    apart_since: str | None = None
    released: str | None = None
    replayed: int = 0
    replays: tuple[str, ...] = ()
    merge: str | None = None
    group: str | None = None
    members: int = 0
    seen_at: str | None = field(default=None, compare=False)
    revision: int = field(default=0, compare=False)

    @property
    def queue(self) -> str:
        """The lane in which the file waits, or is worked on."""
        return MERGE if self.status in {FileStatus.STAGED, FileStatus.MERGING} else self.lane

    @property
    def loaded_by(self) -> str | None:
        """The batch whose transaction brought the file's rows to the target."""
        return self.merge or self.batch

    def waits_in(self, lane: str) -> bool:
        """Whether a batch of this lane may take the file."""
        return self.status in {FileStatus.PENDING, FileStatus.STAGED} and self.queue == lane

    def taken_by(self, batch: BatchRecord) -> FileRecord:
        """The file once a batch has taken it."""
        if batch.lane == MERGE:
            return replace(self, status=FileStatus.MERGING, merge=batch.batch)
        return replace(self, status=FileStatus.RUNNING, batch=batch.batch)

    def runs_in(self, batch: str) -> bool:
        """Whether the file is being worked on by this batch, and by no later one."""
        here = {FileStatus.RUNNING: self.batch, FileStatus.MERGING: self.merge}
        return here.get(self.status) == batch

    @property
    def cleared(self) -> FileRecord:
        """The file as one that no failed batch has put apart."""
        return replace(self, suspects=None, failing_since=None, apart_since=None)

    @property
    def announced(self) -> Arrival:
        """The arrival that the file was recorded for: contracts that are corrected since may route it elsewhere."""
        return Arrival(self.bucket, self.key, self.version, self.size, self.etag, self.sequencer, at=self.arrived_at)

    @property
    def was_found(self) -> bool:
        """Whether its place among the versions of its key is one between those of events, by which it did not come."""
        return "-" in self.sequencer

    @property
    def is_promised(self) -> bool:
        """Whether the promise of freshness is about it: not if it was there before, its rows are in the table already,
        or people have held it up.
        """
        return self.lane != BACKFILL and not self.reload and self.released is None

    @property
    def is_deletion(self) -> bool:
        """Whether it is no object, but says that the one of its key was deleted: it has no rows."""
        return self.version.startswith(DELETED)

    @property
    def first_lines(self) -> list[Event]:
        """How its history begins; nothing for a record of a version of Headrace that wrote these lines themselves."""
        if self.seen_at is None:
            return []
        arrived = {"key": self.key, "size": self.size, "version": self.version}
        return [Event(self.arrived_at, ARRIVED, arrived), Event(self.seen_at, SEEN)]

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and key: what all versions of a file have in common."""
        return self.bucket, self.key

    @property
    def object_id(self) -> str:
        """Bucket and key as the warehouse knows them: 16 letters, digits, `-` and `_`, the same for all versions."""
        return base64.urlsafe_b64encode(hashlib.sha256("\0".join(self.place).encode()).digest()[:12]).decode()

    @property
    def order(self) -> tuple[str, str]:
        """Where this version stands among those of its key."""
        return sortable(self.sequencer), self.file_id

    @property
    def arrival(self) -> str:
        """Where the file stands among all files of its dataset; those with the same place go by their ids."""
        return arrival(self.arrived_at, self.sequencer)

    @property
    def has_rows(self) -> bool:
        """Whether the file's rows are what the target has of its key, also while it is loaded again."""
        return self.status is FileStatus.LOADED or self.rows.loaded > 0

    @property
    def good_rows(self) -> int:
        """The rows that the file brought to the target, whatever became of them there."""
        return self.rows.loaded + self.rows.superseded


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A group of files of one dataset that is loaded in one transaction.

    A `condemned` batch will not be tried again: what is left to do is to give it up behind a tombstone. `corrected` is
    the last of the earlier files whose rows its outcome has corrected, while that is under way. `failed_at` is when it
    failed first, or an earlier batch with one of its files.
    """

    batch: str
    dataset: str
    lane: str
    generation: int
    status: BatchStatus
    file_ids: tuple[str, ...]
    started_at: str
    execution: str | None = None
    units: int = 0
    attempts: int = 1
    ended_at: str | None = None
    reason: str | None = None
    rows: RowCounts = field(default_factory=RowCounts)
    condemned: bool = False
    corrected: str | None = None
    failed_at: str | None = None

    @property
    def brought_rows(self) -> bool:
        """Whether it has ended with rows in the warehouse."""
        rows = self.rows.loaded + self.rows.superseded + self.rows.staged
        return self.status in {BatchStatus.LOADED, BatchStatus.STAGED} and rows > 0

    @property
    def seconds(self) -> int | None:
        """How long it took from its beginning to its end; None while it has not ended, or if it was tried again."""
        if self.ended_at is None or self.attempts > 1:
            return None
        begun, ended = (datetime.fromisoformat(at) for at in (self.started_at, self.ended_at))
        return math.ceil((ended - begun).total_seconds())

    @property
    def divisible(self) -> bool:
        """Whether it can be split to find the file that fails it."""
        return len(self.file_ids) > 1


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a file's or a batch's story: when, which step, what came of it."""

    at: str
    step: str
    detail: dict[str, Any] = field(default_factory=dict)


def texts(value: Any) -> Iterator[str]:
    """Every text in plain JSON values, with the names of fields and the numbers."""
    if isinstance(value, dict):
        for name, field_ in value.items():
            yield str(name)
            yield from texts(field_)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)
    elif value is not None:
        yield str(value)
