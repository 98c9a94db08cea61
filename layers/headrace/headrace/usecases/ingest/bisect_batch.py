"""A batch that cannot be loaded is given up, but never while a load of it may still commit.

A single file may make it fail. So a batch of several files is split, and its halves are tried apart from each
other and from all other files, until the failing file is alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from headrace.domain import clock
from headrace.domain.bounds import LONGEST_REASON, cut
from headrace.domain.clock import now
from headrace.domain.ingest.failure import Treatment, classify
from headrace.domain.ingest.lane import (
    MAX_ATTEMPTS,
    Fate,
    LaneState,
    attempts_allowed,
    fate,
    fate_of_killed,
    is_patient,
)
from headrace.domain.ingest.ledger import HELD, BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.domain.ingest.outcome import failed
from headrace.domain.ingest.packing import APART, KILLED, KILLED_APART, halves, was_killed
from headrace.domain.notice import Next, failure_notice
from headrace.errors import LoadTooLargeError
from headrace.usecases.ingest.record_briefly import record_briefly
from headrace.usecases.ingest.record_outcome import record_outcome
from headrace.usecases.ingest.results import file_results
from headrace.usecases.ingest.trouble import is_everybodys, report
from headrace.usecases.ports import (
    HasBatches,
    HasContents,
    HasContracts,
    HasEvents,
    HasFiles,
    HasLake,
    HasLanes,
    HasLoads,
    HasTopic,
)

ENDS = {
    Fate.SPLIT: (BatchStatus.FAILED, "Split", Next.SPLIT),
    Fate.APART: (BatchStatus.FAILED, "Kept", Next.KEPT),
    Fate.HELD: (BatchStatus.HELD, HELD, Next.HELD),
    Fate.FAILED: (BatchStatus.FAILED, "Given up", Next.GIVEN_UP),
}
"""What a batch becomes, what its story says of it, and what people are notified of."""


class Services(
    HasBatches, HasContents, HasContracts, HasEvents, HasFiles, HasLake, HasLanes, HasLoads, HasTopic, Protocol
):
    """The ports used here."""


def allowed_for(batch: BatchRecord, services: HasFiles) -> int:
    """How many executions may try this batch.

    One that waits for an error to pass may be tried as often as it takes, one that would fail in the same way again not
    at all.
    """
    if batch.reason is None:  # its executions were stopped, which says nothing of its files
        return MAX_ATTEMPTS
    if treatment_of(batch.reason).final:
        return 0
    if is_waited_out(batch, classify(batch.reason).treatment):
        return batch.attempts
    group = next((file.suspects for file in _files(batch, services)), None)
    return attempts_allowed(batch, suspects=group is not None, apart=group == APART)


def is_waited_out(batch: BatchRecord, treatment: Treatment) -> bool:
    """Whether the batch goes on waiting for an error of this treatment to pass, however often it has been tried."""
    return treatment.passes and is_patient(batch, treatment, clock.seconds())


def give_up(batch: BatchRecord, reason: str, services: Services, killed: frozenset[str] = frozenset()) -> None:
    """Put a tombstone for the batch into the warehouse, then split it, keep its files, or fail its only one.

    `killed` are the files for which a function was killed. They are set apart instead, each to be transformed alone
    after the others, and one that is killed alone too fails if others load; the others wait again as they did.

    The tombstone is written under the lock that loads take: a late load of the batch finds it and does nothing. If the
    load had committed after all, the tombstone is not written and the batch is recorded as loaded. Doing it again goes
    on where it was left: the batch is condemned first, so that no execution works on it in between. A late function
    gives nothing up that another execution has taken up since: that one decides.
    """
    if not services.batches.condemn(batch, reason):
        return
    batch = replace(batch, condemned=True, reason=reason, failed_at=batch.failed_at or now())
    if not services.loads.bury(batch.batch, batch.dataset, "given up"):
        _record(batch, reason, services)
        return
    files = _files(batch, services)
    group = next((file.suspects for file in files if file.runs_in(batch.batch)), None)
    end = _part_from_killed(batch, files, killed, services) if killed else _end(batch, files, group, services)
    status, step, then = ENDS[end]
    if killed or _is_news(end, group):
        _notify(batch, reason, then, services)
    services.events.note_batch(batch.batch, step, {"reason": reason})
    services.batches.save(replace(batch, status=status, ended_at=None if end is Fate.HELD else now()))


def _end(batch: BatchRecord, files: list[FileRecord], group: str | None, services: Services) -> Fate:
    """What becomes of the batch's files is written to each of them."""
    state = services.lanes.state(batch.dataset, batch.lane)
    treatment = treatment_of(str(batch.reason))
    others_load = _others_load(batch, files, state)
    end = fate(batch, treatment, clock.seconds(), suspects=group is not None, others_load=others_load)
    if end is Fate.SPLIT:
        _split(batch, files, services)
    elif end is Fate.APART:
        _set_apart(batch, files, APART, services)
    else:
        for file in files:
            if file.runs_in(batch.batch):
                (_hold_file if end is Fate.HELD else _fail_file)(file, batch, services)
    return end


