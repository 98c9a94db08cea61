"""Whether promises are kept: files that have come and whose rows cannot be queried in the time that was promised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from headrace.domain import clock
from headrace.domain.contract import Contract
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LIVE, MERGE, FileRecord
from headrace.domain.ingest.reported import LATE, Reported
from headrace.domain.notice import Notice, lateness_notice, recovery_notice
from headrace.usecases.ports import HasBatches, HasContracts, HasFiles, HasLanes, HasTopic, HasWatches
from headrace.usecases.recovery.one_by_one import OneByOne
from headrace.usecases.recovery.pause import is_paused

OLDEST = 100
"""Files that are looked at in each place, the oldest first."""
QUIET_SECONDS, LONGEST_QUIET_SECONDS = 900, 4 * 3600
"""How much longer than the promise nothing must have been late before people learn that it is over; and at most."""


class LaneServices(HasBatches, HasFiles, HasLanes, Protocol):
    """The ports used to look at a lane."""


class Services(LaneServices, HasContracts, HasTopic, HasWatches, Protocol):
    """The ports used here."""


def watch_promises(services: Services) -> list[str]:
    """Notify people of each dataset whose promise is broken, once, and once when nothing has been late for a while.

    Returns those datasets. A dataset that receives no files, or is paused, is never late. Raises BrokenError in the
    end, if any is.
    """
    notified, each = list[str](), OneByOne()
    for contract in services.contracts.all():
        with each.of(f"the promise of {contract.dataset}"):
            if _notified(contract, services):
                notified.append(contract.dataset)
    each.end()
    return notified


def _notified(contract: Contract, services: Services) -> bool:
    if is_paused(contract.dataset, services):
        return False
    late = next(_late(contract, services), None)
    known = services.watches.reported(contract.dataset, LATE)
    becomes, notice = _next(contract, late, known)
    # Notified before it is written: a crash in between notifies twice, never not at all.
    if notice:
        services.topic.publish(notice)
    if becomes != known:
        services.watches.note_reported(contract.dataset, LATE, known, becomes)
    return notice is not None


def _next(contract: Contract, late: FileRecord | None, known: Reported) -> tuple[Reported, Notice | None]:
    """What people know after this look, and what they are notified of."""
    if late and not known.since:
        return Reported(clock.now()), lateness_notice(contract, late)
    if late or not known.since:
        return replace(known, quiet_since=None), None
    if not known.quiet_since:
        return replace(known, quiet_since=clock.now()), None
    if clock.seconds() - datetime.fromisoformat(known.quiet_since).timestamp() < _quiet_seconds(contract):
        return known, None
    return Reported(), recovery_notice(contract, known.quiet_since)


def _quiet_seconds(contract: Contract) -> int:
    """Loads that take a little longer than the promise are late at each end, and not at each beginning."""
    return min((contract.freshness_seconds or 0) + QUIET_SECONDS, LONGEST_QUIET_SECONDS)


def _late(contract: Contract, services: Services) -> Iterator[FileRecord]:
    """Files that wait or are worked on for longer than was promised."""
    if contract.freshness_seconds is None:
        return
    until = clock.seconds() - contract.freshness_seconds
    for lane in (LIVE, MERGE):
        state = services.lanes.state(contract.dataset, lane)
        for file in under_way(contract.dataset, lane, state, services):
            since = state.waits_since(file.arrived_at)
            if file.is_promised and datetime.fromisoformat(since).timestamp() < until:
                yield file


def under_way(dataset: str, lane: str, state: LaneState, services: LaneServices) -> Iterator[FileRecord]:
    """The files of a lane that are worked on or wait, the oldest of each."""
    if state.open_batch:
        yield from services.files.get_all(services.batches.get(state.open_batch).file_ids[:OLDEST])
    yield from services.lanes.pending(dataset, lane, OLDEST)
