"""Tries: how many, how far apart, and what they end with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headrace.domain.source import Protocol, Source
from headrace.errors import UnreachableError
from headrace.usecases.line import Line, OutOfTimeError
from tests.sources import TurnedClock, source


class Nobody:
    """A connection that can be closed, and no more."""

    closed = 0

    def close(self) -> None:
        Nobody.closed += 1


def connect(_: Source) -> Any:
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


def line(clock: TurnedClock, tries: int = 5) -> Line:
    return Line(source(Protocol.FTP, 21), connect, clock, tries)


def test_four_failures_are_made_good_with_growing_waits() -> None:
    clock = TurnedClock()
    assert line(clock).do(fails(4)) == "done"
    assert clock.slept == [1, 2, 4, 8]


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
    with pytest.raises(UnreachableError):
        line(TurnedClock(left=60.5)).do(fails(1))


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
