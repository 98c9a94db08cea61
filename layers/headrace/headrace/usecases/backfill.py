"""Objects that landed and were never told: there before Headrace was, or their events were lost.

They go through a lane of their own, so that live files are not delayed. What the ledger knows is passed over, so a
backfill that was stopped goes on where it was, and one that is done does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from headrace.domain.arrival import route
from headrace.domain.landed import Landed
from headrace.domain.ledger import BACKFILL, SEQUENCER_LENGTH, Arrival, FileStatus
from headrace.usecases import receive
from headrace.usecases.ports import Landing, Services

WAKE_EVERY = 500
"""Files after which the lane is woken, so that loading begins while the listing goes on."""


@dataclass(slots=True)
class Backfilled:
    """What was found below a prefix. `taken` are the keys that wait now, `refused` those that can never be loaded."""

    dataset: str
    known: int = 0
    deleted: int = 0
    elsewhere: int = 0
    taken: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def backfill(dataset: str, prefix: str, landing: Landing, services: Services, *, dry_run: bool = False) -> Backfilled:
    """Let every object version of the dataset below `prefix` that the ledger does not know wait in the backfill lane.

    A key that was deleted is left out. Versions of one key keep their order among each other and with those that
    came by event.
    """
    found = Backfilled(dataset)
    for arrival in _unknown(landing.versions(prefix), services, found):
        routing = route(arrival, services.catalog.all())
        if routing.dataset != dataset:
            found.elsewhere += 1
            continue
        status = routing.status if dry_run else receive.record(arrival, services, BACKFILL).status
        (found.taken if status is FileStatus.PENDING else found.refused).append(arrival.key)
        if not dry_run and len(found.taken) % WAKE_EVERY == 0:
            receive.wake(dataset, services, BACKFILL)
    if not dry_run and services.ledger.pending(dataset, BACKFILL, 1):
        receive.wake(dataset, services, BACKFILL)
    return found


def _unknown(landed: Iterable[Landed], services: Services, found: Backfilled) -> Iterator[Arrival]:
    for _, versions in groupby(landed, key=attrgetter("key")):
        newest_first = list(versions)
        if not any(version.latest for version in newest_first):
            found.deleted += len(newest_first)
            continue
        yield from _in_their_places(reversed(newest_first), services, found)


def _in_their_places(versions: Iterable[Landed], services: Services, found: Backfilled) -> Iterator[Arrival]:
    """The unknown versions of a key, the oldest first, each with a sequencer right after the version before it."""
    before, number = "", 0
    for version in versions:
        if services.ledger.knows(version.file_id):
            found.known += 1
            before = services.ledger.file(version.file_id).sequencer
        else:
            number += 1
            yield version.arrival(f"{before.zfill(SEQUENCER_LENGTH)}-{number:06}")
