"""A batch whose figures are not what they should be waits for a person, who releases or rejects it.

A held batch is buried like one that is given up: a tombstone with its id is in `etl.loads`, so nothing of it can be
loaded any more, even by an execution that still runs. Released files wait again, as their own group, which is loaded
as a separate batch and is not held a second time. So holding needs no other protocol than the one that loads have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from headrace.domain.clock import now
from headrace.domain.ingest.ledger import HELD, BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.domain.ingest.outcome import FileResult, Verdict, WarehouseRows, failed, settle
from headrace.domain.notice import Notice, decided_notice, hold_notice
from headrace.domain.statistics.judgement import Finding, anomalous
from headrace.usecases.ingest.starter import wake
from headrace.usecases.ports import (
    HasBatches,
    HasContracts,
    HasEvents,
    HasFiles,
    HasLanes,
    HasLoads,
    HasSleepers,
    HasTopic,
    HasWakeUps,
    HasWorkflow,
)

HEADRACE = "headrace"
CHANGED = "it has changed in the meantime: look again"


class HoldServices(HasBatches, HasContracts, HasEvents, HasFiles, HasLanes, HasLoads, HasTopic, Protocol):
    """The ports used to hold a batch."""


class Services(
    HasBatches,
    HasContracts,
    HasEvents,
    HasFiles,
    HasLanes,
    HasLoads,
    HasSleepers,
    HasTopic,
    HasWakeUps,
    HasWorkflow,
    Protocol,
):
    """The ports used to decide on it."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a person's decision on a batch or a key: the files that it moved, or why it did nothing."""

    name: str
    done: bool
    why: str
    files: tuple[FileRecord, ...] = ()


def hold(batch: BatchRecord, findings: list[Finding], results: list[FileResult], services: HoldServices) -> bool:
    """Keep the batch from the target and notify people why. False when it is loaded already.

    Files that the transform found to be duplicates or bad are settled; the others wait with their batch. Doing it
    again goes on where it was left.
    """
    if not services.loads.bury(batch.batch, batch.dataset, BatchStatus.HELD):
        return False
    if services.batches.get(batch.batch).status is not BatchStatus.RUNNING:
        return True  # by another execution: people were notified, or have decided
    reason = "; ".join(finding.sentence for finding in anomalous(findings))
    services.topic.publish(_notice(batch, findings, services))
    for result in results:
        _wait_for_people(services.files.get(result.file_id), result, reason, batch, services)
    services.loads.record_decision(batch.batch, batch.dataset, BatchStatus.HELD, HEADRACE, reason)
    services.events.note_batch(batch.batch, HELD, {"reason": reason})
    services.batches.save(replace(batch, status=BatchStatus.HELD, reason=reason))
    return True


def release(batch: BatchRecord, who: str, services: Services, *, dry_run: bool = False) -> Decided:
    """Let the files of a held batch be loaded after all: they wait again, as one group."""
    refusal = _undecidable(batch)
    if refusal:
        return Decided(batch.batch, done=False, why=refusal)
    held = _held_files(batch, services)
    judged = None if batch.condemned else batch.batch  # what an error has held was never looked at by a check
    if not dry_run:
        for file in held:
            waiting = replace(file.cleared, released=judged, batch=None, reason=None)
            if services.files.requeue(waiting, file):
                services.events.note_file(file.file_id, "Released", {"batch": batch.batch, "by": who})
        _decide(batch, BatchStatus.RELEASED, who, batch.reason or "", services)
    return Decided(batch.batch, done=True, why="its files are loaded as a batch of their own", files=tuple(held))


def reject(batch: BatchRecord, who: str, why: str, services: Services, *, dry_run: bool = False) -> Decided:
    """Nothing of a held batch is loaded: its files have failed, for the reason that it was held."""
    refusal = _undecidable(batch)
    if refusal:
        return Decided(batch.batch, done=False, why=refusal)
    held = _held_files(batch, services)
    reason = f"its batch {batch.batch} was held and rejected{f' ({why})' if why else ''}: {batch.reason}"
    if not dry_run:
        for file in held:
            if services.files.change(failed(file, reason), file):
                services.events.note_file(file.file_id, "Rejected", {"batch": batch.batch, "by": who})
        _decide(batch, BatchStatus.REJECTED, who, reason, services)
    return Decided(
        batch.batch, done=True, why="its files have failed, `headrace retry` tries them again", files=tuple(held)
    )


