"""One file on its way into the landing bucket: what is asked, what is compared, and what is given up when."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.sizes import LARGEST_FILE
from headrace.domain.source import Checksum
from headrace.errors import CannotResumeError, FileProblemError, UnreachableError
from headrace.sources.model.source_file import SourceFile, SourceStatus
from headrace.sources.poll import fetch as module
from headrace.sources.poll import transfer
from tests.support.memory_server import MONDAY, ROWS, MemoryServer
from tests.support.sources import Bench

KEY = "readings/server=carrier/date=2026-03-02/hour=12/a.csv"
MD5, SHA = hashlib.md5(ROWS, usedforsecurity=False).hexdigest(), hashlib.sha256(ROWS).hexdigest()


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pieces of the server make a part of S3."""
    monkeypatch.setattr(transfer, "FIRST_BYTES", 16)
    monkeypatch.setattr(transfer, "PART_BYTES", 48)
    monkeypatch.setattr(transfer, "part_bytes", lambda _: 48)


def served(body: bytes = ROWS, **changes: Any) -> tuple[MemoryServer, Bench]:
    """A server with one file, `/a.csv`."""
    server = MemoryServer()
    server.put("/a.csv", body)
    return server, Bench.in_memory(server, **changes)


def record(bench: Bench) -> SourceFile:
    return bench.records["/a.csv"]


def problem(bench: Bench) -> str:
    """What one poll says of the one file that it could not take."""
    (said,) = bench.poll().tally.problems
    return said


# -- what is written down -------------------------------------------------------------------------------------------


