"""Group commit: a lane is a dataset's sequence of batches, one execution at a time.

Each lane has a generation number; the execution of generation g is named after it, and Step Functions refuses a
second execution of that name. So the name is the lock, and nothing can leak.

A group begins as late as its promise allows, at a point of the clock: multiples of a step in seconds since 1970, on
which all datasets agree without talking to each other. It takes along what waits, so that the warehouse is woken once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from headrace.domain.contract import Contract
from headrace.domain.ingest.failure import Treatment
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE, BatchRecord, FileRecord

MAX_ATTEMPTS = 3
"""How many executions may try one batch before it is given up."""
LONGEST_BACKOFF_SECONDS = 300
SHORTEST_BACKOFF_SECONDS = 4
PATIENCE_SECONDS = 6 * 3600
"""How long after its first failure a batch waits for a transient error to end; no attempt counts."""
SYSTEMIC_PATIENCE_SECONDS = 7 * 24 * 3600
"""The same for an error that seems to refuse every file of a dataset."""
MOST_HELD = 200
"""Batches that a lane lists as held. With this many it waits for decisions, even if its contract does not ask to."""
STEPS = (300, 60, 15, 5, 1)
"""Seconds between two points. Each divides the one before it, so that a coarse point is one of every finer step."""
SHARE_OF_WAIT = 8
"""A step is at most this part of a group's wait, which is then half of it longer or shorter at most."""
REMEMBERED = 5
"""Loads of a lane whose length is remembered, the last ones."""
RESERVE = 1.25
"""A load is expected to take this much longer than the longest of those."""
LOAD_SECONDS = 60
"""What a load takes that has not been measured, generously; at most a quarter of a short promise."""
TOGETHER_SECONDS = 15
"""What begins within so many seconds need not be taken along: it comes while the warehouse is awake."""
MOST_TAKEN = 50
"""Lanes that one group takes along; each of them may take others."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one batch of a lane may hold."""

    files: int = 700
    size: int = 20 * 2**30


LIMITS = {LIVE: Limits(), BACKFILL: Limits(files=500, size=5 * 2**30), MERGE: Limits(files=600, size=100 * 2**30)}
"""Loads of one dataset take turns, so a backfill's are kept short enough for live files to wait for one.

Loads and merges name their files in their SQL, which has 100,000 bytes; a contract with many columns leaves less room.
"""


def limits_of(contract: Contract, lane: str) -> Limits:
    """How much one batch of a dataset's lane may hold."""
    limits = LIMITS[lane]
    return replace(limits, files=min(limits.files, contract.most_files))


MOST_LOOKED_AT = 10_000
"""Files that wait in a lane and are looked at where more must be than a batch takes: some may stand back."""


def most_looked_at(contract: Contract, lane: str) -> int:
    """How many files that wait are looked at for the next batch, the oldest first."""
    return MOST_LOOKED_AT if contract.grouped and lane != MERGE else limits_of(contract, lane).files


@dataclass(frozen=True, slots=True)
class Pause:
    """A person's wish that no new batch of a dataset begins: whose, since when, until when (ISO 8601, UTC), and why."""

    by: str
    since: str
    until: str
    reason: str = ""

    def is_over(self, now: str) -> bool:
        """Whether it has ended by itself."""
        return self.until <= now


