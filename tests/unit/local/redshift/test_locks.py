"""The lock manager: who waits for whom, and that nobody waits for ever."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_local.redshift.catalog.locks import LockManager, LockMode, Owner
from headrace_local.redshift.errors import SqlError, StatementAbortedError

MAY_SHARE = {
    (LockMode.READ, LockMode.READ),
    (LockMode.READ, LockMode.APPEND),
    (LockMode.READ, LockMode.GROW),
    (LockMode.READ, LockMode.CHANGE),
    (LockMode.APPEND, LockMode.APPEND),
    (LockMode.APPEND, LockMode.GROW),
    (LockMode.GROW, LockMode.GROW),
}


def is_waiting(owner: Owner) -> bool:
    for _ in range(2000):
        if owner.waits_for:
            return True
        threading.Event().wait(0.001)
    return False


@pytest.mark.parametrize("one", LockMode)
@pytest.mark.parametrize("other", LockMode)
def test_which_modes_go_side_by_side(one: LockMode, other: LockMode) -> None:
    locks, first, second = LockManager(), Owner(), Owner()
    locks.acquire(first, {"t": one})

    with ThreadPoolExecutor() as threads:
        acquired = threads.submit(locks.acquire, second, {"t": other})
        if tuple(sorted((one, other))) not in MAY_SHARE:
            assert is_waiting(second)
            locks.release(first)
        acquired.result(timeout=10)


def test_an_owner_does_not_wait_for_itself() -> None:
    locks, owner = LockManager(), Owner()

    for mode in (LockMode.READ, LockMode.EXCLUSIVE, LockMode.APPEND):
        locks.acquire(owner, {"t": mode})


def test_a_reader_that_came_later_does_not_overtake_a_waiting_lock() -> None:
    locks, holder, waiter, late = LockManager(), Owner(), Owner(), Owner()
    locks.acquire(holder, {"t": LockMode.READ})

    with ThreadPoolExecutor() as threads:
        first = threads.submit(locks.acquire, waiter, {"t": LockMode.EXCLUSIVE})
        assert is_waiting(waiter)
        second = threads.submit(locks.acquire, late, {"t": LockMode.READ})
        assert is_waiting(late)
        locks.release(holder)
        first.result(timeout=10)
        assert not second.done()
        locks.release(waiter)
        second.result(timeout=10)


def test_two_holders_that_both_want_more_are_a_deadlock() -> None:
    locks, one, other = LockManager(), Owner(), Owner()
    locks.acquire(one, {"t": LockMode.APPEND})
    locks.acquire(other, {"t": LockMode.APPEND})

    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(locks.acquire, one, {"t": LockMode.CHANGE})
        assert is_waiting(one)
        with pytest.raises(SqlError, match="deadlock detected"):
            locks.acquire(other, {"t": LockMode.CHANGE})
        locks.release(other)
        waiting.result(timeout=10)


def test_a_cancelled_owner_stops_waiting() -> None:
    cancelled = threading.Event()
    locks, holder, waiter = LockManager(), Owner(), Owner(cancelled.is_set)
    locks.acquire(holder, {"t": LockMode.EXCLUSIVE})

    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(locks.acquire, waiter, {"t": LockMode.READ})
        assert is_waiting(waiter)
        cancelled.set()
        locks.wake()
        with pytest.raises(StatementAbortedError):
            waiting.result(timeout=10)


REQUEST = st.tuples(st.sampled_from("abc"), st.sampled_from(LockMode))
TRANSACTION = st.lists(REQUEST, min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(TRANSACTION, min_size=2, max_size=5))
def test_whatever_is_asked_for_ends_and_conflicting_locks_are_never_held_together(
    transactions: list[list[tuple[str, LockMode]]],
) -> None:
    locks, guard = LockManager(), threading.Lock()
    held: dict[tuple[int, str], LockMode] = {}

    def run(number: int) -> None:
        owner = Owner()
        try:
            for key, mode in transactions[number]:
                locks.acquire(owner, {key: mode})
                with guard:
                    held[number, key] = max(mode, held.get((number, key), mode))
                    for ((one, table), first), ((other, same), second) in combinations(held.items(), 2):
                        if table == same and one != other:
                            assert tuple(sorted((first, second))) in MAY_SHARE
        except SqlError:
            pass  # a deadlock
        finally:
            with guard:
                for entry in [entry for entry in held if entry[0] == number]:
                    del held[entry]
            locks.release(owner)

    with ThreadPoolExecutor(len(transactions)) as threads:
        runs: list[Future[None]] = [threads.submit(run, number) for number in range(len(transactions))]
        for each in runs:
            each.result(timeout=20)
