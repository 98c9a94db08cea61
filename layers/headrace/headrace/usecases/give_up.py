"""A batch that cannot be loaded is given up, but never while a load of it may still commit.

One file alone may be what fails it. So a batch of several files is split, and its halves are tried apart from each
other and from all other files, until the file that does it is alone.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.domain import clock
from headrace.domain.clock import now
from headrace.domain.failure import Treatment, classify
from headrace.domain.lane import attempts_allowed, is_patient
from headrace.domain.ledger import BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.domain.notice import Next, of_failure
from headrace.domain.outcome import failed
from headrace.domain.packing import halves, killed_group, was_killed
from headrace.usecases.ports import Services
from headrace.usecases.record_briefly import record_briefly
from headrace.usecases.record_outcome import record_outcome
from headrace.usecases.results import file_results

UNSTAGE = "DELETE FROM {stage} WHERE _file_id = '{file}'"
LOCK = "LOCK TABLE etl.guard_{dataset}"
TOMBSTONE = (
    "INSERT INTO etl.loads (batch_id, dataset, status, loaded_at) SELECT '{batch}', '{dataset}', '{status}', GETDATE() "
    "WHERE NOT EXISTS (SELECT 1 FROM etl.loads WHERE batch_id = '{batch}')"
)
COMMITTED = ([["loaded"]], [["staged"]])
FATE = "SELECT status FROM etl.loads WHERE batch_id = '{batch}'"


def allowed_for(batch: BatchRecord, services: Services) -> int:
    """How many executions may try this batch. One that waits for an error to pass may be tried as often as it takes."""
    if batch.reason and is_waited_out(batch, classify(batch.reason).treatment):
        return batch.attempts
    return attempts_allowed(batch, suspects=_of_suspects(batch, services))


def is_waited_out(batch: BatchRecord, treatment: Treatment) -> bool:
    """Whether the batch goes on waiting for an error of this treatment to pass, however often it has been tried."""
    return treatment.passes and is_patient(batch, treatment, clock.seconds())


def give_up(batch: BatchRecord, reason: str, services: Services, killed: frozenset[str] = frozenset()) -> None:
    """Put a tombstone for the batch into the warehouse, then split it, or fail its only file.

    `killed` are the files of units whose function was killed. They are set apart instead, each to be transformed alone,
    and one that is killed alone fails; the others wait again as they did.

    The tombstone is written under the lock that loads take: a late load of the batch finds it and does nothing. If the
    load had committed after all, the tombstone is not written and the batch is recorded as loaded. Doing it again goes
    on where it was left: the batch is condemned first, so that no execution works on it in between. A late function
    gives nothing up that another execution has taken up since: that one decides.
    """
    if not services.ledger.condemn(batch, reason):
        return
    batch = replace(batch, condemned=True, reason=reason)
    names = {"batch": batch.batch, "dataset": batch.dataset, "status": "given up"}
    services.warehouse.run([statement.format(**names) for statement in (LOCK, TOMBSTONE)])
    if services.warehouse.query(FATE.format(**names)) in COMMITTED:
        _record(batch, reason, services)
        return
    told = batch.divisible and _of_suspects(batch, services) and not killed  # of one cause, people are told once
    if killed:
        apart = _part_from_killed(batch, killed, reason, services)
    elif batch.divisible:
        apart = _split(batch, services)
    else:
        apart = _fail(batch, reason, services)
    services.ledger.save_batch(replace(batch, status=BatchStatus.FAILED, ended_at=now()))
    services.ledger.tell_batch(batch.batch, "Split" if apart else "Given up", {"reason": reason})
    if not told:
        then = Next.SPLIT if apart else Next.GIVEN_UP
        channel = services.catalog.contract(batch.dataset).channel
        services.topic.publish(of_failure(batch, reason, channel, then))


def _record(batch: BatchRecord, reason: str, services: Services) -> None:
    """In full while the batch has attempts left, then in the least form, which cannot fail for what the batch holds."""
    if batch.attempts > allowed_for(batch, services):
        record_briefly(batch, reason, services)
        return
    _, notice = record_outcome(batch, file_results(batch, services), services)
    services.topic.publish(notice)


def _of_suspects(batch: BatchRecord, services: Services) -> bool:
    return any(file.suspects is not None for file in _files(batch, services)[:1])


def _files(batch: BatchRecord, services: Services) -> list[FileRecord]:
    """The batch's files. One that somebody has removed from the ledger must not keep the others waiting."""
    known = services.ledger.known(batch.file_ids)
    return [known[file_id] for file_id in batch.file_ids if file_id in known]


def _split(batch: BatchRecord, services: Services) -> bool:
    """Let each half wait as a group of its own. The order is the batch's, so that doing it again gives the same."""
    for name, half in zip(("a", "b"), halves(_files(batch, services)), strict=True):
        for file in half:
            _suspect(file, f"{batch.batch}-{name}", batch, services)
    return True


def _part_from_killed(batch: BatchRecord, killed: frozenset[str], reason: str, services: Services) -> bool:
    """Returns whether any file is tried again because of it; False when those that were killed have failed."""
    again = False
    for file in _files(batch, services):
        if file.file_id not in killed:
            _suspect(file, None if was_killed(file) else file.suspects, batch, services)
        elif was_killed(file) and file.runs_in(batch.batch):
            _fail_file(file, batch, reason, services)
        else:
            _suspect(file, killed_group(batch.batch), batch, services)
            again = True
    return again


def _suspect(file: FileRecord, group: str | None, batch: BatchRecord, services: Services) -> None:
    if not file.runs_in(batch.batch):
        return
    if file.status is FileStatus.MERGING:
        apart = replace(file, suspects=group, merge=None, status=FileStatus.STAGED)
    else:
        apart = replace(file, suspects=group, batch=None)
    if services.ledger.requeue(apart, file):
        services.ledger.tell_file(file.file_id, "Set apart", {"batch": batch.batch, "with": group})


def _fail(batch: BatchRecord, reason: str, services: Services) -> bool:
    for file in _files(batch, services):
        if file.runs_in(batch.batch):
            _fail_file(file, batch, reason, services)
    return False


def _fail_file(file: FileRecord, batch: BatchRecord, reason: str, services: Services) -> None:
    if file.status is FileStatus.MERGING:
        stage = services.catalog.contract(batch.dataset).stage
        services.warehouse.run([LOCK.format(dataset=batch.dataset), UNSTAGE.format(stage=stage, file=file.file_id)])
    services.ledger.settle(batch, [failed(file, f"it could not be loaded: {reason}")])
