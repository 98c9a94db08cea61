"""A poll of a server: how often it looks, what it takes over which connections, how the server stands after it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from headrace.domain.source import Complete, Protocol
from headrace.errors import (
    FileProblemError,
    LoginRefusedError,
    SecretError,
    UnreachableError,
    UntrustedServerError,
)
from headrace.sources.model import server_state
from headrace.sources.model.breaker import State
from headrace.sources.model.server_state import ServerState
from headrace.sources.model.source_file import SourceFile, SourceStatus
from headrace.sources.poll.order_polls import order_polls
from headrace.sources.poll.poller import poll, server_named
from headrace.sources.poll.reset import reset_source
from tests.support.memory_server import ROWS, MemoryServer
from tests.support.polls import BROKEN, bench_with, down
from tests.support.sources import SERVER, Bench, source

# -- who is asked --------------------------------------------------------------------------------------------------


def test_a_server_that_no_contract_names_is_not_asked() -> None:
    _, bench = bench_with()
    report = poll("another", "me", bench, bench.clock)
    assert (report.server, report.skipped) == ("another", "no deployed contract names it")
    assert server_named("another", bench) is None
    named = server_named(SERVER, bench)
    assert named is not None
    assert named.name == SERVER


def test_a_server_is_asked_by_one_poll_at_a_time_for_as_long_as_that_may_live() -> None:
    server, bench = bench_with("/a.csv")
    held: list[Any] = []
    server.faults.append(lambda *_: held.append(bench.source_ledger.leases[SERVER]))
    bench.clock.remaining = 900
    begun = bench.clock.at + timedelta(minutes=15)
    bench.poll()
    assert {until for _, until in held} == {begun + timedelta(seconds=900 + 60)}
    assert bench.source_ledger.leases == {}
    bench.source_ledger.lease(SERVER, "another", bench.clock.at, bench.clock.at + timedelta(hours=1))
    assert bench.poll().skipped == "another poll is on it"
    assert SERVER in bench.source_ledger.leases


def test_a_poll_that_lost_its_server_to_the_next_one_writes_nothing() -> None:
    server, bench = bench_with("/a.csv")
    bench.poll()
    server.put("/b.csv")

    def overtaken(verb: str, _: str) -> None:
        if verb == "stat":
            bench.source_ledger.turns[SERVER] += 1

    before = bench.source_ledger.states[SERVER]
    server.faults.append(overtaken)
    report = bench.poll()
    assert report.skipped == "another poll has begun"
    assert bench.source_ledger.states[SERVER].files_taken == before.files_taken
    assert server.open_connections == 0


def test_every_server_has_its_own_moment_in_a_round() -> None:
    class Orders(list[tuple[str, int]]):
        def send(self, server: str, delay_seconds: int) -> None:
            self.append((server, delay_seconds))

    one = source(Protocol.FTP, 21)
    bench = Bench.of(one, replace(one, location="/x/*.csv"), *(replace(one, server=f"s{n}") for n in range(20)))
    orders, again = Orders(), Orders()
    names = order_polls(bench.contracts, orders, 300)
    assert names == [name for name, _ in orders] == sorted({SERVER, *(f"s{n}" for n in range(20))})
    assert all(0 <= delay <= 300 for _, delay in orders)
    assert len({delay for _, delay in orders}) > 10
    order_polls(bench.contracts, again, 300)
    assert again == orders


# -- looks ---------------------------------------------------------------------------------------------------------


def test_a_file_that_must_stand_still_is_looked_at_twice_without_keeping_the_connection() -> None:
    server, bench = bench_with("/a.csv", complete=Complete.STABLE, stable_seconds=30)
    bench.clock.during.append(lambda: server.asked.append(("sleeps", str(server.open_connections))))
    report = bench.poll()
    assert (report.tally.files, report.tally.listed, report.tally.waiting, bench.clock.slept) == (1, 1, 0, [30.0])
    verbs = [verb for verb, _ in server.asked if verb in {"connect", "entries", "sleeps"}]
    assert verbs == ["connect", "entries", "sleeps", "connect", "entries"]
    assert ("sleeps", "0") in server.asked


def test_a_file_that_grows_is_looked_at_twice_and_no_more() -> None:
    server, bench = bench_with("/a.csv", complete=Complete.STABLE, stable_seconds=30)
    bench.source_ledger.states[SERVER] = replace(bench.state, fruitless=2)
    bench.clock.during.append(lambda: server.put("/a.csv", server.files["/a.csv"].body + b"x"))
    report = bench.poll()
    assert (bench.clock.slept, report.tally.waiting, server.count("entries")) == ([30.0], 1, 2)
    assert (report.out_of_time, bench.state.fruitless) == (False, 0)


@pytest.mark.parametrize(("seconds", "slept"), [(120, [120.0]), (121, []), (3600, [])])
def test_a_wait_that_is_long_is_left_to_the_next_poll(seconds: int, slept: list[float]) -> None:
    _, bench = bench_with("/a.csv", complete=Complete.STABLE, stable_seconds=seconds)
    report = bench.poll()
    assert (bench.clock.slept, report.tally.waiting, report.out_of_time) == (slept, 0 if slept else 1, False)


def test_the_second_look_comes_when_all_that_are_worth_it_are_whole() -> None:
    server, bench = bench_with("/a.csv", complete=Complete.STABLE, stable_seconds=10)
    (one,) = bench.listed[0].sources
    longer = [replace(one, location=f"/{seconds}/*.csv", stable_seconds=seconds) for seconds in (60, 600)]
    server.put("/60/b.csv", ROWS * 2)
    server.put("/600/c.csv", ROWS * 3)
    bench.listed = [replace(bench.listed[0], sources=(one, *longer))]
    report = bench.poll()
    assert bench.clock.slept == [60.0]
    assert (report.tally.files, report.tally.listed, report.tally.waiting) == (2, 3, 1)


@pytest.mark.parametrize(("left", "waits"), [(90, True), (89, False)])
def test_a_poll_does_not_wait_into_its_reserve(left: float, waits: bool) -> None:
    """Thirty seconds for the wait, sixty to write down where it stands."""
    server, bench = bench_with("/a.csv", complete=Complete.STABLE, stable_seconds=30)
    server.faults.append(lambda verb, _: setattr(bench.clock, "remaining", left) if verb == "entries" else None)
    report = bench.poll()
    assert (report.out_of_time, bench.clock.slept) == (not waits, [30.0] if waits else [])


def test_a_checksum_that_is_missing_is_not_waited_for() -> None:
    _, bench = bench_with("/a.csv", complete=Complete.MARKER)
    report = bench.poll()
    assert (report.tally.waiting, bench.clock.slept) == (1, [])


# -- connections ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("files", "allowed", "used"), [(1, 3, 1), (2, 3, 2), (9, 3, 3), (9, 1, 1), (0, 3, 1)])
def test_no_more_connections_than_files_or_than_are_allowed(files: int, allowed: int, used: int) -> None:
    server, bench = bench_with(*(f"/{number}.csv" for number in range(files)), connections=allowed)
    assert bench.poll().tally.files == files
    assert (server.most_connections, server.open_connections) == (used, 0)


@pytest.mark.parametrize("refusal", [UnreachableError("421 too many"), LoginRefusedError("530 one login only")])
def test_a_server_that_takes_one_connection_only_is_served_over_one(refusal: Exception) -> None:
    server, bench = bench_with(*(f"/{number}.csv" for number in range(5)), connections=3)
    server.faults.append(_refuses_a_second(server, refusal))
    report = bench.poll()
    assert (report.trouble, report.tally.files, server.most_connections) == (None, 5, 1)
    assert bench.state.breaker.state is State.CLOSED


def _refuses_a_second(server: MemoryServer, refusal: Exception) -> Callable[[str, str], None]:
    def fault(verb: str, _: str) -> None:
        if verb == "connect" and server.open_connections:
            raise refusal

    return fault


def test_each_connection_takes_its_share() -> None:
    """Two files are on their way at the same time, or neither ever is."""
    server, bench = bench_with("/a.csv", "/b.csv", connections=2)
    together = threading.Barrier(2, timeout=5)

    def waits_for_the_other(verb: str, _: str) -> None:
        if verb == "read":
            together.wait()

    server.faults.append(waits_for_the_other)
    assert bench.poll().tally.files == 2


def test_trouble_of_one_connection_ends_the_work_of_all() -> None:
    server, bench = bench_with(*(f"/{number:03}.csv" for number in range(300)), connections=2)
    server.fails("read", BROKEN, times=10_000, path="/000.csv")
    server.faults.append(lambda verb, _: time.sleep(0.001) if verb == "read" else None)
    report = bench.poll()
    assert report.trouble == "no route to host"
    assert (server.open_connections, bench.state.failures) == (0, 1)
    assert bench.state.files_taken == report.tally.files < 299


# -- how a server stands -------------------------------------------------------------------------------------------


def test_a_good_poll_counts_what_it_took() -> None:
    server, bench = bench_with("/a.csv", "/b.csv")
    bench.poll()
    state = bench.state
    assert (state.files_taken, state.bytes_taken, state.failures) == (2, 2 * (len(ROWS) + 2), 0)
    assert state.last_seen == state.last_poll == bench.clock.at
    server.put("/c.csv")
    bench.poll()
    assert (bench.state.files_taken, bench.state.bytes_taken) == (3, 3 * len(ROWS) + 4)
    assert bench.notices == []


def test_a_server_that_is_down_is_tried_five_times_and_left_alone_after_three_polls() -> None:
    server, bench = bench_with("/a.csv")
    mend = down(server)
    for failures in (1, 2, 3):
        report = bench.poll()
        assert (report.trouble, bench.state.failures, bench.state.breaker.failures) == (
            "no route to host", failures, failures,
        )  # fmt: skip
        assert bench.state.breaker.state is (State.OPEN if failures == 3 else State.CLOSED)
    assert server.count("connect") == 15
    assert bench.titles == ["Source carrier does not answer"]
    assert (bench.state.trouble, bench.state.reason) == ("unreachable", "no route to host")
    left_alone = bench.poll(after_minutes=5)
    assert (left_alone.skipped, left_alone.trouble) == ("its breaker is open", "no route to host")
    bench.poll(after_minutes=5)
    assert server.count("connect") == 16, "one try decides"
    mend()
    assert bench.poll(after_minutes=60).tally.files == 1
    assert (bench.state.breaker.state, bench.state.trouble, bench.state.reason) == (State.CLOSED, None, None)
    assert bench.titles == ["Source carrier does not answer", "Source carrier answers again"]


def test_a_failed_poll_between_good_ones_is_no_news() -> None:
    server, bench = bench_with("/a.csv")
    mend = down(server)
    bench.poll()
    bench.poll()
    mend()
    bench.poll()
    assert (bench.notices, bench.state.breaker.failures, bench.state.failures) == ([], 0, 2)
    down(server)
    bench.poll()
    assert bench.state.breaker.state is State.CLOSED


def test_a_poll_that_probes_tries_as_often_as_usual_once_the_server_has_answered() -> None:
    server, bench = bench_with("/a.csv", breaker_failures=1)
    mend = down(server)
    bench.poll()
    mend()
    server.fails("read", BROKEN, times=4)
    assert bench.poll(after_minutes=60).tally.files == 1
    assert len([wait for wait in bench.clock.slept if wait]) == 4 + 4


@pytest.mark.parametrize("after", ["an open breaker", "a failed poll"])
def test_that_the_server_answers_is_written_down_before_its_files_are_taken(after: str) -> None:
    """A poll may be killed by a file; the server is not left alone for it."""
    server, bench = bench_with("/a.csv", breaker_failures=1 if after == "an open breaker" else 3)
    mend = down(server)
    bench.poll()
    mend()
    seen: list[Any] = []
    server.faults.append(lambda verb, _: seen.append(bench.state.breaker.failures) if verb == "read" else None)
    bench.poll(after_minutes=60)
    assert seen == [0]


def test_a_good_server_is_written_down_twice_a_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it begins and when it ends."""
    _, bench = bench_with("/a.csv")
    bench.poll()
    writes: list[ServerState] = []
    save = bench.source_ledger.save_state

    def noted(state: ServerState) -> None:
        writes.append(state)
        save(state)

    monkeypatch.setattr(bench.source_ledger, "save_state", noted)
    bench.poll()
    assert len(writes) == 2


