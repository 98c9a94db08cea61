"""Tries: how many, how far apart, and what they end with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headrace.domain.source import Protocol, Source
from headrace.errors import UnreachableError
from headrace.sources.poll.connection import Connection, OutOfTimeError
from tests.support.sources import TurnedClock, source


class Nobody:
    """A connection that can be closed, and no more."""

    closed = 0

    def close(self) -> None:
        Nobody.closed += 1


def connect(_: Source, check: Callable[[], None]) -> Any:
    return Nobody()


def fails(times: int, then: str = "done") -> Callable[[Any], str]:
    """An action that fails so often."""
    left = [times]

    def action(_: Any) -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise UnreachableError("it broke off")
        return then

    return action


def line(clock: TurnedClock, tries: int = 5) -> Connection:
    return Connection(source(Protocol.FTP, 21), connect, clock, tries)


def test_four_failures_are_made_good_with_growing_waits() -> None:
    clock, closed = TurnedClock(), Nobody.closed
    assert line(clock).do(fails(4)) == "done"
    assert clock.slept == [1, 2, 4, 8]
    assert Nobody.closed == closed + 4, "each on a new connection"


def test_the_fifth_failure_is_the_last() -> None:
    with pytest.raises(UnreachableError, match="broke off"):
        line(TurnedClock()).do(fails(5))


def test_a_transfer_that_comes_on_may_break_any_number_of_times() -> None:
    clock, come = TurnedClock(), [0]
    action = fails(50)

    def on_its_way(remote: Any) -> str:
        come[0] += 1
        return action(remote)

    assert line(clock).do(on_its_way, lambda: come[0]) == "done"
    assert set(clock.slept) == {1}


def test_a_server_that_never_answers_does_not_pass_for_a_slow_one() -> None:
    clock = TurnedClock(left=60.5)
    with pytest.raises(UnreachableError):
        line(clock).do(fails(1))
    assert clock.slept == []


def test_as_long_as_the_wait_does_not_reach_into_the_reserve_it_is_tried_again() -> None:
    clock = TurnedClock(left=61)
    assert line(clock).do(fails(1)) == "done"
    assert (clock.slept, clock.remaining) == ([1], 60)


def test_a_transfer_that_breaks_near_the_end_goes_on_in_the_next_poll() -> None:
    come = [0]

    def on_its_way(_: Any) -> str:
        come[0] += 1
        raise UnreachableError("it broke off")

    with pytest.raises(OutOfTimeError):
        line(TurnedClock(left=60.5)).do(on_its_way, lambda: come[0])


def test_nothing_is_begun_without_time() -> None:
    with pytest.raises(OutOfTimeError):
        line(TurnedClock(left=59)).do(fails(0))


def test_time_that_a_failing_server_took_is_its_failure() -> None:
    """After a try that failed, the next one runs out of the poll's own time: nothing has come of the server."""
    clock, tried = TurnedClock(), [0]

    def slow(_: Any) -> str:
        tried[0] += 1
        if tried[0] == 2:
            raise OutOfTimeError
        raise UnreachableError("its listing did not end within 300 s")

    with pytest.raises(UnreachableError, match="its listing did not end"):
        line(clock).do(slow)


def test_time_that_went_by_without_a_failure_is_nobodys() -> None:
    def busy(_: Any) -> str:
        raise OutOfTimeError

    with pytest.raises(OutOfTimeError):
        line(TurnedClock()).do(busy)


def test_a_server_that_may_be_silent_for_long_is_left_with_so_much_more_in_hand() -> None:
    clock = TurnedClock(left=329)
    with pytest.raises(OutOfTimeError):
        Connection(source(Protocol.FTP, 21, timeout_seconds=300), connect, clock, 5).do(fails(0))


def test_a_connection_asks_whether_there_is_time() -> None:
    clock, asked = TurnedClock(left=100), []

    def connecting(_: Source, check: Callable[[], None]) -> Any:
        clock.remaining = 10
        asked.append(check)
        check()

    with pytest.raises(OutOfTimeError):
        Connection(source(Protocol.FTP, 21), connecting, clock, 5).do(fails(0))
    assert len(asked) == 1
