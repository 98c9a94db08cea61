"""What a poll does about single files: refused, wrong, gone, and what becomes of them on the server."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from headrace.domain.bounds import LONGEST_REASON
from headrace.domain.source import After
from headrace.errors import (
    FileProblemError,
    TransientError,
)
from headrace.sources.model import server_state
from headrace.sources.model.remote_file import LONGEST_KEY, MINUTE, Entry, Stat
from headrace.sources.model.source_file import SourceFile, SourceStatus
from headrace.sources.poll import source as module
from headrace.sources.poll.tally import ONE_BY_ONE
from tests.support.memory_server import MONDAY, ROWS
from tests.support.polls import bench_with
from tests.support.sources import SERVER

# -- entries that are refused --------------------------------------------------------------------------------------


def odd(*names: str) -> list[Entry]:
    return [Entry(f"{name}\n", name) for name in names]


def test_what_is_refused_is_reported_and_written_down_once() -> None:
    server, bench = bench_with("/a.csv")
    bench.listed = [replace(bench.listed[0], channel="#readings")]
    server.extra["/"] = odd("x.csv", "y.csv")
    assert bench.poll().tally.refused == 2
    assert bench.poll().tally.refused == 2
    assert [(notice.title, notice.channel) for notice in bench.notices] == [
        ("Source carrier: 2 files refused", "#readings")
    ]
    assert bench.notices[0].lines[0] == r"/x.csv\n: the name has control characters in it"
    assert [(record.path, record.status) for record in bench.refused] == [
        (r"/x.csv\n", SourceStatus.REFUSED), (r"/y.csv\n", SourceStatus.REFUSED),
    ]  # fmt: skip
    assert {record.reason for record in bench.refused} == {"the name has control characters in it"}
    server.extra["/"] += odd("z.csv")
    bench.poll()
    assert bench.titles[1:] == ["Source carrier: 1 file refused"]


def test_entries_that_are_only_counted_are_among_the_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.sources.poll.remote_listing.MOST_REFUSED", 1)
    server, bench = bench_with("/a.csv")
    server.extra["/"] = odd("x.csv", "y.csv", "z.csv")
    assert bench.poll().tally.refused == 3
    assert bench.titles == ["Source carrier: 3 files refused"]


def test_a_file_that_cannot_be_judged_is_refused_and_the_others_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    _, bench = bench_with("/a.csv", "/b.csv")
    looks_like = SourceFile.looks_like
    bench.poll()

    def odd(record: SourceFile, file: Any) -> bool:
        if file.path == "/b.csv":
            raise OverflowError("no such time")
        return looks_like(record, file)

    monkeypatch.setattr(SourceFile, "looks_like", odd)
    report = bench.poll()
    assert (report.trouble, report.tally.refused, report.tally.listed) == (None, 1, 2)
    assert bench.notices[-1].lines == ("/b.csv: it could not be judged: OverflowError: no such time",)


@pytest.mark.parametrize(("more", "taken"), [(0, 1), (1, 0)])
def test_a_path_has_the_length_that_its_key_may_have(more: int, taken: int) -> None:
    """1,024 bytes, of which prefix, server and time have their part."""
    longest = LONGEST_KEY - len("readings/") - len(SERVER) - 40
    name = "/" + "x" * (longest - 5 + more) + ".csv"
    _, bench = bench_with(name)
    report = bench.poll()
    assert (report.tally.files, report.tally.refused) == (taken, 1 - taken)
    for key in bench.incoming.landed:
        assert len(key) <= LONGEST_KEY


# -- problems of files ---------------------------------------------------------------------------------------------


def test_a_file_that_is_wrong_three_times_is_held_and_reported_and_taken_when_it_is_right() -> None:
    server, bench = bench_with("/a.csv", "/b.csv")
    server.fails("read", FileProblemError("550 locked"), times=3, path="/a.csv")
    for attempts in (1, 2, 3):
        assert bench.notices == []
        bench.poll()
        assert bench.records["/a.csv"].attempts == attempts
    held = bench.records["/a.csv"]
    assert (held.status, held.reason, held.retry_at) == (
        SourceStatus.HELD, "550 locked", bench.clock.at + timedelta(hours=1),
    )  # fmt: skip
    assert (bench.titles, bench.notices[0].incident) == (["Source carrier: /a.csv is held"], None)
    bench.poll()
    assert server.count("read") == 3 + 1
    bench.poll(after_minutes=60)
    assert bench.titles[1:] == ["Source carrier: /a.csv was taken after all"]
    assert bench.records["/a.csv"].status is SourceStatus.TAKEN


def test_a_held_file_that_stays_wrong_is_not_reported_again() -> None:
    server, bench = bench_with("/a.csv")
    server.fails("read", FileProblemError("550 locked"), times=99)
    for _ in range(8):
        bench.poll(after_minutes=24 * 60 + 1)
    assert bench.titles == ["Source carrier: /a.csv is held"]


def test_a_checksum_that_is_wrong_calls_a_person_and_the_right_file_ends_the_call() -> None:
    server, bench = bench_with("/a.csv")
    server.put("/a.csv.md5", b"0" * 32)
    for _ in range(3):
        bench.poll()
    key = "headrace/source/carrier/readings/a.csv"
    assert bench.notices[0].incident is not None
    assert (bench.notices[0].incident.key, bench.notices[0].incident.action) == (key, "trigger")
    assert bench.state.incidents == {key: bench.clock.at}
    body = server.files["/a.csv"].body
    server.put("/a.csv.md5", hashlib.md5(body).hexdigest().encode(), MONDAY + timedelta(hours=1))
    bench.poll()
    assert bench.notices[-1].incident is not None
    assert (bench.notices[-1].incident.action, bench.state.incidents) == ("resolve", {})


@pytest.mark.parametrize("way", ["a checksum", "a lock", "still seen"])
def test_a_file_that_is_gone_is_reported_if_people_wait_for_it(way: str) -> None:
    server, bench = bench_with("/a.csv", "/b.csv")
    if way == "a checksum":
        server.put("/a.csv.md5", b"0" * 32)
    server.fails("read", FileProblemError("550 locked"), times=9 if way == "a lock" else 0, path="/a.csv")
    for _ in range(3 if way != "still seen" else 1):
        bench.poll()
    if way == "still seen":
        bench.source_ledger.records[SERVER, "readings"]["/a.csv"] = replace(
            bench.records["/a.csv"], status=SourceStatus.SEEN, upload="u", staged="s"
        )
        bench.incoming.uploads["u"] = {1: b"x"}
    del server.files["/a.csv"]
    report = bench.poll()
    told = bench.titles[1:] if way != "still seen" else bench.titles
    assert told == ([] if way == "still seen" else ["Source carrier: /a.csv is no longer there"])
    gone = bench.records["/a.csv"]
    assert (gone.status, gone.upload, gone.staged) == (SourceStatus.GONE, None, None)
    assert (bench.incoming.uploads, bench.state.incidents, report.trouble) == ({}, {}, None)
    ends_a_call = bool(bench.notices) and bench.notices[-1].incident is not None
    assert ends_a_call is (way == "a checksum")


def test_an_error_that_nobody_foresaw_is_one_files_until_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"/{number}.csv" for number in range(module.MOST_SURPRISES + 2)]
    server, bench = bench_with(*names)
    put = bench.incoming.put
    broken: set[str] = set(names[: module.MOST_SURPRISES])

    def odd(key: str, body: bytes, notes: dict[str, str]) -> None:
        if "/" + key.rpartition("/")[2] in broken:
            raise KeyError(key)
        put(key, body, notes)

    monkeypatch.setattr(bench.incoming, "put", odd)
    report = bench.poll()
    assert (len(report.tally.problems), report.tally.files) == (module.MOST_SURPRISES, 2)
    assert all("KeyError: " in problem for problem in report.tally.problems)
    broken |= {"/x.csv", *names}
    for number in range(2):
        server.put(f"/x{number}.csv", ROWS * (number + 7))
        broken.add(f"/x{number}.csv")
    with pytest.raises(KeyError):
        bench.poll()
    assert bench.state.breaker.failures == 0
    assert server.open_connections == 0


def test_an_error_of_s3_is_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    _, bench = bench_with("/a.csv")

    def refuses(*_: object) -> None:
        raise TransientError("S3 is out of order")

    monkeypatch.setattr(bench.incoming, "put", refuses)
    with pytest.raises(TransientError):
        bench.poll()
    assert (bench.records["/a.csv"].attempts, bench.state.failures) == (0, 0)


def test_of_many_files_with_one_trouble_the_first_are_reported_and_the_others_counted() -> None:
    server, bench = bench_with(*(f"/{number}.csv" for number in range(ONE_BY_ONE + 3)), after=After.DELETE)
    server.fails("delete", FileProblemError("550 Permission denied."), times=99)
    bench.poll()
    assert bench.titles[ONE_BY_ONE:] == ["Source carrier: 3 more files stay there"]


@pytest.mark.parametrize(("known", "room"), [(0, 3), (2, 1), (3, 0), (7, 0)])
def test_calls_are_opened_while_there_is_room_for_them(known: int, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the server's record, beside those that are open; there were more, once."""
    monkeypatch.setattr(server_state, "MOST_INCIDENTS", 3)
    server, bench = bench_with("/a.csv", "/b.csv", "/c.csv", "/d.csv")
    for name in "abcd":
        server.put(f"/{name}.csv.md5", b"0" * 32)
    bench.source_ledger.states[SERVER] = replace(
        bench.state, incidents={f"old {number}": bench.clock.at for number in range(known)}
    )
    for _ in range(3):
        bench.poll()
    assert len(bench.state.incidents) == known + room
    assert sum(notice.incident is not None for notice in bench.notices) == room


