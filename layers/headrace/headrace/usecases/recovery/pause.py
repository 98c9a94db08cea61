"""A maintenance window of a dataset: new files wait, and a batch that runs goes on to its end.

A pause is a field of each lane's state, which whatever begins a batch has read anyway: so none begins after it was
written, and a resumed lane is woken as a landed file wakes it, after the field was taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from headrace.domain import clock
from headrace.domain.ingest.lane import LaneState, Pause
from headrace.domain.ingest.ledger import LANES, LIVE
from headrace.domain.notice import resumed_notice
from headrace.errors import TerminalError
from headrace.usecases.ingest.starter import WakeServices, wake
from headrace.usecases.ports import HasContracts, HasLanes, HasTopic

USUAL_HOURS = 24
"""How long a pause lasts unless it says otherwise: a forgotten one must not keep files waiting for ever."""
MOST_DAYS = 30
BEGUN_LAST = (*(lane for lane in LANES if lane != LIVE), LIVE)
"""What people see of a dataset is its live lane's: the others have been changed by then."""


class EndServices(HasContracts, HasLanes, HasTopic, Protocol):
    """The ports used to end a pause whose time has come."""


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause as it was written, the batches that are still under way, and the files that wait, by lane."""

    pause: Pause
    running: tuple[str, ...]


def pause(dataset: str, who: str, until: str | None, reason: str, services: HasLanes) -> Paused:
    """Let no new batch of the dataset begin until then (ISO 8601), by default for a day. Raises TerminalError.

    A second pause takes the place of the first.
    """
    asked = Pause(who, clock.now(), until or _after(timedelta(hours=USUAL_HOURS)), reason)
    if asked.until <= asked.since:
        raise TerminalError(f"the pause would end at {asked.until}, which is past: give a later time")
    if asked.until > _after(timedelta(days=MOST_DAYS)):
        raise TerminalError(f"a pause lasts {MOST_DAYS} days at most: give an earlier time, and repeat it if needed")
    for lane in BEGUN_LAST:
        services.lanes.pause(dataset, lane, asked)
    states = [services.lanes.state(dataset, lane) for lane in LANES]
    return Paused(asked, tuple(state.open_batch for state in states if state.open_batch))


def resume(dataset: str, services: WakeServices) -> Pause | None:
    """Let the dataset load what has waited, in the order of its arrival. Returns the pause; None if there is none."""
    ended = None
    for lane in BEGUN_LAST:
        state = services.lanes.state(dataset, lane)
        if state.pause and services.lanes.resume(dataset, lane, state.pause):
            ended = state.pause
            wake_if_needed(dataset, lane, services)
    return ended


def end_if_over(dataset: str, lane: str, state: LaneState, services: EndServices) -> bool:
    """End a lane's pause whose time has come, and notify people once. Returns whether that was done."""
    if state.pause is None or not state.pause.is_over(clock.now()):
        return False
    # Notified before it is written: a crash in between notifies twice, never not at all.
    if lane == LIVE:
        services.topic.publish(resumed_notice(services.contracts.get(dataset), state.pause))
    return services.lanes.resume(dataset, lane, state.pause)


def is_paused(dataset: str, services: HasLanes) -> bool:
    """Whether people want no new batch of the dataset to begin, and to hear nothing of it."""
    return services.lanes.state(dataset, LIVE).pause is not None


def wake_if_needed(dataset: str, lane: str, services: WakeServices) -> bool:
    """Start the lane if anything waits in it. Returns whether anything does."""
    waits = bool(services.lanes.state(dataset, lane).open_batch or services.lanes.pending(dataset, lane, 1))
    if waits:
        wake(dataset, services, lane)
    return waits


def _after(time: timedelta) -> str:
    return clock.written(datetime.fromtimestamp(clock.seconds(), UTC) + time)
