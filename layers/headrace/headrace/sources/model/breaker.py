"""The circuit breaker of a server, and the waits between tries. Time comes from the caller, in UTC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

TRIES = 5
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(hours=2)


class State(StrEnum):
    """CLOSED: asked as usual. OPEN: left alone until a time. HALF_OPEN: that time has come, one try decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failures` counts failed polls since the last good one; `since` is when the outage opened the breaker.

    `fatal` marks an outage that only a person ends: a changed host key, a certificate that is not valid.
    """

    state: State = State.CLOSED
    failures: int = 0
    since: datetime | None = None
    retry_at: datetime | None = None
    fatal: bool = False


def admitted(breaker: Breaker, now: datetime) -> Breaker | None:
    """The breaker as the poll that begins now has it, or None when the server is to be left alone."""
    if breaker.state is State.CLOSED:
        return breaker
    if breaker.retry_at is not None and now < breaker.retry_at:
        return None
    return replace(breaker, state=State.HALF_OPEN)


def failed(breaker: Breaker, now: datetime, threshold: int, jitter: float, *, at_once: bool = False) -> Breaker:
    """After a poll that did not. `jitter`, 0 to 1, takes up to a quarter of the pause away.

    `at_once` opens the breaker on the first failure: a refused password tried again locks the account.
    """
    failures = breaker.failures + 1
    if failures < threshold and breaker.state is State.CLOSED and not at_once:
        return replace(breaker, failures=failures)
    openings = max(0, failures - threshold) if not at_once else failures - 1
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(openings, 10))
    return Breaker(State.OPEN, failures, breaker.since or now, now + pause * (1 - jitter / 4), breaker.fatal)


def tries(breaker: Breaker) -> int:
    """How often one poll tries to reach the server: once when it only probes."""
    return 1 if breaker.state is State.HALF_OPEN else TRIES


def wait_seconds(attempt: int, jitter: float) -> float:
    """The wait after a failed try (1, 2, …): doubling, and by chance up to half shorter."""
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
    return float(longest * (1 - jitter / 2))


def beyond_patience(breaker: Breaker, now: datetime, patience_seconds: int) -> bool:
    """Whether an incident has to be opened."""
    if breaker.since is None:
        return False
    return breaker.fatal or now - breaker.since >= timedelta(seconds=patience_seconds)