# -- what becomes of files there -----------------------------------------------------------------------------------


def test_a_file_is_left_where_it_is_unless_the_contract_says_otherwise() -> None:
    server, bench = bench_with("/a.csv")
    bench.poll()
    bench.poll()
    assert ("/a.csv" in server.files, server.count("stat"), bench.records["/a.csv"].settled) == (True, 2, False)


@pytest.mark.parametrize("after", [After.DELETE, After.MOVE])
def test_a_file_that_is_safe_is_settled_once(after: After) -> None:
    server, bench = bench_with("/a.csv", after=after, move_to="/taken/" if after is After.MOVE else None)
    body = server.files["/a.csv"].body
    bench.poll()
    assert {path: file.body for path, file in server.files.items()} == (
        {} if after is After.DELETE else {"/taken/a.csv": body}
    )
    assert (bench.records["/a.csv"].settled, bench.records["/a.csv"].reason) == (True, None)
    asked = len(server.asked)
    bench.poll()
    assert [verb for verb, _ in server.asked[asked:]] == ["connect", "entries"]


def test_a_file_is_moved_beside_one_of_its_name_never_over_it() -> None:
    server, bench = bench_with("/a.csv", after=After.MOVE, move_to="/taken")
    server.put("/taken/a.csv", b"of yesterday")
    body = server.files["/a.csv"].body
    bench.poll()
    taken_at = bench.records["/a.csv"].taken_at
    assert server.files["/taken/a.csv"].body == b"of yesterday"
    assert server.files[f"/taken/a.csv.{taken_at:%Y%m%dT%H%M%SZ}"].body == body