def test_a_file_that_is_taken_is_known_by_all_that_can_be_said_of_it() -> None:
    server, bench = served()
    before = bench.clock.at
    bench.poll()
    taken = record(bench)
    assert (taken.status, taken.key, taken.md5, taken.sha256) == (SourceStatus.TAKEN, KEY, MD5, SHA)
    assert (taken.size, taken.modified, taken.stamp) == (len(ROWS), MONDAY, MONDAY)
    assert (taken.attempts, taken.reason, taken.upload, taken.staged) == (0, None, None, None)
    assert taken.taken_at is not None
    assert taken.taken_at > before
    assert server.asked == [
        ("connect", ""), ("entries", "/"), ("stat", "/a.csv"), ("read", "/a.csv"),
        *[("piece", "/a.csv")] * -(-len(ROWS) // 16), ("end", "/a.csv"), ("stat", "/a.csv"),
    ]  # fmt: skip


def test_it_lands_with_notes_of_where_it_is_from_and_what_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _, bench = served()
    notes: list[dict[str, str]] = []
    monkeypatch.setattr(bench.incoming, "put", lambda key, body, given: notes.append(given))
    monkeypatch.setattr(bench.incoming, "land", lambda *given: notes.append(given[-1]))
    bench.poll()
    assert notes == [{"source-server": "carrier", "sha256": SHA, "md5": MD5}]


@given(body=st.binary(max_size=200), breaks=st.lists(st.integers(1, 12), max_size=4))
def test_however_often_the_connection_breaks_the_file_comes_whole(body: bytes, breaks: list[int]) -> None:
    """Each break after so many pieces; what has come is not asked for again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "FIRST_BYTES", 16)
        patch.setattr(transfer, "PART_BYTES", 48)
        patch.setattr(transfer, "part_bytes", lambda _: 48)
        server, bench = served(body)
        after = iter(breaks)
        left = [next(after, 0)]

        def breaks_off(verb: str, _: str) -> None:
            if verb != "piece" or not left[0]:
                return
            left[0] -= 1
            if not left[0]:
                left[0] = next(after, 0)
                raise UnreachableError("it broke off")

        server.faults.append(breaks_off)
        report = bench.poll()
        if report.trouble is None:
            assert (report.tally.files, bench.landed) == (1, {"a.csv": body})
            assert server.count("connect") == len(server.reads)
            offsets = [offset for _, offset in server.reads]
            assert offsets == sorted(offsets)
            pieces = server.count("piece")
            assert pieces == -(-len(body) // 16) + len(offsets) - 1
        else:
            assert len(breaks) == 4 or not body
            assert bench.landed == {}


# -- sizes ----------------------------------------------------------------------------------------------------------


def test_what_a_server_says_of_the_file_alone_counts_more_than_its_listing() -> None:
    """Listings are cached; and of some servers the size in them is that of the file in another form."""
    server, bench = served()
    server.lists = lambda entry: replace(entry, size=3)
    report = bench.poll()
    assert (report.tally.files, bench.landed) == (1, {"a.csv": ROWS})


def test_a_server_that_knows_neither_size_nor_time_is_taken_at_its_word() -> None:
    server, bench = served()
    server.knows_nothing()
    assert (bench.poll().tally.files, bench.state.bytes_taken) == (1, 0)
    assert record(bench).stamp is None
    (key,) = bench.incoming.landed
    assert key == f"readings/server=carrier/date={bench.clock.at:%Y-%m-%d}/hour={bench.clock.at:%H}/a.csv"


@pytest.mark.parametrize(
    ("says", "what"),
    [
        (len(ROWS) + 1, f"the server says that it has {len(ROWS) + 1} bytes, and sends {len(ROWS)}"),
        (len(ROWS) - 1, f"the server says that it has {len(ROWS) - 1} bytes, and sends {len(ROWS)}"),
        (5, "the server says that it has 5 bytes, and sends 16"),
        (LARGEST_FILE + 1, "no file of more than 5 TiB is taken"),
    ],
)
def test_a_size_that_is_not_true_is_the_files_problem(says: int, what: str) -> None:
    server, bench = served()
    server.put("/a.csv", says=says)
    assert what in problem(bench)
    assert (bench.landed, bench.incoming.uploads, record(bench).attempts) == ({}, {}, 1)
    assert server.count("read") == (0 if says > LARGEST_FILE else 2 if says > len(ROWS) else 1)


def test_a_file_that_ends_early_is_asked_for_again_where_it_ended() -> None:
    """Some servers close a transfer that breaks as if it had ended."""
    server, bench = served()
    whole, cut = server.files["/a.csv"], replace(server.files["/a.csv"], body=ROWS[:20], says=len(ROWS))
    server.files["/a.csv"] = cut
    bench.clock.during.append(lambda: server.files.update({"/a.csv": whole}))
    assert bench.poll().tally.files == 1
    assert (bench.landed, [offset for _, offset in server.reads]) == ({"a.csv": ROWS}, [0, 20])


def test_a_file_of_unknown_size_has_an_end_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.domain.sizes.LARGEST_FILE", 40)
    monkeypatch.setattr(module, "LARGEST_FILE", 40)
    server, bench = served(bytes(400))
    server.knows_nothing()
    assert "it has 48 bytes: no file of more than 5 TiB is taken" in problem(bench)
    assert server.count("piece") == 3
    server.put("/a.csv", bytes(40))
    assert bench.poll().tally.files == 1


def test_parts_are_as_large_as_the_size_that_was_announced_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    announced: list[int | None] = []

    def noted(size: int | None) -> int:
        announced.append(size)
        return 48

    monkeypatch.setattr(transfer, "part_bytes", noted)
    server, bench = served(bytes(200))
    bench.poll()
    server.knows_nothing()
    server.put("/a.csv", bytes(100))
    bench.poll()
    assert announced == [200, None]


# -- changes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [1, 5, 9])
@pytest.mark.parametrize("how", ["replaced", "deleted"])
def test_a_file_that_changes_while_it_is_read_is_seen_anew(at: int, how: str) -> None:
    """Whether it is with the first piece, in between or with the last one: nothing of it stays in S3."""
    server, bench = served(bytes(144))
    pieces = [0]

    def changes(verb: str, _: str) -> None:
        pieces[0] += verb == "piece"
        if pieces[0] == at:
            if how == "replaced":
                server.put("/a.csv", bytes(144), MONDAY + timedelta(minutes=1))
            else:
                server.files.pop("/a.csv", None)

    server.faults.append(changes)
    said = problem(bench)
    assert ("was replaced while it was read" if how == "replaced" else "is no longer there") in said
    assert (bench.landed, bench.incoming.uploads, bench.incoming.staged) == ({}, {}, {})
    assert record(bench).since == bench.clock.at


def test_a_file_that_is_replaced_while_the_connection_is_made_again_is_not_joined_to_the_old_one() -> None:
    server, bench = served()
    pieces = [0]

    def breaks_off(verb: str, _: str) -> None:
        pieces[0] += verb == "piece"
        if pieces[0] == 2 and verb == "piece":
            server.put("/a.csv", ROWS[::-1], MONDAY + timedelta(minutes=1))
            raise UnreachableError("it broke off")

    server.faults.append(breaks_off)
    assert "was replaced while it was read" in problem(bench)
    assert (bench.landed, server.reads) == ({}, [("/a.csv", 0)])


def test_a_server_that_cannot_go_on_in_the_middle_begins_again() -> None:
    server, bench = served()
    broken = [False, False]

    def fault(verb: str, _: str) -> None:
        if verb == "piece" and server.count("piece") == 3 and not broken[0]:
            broken[0] = True
            raise UnreachableError("it broke off")
        if verb == "read" and broken[0] and not broken[1]:
            broken[1] = True
            raise CannotResumeError("REST is not known")

    server.faults.append(fault)
    assert bench.poll().tally.files == 1
    assert (bench.landed, server.reads) == ({"a.csv": ROWS}, [("/a.csv", 0), ("/a.csv", 0)])


# -- over several polls ---------------------------------------------------------------------------------------------


def until_time_is_over(server: MemoryServer, bench: Bench, pieces: int) -> None:
    """The poll's time is over after so many pieces."""
    seen = [0]

    def spent(verb: str, _: str) -> None:
        seen[0] += verb == "piece"
        if seen[0] == pieces:
            bench.clock.remaining = 0

    server.faults.append(spent)


def test_what_one_poll_has_staged_is_not_fetched_by_the_next() -> None:
    body = bytes(range(200))
    server, bench = served(body)
    until_time_is_over(server, bench, pieces=7)
    report = bench.poll()
    assert (report.out_of_time, report.trouble, report.tally.problems) == (True, None, [])
    waits = record(bench)
    assert waits.status is SourceStatus.SEEN
    assert waits.staged is not None
    assert waits.staged.startswith("incoming/carrier/")
    assert waits.upload in bench.incoming.uploads
    server.faults.clear()
    assert bench.poll().tally.files == 1
    assert server.reads == [("/a.csv", 0), ("/a.csv", 96)]
    assert bench.landed == {"a.csv": body}
    assert (record(bench).upload, record(bench).staged, bench.incoming.copied_bytes) == (None, None, 96)


def test_of_a_file_that_is_another_by_now_nothing_old_is_taken_up() -> None:
    server, bench = served(bytes(200))
    until_time_is_over(server, bench, pieces=7)
    bench.poll()
    first = record(bench).staged
    server.faults.clear()
    server.put("/a.csv", b"x" * 200, MONDAY + timedelta(hours=1))
    until_time_is_over(server, bench, pieces=7)
    bench.poll()
    assert record(bench).staged not in {None, first}
    server.faults.clear()
    bench.poll()
    assert bench.landed == {"a.csv": b"x" * 200}


def test_what_cannot_be_read_again_within_a_poll_is_the_files_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    server, bench = served(bytes(200))
    until_time_is_over(server, bench, pieces=7)
    bench.poll()
    server.faults.clear()
    read = bench.incoming.read

    def slow(staged: str) -> Any:
        bench.clock.remaining = 0
        yield from read(staged)

    monkeypatch.setattr(bench.incoming, "read", slow)
    assert "what earlier polls have staged cannot be read again in the time of a poll" in problem(bench)
    assert (record(bench).upload, record(bench).staged) == (None, None)


# -- content and keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [ROWS, bytes(200)])
def test_the_same_bytes_under_a_new_time_do_not_land_again(body: bytes) -> None:
    server, bench = served(body)
    bench.poll()
    server.put("/a.csv", body, at=MONDAY + timedelta(days=1))
    bench.poll()
    assert [len(versions) for versions in bench.incoming.landed.values()] == [1]
    taken = record(bench)
    assert (taken.key, taken.stamp, taken.status) == (KEY, MONDAY + timedelta(days=1), SourceStatus.TAKEN)
    assert bench.incoming.uploads == {}


@pytest.mark.parametrize("replace_versions", [True, False])
def test_a_changed_file_is_a_new_version_where_versions_replace_each_other_else_a_new_key(
    replace_versions: bool,
) -> None:
    server, bench = served()
    bench.listed = [replace(bench.listed[0], replace_versions=replace_versions)]
    bench.poll()
    server.put("/a.csv", ROWS * 2, MONDAY + timedelta(days=1))
    bench.poll()
    second = KEY if replace_versions else KEY.replace("03-02", "03-03")
    assert record(bench).key == second
    assert [body for bodies in bench.incoming.landed.values() for body in bodies] == [ROWS, ROWS * 2]


def test_keys_begin_behind_the_folder_that_the_servers_locations_share() -> None:
    server, bench = served()
    server.files = {
        "/out/north/a.csv": server.files["/a.csv"],
        "/out/south/a.csv": replace(server.files["/a.csv"], body=ROWS * 2),
    }
    (one,) = bench.listed[0].sources
    elsewhere = replace(one, server="another", location="/*.csv")
    sources = (replace(one, location="/out/north/*.csv"), replace(one, location="/out/south/*.csv"), elsewhere)
    bench.listed = [replace(bench.listed[0], sources=sources)]
    bench.poll()
    assert bench.landed == {"north/a.csv": ROWS, "south/a.csv": ROWS * 2}


# -- checksums ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["md5", "sha256"])
@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{digest}  a.csv\n", ""),
        ("{digest}\n", ""),
        ("{other}  a.csv\n", "its {KIND} is {digest}, a.csv.{kind} says {other}"),
        ("{digest}  b.csv\n", "there is no {KIND} of it in a.csv.{kind}"),
        ("{long}  a.csv\n", "there is no {KIND} of it in a.csv.{kind}"),
        ("", "there is no {KIND} of it in a.csv.{kind}"),
    ],
)
def test_the_checksum_beside_a_file_decides(kind: str, text: str, wrong: str) -> None:
    digest = {"md5": MD5, "sha256": SHA}[kind]
    words = {
        "kind": kind, "KIND": kind.upper(), "digest": digest, "other": digest[::-1],
        "long": {"md5": SHA, "sha256": MD5}[kind],
    }  # fmt: skip
    server, bench = served()
    server.put(f"/a.csv.{kind}", text.format(**words).encode())
    if wrong:
        assert problem(bench) == f"/a.csv: {wrong.format(**words)}"
        assert bench.landed == {}
    else:
        assert (bench.poll().tally.problems, bench.landed) == ([], {"a.csv": ROWS})