@dataclass(frozen=True, slots=True)
class LaneState:
    """The generation whose execution may run, the batch that an earlier one left open, and those that people hold.

    `loaded_at` is when a batch of the lane last brought rows to the warehouse, `began_at` when the last one was made
    of files that waited, whatever came of it. `failing_since` is when the trouble
    began that people know of and the lane waits out. `notified` are the causes that people were notified of since a
    batch last loaded. `resumed_at` is when the last `pause` ended: nothing is late for having waited before.
    `given_up_at` is when a batch was given up, until people know that others load. `took` are the seconds from the
    beginning to the end of the last batches that brought rows.
    """

    generation: int = 1
    open_batch: str | None = None
    held: tuple[str, ...] = ()
    loaded_at: str | None = None
    failing_since: str | None = None
    notified: tuple[str, ...] = ()
    pause: Pause | None = None
    resumed_at: str | None = None
    given_up_at: str | None = None
    took: tuple[int, ...] = ()
    began_at: str | None = None

    @property
    def last_turn(self) -> str | None:
        """When the lane last began or loaded, so that others could come along."""
        return max((at for at in (self.loaded_at, self.began_at) if at), default=None)

    @property
    def recovered(self) -> bool:
        """Whether something has loaded since the trouble that people know of began."""
        return self.failing_since is not None and self.loaded_since(self.failing_since)

    def loaded_since(self, at: str | None) -> bool:
        """Whether a batch of the lane has loaded after a time."""
        return at is not None and self.loaded_at is not None and self.loaded_at > at

    def blocked(self, contract: Contract) -> bool:
        """Whether new batches wait for the end of a pause or a decision about a held one. An open one goes on."""
        return self.open_batch is None and (self.pause is not None or self.waits_for_people(contract))

    def waits_since(self, arrived_at: str) -> str:
        """Since when a file waits by the lane's fault: not while it was paused."""
        return max(arrived_at, self.resumed_at or "")

    def waits_for_people(self, contract: Contract, more: int = 0) -> bool:
        """Whether the batches that are held, and this many more, keep later ones waiting."""
        held = len(self.held) + more
        return held >= MOST_HELD or (contract.wait_while_held and held > 0)


def attempts_allowed(batch: BatchRecord, *, suspects: bool, apart: bool = False) -> int:
    """How many executions may try a batch. One that is to be split further anyway is not tried again as it is.

    Neither is one whose files are to wait `apart` from others.
    """
    return 1 if apart or (suspects and batch.divisible) else MAX_ATTEMPTS


def is_patient(batch: BatchRecord, treatment: Treatment, at: float) -> bool:
    """Whether a batch still waits, at a time in seconds since 1970 (UTC), for an error of this treatment to pass."""
    patience = SYSTEMIC_PATIENCE_SECONDS if treatment.systemic else PATIENCE_SECONDS
    return batch.failed_at is None or at - _seconds(batch.failed_at) < patience


class Fate(StrEnum):
    """What becomes of a batch that is given up. APART: its files wait, and others are tried before them."""

    SPLIT = "split"
    APART = "apart"
    HELD = "held"
    FAILED = "failed"


def fate(batch: BatchRecord, treatment: Treatment, at: float, *, suspects: bool, others_load: bool | None) -> Fate:
    """What becomes of a batch, given up `at` a time in seconds since 1970 for an error of this treatment.

    `suspects` are the files of a batch that was given up before. `others_load` says whether something of the lane has
    loaded since they were set apart, False that nothing does, None that nothing else was tried. Only what others load
    with shows that an error is the files': without that, they wait, and are left to a person in the end.
    """
    if treatment.final:
        return Fate.SPLIT if batch.divisible else Fate.FAILED
    if treatment.systemic:
        return _waiting(batch, Fate.HELD)
    if batch.divisible and (others_load or (others_load is None and not suspects)):
        return Fate.SPLIT
    if others_load:
        return _waiting(batch, Fate.HELD) if treatment.passes else Fate.FAILED
    return Fate.APART if is_patient(batch, Treatment.HOLD, at) else _waiting(batch, Fate.HELD)


def fate_of_killed(batch: BatchRecord, at: float, *, alone: bool, others_load: bool) -> Fate:
    """What becomes of a file for which a function was killed, `at` a time in seconds since 1970.

    It is tried once more `alone`. If it is killed again, it is the file's fault only where others load meanwhile:
    Lambda may be in trouble. Without that it waits for as long as a transient error may last, and then for a person.
    """
    if not alone:
        return Fate.SPLIT
    if others_load:
        return Fate.FAILED
    return Fate.APART if is_patient(batch, Treatment.WAIT, at) else Fate.HELD


def _waiting(batch: BatchRecord, then: Fate) -> Fate:
    """What is in a stage table waits there: a merge is tried for as long as it takes."""
    return Fate.APART if batch.lane == MERGE else then


