"""Run the real use cases as actors whose every call of a service is one step, in the order that a schedule says.

An actor can be killed at any step, before or after the effect of a call. What runs is the deployed code, not a model.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

from headrace.adapters.accounts import AccountServices
from tests.support.fakes import MemoryServices

EXAMPLES = "HEADRACE_EXAMPLES"
"""The variable by which `make search` asks for more examples of each property."""
LEDGER = ("files", "contents", "batches", "lanes", "sleepers", "events", "watches", "storms")
PORTS = ("contracts", "sql", *LEDGER, "lake", "landing", "workflow", "warehouse", "topic")


def examples(usual: int) -> int:
    """How many examples a search tries: `usual` in every test run, more when they are asked for."""
    return max(usual, int(os.environ.get(EXAMPLES, "0")))


class KilledError(BaseException):
    """The actor's process is gone; no handler of the code under test may catch this."""


class Actor:
    """One thread that runs only between two `step`s of the scheduler."""

    def __init__(self, name: str, work: Callable[[Any], None], services: MemoryServices) -> None:
        self.name = name
        self.finished = self.killed = False
        self._may_run, self._parked = threading.Semaphore(0), threading.Semaphore(0)
        self._kill = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work, Gated(services, self)), daemon=True)
        self._thread.start()

    def step(self, *, kill: bool = False) -> None:
        """Let the actor go up to its next call, or kill it where it stands."""
        self._kill = kill
        self._may_run.release()
        self._parked.acquire()
        if self._error:
            raise self._error

    def gate(self) -> None:
        self._parked.release()
        self._may_run.acquire()
        if self._kill:
            raise KilledError

    def _run(self, work: Callable[[Any], None], services: Gated) -> None:
        self._may_run.acquire()
        try:
            if not self._kill:
                work(services)
        except KilledError:
            pass
        except BaseException as error:  # handed to the scheduler's thread, which raises it
            self._error = error
        self.killed = self._kill
        self.finished = True
        self._parked.release()


class Gated(AccountServices):
    """Services whose every call waits for its turn; of the accounts, each request that a verb makes."""

    warehouse: Any

    def __init__(self, services: MemoryServices, actor: Actor) -> None:
        self.spark, self.wake_ups = services.spark, services.wake_ups
        for port in PORTS:
            setattr(self, port, _GatedPort(getattr(services, port), actor))


class _GatedPort:
    def __init__(self, port: Any, actor: Actor) -> None:
        self._port = port
        self._actor = actor

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._port, name)
        if not callable(member):
            return member

        def call(*args: Any, **kwargs: Any) -> Any:
            self._actor.gate()
            answer = member(*args, **kwargs)
            return self._in_steps(answer) if isinstance(answer, Generator) else answer

        return call

    def _in_steps(self, steps: Generator[None, None, Any]) -> Any:
        """A call of several requests: where it yields, others may come in between. Returns what it returns."""
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            self._actor.gate()


@dataclass(frozen=True)
class Schedule:
    """An order of steps, by priorities: few changes of who is first find more than many random turns.

    Each new actor takes the next of `priorities`, over and over; the highest runs. At each step in `yields` the
    running actor falls behind all others; at each in `kills` it is killed; at each in `stops` it is told that it was
    stopped, which it may be the last to know.
    """

    priorities: tuple[int, ...]
    yields: frozenset[int]
    kills: frozenset[int] = frozenset()
    stops: frozenset[int] = frozenset()


class World:
    """Actors, and whose turn it is."""

    def __init__(self, services: MemoryServices, schedule: Schedule) -> None:
        self.services = services
        self._schedule = schedule
        self._priorities = cycle(schedule.priorities)
        self._lowest = count(-1, -1)
        self._steps = 0
        self._actors: list[_Entry] = []

    def spawn(
        self,
        name: str,
        work: Callable[[Any], None],
        finished: Callable[[], None],
        killed: Callable[[], None],
        stopped: Callable[[], None] = lambda: None,
    ) -> None:
        """Add an actor; `finished` or `killed` is called at its end, `stopped` when it is stopped."""
        actor = Actor(name, work, self.services)
        self._actors.append(_Entry(next(self._priorities), actor, finished, killed, stopped))

    def run(self) -> None:
        """Move actors until all have ended."""
        while self._actors:
            entry = max(self._actors, key=lambda entry: entry.priority)
            self._steps += 1
            if self._steps in self._schedule.stops:
                entry.stopped()
            entry.actor.step(kill=self._steps in self._schedule.kills)
            if self._steps in self._schedule.yields:
                entry.priority = next(self._lowest)
            if entry.actor.finished:
                self._actors.remove(entry)
                (entry.killed if entry.actor.killed else entry.finished)()


@dataclass(eq=False)
class _Entry:
    priority: int
    actor: Actor
    finished: Callable[[], None]
    killed: Callable[[], None]
    stopped: Callable[[], None]
