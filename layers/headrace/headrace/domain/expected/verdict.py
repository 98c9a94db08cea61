"""Whether the files of a time have come: counted arrivals against what is expected, from one look to the next.

Late files are the first that come after the time while some are missing, until half-way to the next time, or to where
its first files usually come when all is well; all others count for the next. So a delivery that is late is not taken
for that of the next day, nor one that never comes filled by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from headrace.domain.clock import written
from headrace.domain.expected.calendar import Expectation

GRACE = timedelta(minutes=5)
"""How long after a time it is judged: until the records of what came before it are complete."""
MOST_TIMES = 60
"""Times that one look judges, the latest: what a sweeper that stood for days has missed is past."""
ALL_KNOWN = 3
"""From which time on all files are known, those that came late for the time before as well."""
FIRSTS, FEWEST_FIRSTS = 5, 3
"""Times of which it is remembered when their first file came, and of how many it must be before they say anything."""
NAMED = 5
"""Files that are named as too small."""
MISSING, FEW, MANY, SMALL = KINDS = ("missing", "few", "many", "small")
"""What may be wrong: no file has come, too few have, too many, or one that is too small."""


TIMES = ("due", "start", "upto", "complete_at")
LISTS = ("small", "firsts")


@dataclass(frozen=True, slots=True)
class Came:
    """A file that came: when, under which key, with how many bytes. A key that comes again is one file."""

    at: datetime
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one expectation: `due` was judged last, with files from after `start`; the next from `upto`.

    `came` files were counted, `small` are some that are too small. `complete_at` is when the last file came that made
    it complete, after its time. `times` have been judged since the first look, counted up to `ALL_KNOWN`. `firsts`
    are the seconds after a time in which the first file of the next came, of the last that were just complete in time.
    `calendar` is that of the expectation; empty: a version of Headrace wrote it that did not keep it.
    """

    due: datetime
    start: datetime
    upto: datetime
    times: int = 0
    came: int = 0
    missing: int = 0
    wrong: str = ""
    small: tuple[str, ...] = ()
    complete_at: datetime | None = None
    firsts: tuple[int, ...] = ()
    calendar: str = ""

    @property
    def problem(self) -> str:
        """One of `KINDS`, or nothing. Of the first time files may have come before any was recorded.

        Those that came late for it are counted with the second.
        """
        unknown = self.times <= 1 or (self.wrong == MANY and self.times < ALL_KNOWN)
        return "" if unknown else self.wrong

    @property
    def first_after(self) -> int | None:
        """The seconds after a time in which the first file of the next usually comes; None while too little is known.

        One that is odd, such as a correction, changes nothing: it is the median.
        """
        return sorted(self.firsts)[len(self.firsts) // 2] if len(self.firsts) >= FEWEST_FIRSTS else None

    @property
    def incident(self) -> str:
        """The trouble of which people are notified once: files that come one by one are still one."""
        return MISSING if self.problem == FEW else self.problem

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        times = {name: written(getattr(self, name)) for name in ("due", "start", "upto")}
        complete = {"complete_at": written(self.complete_at)} if self.complete_at else {}
        names = ("times", "came", "missing", "wrong", "calendar")
        counts = {name: getattr(self, name) for name in names}
        counts |= {name: list(getattr(self, name)) for name in LISTS}
        return times | complete | {name: value for name, value in counts.items() if value}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> State:
        """The inverse of `to_json`."""
        known = {name: field_ for name, field_ in value.items() if name in cls.__slots__}
        times = {name: datetime.fromisoformat(known[name]) for name in TIMES if name in known}
        return cls(**known | times | {name: tuple(known.get(name, ())) for name in LISTS})


Arrivals = Callable[[datetime, datetime], Iterable[Came]]
"""The files of an expectation that came after a moment and until another, in the order of their arrival."""


def look(expectation: Expectation, known: State | None, arrivals: Arrivals, now: datetime) -> State:
    """What is known after a look: each time that has passed since the last one is judged, and what was late then.

    An expectation with other times than at the last look is one that was not known before.
    """
    if known is None or known.calendar not in {"", expectation.calendar}:
        return State(due=now, start=now, upto=now, calendar=expectation.calendar)
    state = replace(known, calendar=expectation.calendar)
    if state.missing and not state.complete_at and state.upto < _late_until(expectation, state.due, state):
        state = _judged(expectation, state, state.start, state.due, arrivals, now)
    passed = list(_passed(expectation, state.due, now))
    if skipped := passed[:-MOST_TIMES]:
        state = replace(state, upto=max(state.upto, skipped[-1]))
    for due in passed[-MOST_TIMES:]:
        state = _judged(expectation, _counted(state), state.upto, due, arrivals, now)
    return state


def _counted(state: State) -> State:
    return replace(state, times=min(state.times + 1, ALL_KNOWN))


def _passed(expectation: Expectation, after: datetime, now: datetime) -> Iterable[datetime]:
    for due in expectation.due_after(after):
        if due + GRACE > now:
            return
        yield due


@dataclass(slots=True)
class _Count:
    """The files counted so far: the latest version of each key."""

    least_bytes: int
    sizes: dict[str, int] = field(default_factory=dict)
    taken: int = 0

    def take(self, came: Came) -> None:
        self.sizes[came.key] = came.size
        self.taken += 1

    @property
    def small(self) -> list[str]:
        return [key for key, size in self.sizes.items() if size < self.least_bytes]

    @property
    def good(self) -> int:
        return len(self.sizes) - len(self.small)


def _judged(
    expectation: Expectation, state: State, start: datetime, due: datetime, arrivals: Arrivals, now: datetime
) -> State:
    count, upto, complete_at = _Count(expectation.least_bytes), due, None
    until = min(_late_until(expectation, due, state), now)
    exact = expectation.most is not None or expectation.least_bytes > 0
    first: datetime | None = None
    for came in arrivals(start, until):
        if came.at > until or (came.at > due and count.good >= expectation.least and came.at > upto):
            break
        enough = count.good >= expectation.least
        count.take(came)
        first = first or came.at
        upto = max(upto, came.at)
        if enough and not exact and came.at <= due:
            break  # what else came changes nothing
        if came.at > due and complete_at is None and count.good >= expectation.least:
            complete_at = came.at
    missing = max(0, expectation.least - count.good) if state.times > 1 else 0
    return replace(
        state,
        due=due,
        start=start,
        upto=max(upto, until) if missing else upto,
        came=len(count.sizes),
        missing=missing,
        wrong=_wrong(expectation, count, missing),
        small=tuple(sorted(count.small)[:NAMED]),
        complete_at=complete_at,
        firsts=state.firsts if complete_at or count.taken != expectation.least else _firsts(state, due, first),
    )


def _late_until(expectation: Expectation, due: datetime, state: State) -> datetime:
    """Until when files may be late for a time: a supplier whose files come early does not send yesterday's by then."""
    until = expectation.late_until(due)
    if expectation.late_seconds is not None or state.first_after is None:
        return until
    return min(until, due + max(GRACE, timedelta(seconds=state.first_after / 2)))


def _firsts(before: State, due: datetime, first: datetime | None) -> tuple[int, ...]:
    """With the seconds from the time before to the first file of one that is complete in time, and has no file more.

    Of one that has more, the first may be a correction of what came before.
    """
    if first is None or before.times <= 1 or before.due >= due or first <= before.due:
        return before.firsts
    return (*before.firsts, int((first - before.due).total_seconds()))[-FIRSTS:]


def _wrong(expectation: Expectation, count: _Count, missing: int) -> str:
    if missing:
        return FEW if count.sizes else MISSING
    if expectation.most is not None and len(count.sizes) > expectation.most:
        return MANY
    return SMALL if count.small else ""
