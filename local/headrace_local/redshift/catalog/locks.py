"""Table locks, held to the end of a transaction, as Redshift takes them beside its snapshots."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from headrace_local.redshift.errors import SqlError, StatementAbortedError


class LockMode(IntEnum):
    """What a statement does to a table, from the weakest claim to the strongest."""

    READ = 1  # SELECT
    APPEND = 2  # INSERT, COPY: shared among themselves
    GROW = 3  # INSERT of what was read from the table itself: shared with APPEND
    CHANGE = 4  # UPDATE, DELETE, MERGE: one at a time, readers go on
    EXCLUSIVE = 5  # LOCK, DDL, TRUNCATE: nobody else

    @property
    def reads(self) -> bool:
        """Whether what is done depends on the table's rows."""
        return self in {LockMode.READ, LockMode.GROW, LockMode.CHANGE}

    @property
    def writes(self) -> bool:
        """Whether the table is another one afterwards."""
        return self > LockMode.READ


_COMPATIBLE = {
    LockMode.READ: {LockMode.READ, LockMode.APPEND, LockMode.GROW, LockMode.CHANGE},
    LockMode.APPEND: {LockMode.READ, LockMode.APPEND, LockMode.GROW},
    LockMode.GROW: {LockMode.READ, LockMode.APPEND, LockMode.GROW},
    LockMode.CHANGE: {LockMode.READ},
    LockMode.EXCLUSIVE: frozenset[LockMode](),
}

Requests = dict[str, LockMode]


def one_writer_each(requests: Requests) -> Requests:
    """The same with one writer of a table at a time, as under SERIALIZABLE: COPY and INSERT wait for each other.

    https://docs.aws.amazon.com/redshift/latest/dg/c_write_readwrite.html
    """
    return {key: max(mode, LockMode.CHANGE) if mode.writes else mode for key, mode in requests.items()}


@dataclass(eq=False)
class Owner:
    """A transaction that holds or awaits locks; `cancelled` is asked while it waits."""

    cancelled: Callable[[], bool] = lambda: False
    waits_for: set[Owner] = field(default_factory=set)


@dataclass
class _Waiter:
    owner: Owner
    mode: LockMode


class LockManager:
    """Grants locks in the order in which they were asked for; who closes a circle of waiting is refused."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: dict[str, dict[Owner, LockMode]] = {}
        self._queues: dict[str, list[_Waiter]] = {}

    def acquire(self, owner: Owner, requests: Requests) -> None:
        """Take every lock of `requests`, waiting as long as it takes; SqlError on a deadlock."""
        for key in sorted(requests):
            self._acquire_one(owner, key, requests[key])

    def release(self, owner: Owner) -> None:
        """Give back everything `owner` holds."""
        with self._changed:
            for key, holders in list(self._holders.items()):
                holders.pop(owner, None)
                if not holders:
                    del self._holders[key]
            self._changed.notify_all()

    def changed_by(self, owner: Owner) -> set[str]:
        """What `owner` has locked to change it."""
        with self._changed:
            return {key for key, holders in self._holders.items() if holders.get(owner, LockMode.READ) > LockMode.READ}

    def held(self) -> dict[str, list[str]]:
        """The locks that are held, and by how many in which mode, by what they lock."""
        with self._changed:
            return {key: [mode.name for mode in holders.values()] for key, holders in self._holders.items()}

    def wake(self) -> None:
        """Make the waiting ask again whether they were cancelled."""
        with self._changed:
            self._changed.notify_all()

    def _acquire_one(self, owner: Owner, key: str, mode: LockMode) -> None:
        with self._changed:
            held = self._holders.get(key, {}).get(owner)
            if held is not None and held >= mode:
                return
            waiter = _Waiter(owner, mode)
            queue = self._queues.setdefault(key, [])
            queue.append(waiter)
            try:
                self._wait_for_turn(key, waiter)
                self._holders.setdefault(key, {})[owner] = mode
            finally:
                owner.waits_for = set()
                queue.remove(waiter)
                self._changed.notify_all()

    def _wait_for_turn(self, key: str, waiter: _Waiter) -> None:
        owner = waiter.owner
        while blockers := self._blockers(key, waiter):
            owner.waits_for = blockers
            if _waits_for(blockers, owner):
                raise SqlError("deadlock detected")
            if owner.cancelled():
                raise StatementAbortedError
            self._changed.wait()

    def _blockers(self, key: str, waiter: _Waiter) -> set[Owner]:
        holders = self._holders.get(key, {})
        blockers = {
            other for other, mode in holders.items() if other is not waiter.owner and _conflict(mode, waiter.mode)
        }
        if waiter.owner not in holders:
            blockers |= {ahead.owner for ahead in self._ahead_of(key, waiter) if _conflict(ahead.mode, waiter.mode)}
        return blockers

    def _ahead_of(self, key: str, waiter: _Waiter) -> Iterable[_Waiter]:
        queue = self._queues[key]
        return queue[: queue.index(waiter)]


def _conflict(one: LockMode, other: LockMode) -> bool:
    return other not in _COMPATIBLE[one]


def _waits_for(blockers: set[Owner], owner: Owner) -> bool:
    seen: set[Owner] = set()
    open_ends = list(blockers)
    while open_ends:
        candidate = open_ends.pop()
        if candidate is owner:
            return True
        if candidate not in seen:
            seen.add(candidate)
            open_ends.extend(candidate.waits_for)
    return False