def test_a_server_that_knows_nothing_of_single_files_has_no_file_in_the_way() -> None:
    server, bench = bench_with("/a.csv", after=After.MOVE, move_to="/taken")
    server.knows_nothing()
    bench.poll()
    assert list(server.files) == ["/taken/a.csv"]


def test_a_file_that_is_not_in_the_bucket_stays_where_it_is() -> None:
    server, bench = bench_with("/a.csv", after=After.DELETE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.incoming, "size", lambda _: None)
        (problem,) = bench.poll().tally.problems
    assert problem.endswith("a.csv is not in the landing bucket, the file stays there")
    assert ("/a.csv" in server.files, bench.records["/a.csv"].settled) == (True, False)
    bench.poll()
    assert (server.files, bench.records["/a.csv"].settled) == ({}, True)


def test_a_file_that_cannot_be_settled_is_reported_once_and_tried_by_every_poll() -> None:
    server, bench = bench_with("/a.csv", after=After.DELETE)
    server.fails("delete", FileProblemError("550 Permission denied."), times=3)
    for _ in range(3):
        assert bench.poll().tally.problems == ["/a.csv: delete was refused: 550 Permission denied."]
    assert bench.titles == ["Source carrier: /a.csv stays there"]
    assert bench.records["/a.csv"].reason == "delete was refused: 550 Permission denied."
    bench.poll()
    assert (server.files, bench.records["/a.csv"].settled) == ({}, True)
    assert bench.records["/a.csv"].reason is None