@pytest.mark.parametrize(
    ("checksum", "hashes", "sums", "said"),
    [
        (Checksum.AUTO, False, {}, ""),
        (Checksum.AUTO, True, {}, ""),
        (Checksum.AUTO, True, {"sha256": SHA}, ""),
        (Checksum.AUTO, True, {"md5": "0" * 32}, f"its MD5 is {MD5}, the server says {'0' * 32}"),
        (Checksum.AUTO, True, {"md5": MD5, "sha256": "0" * 64}, f"its SHA256 is {SHA}, the server says {'0' * 64}"),
        (Checksum.REQUIRED, True, {"md5": MD5}, ""),
        (Checksum.REQUIRED, True, {}, "the contract requires a checksum, and there is none to be had"),
        (Checksum.IGNORE, True, {"md5": "0" * 32}, ""),
    ],
)
def test_a_server_that_computes_checksums_is_believed(
    checksum: Checksum, hashes: bool, sums: dict[str, str], said: str
) -> None:
    server, bench = served(checksum=checksum)
    server.hashes, server.sums = hashes, {"/a.csv": sums}
    assert bench.poll().tally.problems == ([f"/a.csv: {said}"] if said else [])
    assert bench.landed == ({} if said else {"a.csv": ROWS})
    assert server.count("checksum") == int(hashes and checksum is not Checksum.IGNORE)


