"""A new object was announced: record it, and make sure that an execution is coming for it."""

from __future__ import annotations

import json
import math
from datetime import datetime
from itertools import islice
from typing import Protocol

from headrace.domain import clock
from headrace.domain.contract import Contract
from headrace.domain.foreign import NOT_AS_EXPECTED
from headrace.domain.ingest.arrival import Routing, arrival_of, contract_of, left_out, route
from headrace.domain.ingest.deletion import Deletion, as_version, deletion_of, removes_rows
from headrace.domain.ingest.lane import (
    MOST_TAKEN,
    TOGETHER_SECONDS,
    LaneState,
    Sleeper,
    comes_along,
    group_wait,
    oldest_of,
    wait_seconds,
)
from headrace.domain.ingest.ledger import ERASED, LIVE, MERGE, Arrival, FileRecord, FileStatus
from headrace.domain.ingest.replay import replay_of
from headrace.domain.ingest.storm import group_of
from headrace.domain.notice import arrival_notice
from headrace.observability import logger
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
    Unreadable,
)

FIRST = 10
"""Files that are looked at for the oldest that a promise is for: those that failed and stand back may be before it."""


class RecordServices(HasContracts, HasEngines, HasFiles, HasStorms, HasTopic, Protocol):
    """The ports used to record an object."""


class DeletionServices(HasContents, HasContracts, HasEvents, HasFiles, Protocol):
    """The ports used to record a deletion."""


class NoteServices(RecordServices, DeletionServices, Protocol):
    """The ports used to record what a message announces."""


class ShareServices(HasSleepers, HasWakeUps, HasWorkflow, Protocol):
    """The ports used to start an execution that others can take along, and to do that."""


class WakeServices(ShareServices, HasBatches, HasContracts, HasLanes, Protocol):
    """The ports used to start a lane's execution."""


def read(body: str, unreadable: Unreadable) -> Arrival | Deletion | None:
    """What a message announces. One that is no event of S3 is a dead letter at once: it would never be one.

    A person is called by the queue's alarm, and `headrace redrive` shows it.
    """
    try:
        event = json.loads(body)
        return deletion_of(event) or arrival_of(event)
    except NOT_AS_EXPECTED:
        unreadable.keep(body)
        return None


def note(announced: Arrival | Deletion | None, services: NoteServices) -> FileRecord | None:
    """Write to the ledger what a message announces; None if that is nothing."""
    if isinstance(announced, Deletion):
        return record_deletion(announced, services)
    return record(announced, services) if announced else None


def record(arrival: Arrival, services: RecordServices, lane: str = LIVE) -> FileRecord:
    """Write the arrival to the ledger, into a lane. A second delivery of the same object version changes nothing.

    An object that cannot be loaded is final at once. The first of its kind in an hour is reported now, the others are
    counted, in the transaction that writes them down, and reported together when the hour has ended.
    """
    routing = route(arrival, services.contracts.all(), spark=services.spark)
    file = _first_record(arrival, routing, lane)
    if routing.cause is None or services.files.knows(file.file_id):
        return services.files.record_arrival(file)
    channel = services.contracts.get(file.dataset).channel if file.dataset else None
    group = services.storms.join(group_of(file, routing.cause, channel, clock.seconds()))
    if group.opened_by != file.file_id:
        return services.files.record_arrival(file, group)
    # Reported before it is written: a crash in between reports it twice, never not at all.
    services.topic.publish(arrival_notice(file, group))
    return services.files.record_arrival(file)


def record_deletion(deletion: Deletion, services: DeletionServices, lane: str = LIVE) -> FileRecord | None:
    """Write a deletion to the ledger as a version of its key without rows, if its contract removes rows with objects.

    None if nothing is to be done: also where `headrace erase` has deleted the object, whose other rows stay.
    """
    contract = contract_of(deletion.key, services.contracts.all())
    if contract is None or not removes_rows(deletion, contract):
        return None
    if replay_of(contract, deletion.key) or left_out(deletion.key, contract):
        return None
    versions = services.contents.versions(deletion.bucket, deletion.key)
    arrival = as_version(deletion, [version for version in versions if not version.is_deletion])
    if arrival is None or (deletion.version and _erased(versions[-1], services)):
        return None
    return services.files.record_arrival(_first_record(arrival, Routing(contract.dataset, FileStatus.PENDING), lane))