def wait_seconds(
    contract: Contract,
    lane: str,
    left_open: BatchRecord | None,
    at: float,
    failing_since: str | None = None,
    group: int | None = None,
) -> int:
    """How long an execution that starts `at` a time waits: for its group, or, after a failure, longer each time.

    `at` counts seconds since 1970 in UTC: merges run at its whole multiples of the contract's interval. Where all that
    waits has been failing since a time, half as long again as it has been. A `group` that shares wake-ups of the
    warehouse waits for so many seconds, any other as long as its contract says.
    """
    if left_open is not None:
        return int(min(LONGEST_BACKOFF_SECONDS, 4 ** min(left_open.attempts, 8)))
    if failing_since is not None:
        return int(backoff_seconds(at - _seconds(failing_since)))
    if lane == MERGE:
        return math.ceil(contract.merge_seconds - at % contract.merge_seconds)
    return contract.wait_seconds if group is None else group


def backoff_seconds(failing_for: float) -> float:
    """How long to wait before what has been failing for so many seconds is tried again."""
    return min(LONGEST_BACKOFF_SECONDS, max(SHORTEST_BACKOFF_SECONDS, failing_for / 2))


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


@dataclass(frozen=True, slots=True)
class WakeUps:
    """How groups share wake-ups of the warehouse: whether they do, and the seconds that none waits longer than."""

    shared: bool = True
    longest: int = 86400


ALONE = WakeUps(shared=False)
"""Each group waits for as long as its contract says, whatever others do."""


@dataclass(frozen=True, slots=True)
class Sleeper:
    """A lane's execution that waits for its group, until a time in seconds since 1970."""

    dataset: str
    lane: str
    generation: int
    until: float


def step_of(wait: int) -> int:
    """The coarsest step between points that a group's wait allows."""
    return next((step for step in STEPS if step * SHARE_OF_WAIT <= wait), STEPS[-1])


def load_seconds(promised: int, took: Iterable[int]) -> int:
    """What the next load is expected to take, of a dataset that promises so many seconds.

    `took` are the seconds of the lane's last loads, from the beginning of a group to its outcome.
    """
    return max(min(LOAD_SECONDS, promised // 4), math.ceil(max(took, default=0) * RESERVE))


def latest_wait(contract: Contract, took: Iterable[int]) -> float:
    """The seconds after its oldest file in which a group has to begin, for the promise to be kept; inf without one."""
    if contract.freshness_seconds is None:
        return math.inf
    left = contract.freshness_seconds
    if contract.staged:  # a merge's turn comes, then it is loaded
        left -= contract.merge_seconds + min(LOAD_SECONDS, left // 4)
    return max(0, left - load_seconds(left, took))


def begins_at(contract: Contract, took: Iterable[int], oldest: float) -> float:
    """When the group of a file that arrived at `oldest` begins, both in seconds since 1970.

    At the point that is nearest to the contract's wait; where its promise leaves less, at the last one that is in time.
    That may be in the past, and then the group begins at once.
    """
    step = step_of(contract.wait_seconds)
    nearest = (oldest + contract.wait_seconds + step / 2) // step * step
    latest = oldest + latest_wait(contract, took)
    return max(oldest, nearest if nearest <= latest else latest // step * step)


def group_wait(contract: Contract, took: Iterable[int], oldest: str | None, at: float, wake_ups: WakeUps) -> int:
    """How many seconds from `at` a group waits whose oldest promised file arrived at `oldest`; None: there is none."""
    if not wake_ups.shared or not contract.wait_seconds:
        return contract.wait_seconds
    arrived = datetime.fromisoformat(oldest).timestamp() if oldest else at
    begins = begins_at(contract, took, min(arrived, at))
    return int(min(max(0.0, begins - at), wake_ups.longest))


def oldest_of(files: Iterable[FileRecord]) -> str | None:
    """When the oldest arrived of those files that a promise is for and that have not failed; None: there is none."""
    promised = (file.arrived_at for file in files if file.is_promised and not (file.suspects or file.failing_since))
    return min(promised, default=None)


def comes_along(sleeper: Sleeper, at: float, since_last: float) -> bool:
    """Whether a lane that waits begins with one that begins now, whose own last turn was `since_last` seconds ago.

    One that begins every minute will begin again before an hour is over: what waits an hour comes along with the last
    of those turns that is in time. One that has not begun for longer than the other still waits takes it along now.
    """
    left = sleeper.until - at
    return TOGETHER_SECONDS < left <= since_last