def test_a_wrong_checksum_is_tried_three_times_and_then_waits_for_other_bytes() -> None:
    server, bench = served(checksum=Checksum.REQUIRED)
    server.hashes = True
    for attempts in (1, 2, 3):
        assert record(bench).attempts == attempts - 1 if attempts > 1 else True
        problem(bench)
    assert (record(bench).status, record(bench).retry_at) == (SourceStatus.HELD, None)
    assert bench.poll().tally.problems == []


def test_a_checksum_file_has_a_size_at_which_it_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_CHECKSUM_FILE", 40)
    server, bench = served()
    server.put("/a.csv.md5", MD5.encode() + b" " * 9)
    assert "a.csv.md5 is too large for a checksum" in problem(bench)
    assert server.count("piece") == -(-len(ROWS) // 16) + 3
    server.put("/a.csv.md5", MD5.encode() + b" " * 8)
    assert bench.poll().tally.files == 1


def test_a_checksum_that_comes_later_is_compared_without_reading_the_file_again() -> None:
    server, bench = served()
    bench.poll()
    taken = record(bench)
    server.put("/a.csv.md5", MD5.encode())
    assert bench.poll().tally.files == 0
    again = record(bench)
    assert [path for path, _ in server.reads] == ["/a.csv", "/a.csv.md5"]
    assert (again.status, again.taken_at, again.attempts) == (SourceStatus.TAKEN, taken.taken_at, 0)
    assert again.partner != taken.partner


def test_a_checksum_that_comes_later_and_is_another_has_the_file_read_once_more() -> None:
    server, bench = served()
    bench.poll()
    other = ROWS.replace(b",1\n", b",2\n")
    server.put("/a.csv", other)
    server.put("/a.csv.sha256", hashlib.sha256(other).hexdigest().encode(), MONDAY + timedelta(hours=1))
    bench.poll()
    assert list(bench.incoming.landed.values()) == [[ROWS, other]]


def test_a_file_that_may_not_be_read_is_no_trouble_of_the_server() -> None:
    server, bench = served()
    server.put("/b.csv", ROWS * 2)
    server.fails("read", FileProblemError("550 Permission denied."), path="/a.csv")
    assert problem(bench) == "/a.csv: 550 Permission denied."
    assert bench.landed == {"b.csv": ROWS * 2}
    assert (record(bench).reason, bench.state.failures) == ("550 Permission denied.", 0)


def test_the_time_of_a_key_is_the_files_own_or_else_ours() -> None:
    server, bench = served()
    server.put("/a.csv", at=datetime(2025, 12, 31, 23, 59, tzinfo=UTC))
    bench.poll()
    assert list(bench.incoming.landed) == ["readings/server=carrier/date=2025-12-31/hour=23/a.csv"]
