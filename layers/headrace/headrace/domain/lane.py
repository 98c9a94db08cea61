"""Group commit: a lane is a dataset's sequence of batches, one execution at a time.

Each lane has a generation number; the execution of generation g is named after it, and Step Functions refuses a
second execution of that name. So the name is the lock, and nothing can leak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

from headrace.domain.contract import Contract
from headrace.domain.failure import Treatment
from headrace.domain.ledger import BACKFILL, LIVE, MERGE, BatchRecord

MAX_ATTEMPTS = 3
"""How many executions may try one batch before it is given up."""
LONGEST_BACKOFF_SECONDS = 300
PATIENCE_SECONDS = 6 * 3600
"""So long after its start a batch waits for an error to pass, and no attempt counts."""
SYSTEMIC_PATIENCE_SECONDS = 7 * 24 * 3600
"""The same for an error that refuses every file of a dataset."""
MOST_HELD = 200
"""Batches that a lane lists as held. With so many it waits for decisions, whatever its contract says."""


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


@dataclass(frozen=True, slots=True)
class LaneState:
    """The generation whose execution may run, the batch that an earlier one left open, and those that people hold."""

    generation: int = 1
    open_batch: str | None = None
    held: tuple[str, ...] = ()

    def blocked(self, contract: Contract) -> bool:
        """Whether new batches wait until people have decided about a held one. An open one goes on to its end."""
        return self.open_batch is None and self.waits_for_people(contract)

    def waits_for_people(self, contract: Contract, more: int = 0) -> bool:
        """Whether the batches that are held, and so many more, keep later ones waiting."""
        held = len(self.held) + more
        return held >= MOST_HELD or (contract.wait_while_held and held > 0)


def batch_name(dataset: str, lane: str, generation: int) -> str:
    """The batch that a generation opens. Everything that the batch writes is named after it."""
    return f"{dataset}-{generation}" if lane == LIVE else f"{dataset}-{lane}-{generation}"


def attempts_allowed(batch: BatchRecord, *, suspects: bool) -> int:
    """How many executions may try a batch. One that is to be split further anyway is not tried again as it is."""
    return 1 if suspects and batch.divisible else MAX_ATTEMPTS


def is_patient(batch: BatchRecord, treatment: Treatment, at: float) -> bool:
    """Whether a batch still waits, at a time in seconds since 1970 (UTC), for an error of this treatment to pass."""
    patience = SYSTEMIC_PATIENCE_SECONDS if treatment.systemic else PATIENCE_SECONDS
    return at - datetime.fromisoformat(batch.started_at).timestamp() < patience


def wait_seconds(contract: Contract, lane: str, left_open: BatchRecord | None, at: float) -> int:
    """How long an execution that starts `at` a time waits: for its group, or, after a failure, longer each time.

    `at` counts seconds since 1970 in UTC: merges run at its whole multiples of the contract's interval.
    """
    if left_open is not None:
        return int(min(LONGEST_BACKOFF_SECONDS, 4 ** min(left_open.attempts, 8)))
    if lane == MERGE:
        return math.ceil(contract.merge_seconds - at % contract.merge_seconds)
    return contract.wait_seconds
