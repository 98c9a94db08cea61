"""Files whose marker or manifest never comes: people are notified of each once, when it has waited long enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Protocol

from headrace.domain import clock
from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.domain.ingest.reported import WAITING, Reported
from headrace.domain.notice import waiting_notice
from headrace.usecases.ports import HasContracts, HasFiles, HasLanes, HasTopic, HasWatches
from headrace.usecases.recovery.one_by_one import OneByOne
from headrace.usecases.recovery.pause import is_paused

MOST_LOOKED_AT = 10_000
"""Files of one dataset that one sweep looks at; the next one goes on from there."""
BEFORE_FIRST = timedelta(days=1)
"""How much longer than the contract's time files may have waited of which the first sweep notifies."""


class Services(HasContracts, HasFiles, HasLanes, HasTopic, HasWatches, Protocol):
    """The ports used here."""


def watch_waiting(services: Services) -> list[str]:
    """Notify people of files that have just waited as long as their contract says. Returns the datasets.

    Files are looked at in the order of arrival, each at that age: so what it costs does not grow with what waits.
    Raises BrokenError in the end, if a dataset is.
    """
    notified, each = list[str](), OneByOne()
    for contract in services.contracts.all():
        if contract.grouped and not is_paused(contract.dataset, services):
            with each.of(f"the waiting files of {contract.dataset}"):
                if _notified(contract, services):
                    notified.append(contract.dataset)
    each.end()
    return notified


def _notified(contract: Contract, services: Services) -> bool:
    known = services.watches.reported(contract.dataset, WAITING)
    patience = timedelta(seconds=contract.patience_seconds)
    due = datetime.fromtimestamp(clock.seconds(), UTC) - patience
    since, until = known.since or clock.written(due - BEFORE_FIRST), clock.written(due)
    arrived = takewhile(lambda file: file.arrived_at < until, services.files.of_dataset(contract.dataset, since))
    files = list(islice(arrived, MOST_LOOKED_AT + 1))
    more = len(files) > MOST_LOOKED_AT
    upto = _upto(files, since) if more else until
    waiting = [file for file in files if file.status is FileStatus.WAITING and file.arrived_at < upto]
    # Notified before it is written: a crash in between notifies twice, never not at all.
    if waiting:
        services.topic.publish(waiting_notice(contract, waiting, more=more))
    services.watches.note_reported(contract.dataset, WAITING, known, Reported(upto))
    return bool(waiting)


def _upto(files: list[FileRecord], since: str) -> str:
    """Where the next sweep goes on: events have the time to the second, and one second may have all of these files."""
    last = files[-1].arrived_at
    return last if last > since else clock.written(datetime.fromisoformat(since) + timedelta(microseconds=1))
