"""A line to a server: one connection at a time, made again when it breaks, tried a bounded number of times."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from headrace.domain.source import Source
from headrace.errors import HeadraceError, UnreachableError
from headrace.observability import logger
from headrace.sources.model.breaker import wait_seconds
from headrace.sources.ports import Clock, Connect, Remote

RESERVE_SECONDS = 30.0
"""What a poll keeps of its time to write down where it stands, after a last silence of the server."""
T = TypeVar("T")


class OutOfTimeError(Exception):
    """The function's time is nearly over: stop here, the next poll goes on."""


class Connection:
    """A connection that `do` makes when it needs one. Not for several threads."""

    def __init__(self, endpoint: Source, connect: Connect, clock: Clock, tries: int) -> None:
        self._endpoint = endpoint
        self._connect = connect
        self._clock = clock
        self.tries = tries
        self._remote: Remote | None = None

    def do(self, action: Callable[[Remote], T], progress: Callable[[], int] = lambda: 0) -> T:
        """Do something over the connection. After trouble it is done again on a new one, from its beginning.

        Counting starts over whenever `progress` has grown. Raises what the last try raised; OutOfTimeError where time
        is over and only that: a server that does not answer at all must not pass for a slow one.
        """
        begun = reached = progress()
        attempt, trouble = 0, None
        while True:
            try:
                return action(self._connected())
            except OutOfTimeError:
                if trouble is not None and progress() == begun:
                    raise trouble from None
                raise
            except UnreachableError as error:
                self.hang_up()
                trouble = error
                attempt, reached = (0 if progress() > reached else attempt) + 1, progress()
                logger.info("a try failed", extra={"server": self._endpoint.server, "try": attempt, "why": str(error)})
                wait = wait_seconds(attempt, self._clock.chance())
                in_time = self._clock.left() - wait >= reserve_seconds(self._endpoint)
                if attempt >= self.tries or (not in_time and reached == begun):
                    raise
                if not in_time:
                    raise OutOfTimeError from error
            self._clock.sleep(wait)

    def connect(self) -> None:
        """Have a connection, or raise what one try to make it raised."""
        self._connected()

    def _connected(self) -> Remote:
        check = partial(check_time, self._clock, self._endpoint)
        check()
        if self._remote is None:
            self._remote = self._connect(self._endpoint, check)
        return self._remote

    def hang_up(self) -> None:
        """End the connection, if there is one."""
        remote, self._remote = self._remote, None
        if remote is not None:
            with suppress(HeadraceError, OSError):
                remote.close()


def reserve_seconds(source: Source) -> float:
    """What a poll of this server keeps of its time: one that is asked a last thing may be silent for a time-out."""
    return RESERVE_SECONDS + max(RESERVE_SECONDS, source.timeout_seconds)


def check_time(clock: Clock, source: Source) -> None:
    """Raises OutOfTimeError when the reserve is reached."""
    if clock.left() < reserve_seconds(source):
        raise OutOfTimeError
