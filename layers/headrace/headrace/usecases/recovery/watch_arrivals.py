"""What does not come, comes wrong or waits for people too long: notified of once, and once when it is over.

Each look has one note per dataset, and reads files only where a time has passed by which some were expected, while some
are missing, or where something has loaded since: so what it costs follows from what has come since, not from history.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

from headrace.domain import causes, clock
from headrace.domain.clock import written
from headrace.domain.contract import Contract
from headrace.domain.expected import notices, quiet, verdict
from headrace.domain.expected.calendar import Expectation
from headrace.domain.expected.notices import Trouble
from headrace.domain.expected.verdict import Came, State
from headrace.domain.files.names import matches
from headrace.domain.ingest.groups import opens
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LANES, LIVE, FileRecord, FileStatus
from headrace.domain.ingest.outcome import total
from headrace.domain.ingest.replay import replay_of
from headrace.domain.ingest.reported import WATCHED, Reported
from headrace.usecases.ports import Files, HasContracts, HasFiles, HasLanes, HasTopic, HasWatches
from headrace.usecases.recovery.one_by_one import OneByOne

MOST_LOOKED_AT = 10_000
"""Files of a dataset that one look reads for one time; with so many in all, the next look goes on with other times."""
NEWEST = 100
"""Files whose rows the share in quarantine is of; so many are searched for one that a supplier sent."""
CALM = 0.8
"""Of a limit: below that much it is kept again, so that a share about it is one trouble."""
BETWEEN_LOOKS = 300
"""Seconds from one sweep to the next."""
A_SECOND = timedelta(seconds=1)
"""Arrivals are written to the second, and sorted as text."""
MOST_HELD = 50
"""Held batches of a lane whose age is remembered, the first in the lane's list."""


class Services(HasContracts, HasFiles, HasLanes, HasTopic, HasWatches, Protocol):
    """The ports used here."""


@dataclass(slots=True)
class Look:
    """What one look at a dataset finds: its troubles, how those that are over ended, and what the next look needs.

    `lanes` are the states by lane. `ended` has a list of lines, often none, for each trouble that was looked for.
    `memory` is what the last one left: `{"open": {trouble: since}, "expected": {name: state}, "quiet", "share",
    "held"}`.
    """

    contract: Contract
    now: datetime
    lanes: dict[str, LaneState]
    memory: dict[str, Any]
    troubles: list[Trouble] = field(default_factory=list)
    ended: dict[str, list[str]] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    def of(self, name: str) -> dict[str, Any]:
        """A part of the memory."""
        return dict(self.memory.get(name, {}))

    def is_open(self, name: str) -> bool:
        """Whether people know of a trouble."""
        return name in self.of("open")

    @property
    def progress(self) -> str:
        """Differs once a batch of any lane has ended since, even one without a good row."""
        return " ".join(f"{lane}-{state.generation}-{state.loaded_at}" for lane, state in self.lanes.items())


def watch_arrivals(services: Services) -> list[str]:
    """Notify people of each trouble with the arrivals of a dataset, and of its end. Returns those datasets.

    A paused dataset is left alone. Raises BrokenError in the end, if a dataset is.
    """
    notified, each = list[str](), OneByOne()
    for contract in services.contracts.all():
        with each.of(f"the arrivals of {contract.dataset}"):
            if _notified(contract, services):
                notified.append(contract.dataset)
    each.end()
    return notified


def _notified(contract: Contract, services: Services) -> bool:
    lanes = {LIVE: services.lanes.state(contract.dataset, LIVE)}
    if lanes[LIVE].pause:
        return False
    lanes |= {lane: services.lanes.state(contract.dataset, lane) for lane in LANES if lane != LIVE}
    known = services.watches.reported(contract.dataset, WATCHED)
    memory = json.loads(known.what) if known.what else {}
    look = Look(contract, datetime.fromtimestamp(clock.seconds(), UTC), lanes, memory)
    for part in (_expected, _quiet, _share, _held):
        part(look, services)
    told = _told(look, services)
    kept = look.kept | ({"open": told} if told else {})
    # Notified before it is written: a crash in between notifies twice, never not at all.
    if kept != memory:
        what = json.dumps(kept, sort_keys=True)
        services.watches.note_reported(contract.dataset, WATCHED, known, Reported(written(look.now), what))
    return told.keys() != look.of("open").keys()


def _told(look: Look, services: Services) -> dict[str, str]:
    """Notify people of what has begun and ended. Returns what they know of now, and since when."""
    opened, troubles = look.of("open"), {trouble.name: trouble for trouble in look.troubles}
    for name, since in opened.items():
        if name not in troubles:
            lines = look.ended.get(name)
            if lines is None:
                services.topic.publish(notices.dropped(name, look.contract, since))
            else:
                services.topic.publish(notices.end_of(name, look.contract, since, lines))
    for name, trouble in troubles.items():
        if name not in opened:
            services.topic.publish(trouble.notice(look.contract))
    return {name: opened.get(name, written(look.now)) for name in troubles}


# -- expected files ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Reading:
    """The files that a look reads: how many in all, and up to when of those for a time for which there were too many.

    Files that do not count are read as well: the ledger lists all of a dataset.
    """

    contract: Contract
    files: Files
    number: int = 0
    upto: datetime | None = None

    def came(self, expectation: Expectation, since: datetime, until: datetime) -> Iterator[Came]:
        """The files of an expectation from after a moment, until another: of the first `MOST_LOOKED_AT` that came."""
        self.upto = None
        listed = self.files.of_dataset(self.contract.dataset, written(since), written(until + A_SECOND))
        for number, file in enumerate(listed):
            at = datetime.fromisoformat(file.arrived_at)
            if number == MOST_LOOKED_AT:
                self.upto = at
                return
            self.number += 1
            if at > since and _counts(file, self.contract, expectation):
                yield Came(at, file.key, file.size)