@pytest.mark.parametrize(
    ("error", "trouble", "title"),
    [
        (LoginRefusedError("530"), "login refused", "Source carrier refuses our login"),
        (SecretError("no secret"), "secret not in order", "Source carrier cannot be asked: its secret is not in order"),
    ],
)
def test_what_another_try_would_make_worse_opens_the_breaker_at_once(
    error: Exception, trouble: str, title: str
) -> None:
    server, bench = bench_with("/a.csv", patience_seconds=3600)
    down(server, error)
    bench.poll()
    assert (bench.state.breaker.state, bench.state.trouble, bench.titles) == (State.OPEN, trouble, [title])
    assert (server.count("connect"), bench.state.breaker.fatal, bench.notices[0].incident) == (1, False, None)


def test_a_server_that_is_not_trusted_calls_a_person_at_once_and_once() -> None:
    server, bench = bench_with("/a.csv")
    mend = down(server, UntrustedServerError("its host key is another"))
    bench.poll()
    assert bench.titles == ["Source carrier is not trusted any more, its files are not taken"]
    assert (bench.state.trouble, bench.state.breaker.fatal) == ("not trusted", True)
    assert bench.state.incidents == {"headrace/source/carrier": bench.clock.at}
    bench.poll()
    bench.poll(after_minutes=60)
    assert len(bench.notices) == 1
    mend()
    bench.poll(after_minutes=240)
    assert bench.notices[-1].incident is not None
    assert (bench.notices[-1].incident.action, bench.state.incidents) == ("resolve", {})


