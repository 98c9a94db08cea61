"""How long the warehouse is awake, and who woke it.

Redshift Serverless bills the seconds in which something runs, 60 at least each time that it wakes; what runs within a
minute that is billed anyway costs nothing more: https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-billing.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

LEAST_SECONDS = 60.0
DAY = 86_400.0
SIDE_BY_SIDE = 5
"""Assumed: so many loads of different tables run at once in a wake-up that they share."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something that ran in the warehouse: for whom, from when, until when, in seconds since 1970."""

    who: str
    begun: float
    ended: float


@dataclass(frozen=True, slots=True)
class Awake:
    """Billed seconds by whose work it was, how often each loaded, and who shared each wake-up."""

    seconds: dict[str, float]
    loads: dict[str, int]
    shared_by: tuple[frozenset[str], ...] = ()

    @property
    def wake_ups(self) -> int:
        """How often the warehouse was woken."""
        return len(self.shared_by)

    @property
    def all_seconds(self) -> float:
        """What is billed in all."""
        return sum(self.seconds.values())


def awake(works: Iterable[Work]) -> Awake:
    """The billed time of some work. At each moment it is shared evenly by those whose work, or whose minute, it is."""
    minutes = [(work.who, work.begun, max(work.ended, work.begun + LEAST_SECONDS)) for work in works]
    moments = sorted([(begun, 1, who) for who, begun, _ in minutes] + [(ended, -1, who) for who, _, ended in minutes])
    seconds, here, shared_by, before = Counter[str](), Counter[str](), list[set[str]](), 0.0
    for at, step, who in moments:
        present = [name for name, number in here.items() if number]
        for name in present:
            seconds[name] += (at - before) / len(present)  # type: ignore[assignment]
        if step > 0:
            if not present:
                shared_by.append(set())
            shared_by[-1].add(who)
        here[who] += step
        before = at
    return Awake(dict(seconds), dict(Counter(who for who, _, _ in minutes)), tuple(map(frozenset, shared_by)))


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How one dataset uses the warehouse on a day: how often, and the seconds of one load."""

    loads: float
    seconds: float


def awake_a_day(rhythms: list[Rhythm], *, wake_ups: float | None = None, window: float = DAY) -> float:
    """The billed seconds of a day on which datasets load within a window of so many seconds.

    Datasets that share a number of wake-ups load in them side by side. Those that share none load whenever their own
    files come: how much of that falls together is left to chance.
    """
    if not rhythms:
        return 0.0
    if wake_ups is not None:
        work = sum(rhythm.loads * rhythm.seconds for rhythm in rhythms)
        longest = max(rhythm.seconds for rhythm in rhythms)
        return min(window, max(wake_ups * max(LEAST_SECONDS, longest), work / SIDE_BY_SIDE))
    asleep = prod(1 - min(1.0, rhythm.loads * max(LEAST_SECONDS, rhythm.seconds) / window) for rhythm in rhythms)
    return window * (1 - asleep)