def _erased(file: FileRecord, services: DeletionServices) -> bool:
    return any(line.step == ERASED for line in services.events.of_file(file.file_id))


def wake(dataset: str, services: WakeServices, lane: str = LIVE, oldest: str | None = None) -> None:
    """Start the lane's current generation, after its files were written.

    `oldest` is when the oldest of those arrived that a promise is for; None: just now. Others may have waited before
    it, while the one that was to start this generation had not come to it: the wait is counted from the first of all.

    If that execution exists already, it takes the files: it looks for them after it has moved the generation on.
    A lane that waits for people is left asleep: their decision wakes it.
    """
    state = services.lanes.state(dataset, lane)
    contract = services.contracts.get(dataset)
    if state.blocked(contract):
        return
    left_open = services.batches.get(state.open_batch) if state.open_batch else None
    grouped = left_open is None and lane != MERGE
    group = _group_wait(contract, lane, state, oldest, services) if grouped else None
    wait = wait_seconds(contract, lane, left_open, clock.seconds(), group=group)
    start(dataset, lane, state.generation, wait, services, comes_along=grouped)


def _group_wait(contract: Contract, lane: str, state: LaneState, oldest: str | None, services: WakeServices) -> int:
    """The wait of the group of a file that arrived at `oldest`, and of those that have waited for longer."""
    at = clock.seconds()
    wait = group_wait(contract, state.took, oldest, at, services.wake_ups)
    if not (wait and services.wake_ups.shared):
        return wait
    first = oldest_of(services.lanes.pending(contract.dataset, lane, FIRST))
    return min(wait, group_wait(contract, state.took, first, at, services.wake_ups)) if first else wait


def start(dataset: str, lane: str, generation: int, wait: int, services: ShareServices, *, comes_along: bool) -> None:
    """Start an execution that waits so many seconds. Where it waits for its group, note that it `comes_along`.

    What waits after a failure does not, nor a merge, whose time the contract sets.
    """
    started = services.workflow.start(dataset, lane, generation, wait)
    if started and comes_along and services.wake_ups.shared and wait > TOGETHER_SECONDS:
        services.sleepers.note(Sleeper(dataset, lane, generation, clock.seconds() + wait))


def take_along(last_turn: str | None, services: ShareServices) -> list[Sleeper]:
    """Begin with what waits and comes along with a lane that begins now, and last did so then. Returns what does.

    Its lane is moved on, as from an execution that died, and the next generation begins. The one that waits finds later
    that it is not its turn, and hands over: where nothing was started, it does that. What cannot be taken along begins
    in its own time: that is logged, and does not fail the batch.
    """
    if not services.wake_ups.shared:
        return []
    at = clock.seconds()
    since_last = at - datetime.fromisoformat(last_turn).timestamp() if last_turn else math.inf
    try:
        return _take(at, since_last, services)
    except Exception:
        logger.exception("what waits could not be taken along")
        return []


def _take(at: float, since_last: float, services: ShareServices) -> list[Sleeper]:
    asleep = sorted(services.sleepers.all(), key=lambda sleeper: sleeper.until)
    coming = islice((sleeper for sleeper in asleep if comes_along(sleeper, at, since_last)), MOST_TAKEN)
    taken = []
    for sleeper in coming:
        if services.sleepers.take(sleeper):
            services.workflow.start(sleeper.dataset, sleeper.lane, sleeper.generation + 1, 0)
            taken.append(sleeper)
    return taken


def _first_record(arrival: Arrival, routing: Routing, lane: str) -> FileRecord:
    return FileRecord(
        file_id=arrival.file_id,
        dataset=routing.dataset,
        lane=lane,
        bucket=arrival.bucket,
        key=arrival.key,
        version=arrival.version,
        size=arrival.size,
        etag=arrival.etag,
        sequencer=arrival.sequencer,
        arrived_at=arrival.at,
        status=FileStatus(routing.status),
        reason=routing.reason,
    )
