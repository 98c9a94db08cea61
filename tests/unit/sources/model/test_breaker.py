"""The breaker: what opens it, what closes it, and that it never blocks for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headrace.sources.model.breaker import (
    LONGEST_PAUSE,
    LONGEST_WAIT_SECONDS,
    TRIES,
    Breaker,
    State,
    admitted,
    beyond_patience,
    failed,
    tries,
    wait_seconds,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def after(failures: int, threshold: int = 3) -> Breaker:
    breaker = Breaker()
    for _ in range(failures):
        breaker = failed(breaker, NOON, threshold, 0.0)
    return breaker


def test_it_opens_after_as_many_failures_as_the_contract_says() -> None:
    assert [after(count).state for count in (1, 2, 3)] == [State.CLOSED, State.CLOSED, State.OPEN]


def test_a_refused_login_opens_it_at_once() -> None:
    assert failed(Breaker(), NOON, 3, 0.0, at_once=True).state is State.OPEN


def test_an_open_one_lets_one_try_through_when_its_pause_is_over() -> None:
    breaker = after(3)
    assert breaker.retry_at == NOON + timedelta(minutes=10)
    assert admitted(breaker, NOON + timedelta(minutes=9)) is None
    probe = admitted(breaker, NOON + timedelta(minutes=10))
    assert probe is not None
    assert (probe.state, tries(probe), tries(Breaker())) == (State.HALF_OPEN, 1, TRIES)
    again = failed(probe, NOON + timedelta(minutes=10), 3, 0.0)
    assert (again.state, again.since) == (State.OPEN, NOON)
    assert again.retry_at == NOON + timedelta(minutes=30)


MINUTES = [10, 20, 40, 80, 120, 120]


def test_the_longer_it_lasts_the_longer_are_the_pauses_up_to_two_hours() -> None:
    breaker, late = after(2), []
    for _ in MINUTES:
        breaker = failed(breaker, NOON, 3, 0.0)
        late.append(breaker.retry_at)
    assert late == [NOON + timedelta(minutes=minutes) for minutes in MINUTES]
    assert failed(Breaker(State.HALF_OPEN, 10_000, NOON), NOON, 3, 0.0).retry_at == NOON + LONGEST_PAUSE


def test_what_opens_it_at_once_has_pauses_from_the_first_failure_on() -> None:
    breaker, late = Breaker(), []
    for _ in MINUTES:
        breaker = failed(breaker, NOON, 3, 0.0, at_once=True)
        late.append(breaker.retry_at)
    assert late == [NOON + timedelta(minutes=minutes) for minutes in MINUTES]


def test_after_failures_below_the_threshold_a_probe_that_fails_waits_as_at_first() -> None:
    """A contract may have got a higher threshold meanwhile."""
    again = failed(Breaker(State.HALF_OPEN, 1, NOON, NOON, fatal=True), NOON, 10, 0.0)
    assert again == Breaker(State.OPEN, 2, NOON, NOON + timedelta(minutes=10), fatal=True)


def test_chance_takes_up_to_a_quarter_of_a_pause_and_half_of_a_wait() -> None:
    assert failed(after(2), NOON, 3, 1.0).retry_at == NOON + timedelta(minutes=7.5)
    assert [wait_seconds(attempt, 0.0) for attempt in range(1, 7)] == [1, 2, 4, 8, 16, 30]
    assert [wait_seconds(attempt, 1.0) for attempt in range(1, 7)] == [0.5, 1, 2, 4, 8, 15]


@given(st.integers(1, 1000), st.integers(1, 100), st.floats(0, 1), st.booleans())
def test_however_long_it_lasts_it_is_asked_again(count: int, threshold: int, chance: float, at_once: bool) -> None:
    breaker = Breaker(State.HALF_OPEN, count, NOON)
    again = failed(breaker, NOON, threshold, chance, at_once=at_once)
    assert again.retry_at is not None
    assert timedelta(0) < again.retry_at - NOON <= LONGEST_PAUSE


@given(st.integers(1, 100), st.floats(0, 1))
def test_waits_grow_and_have_an_end(attempt: int, chance: float) -> None:
    assert 0 < wait_seconds(attempt, chance) <= LONGEST_WAIT_SECONDS
    assert wait_seconds(attempt, 0) <= wait_seconds(attempt + 1, 0)


def test_somebody_is_called_when_patience_is_over_or_at_once_when_it_is_fatal() -> None:
    breaker = after(3)
    assert not beyond_patience(breaker, NOON + timedelta(minutes=59), 3600)
    assert beyond_patience(breaker, NOON + timedelta(minutes=60), 3600)
    assert beyond_patience(Breaker(State.OPEN, 1, NOON, NOON, fatal=True), NOON, 3600)
    assert not beyond_patience(Breaker(), NOON, 0)