def release_file(file: FileRecord, who: str, services: Services, *, dry_run: bool = False) -> Decided:
    """Let a file be loaded that was held alone, while the others of its batch were loaded."""
    batch, refusal = _held_alone(file, services)
    if batch is None:
        return Decided(file.key, done=False, why=refusal)
    if not dry_run:
        waiting = replace(file.cleared, released=file.batch, batch=None, reason=None)
        if not services.files.requeue(waiting, file):
            return Decided(file.key, done=False, why=CHANGED)
        services.events.note_file(file.file_id, "Released", {"batch": batch.batch, "by": who})
        wake(file.dataset, services, file.lane)
    return Decided(file.key, done=True, why="it is loaded in a separate batch", files=(file,))


def reject_file(file: FileRecord, who: str, why: str, services: Services, *, dry_run: bool = False) -> Decided:
    """A file that was held alone has failed, for the reason that it was held."""
    batch, refusal = _held_alone(file, services)
    if batch is None:
        return Decided(file.key, done=False, why=refusal)
    reason = f"it was held and rejected{f' ({why})' if why else ''}: {file.reason}"
    if not dry_run:
        if not services.files.change(failed(file, reason, file.rows), file):
            return Decided(file.key, done=False, why=CHANGED)
        services.events.note_file(file.file_id, "Rejected", {"batch": batch.batch, "by": who})
    return Decided(file.key, done=True, why="it has failed, `headrace retry` tries it again", files=(file,))


def _held_alone(file: FileRecord, services: Services) -> tuple[BatchRecord | None, str]:
    """The batch of a file that is held alone; or None, and why it is not."""
    if file.status is not FileStatus.HELD:
        return None, f"it is {file.status}, not held: there is nothing to decide"
    batch = services.batches.get(str(file.batch))
    if batch.status is BatchStatus.HELD:
        return None, f"all of its batch is held: name the batch, {batch.batch}"
    return batch, ""


def _wait_for_people(
    file: FileRecord, result: FileResult, reason: str, batch: BatchRecord, services: HoldServices
) -> None:
    if file.status is not FileStatus.RUNNING or file.batch != batch.batch:
        return
    if result.verdict is Verdict.GOOD:
        waiting = replace(file, status=FileStatus.HELD, sha256=result.sha256, reason=f"its batch is held: {reason}")
    else:
        waiting = settle(file, result, WarehouseRows())
    if services.files.change(waiting, file):
        services.events.note_file(file.file_id, str(waiting.status).capitalize(), {"batch": batch.batch})


def _notice(batch: BatchRecord, findings: list[Finding], services: HoldServices) -> Notice:
    contract = services.contracts.get(batch.dataset)
    wait = services.lanes.state(batch.dataset, batch.lane).waits_for_people(contract, more=1)
    return hold_notice(batch, anomalous(findings), contract.channel, wait=wait)


def _held_files(batch: BatchRecord, services: Services) -> list[FileRecord]:
    files = services.files.get_all(batch.file_ids)
    return [file for file in files if file.status is FileStatus.HELD and file.batch == batch.batch]


def _undecidable(batch: BatchRecord) -> str | None:
    if batch.status is BatchStatus.HELD:
        return None
    return f"it is {batch.status}, not held: there is nothing to decide"


def _decide(batch: BatchRecord, status: BatchStatus, who: str, reason: str, services: Services) -> None:
    services.loads.record_decision(batch.batch, batch.dataset, status, who, reason)
    said = {"reason": reason} if status is BatchStatus.REJECTED else {}
    services.events.note_batch(batch.batch, str(status).capitalize(), {"by": who} | said)
    channel = services.contracts.get(batch.dataset).channel
    services.topic.publish(decided_notice(batch, str(status), who, channel))  # first: a decided one is never here again
    services.batches.save(replace(batch, status=status, reason=reason, ended_at=now()))
    wake(batch.dataset, services, batch.lane)