def test_patience_ends_while_the_server_is_left_alone() -> None:
    server, bench = bench_with("/a.csv", breaker_failures=1, patience_seconds=300)
    down(server)
    bench.poll()
    assert bench.poll(after_minutes=4).skipped == "its breaker is open"
    assert len(bench.titles) == 1
    assert bench.poll(after_minutes=1).skipped == "its breaker is open"
    assert bench.titles[1:] == ["Source carrier has been out of reach for too long"]
    assert list(bench.state.incidents) == ["headrace/source/carrier"]
    bench.poll(after_minutes=1)
    assert len(bench.titles) == 2


def test_a_listing_that_the_server_refuses_altogether_is_its_trouble() -> None:
    server, bench = bench_with("/a.csv")
    down(server, FileProblemError("550 no"), "connect")
    report = bench.poll()
    assert (report.trouble, bench.state.trouble) == ("550 no", "unreachable")


def test_messages_go_to_the_first_channel_of_the_servers_datasets() -> None:
    server, bench = bench_with("/a.csv", breaker_failures=1)
    (first,) = bench.listed
    other = replace(first.sources[0], dataset="letters", location="/*.txt")
    elsewhere = replace(first, dataset="elsewhere", channel="#elsewhere", sources=())
    letters = replace(first, dataset="letters", channel="#letters", sources=(other,))
    bench.listed = [elsewhere, first, letters]
    down(server)
    bench.poll()
    assert [notice.channel for notice in bench.notices] == ["#letters"]


