"""For operators: removes what keeps a batch from ending, or its lane from the next one.

What is done is what an execution would do, behind the same conditions: the batch is taken up, so that no function that
still runs for it changes anything; a tombstone stands before any of its files is let go; what the warehouse has is
recorded. So it may be done at any time, and again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from headrace.domain.clock import now
from headrace.domain.executions import execution_name
from headrace.domain.ingest.failure import is_transient
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LANES, MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.usecases.ingest.record_briefly import record_briefly
from headrace.usecases.ingest.record_outcome import record_outcome
from headrace.usecases.ingest.results import file_results
from headrace.usecases.ports import (
    HasBatches,
    HasContents,
    HasContracts,
    HasEvents,
    HasFiles,
    HasLake,
    HasLanes,
    HasLoads,
    HasSleepers,
    HasTopic,
    HasWakeUps,
    HasWorkflow,
)
from headrace.usecases.recovery.recover import help_lane

MOST_MARKERS = 1000
MOST_GENERATIONS = 1000
"""Names of executions that are taken which a lane is led past at once."""
HAS_ROWS = {BatchStatus.LOADED, BatchStatus.STAGED}


class Services(
    HasBatches,
    HasContents,
    HasContracts,
    HasEvents,
    HasFiles,
    HasLake,
    HasLanes,
    HasLoads,
    HasTopic,
    HasSleepers,
    HasWakeUps,
    HasWorkflow,
    Protocol,
):
    """The ports used here."""


class UnknownBatchError(LookupError):
    """Neither the ledger nor a lane knows a batch of that name."""


@dataclass(slots=True)
class Unblocked:
    """What was found and done, a sentence each; nothing when `refused` says why."""

    batch: str
    dataset: str
    lane: str
    done: list[str] = field(default_factory=list)
    refused: str = ""


def unblock(name: str, who: str, services: Services, *, dry_run: bool = False) -> Unblocked:
    """Bring a batch to its end and its lane on its way. Raises UnknownBatchError."""
    return _Work(name, who, services, dry_run=dry_run).run()


class _Work:
    def __init__(self, name: str, who: str, services: Services, *, dry_run: bool) -> None:
        self._services = services
        self._who = who
        self._dry_run = dry_run
        self._listed = _listed_in(name, services)
        self._known = _readable(name, services)
        self._batch = self._known or self._rebuilt(name)
        self._answer = Unblocked(name, self._batch.dataset, self._batch.lane)

    def run(self) -> Unblocked:
        batch, answer = self._batch, self._answer
        answer.refused = self._refusal()
        if answer.refused:
            return answer
        if self._known is None:
            self._say("its record is missing or cannot be read: its files are those that say they are in it")
        if batch.status is BatchStatus.RUNNING:
            self._end_running()
        else:
            self._settle_what_is_left()
        self._unlist()
        self._drop_markers()
        self._wake()
        return answer

    def _say(self, what: str) -> None:
        self._answer.done.append(what)

    def _rebuilt(self, name: str) -> BatchRecord:
        """What is known of a batch without its record."""
        if not self._listed:
            raise UnknownBatchError(name)
        dataset, lane, state = self._listed[0]
        files = [file for file in self._services.files.of_dataset(dataset) if _has(name, file)]
        ids = tuple(file.file_id for file in files)
        return BatchRecord(name, dataset, lane, state.generation, BatchStatus.RUNNING, ids, now())

    def _refusal(self) -> str:
        batch = self._batch
        if batch.status is BatchStatus.HELD:
            return f"it is held: `headrace release {batch.batch}` or `headrace reject {batch.batch}` decides"
        state = self._services.lanes.state(batch.dataset, batch.lane)
        execution = execution_name(batch.dataset, batch.lane, state.generation)
        at_work = batch.status is BatchStatus.RUNNING and batch.execution == execution and not batch.condemned
        if at_work and self._services.workflow.status(batch.dataset, batch.lane, state.generation) == "RUNNING":
            return f"execution {execution} is at work on it: wait for its end, or stop it in Step Functions first"
        return ""

    def _end_running(self) -> None:
        batch = self._batch
        if self._dry_run:
            loaded = self._services.loads.has_committed(batch.batch)
            then = "its outcome is recorded" if loaded else "a tombstone is put up and its files wait again"
            self._say(f"the warehouse has {'' if loaded else 'not '}loaded it: {then}")
            return
        if self._known:
            self._batch = batch = self._services.batches.take_up(batch, f"unblock {now()}")
        if not self._services.loads.bury(batch.batch, batch.dataset, "given up"):
            self._record()
            return
        count = self._let_go()
        reason = f"unblocked by {self._who}: {batch.reason or 'it did not finish'}"
        self._services.batches.save(replace(batch, status=BatchStatus.FAILED, ended_at=now(), reason=reason))
        self._say(f"it was not loaded, and cannot be any more: {count} of its files wait again")

    def _settle_what_is_left(self) -> None:
        """Of a batch that has ended: what was not recorded of its files."""
        batch = self._batch
        left = [file for file in self._files() if _has(batch.batch, file)]
        if batch.status not in HAS_ROWS:
            if left:
                count = len(left) if self._dry_run else self._let_go()
                self._say(f"it is {batch.status}, and {count} of its files were left in it: they wait again")
        elif left or batch.reason:
            if self._dry_run:
                self._say(
                    f"it is {batch.status}: its outcome is recorded again, of {len(left)} files for the first time"
                )
            else:
                self._record()

    def _record(self) -> None:
        """In full if that is possible, in its least form if not."""
        batch = self._batch
        known = self._services.files.known(batch.file_ids)
        batch = replace(batch, file_ids=tuple(name for name in batch.file_ids if name in known))
        try:
            record_outcome(batch, file_results(batch, self._services), self._services)
        except Exception as error:  # even if the outcome cannot be recorded in full, that it is loaded must be
            if is_transient(error):
                raise
            record_briefly(batch, f"{type(error).__name__}: {error}", self._services)
            self._say(f"it is loaded; recorded without details, because of {type(error).__name__}: {error}")
        else:
            self._say("it is loaded, and its outcome is recorded in full")

    def _let_go(self) -> int:
        """Its files wait again, in the lane that they came from."""
        count = 0
        for file in self._files():
            if _has(self._batch.batch, file):
                merging = file.status is FileStatus.MERGING
                waiting = replace(file, merge=None, status=FileStatus.STAGED) if merging else replace(file, batch=None)
                if self._services.files.requeue(waiting, file):
                    self._services.events.note_file(
                        file.file_id, "Unblocked", {"batch": self._batch.batch, "by": self._who}
                    )
                    count += 1
        return count

    def _files(self) -> list[FileRecord]:
        return list(self._services.files.known(self._batch.file_ids).values())

    def _unlist(self) -> None:
        """A lane that names it, though it has ended, does so no more."""
        for dataset, lane, _ in self._listed:
            if not self._dry_run:
                self._services.lanes.unlist(dataset, lane, self._batch.batch)
            self._say(f"the lane {dataset}/{lane} names it no more")

    def _drop_markers(self) -> None:
        """What waits in its lane but is no file, or one that does not wait, would come into each next batch."""
        dataset, lane = self._batch.dataset, self._batch.lane
        waiting = self._services.lanes.pending(dataset, lane, MOST_MARKERS)
        known = self._services.files.known(file.file_id for file in waiting)
        odd = [file for file in waiting if file.file_id not in known or not known[file.file_id].waits_in(lane)]
        for file in odd if not self._dry_run else ():
            self._services.lanes.drop_marker(file, lane)
        if odd:
            self._say(f"{len(odd)} marks of waiting files are taken away: the first is of {odd[0].key}")

    def _wake(self) -> None:
        """The next execution starts. Where names are taken, by executions that have ended, the lane goes past them."""
        dataset, lane = self._batch.dataset, self._batch.lane
        if self._dry_run:
            return
        for step in (lane, MERGE):
            for _ in range(MOST_GENERATIONS):
                if not help_lane(dataset, step, self._services):
                    break
        self._services.events.note_batch(
            self._batch.batch, "Unblocked", {"by": self._who, "done": list(self._answer.done)}
        )


def _listed_in(name: str, services: Services) -> list[tuple[str, str, LaneState]]:
    """The lanes that name the batch as open or held."""
    lanes = [(contract.dataset, lane) for contract in services.contracts.all() for lane in LANES]
    states = [(dataset, lane, services.lanes.state(dataset, lane)) for dataset, lane in lanes]
    return [(dataset, lane, state) for dataset, lane, state in states if name in {state.open_batch, *state.held}]


def _readable(name: str, services: Services) -> BatchRecord | None:
    try:
        return services.batches.get(name)
    except (KeyError, ValueError, TypeError):
        return None


def _has(batch: str, file: FileRecord) -> bool:
    """Whether the file says that this batch has it."""
    return file.runs_in(batch) or (file.status is FileStatus.HELD and file.batch == batch)