def _expected(look: Look, services: Services) -> None:
    known, states = look.of("expected"), dict[str, Any]()
    reading = Reading(look.contract, services.files)

    for expectation in _by_turns(look, known):
        before = State.from_json(known[expectation.name]) if expectation.name in known else None
        arrivals, reading.upto = partial(reading.came, expectation), None
        state = (
            before
            if before and reading.number >= MOST_LOOKED_AT
            else verdict.look(expectation, before, arrivals, look.now)
        )
        states[expectation.name] = state.to_json()
        unread = (MOST_LOOKED_AT, reading.upto) if reading.upto else None
        if trouble := notices.expected_trouble(look.contract, expectation, state, unread):
            look.troubles.append(trouble)
        if before and before.calendar not in {"", state.calendar}:
            continue
        for cause in notices.CAUSE_OF.values():
            over = f"{cause.name}{notices.BETWEEN}{expectation.name}"
            look.ended[over] = notices.end_of_expected(expectation, state)
    if states:
        look.kept["expected"] = states


def _by_turns(look: Look, known: dict[str, Any]) -> list[Expectation]:
    """The one that was judged first is the first, since a look may not come to all; of others each has its turn."""
    turn, expected = int(look.now.timestamp() // BETWEEN_LOOKS), look.contract.expected
    turned = [expected[(place + turn) % len(expected)] for place in range(len(expected))]
    return sorted(turned, key=lambda expectation: str(known.get(expectation.name, {}).get("due", "")))


def _counts(file: FileRecord, contract: Contract, expectation: Expectation) -> bool:
    named = not expectation.pattern or matches(file.key.rpartition("/")[2], expectation.pattern)
    return named and _was_sent(file, contract)


def _was_sent(file: FileRecord, contract: Contract) -> bool:
    """Whether a file is one that a supplier sent: no deletion, no marker, nothing that came back from quarantine."""
    is_marker = contract.grouped and opens(contract, file.key)
    return not (file.is_deletion or is_marker or replay_of(contract, file.key))


# -- quiet for longer than usual -----------------------------------------------------------------------------------


def _quiet(look: Look, services: Services) -> None:
    if not look.contract.notify_quiet:
        return
    look.ended[causes.DATASET_QUIET.name] = []
    known = look.of("quiet")
    rhythm = quiet.Rhythm.from_json(known) if known else quiet.begun(look.now)
    before, rhythm = rhythm.last, rhythm.at(look.now, _last_sent(look.contract, services))
    look.kept["quiet"] = rhythm.to_json()
    if look.is_open(causes.DATASET_QUIET.name) and rhythm.last == before:
        # What is usual changes with the time of the week: only a file ends it.
        _as_before(look, causes.DATASET_QUIET.name)
        return

    def is_holiday(day: Any) -> bool:
        return any(expectation.is_holiday(day) for expectation in look.contract.expected)

    usual = quiet.usual_hours(rhythm, look.now, is_holiday)
    if usual is not None and quiet.is_quiet(rhythm, look.now, is_holiday):
        look.troubles.append(notices.quiet_trouble(look.contract, rhythm, usual))


def _last_sent(contract: Contract, services: Services) -> datetime | None:
    """When the last file came that is a sign of life; None if none of the newest is one. Most often the first is."""
    for most in (1, NEWEST):
        for file in services.files.newest(contract.dataset, most):
            if file.status is not FileStatus.FAILED and _was_sent(file, contract):
                return datetime.fromisoformat(file.arrived_at)
    return None


# -- the share in quarantine ---------------------------------------------------------------------------------------


def _share(look: Look, services: Services) -> None:
    limit, known = look.contract.quarantine_limit, look.of("share")
    if limit is None:
        return
    look.ended[causes.QUARANTINE_SHARE.name] = []
    newest = services.files.newest(look.contract.dataset, NEWEST) if known.get("at") != look.progress else []
    files = [file for file in newest if file.status is FileStatus.LOADED and file.rows.read]
    look.kept["share"] = {"at": look.progress}
    if not files:
        _as_before(look, causes.QUARANTINE_SHARE.name)
        return
    rows = total(files)
    was = look.is_open(causes.QUARANTINE_SHARE.name)
    if rows.quarantined / rows.read > limit * (CALM if was else 1):
        look.troubles.append(notices.share_trouble(look.contract, files, limit))


def _as_before(look: Look, name: str) -> None:
    """Of what nothing new is known stays what people know."""
    if look.is_open(name):
        look.troubles.append(Trouble(causes.CAUSES[name], "", ()))


# -- held for too long ---------------------------------------------------------------------------------------------


def _held(look: Look, _: Services) -> None:
    known = look.of("held")
    look.ended[causes.HELD_TOO_LONG.name] = []
    listed = (name for state in look.lanes.values() for name in state.held[:MOST_HELD])
    held = {name: known.get(name, written(look.now)) for name in listed}
    if held:
        look.kept["held"] = held
    until = written(look.now - timedelta(seconds=look.contract.held_seconds))
    if late := [name for name, since in held.items() if since <= until]:
        look.troubles.append(notices.held_trouble(look.contract, late))
