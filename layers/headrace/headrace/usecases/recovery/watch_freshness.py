"""Whether promises are kept: files that have come and whose rows cannot be queried in the time that was promised."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from headrace.domain import clock
from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE, FileRecord
from headrace.domain.notice import lateness_notice, recovery_notice
from headrace.usecases.ports import Services

OLDEST = 100
"""Files that are looked at in each place, the oldest first."""


def watch_promises(services: Services) -> list[str]:
    """Notify people of each dataset whose promise is broken, once, and once when nothing is late any more.

    Returns those datasets. A dataset that receives no files is never late.
    """
    return [contract.dataset for contract in services.catalog.all() if _told(contract, services)]


def _told(contract: Contract, services: Services) -> bool:
    late = next(_late(contract, services), None)
    if bool(late) == services.ledger.is_late(contract.dataset):
        return False
    # Notified before it is written: a crash in between notifies twice, never not at all.
    services.topic.publish(lateness_notice(contract, late) if late else recovery_notice(contract))
    services.ledger.note_late(contract.dataset, late=bool(late))
    return True


def _late(contract: Contract, services: Services) -> Iterator[FileRecord]:
    """Files that wait or are worked on for longer than was promised."""
    if contract.freshness_seconds is None:
        return
    until = clock.seconds() - contract.freshness_seconds
    for lane in (LIVE, MERGE):
        for file in _under_way(contract.dataset, lane, services):
            if _is_promised(file) and datetime.fromisoformat(file.arrived_at).timestamp() < until:
                yield file


def _under_way(dataset: str, lane: str, services: Services) -> Iterator[FileRecord]:
    open_batch = services.ledger.lane_state(dataset, lane).open_batch
    if open_batch:
        yield from services.ledger.files(services.ledger.batch(open_batch).file_ids[:OLDEST])
    yield from services.ledger.pending(dataset, lane, OLDEST)


def _is_promised(file: FileRecord) -> bool:
    """Not of what was there before, of rows that are in the table already, or of what people have held up."""
    return file.lane != BACKFILL and not file.reload and file.released is None