def test_polls_that_only_run_out_of_time_are_reported_in_the_fourth_and_not_again() -> None:
    server, bench = bench_with("/a.csv")
    server.faults.append(lambda verb, _: setattr(bench.clock, "remaining", 0) if verb == "entries" else None)
    for number in range(1, 7):
        assert bench.poll().out_of_time
        assert bench.state.fruitless == number
        told = number >= server_state.MOST_FRUITLESS
        assert bench.titles == (["Source carrier: 4 polls ran out of time without taking a file"] if told else [])
    assert bench.state.breaker.failures == 0
    server.faults.clear()
    bench.poll()
    assert bench.state.fruitless == 0


def test_a_poll_that_ran_out_of_time_but_took_a_file_is_a_good_one() -> None:
    server, bench = bench_with("/a.csv", "/b.csv")
    bench.source_ledger.states[SERVER] = replace(bench.state, fruitless=3)
    server.faults.append(
        lambda verb, path: setattr(bench.clock, "remaining", 0) if (verb, path) == ("read", "/b.csv") else None
    )
    assert bench.poll().out_of_time
    assert (bench.state.fruitless, bench.state.files_taken, bench.notices) == (0, 1, [])


# -- folders -------------------------------------------------------------------------------------------------------


def test_a_closed_folder_is_reported_once_and_once_more_when_it_is_open() -> None:
    server, bench = bench_with("/in/a.csv", location="/*/*.csv")
    server.folders.add("/on")
    server.put("/on/b.csv")
    server.fails("entries", FileProblemError("550 no right"), times=2, path="/on")
    for _ in range(2):
        bench.poll()
        assert bench.titles == ["Source carrier: 1 folder cannot be listed"]
    assert bench.notices[0].lines[0] == "readings: /on: 550 no right"
    assert bench.state.closed_folders == {"readings: /on": "550 no right"}
    bench.poll()
    assert bench.titles[1:] == ["Source carrier: readings: /on can be listed again"]
    assert bench.state.closed_folders == {}