def treatment_of(reason: str) -> Treatment:
    """What is done about a reason for which a batch failed."""
    too_large = reason.startswith(LoadTooLargeError.__name__)
    return Treatment.BATCH if too_large else classify(reason).treatment


def _others_load(batch: BatchRecord, files: list[FileRecord], state: LaneState) -> bool | None:
    """Whether something else of the lane has loaded since the files were set apart; None where that is not known."""
    apart_since = next((file.apart_since for file in files if file.runs_in(batch.batch)), None)
    if state.loaded_since(apart_since or batch.failed_at):
        return True
    return False if is_everybodys(state) else None


def _is_news(end: Fate, group: str | None) -> bool:
    """One notice per cause: when a batch is split, and when nothing else was loaded meanwhile either."""
    if end is Fate.SPLIT:
        return group is None
    return end is not Fate.APART or group == APART


def _notify(batch: BatchRecord, reason: str, then: Next, services: Services) -> None:
    if then is Next.KEPT:
        report(batch, reason, then, services)
        return
    channel = services.contracts.get(batch.dataset).channel
    services.topic.publish(failure_notice(batch, reason, channel, then))
    if then is Next.GIVEN_UP:
        services.lanes.note_given_up(batch, now())


def _record(batch: BatchRecord, reason: str, services: Services) -> None:
    """In full while the batch has attempts left, then in the least form, which cannot fail for what the batch holds."""
    if batch.attempts > MAX_ATTEMPTS:
        record_briefly(batch, cut(reason, LONGEST_REASON), services)
        return
    _, notice = record_outcome(batch, file_results(batch, services), services)
    services.topic.publish(notice)


def _files(batch: BatchRecord, services: HasFiles) -> list[FileRecord]:
    """The batch's files. One that was removed from the ledger must not keep the others waiting."""
    known = services.files.known(batch.file_ids)
    return [known[file_id] for file_id in batch.file_ids if file_id in known]


def _split(batch: BatchRecord, files: list[FileRecord], services: Services) -> None:
    """Let each half wait as its own group. The order is the batch's, so that doing it again gives the same."""
    for name, half in zip(("a", "b"), halves(files), strict=True):
        _set_apart(batch, half, f"{batch.batch}-{name}", services)


def _part_from_killed(batch: BatchRecord, files: list[FileRecord], killed: frozenset[str], services: Services) -> Fate:
    """What becomes of each file that was killed; of the batch what people have to know most."""
    state = services.lanes.state(batch.dataset, batch.lane)
    others_load = _others_load(batch, files, state) is True
    ends = {Fate.APART}
    for file in files:
        if not file.runs_in(batch.batch):
            continue
        if file.file_id not in killed:
            _set_apart(batch, [file], None if was_killed(file) else file.suspects, services)
            continue
        end = fate_of_killed(batch, clock.seconds(), alone=was_killed(file), others_load=others_load)
        _end_killed(file, end, batch, services)
        ends.add(end)
    return next(end for end in (Fate.HELD, Fate.SPLIT, Fate.FAILED, Fate.APART) if end in ends)


def _end_killed(file: FileRecord, end: Fate, batch: BatchRecord, services: Services) -> None:
    if end is Fate.FAILED:
        _fail_file(file, batch, services)
    elif end is Fate.HELD:
        _hold_file(file, batch, services)
    else:
        _set_apart(batch, [file], KILLED if end is Fate.SPLIT else KILLED_APART, services)


def _set_apart(batch: BatchRecord, files: list[FileRecord], group: str | None, services: Services) -> None:
    """Let files of the batch wait again, in a group; without one, as they did before, but known to have waited."""
    at = now()
    for file in files:
        if not file.runs_in(batch.batch):
            continue
        apart = replace(file.cleared, suspects=group, failing_since=batch.failed_at, apart_since=at if group else None)
        merging = file.status is FileStatus.MERGING
        waiting = replace(apart, merge=None, status=FileStatus.STAGED) if merging else replace(apart, batch=None)
        if services.files.requeue(waiting, file):
            services.events.note_file(file.file_id, "Set apart", {"batch": batch.batch, "with": group})


def _hold_file(file: FileRecord, batch: BatchRecord, services: Services) -> None:
    held = replace(file, status=FileStatus.HELD, reason=f"its batch is held: {batch.reason}")
    if services.files.change(held, file):
        services.events.note_file(file.file_id, "Held", {"batch": batch.batch})


def _fail_file(file: FileRecord, batch: BatchRecord, services: Services) -> None:
    if file.status is FileStatus.MERGING:
        services.loads.unstage(services.contracts.get(batch.dataset), file.file_id)
    services.batches.settle(batch, [failed(file, f"it could not be loaded: {batch.reason}")])