def test_a_new_reason_is_reported_and_a_long_one_is_kept_short() -> None:
    server, bench = bench_with("/a.csv", after=After.DELETE)
    server.fails("delete", FileProblemError("550 no right"))
    bench.poll()
    server.fails("delete", FileProblemError("x" * 5000), times=2)
    bench.poll()
    bench.poll()
    assert len(bench.titles) == 2
    assert len(str(bench.records["/a.csv"].reason).encode()) <= LONGEST_REASON


@pytest.mark.parametrize(("at", "body"), [(MONDAY + timedelta(hours=1), ROWS + b"A"), (MONDAY, ROWS)])
def test_a_file_that_was_replaced_since_it_was_taken_is_not_deleted(at: Any, body: bytes) -> None:
    server, bench = bench_with("/a.csv", after=After.DELETE)
    land = bench.incoming.put

    def replaced_meanwhile(key: str, content: bytes, notes: dict[str, str]) -> None:
        land(key, content, notes)
        server.put("/a.csv", body, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.incoming, "put", replaced_meanwhile)
        (problem,) = bench.poll().tally.problems
    assert "it has been replaced since it was taken" in problem
    bench.poll()
    assert [bodies[-1] for bodies in bench.incoming.landed.values()][-1] == body
    assert server.files == {}


def test_a_server_whose_listing_has_times_of_another_zone_is_compared_by_its_own_answers() -> None:
    server, bench = bench_with("/a.csv", after=After.DELETE)
    server.lists = lambda entry: replace(entry, modified=MONDAY + timedelta(hours=9))
    server.fails("delete", FileProblemError("550 later"))
    bench.poll()
    assert bench.poll().tally.problems == []
    assert server.files == {}


def test_two_versions_of_one_minute_are_two_where_the_server_gives_seconds() -> None:
    """Its listing gives minutes."""
    server, bench = bench_with("/a.csv", after=After.DELETE)
    server.lists = lambda entry: replace(entry, modified=MONDAY, precision=MINUTE)
    server.fails("delete", FileProblemError("550 later"))
    bench.poll()
    server.put("/a.csv", server.files["/a.csv"].body[::-1], MONDAY + timedelta(seconds=20))
    (problem,) = bench.poll().tally.problems
    assert "it has been replaced since it was taken" in problem
    assert list(server.files) == ["/a.csv"]


def test_a_server_that_gives_times_of_single_files_only_by_now_has_the_file_that_was_taken() -> None:
    server, bench = bench_with("/a.csv", after=After.DELETE)
    server.put("/a.csv", at=MONDAY + timedelta(seconds=20))
    server.lists = lambda entry: replace(entry, modified=MONDAY, precision=MINUTE)
    server.answers = lambda stat: Stat(stat.size, None)
    server.fails("delete", FileProblemError("550 later"))
    bench.poll()
    server.answers = lambda stat: stat
    assert bench.poll().tally.problems == []
    assert server.files == {}


def test_a_file_that_another_has_removed_already_is_settled() -> None:
    server, bench = bench_with("/a.csv", after=After.DELETE)
    land = bench.incoming.put

    def removed_meanwhile(key: str, content: bytes, notes: dict[str, str]) -> None:
        land(key, content, notes)
        del server.files["/a.csv"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.incoming, "put", removed_meanwhile)
        report = bench.poll()
    assert (report.tally.problems, server.count("delete"), bench.records["/a.csv"].settled) == ([], 0, True)