def test_of_closed_folders_as_many_are_remembered_as_a_record_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_state, "MOST_CLOSED", 2)
    server, bench = bench_with("/c/a.csv", "/b/a.csv", "/a/a.csv", location="/*/*.csv")
    for folder in "abc":
        server.fails("entries", FileProblemError("550"), times=9, path=f"/{folder}")
    bench.poll()
    bench.poll()
    assert list(bench.state.closed_folders) == ["readings: /a", "readings: /b"]
    assert len(bench.notices) == 1


@pytest.mark.parametrize("closed", [True, False])
def test_a_file_is_gone_only_if_every_folder_could_be_listed(closed: bool) -> None:
    server, bench = bench_with("/in/a.csv", "/on/b.csv", location="/*/*.csv", complete=Complete.MARKER)
    bench.poll()
    del server.files["/in/a.csv"]
    server.folders.add("/in")
    if closed:
        server.fails("entries", FileProblemError("550"), path="/on")
    bench.poll()
    assert bench.records["/in/a.csv"].status is (SourceStatus.SEEN if closed else SourceStatus.GONE)


# -- the ledger ----------------------------------------------------------------------------------------------------


def test_what_is_known_of_a_file_is_read_once_a_poll_and_what_is_open_always() -> None:
    server, bench = bench_with("/a.csv", "/b.txt", complete=Complete.MARKER)
    bench.poll()
    del server.files["/a.csv"]
    asked: list[set[str]] = []
    files = bench.source_ledger.files

    def read(server: str, dataset: str, paths: Any) -> dict[str, SourceFile]:
        asked.append(set(paths))
        return files(server, dataset, asked[-1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.source_ledger, "files", read)
        bench.poll()
    assert asked == [{"/a.csv"}]


def test_a_second_look_reads_only_what_is_new() -> None:
    server, bench = bench_with("/a.csv", complete=Complete.STABLE, stable_seconds=30)
    bench.clock.during.append(lambda: server.put("/b.csv"))
    asked: list[set[str]] = []
    files = bench.source_ledger.files

    def read(name: str, dataset: str, paths: Any) -> dict[str, SourceFile]:
        asked.append(set(paths))
        return files(name, dataset, asked[-1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.source_ledger, "files", read)
        bench.poll()
    assert asked == [{"/a.csv"}, {"/b.csv"}]


def test_a_reset_closes_the_breaker_and_lets_held_files_be_tried_again() -> None:
    server, bench = bench_with("/a.csv", "/b.csv", breaker_failures=1)
    server.fails("read", FileProblemError("550 locked"), times=3, path="/a.csv")
    for _ in range(3):
        bench.poll()
    down(server)
    bench.poll()
    named = server_named(SERVER, bench)
    assert named is not None
    twice = replace(named, sources=(*named.sources, *named.sources))
    states = [bench.state.breaker.state]
    assert reset_source(twice, bench.source_ledger) == 1
    assert [*states, bench.state.breaker.state] == [State.OPEN, State.CLOSED]
    assert reset_source(named, bench.source_ledger) == 0
    server.faults.clear()
    assert bench.poll(after_minutes=1).tally.files == 1
