"""One poll of one server: finds what is new and whole, brings it into S3, and notifies people.

Polls of different servers share nothing but the ledger's table, so that none of them can delay another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from headrace.domain.source import Server, servers_of
from headrace.errors import (
    FileProblemError,
    HeadraceError,
    LeaseLostError,
    LoginRefusedError,
    SecretError,
    UnreachableError,
    UntrustedServerError,
)
from headrace.observability import logger
from headrace.sources.model import breaker as breakers
from headrace.sources.model import server_state
from headrace.sources.model.breaker import Breaker, State
from headrace.sources.model.server_state import ServerState, Trouble
from headrace.sources.poll.connection import Connection, OutOfTimeError, reserve_seconds
from headrace.sources.poll.source import SourcePoll
from headrace.sources.poll.tally import Accounts, Tally
from headrace.sources.ports import Clock, SourceServices

LOOKS = 2
"""A file that must stand still is looked at twice in one poll, if the wait in between is short."""
LONGEST_WAIT_BETWEEN_LOOKS = 120.0
LEASE_MARGIN = timedelta(seconds=60)


@dataclass(slots=True)
class Report:
    """What came of a poll, for the log and for whoever asked. `skipped` says why the server was not asked at all."""

    server: str
    skipped: str | None = None
    trouble: str | None = None
    out_of_time: bool = False
    tally: Tally = field(default_factory=Tally)


def server_named(name: str, services: SourceServices) -> Server | None:
    """The server and its sources, from all contracts. None when no contract names it."""
    sources = (source for contract in services.contracts.all() for source in contract.sources)
    return next((server for server in servers_of(sources) if server.name == name), None)


def poll(name: str, owner: str, services: SourceServices, clock: Clock) -> Report:
    """Ask a server for its files, unless another poll is on it or its breaker is open.

    `owner` names this poll in the ledger. What a server does wrong is recorded and reported, never raised.
    """
    server = server_named(name, services)
    if server is None:
        return Report(name, skipped="no deployed contract names it")
    try:
        with _lease(server, owner, services, clock) as state:
            if state is None:
                return Report(name, skipped="another poll is on it")
            admitted = breakers.admitted(state.breaker, clock.now())
            if admitted is None:
                return _left_alone(server, state, services, clock)
            begun = replace(state, breaker=admitted, last_poll=clock.now())
            services.source_ledger.save_state(begun)
            return _Poll(server, begun, services, clock).run()
    except LeaseLostError as error:
        return Report(name, skipped=str(error))


@contextmanager
def _lease(server: Server, owner: str, services: SourceServices, clock: Clock) -> Iterator[ServerState | None]:
    until = clock.now() + timedelta(seconds=clock.left()) + LEASE_MARGIN
    state = services.source_ledger.lease(server.name, owner, clock.now(), until)
    try:
        yield state
    finally:
        if state is not None:
            services.source_ledger.release(state)


def _left_alone(server: Server, state: ServerState, services: SourceServices, clock: Clock) -> Report:
    """The breaker is open. Patience may end while it is."""
    called = _called_if_needed(server, state, services, clock.now())
    if called != state:
        services.source_ledger.save_state(called)
    return Report(server.name, skipped="its breaker is open", trouble=state.reason)


class _Poll:
    def __init__(self, server: Server, state: ServerState, services: SourceServices, clock: Clock) -> None:
        self._server = server
        self._state = state
        self._services = services
        self._clock = clock
        calls_left = max(0, server_state.MOST_INCIDENTS - len(state.incidents))
        self._accounts = Accounts(server.name, services.topic, state.incidents, calls_left)
        self._report = Report(server.name, tally=self._accounts.tally)
        tries = breakers.tries(state.breaker)
        self._lines = [Connection(server.endpoint, services.connect, clock, tries) for _ in range(server.connections)]

    def run(self) -> Report:
        """Look, take, and write down how the server stands afterwards."""
        try:
            self._look_and_take()
        except OutOfTimeError:
            self._report.out_of_time = True
            logger.info("time is over, the next poll goes on", extra={"server": self._server.name})
            self._note_fruitless()
        except (UnreachableError, LoginRefusedError, UntrustedServerError, FileProblemError) as error:
            self._failed(error)
        finally:
            for line in self._lines:
                line.hang_up()
            self._services.source_ledger.save_state(self._counted())
            self._accounts.report_the_rest()
        return self._report

    def _look_and_take(self) -> None:
        tally, turn = self._report.tally, self._state.turn
        works = [
            SourcePoll(source, self._services, self._clock, self._accounts, turn) for source in self._server.sources
        ]
        for look in range(LOOKS):
            tally.closed = {}
            plans = [work.look(self._lines[0]) for work in works]
            self._answered()
            tally.listed, tally.waiting = sum(plan.listed for plan in plans), sum(plan.waiting for plan in plans)
            for work, plan in zip(works, plans, strict=True):
                work.take(plan, self._lines)
            waits = [plan.ready_in for plan in plans if plan.ready_in is not None]
            worthwhile = [wait for wait in waits if wait <= LONGEST_WAIT_BETWEEN_LOOKS]
            if look + 1 == LOOKS or not worthwhile:
                self._state = replace(self._state, fruitless=0)
                return
            self._wait(max(worthwhile))

    def _note_fruitless(self) -> None:
        """One poll that ran out of time and took nothing is not a failure; several in a row have a cause."""
        number = 0 if self._report.tally.files else self._state.fruitless + 1
        self._state = replace(self._state, fruitless=number)
        if number == server_state.MOST_FRUITLESS:
            self._services.topic.publish(server_state.fruitless(self._state, _channel(self._server, self._services)))

    def _wait(self, seconds: float) -> None:
        """Wait between two looks, without keeping the server's connections."""
        for line in self._lines:
            line.hang_up()
        if self._clock.left() - seconds < reserve_seconds(self._server.endpoint):
            raise OutOfTimeError
        self._clock.sleep(seconds)

    def _answered(self) -> None:
        """The server gave its listing: its trouble is over."""
        before = self._state
        incidents = {
            key: at for key, at in before.incidents.items() if key != server_state.server_incident(before.server)
        }
        self._state = replace(
            before, breaker=Breaker(), last_seen=self._clock.now(), trouble=None, reason=None, incidents=incidents
        )
        self._tell_of_folders()
        for line in self._lines:
            line.tries = breakers.TRIES
        if before.breaker.state is not State.CLOSED or incidents != before.incidents:
            self._services.topic.publish(server_state.closed(before, _channel(self._server, self._services)))
        if before.breaker != self._state.breaker:
            self._services.source_ledger.save_state(self._state)

    def _tell_of_folders(self) -> None:
        """Folders that the server will not list are reported once, and once more when it lists them again."""
        before = self._state.closed_folders
        closed = dict(sorted(self._report.tally.closed.items())[: server_state.MOST_CLOSED])
        channel = _channel(self._server, self._services)
        if fresh := {folder: reason for folder, reason in closed.items() if folder not in before}:
            self._services.topic.publish(server_state.folders_closed(self._state, fresh, channel))
        if opened := sorted(before.keys() - closed):
            self._services.topic.publish(server_state.folders_open(self._state, opened, channel))
        self._state = replace(self._state, closed_folders=closed)

    def _failed(self, error: HeadraceError) -> None:
        now, trouble = self._clock.now(), _trouble(error)
        before = self._state
        breaker = breakers.failed(
            before.breaker, now, self._server.breaker_failures, self._clock.chance(),
            at_once=trouble is not Trouble.UNREACHABLE,
        )  # fmt: skip
        breaker = replace(breaker, fatal=trouble is Trouble.UNTRUSTED)
        reason = str(error)
        self._report.trouble = reason
        self._state = replace(before, breaker=breaker, failures=before.failures + 1, trouble=trouble, reason=reason)
        if breaker.state is State.OPEN and before.breaker.state is State.CLOSED and not breaker.fatal:
            self._services.topic.publish(server_state.opened(self._state, _channel(self._server, self._services)))
        self._state = _called_if_needed(self._server, self._state, self._services, now)

    def _counted(self) -> ServerState:
        tally = self._report.tally
        incidents = {key: at for key, at in self._state.incidents.items() if key not in tally.resolved}
        return replace(
            self._state,
            files_taken=self._state.files_taken + tally.files,
            bytes_taken=self._state.bytes_taken + tally.size,
            incidents=incidents | dict.fromkeys(tally.called, self._clock.now()),
        )


def _trouble(error: HeadraceError) -> Trouble:
    if isinstance(error, UntrustedServerError):
        return Trouble.UNTRUSTED
    if isinstance(error, SecretError):
        return Trouble.SECRET
    return Trouble.LOGIN if isinstance(error, LoginRefusedError) else Trouble.UNREACHABLE


def _called_if_needed(server: Server, state: ServerState, services: SourceServices, now: datetime) -> ServerState:
    """Open an incident, once an outage, when the contract's patience is over."""
    key = server_state.server_incident(server.name)
    if key in state.incidents or not breakers.beyond_patience(state.breaker, now, server.patience_seconds):
        return state
    services.topic.publish(server_state.critical(state, _channel(server, services)))
    return replace(state, incidents=state.incidents | {key: now})


def _channel(server: Server, services: SourceServices) -> str | None:
    datasets = {source.dataset for source in server.sources}
    channels = [contract.channel for contract in services.contracts.all() if contract.dataset in datasets]
    return next((channel for channel in channels if channel), None)
