"""Servers and producers that are not wrong, only awkward: each with what becomes of its files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.sizes import PART_BYTES
from headrace.domain.source import After, Complete, Protocol, Tls
from headrace.sources.model.breaker import State
from headrace.sources.model.credentials import Credentials
from headrace.sources.model.source_file import SourceStatus
from headrace.sources.poll.poller import server_named
from headrace.sources.poll.reset import reset_source
from headrace.sources.poll.transfer import FIRST_BYTES, ROOM_BYTES
from tests.functional.sources.conftest import ROWS, Make, write
from tests.servers.certificates import Authority
from tests.servers.faults import PASSWORD, USER
from tests.servers.ftp import FtpServer
from tests.servers.sftp import SftpServer
from tests.support.sources import Bench, source

MD5 = hashlib.md5(ROWS, usedforsecurity=False).hexdigest()


# -- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, FIRST_BYTES, FIRST_BYTES + 1, ROOM_BYTES + 1, PART_BYTES, PART_BYTES + 1])
def test_a_file_of_any_size_comes_whole(make: Make, root: Path, size: int) -> None:
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    write(root / "a.csv", body)
    _, bench = make(timeout_seconds=10)
    assert bench.poll().tally.problems == []
    assert bench.landed == {"a.csv": body}
    assert bench.records["/a.csv"].md5 == hashlib.md5(body, usedforsecurity=False).hexdigest()


def test_a_file_that_shrinks_while_it_is_read_is_read_anew(make: Make, root: Path) -> None:
    large = b"x" * (2 * PART_BYTES)
    path = write(root / "large.csv", large)
    server, bench = make(timeout_seconds=5)
    server.faults.break_after, server.faults.times = PART_BYTES + 99, 1
    bench.clock.during.append(lambda: write(path, ROWS) if server.faults.times == 0 else None)
    assert "was replaced while it was read" in bench.poll().tally.problems[0]
    bench.clock.during.clear()
    bench.poll()
    assert bench.landed == {"large.csv": ROWS}


# -- what a producer does ------------------------------------------------------------------------------------------


def test_a_checksum_that_comes_after_the_file_is_looked_at_without_reading_the_file_again(
    start: Any, root: Path
) -> None:
    write(root / "a.csv")
    server, bench = start(Protocol.FTP)
    bench.poll()
    write(root / "a.csv.md5", f"MD5 (a.csv) = {MD5.upper()}\n".encode())
    bench.poll()
    assert [line for line in server.faults.commands if line.startswith("RETR")] == ["RETR /a.csv", "RETR /a.csv.md5"]
    assert (bench.records["/a.csv"].status, bench.state.files_taken) == (SourceStatus.TAKEN, 1)


def test_other_content_of_the_same_size_and_time_is_seen_by_its_checksum(make: Make, root: Path) -> None:
    write(root / "a.csv")
    write(root / "a.csv.md5", MD5.encode())
    _, bench = make()
    bench.poll()
    other = ROWS.replace(b",1\n", b",2\n")
    write(root / "a.csv", other)
    write(root / "a.csv.md5", hashlib.md5(other).hexdigest().encode(), at=1_772_000_500)
    bench.poll()
    assert list(bench.incoming.landed.values()) == [[ROWS, other]]


def test_a_checksum_of_another_file_is_none(make: Make, root: Path) -> None:
    write(root / "a.csv")
    write(root / "a.csv.md5", f"{MD5}  xa.csv\n".encode())
    _, bench = make()
    assert "there is no MD5 of it in a.csv.md5" in bench.poll().tally.problems[0]
    assert bench.landed == {}


def test_a_held_file_that_is_deleted_there_ends_its_incident(make: Make, root: Path) -> None:
    path = write(root / "a.csv")
    write(root / "a.csv.md5", b"0" * 32)
    _, bench = make()
    for _ in range(3):
        bench.poll()
    assert list(bench.state.incidents) == ["headrace/source/carrier/readings/a.csv"]
    path.unlink()
    bench.poll()
    assert bench.titles == ["Source carrier: /a.csv is held", "Source carrier: /a.csv is no longer there"]
    assert bench.notices[-1].incident is not None
    assert (bench.notices[-1].incident.key, bench.notices[-1].incident.action) == (
        "headrace/source/carrier/readings/a.csv", "resolve",
    )  # fmt: skip
    assert (bench.state.incidents, bench.records["/a.csv"].status) == ({}, SourceStatus.GONE)
    bench.poll()
    assert len(bench.notices) == 2
    write(root / "a.csv")
    (root / "a.csv.md5").write_text(MD5)
    assert bench.poll().tally.files == 1


def test_a_folder_that_cannot_be_listed_does_not_make_its_files_gone(make: Make, root: Path) -> None:
    write(root / "out" / "a.csv")
    _, bench = make(location="/out/*.csv", complete=Complete.MARKER)
    bench.poll()
    (root / "out").rename(root / "away")
    bench.poll()
    assert bench.records["/out/a.csv"].status is SourceStatus.SEEN


def test_a_file_that_is_listed_and_never_found_is_held_after_three_polls(start: Any, root: Path) -> None:
    server, bench = start(Protocol.FTP)
    server.faults.lines.append("type=file;size=3;modify=20260101000000; ghost.csv")
    for _ in range(3):
        assert "/ghost.csv is no longer there" in bench.poll().tally.problems[0]
    assert bench.titles == ["Source carrier: /ghost.csv is held"]


# -- moving and deleting -------------------------------------------------------------------------------------------


def test_a_file_is_moved_beside_one_of_the_same_name_never_over_it(make: Make, root: Path) -> None:
    write(root / "a.csv")
    write(root / "taken" / "a.csv", b"of yesterday")
    _, bench = make(after=After.MOVE, move_to="/taken")
    bench.poll()
    (moved,) = set((root / "taken").iterdir()) - {root / "taken" / "a.csv"}
    assert (moved.read_bytes(), (root / "taken" / "a.csv").read_bytes()) == (ROWS, b"of yesterday")
    assert moved.name == f"a.csv.{bench.records['/a.csv'].taken_at:%Y%m%dT%H%M%SZ}"


@pytest.mark.parametrize(("protocol", "verb"), [(Protocol.FTP, "DELE"), (Protocol.SFTP, "remove")])
def test_a_file_that_cannot_be_deleted_is_told_once_and_not_taken_again(
    start: Any, root: Path, protocol: Protocol, verb: str
) -> None:
    write(root / "a.csv")
    server, bench = start(protocol, after=After.DELETE)
    server.faults.refuse[verb] = "550 Permission denied."
    bench.poll()
    bench.poll()
    assert bench.titles == ["Source carrier: /a.csv stays there"]
    assert (len(bench.landed), bench.state.files_taken) == (1, 1)
    server.faults.refuse.clear()
    bench.poll()
    assert not (root / "a.csv").exists()


def test_a_server_whose_lists_are_in_another_zone_than_its_answers_still_gets_its_file_moved(
    start: Any, root: Path
) -> None:
    """LIST in local time, MDTM in UTC, and a contract that does not say so."""
    write(root / "a.csv")
    (root / "taken").mkdir()
    _, bench = start(
        Protocol.FTP, {"without": {"MLSD", "MLST"}}, after=After.MOVE, move_to="/taken", timezone="Asia/Tokyo"
    )
    assert bench.poll().tally.problems == []
    assert (root / "taken" / "a.csv").exists()


# -- what a server is like -----------------------------------------------------------------------------------------


def test_tls_from_the_first_byte_on(root: Path, tmp_path: Path) -> None:
    write(root / "a.csv")
    authority = Authority(tmp_path)
    with FtpServer(root, certificate=authority.certificate(), implicit=True) as server:
        bench = Bench.of(source(Protocol.FTPS, server.port, tls=Tls.IMPLICIT))
        bench.credentials = Credentials(USER, PASSWORD, ca=authority.pem)
        assert (bench.poll().trouble, bench.landed) == (None, {"a.csv": ROWS})
        assert not [line for line in server.faults.commands if line.startswith("AUTH")]


def test_a_certificate_of_implicit_tls_is_checked_too(root: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with FtpServer(root, certificate=authority.certificate(expired=True), implicit=True) as server:
        bench = Bench.of(source(Protocol.FTPS, server.port, tls=Tls.IMPLICIT))
        bench.credentials = Credentials(USER, PASSWORD, ca=authority.pem)
        assert "certificate has expired" in str(bench.poll().trouble)
        assert server.faults.commands == []


def test_a_server_that_offers_no_tls_learns_no_password(start: Any, root: Path) -> None:
    server, bench = start(Protocol.FTPS, {"without": {"AUTH"}})
    assert "offers no TLS, so neither user nor password was sent to it" in str(bench.poll().trouble)
    assert not [line for line in server.faults.commands if line.startswith(("USER", "PASS"))]
    assert bench.state.trouble == "not trusted"


def test_a_server_that_allows_one_connection_only_is_served_with_one(start: Any, root: Path) -> None:
    for number in range(6):
        write(root / f"{number}.csv", ROWS + bytes([65 + number]))
    _, bench = start(Protocol.FTP, {"most_connections": 1}, connections=3)
    report = bench.poll()
    assert (report.trouble, report.tally.files) == (None, 6)
    assert bench.state.breaker.state is State.CLOSED


def test_a_server_that_forgets_the_login_is_asked_again(start: Any, root: Path) -> None:
    write(root / "a.csv")
    server, bench = start(Protocol.FTP, complete=Complete.RENAME)
    server.faults.refuse["MLST"] = "530 Please login with USER and PASS."
    bench.clock.during.append(server.faults.refuse.clear)
    assert (bench.poll().tally.problems, bench.landed) == ([], {"a.csv": ROWS})


@pytest.mark.parametrize("without", [set(), {"MLSD", "MLST"}], ids=["MLSD", "LIST"])
def test_a_name_with_a_line_end_does_not_hide_its_neighbours(start: Any, root: Path, without: set[str]) -> None:
    write(root / "a.csv")
    write(root / "b\nc.csv")
    _, bench = start(Protocol.FTP, {"without": without})
    bench.poll()
    report = bench.poll()
    assert (report.trouble, bench.landed) == (None, {"a.csv": ROWS})
    assert bench.titles == ["Source carrier: 1 file refused"]
    assert "/c.csv: a line of the listing that is in no known format" in bench.notices[0].lines[0]


def test_two_names_that_read_the_same_are_not_mixed_up(root: Path) -> None:
    for raw, body in ((b"\xc3\xa4.csv", ROWS), (b"\xe4.csv", ROWS * 2)):
        write(Path(bytes(root).decode()) / raw.decode("utf-8", "surrogateescape"), body)
    with SftpServer(root) as server:
        bench = Bench.of(source(Protocol.SFTP, server.port))
        bench.credentials = Credentials(USER, PASSWORD, host_keys=(server.host_key,))
        bench.poll()
    assert bench.landed == {}
    assert [record.reason for record in bench.refused] == [
        "the names of two files read the same, neither is taken",
        "the names of two files read the same, neither is taken",
    ]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"host_keys": ("ssh-ed25519 AAAA",)}, "a key in the secret headrace/sources/carrier cannot be read"),
        ({"private_key": "no key"}, "a key in the secret headrace/sources/carrier cannot be read"),
    ],
)
def test_a_secret_with_a_key_that_is_none_is_said_to_be_wrong(start: Any, root: Path, keys: Any, says: str) -> None:
    server, bench = start(Protocol.SFTP)
    bench.credentials = replace(bench.credentials, **keys)
    assert says in str(bench.poll().trouble)
    assert (bench.clock.slept, server.faults.commands) == ([], [])
    assert bench.titles == ["Source carrier cannot be asked: its secret is not in order"]
    bench.poll(after_minutes=70)
    assert bench.titles[1:] == ["Source carrier cannot be asked, its secret is not in order"]


# -- several at once -----------------------------------------------------------------------------------------------


def test_two_datasets_fetch_from_one_server_each_its_own(make: Make, root: Path) -> None:
    write(root / "a.csv")
    write(root / "b.txt", ROWS * 2)
    server, bench = make()
    (contract,) = bench.listed
    (mine,) = contract.sources
    other = replace(mine, dataset="letters", location="/*.txt")
    bench.listed.append(replace(contract, dataset="letters", prefix="letters/", sources=(other,)))
    assert bench.poll().tally.files == 2
    assert bench.landed == {"a.csv": ROWS, "b.txt": ROWS * 2}
    assert [key.partition("/")[0] for key in sorted(bench.incoming.landed)] == ["letters", "readings"]
    assert server.faults.most_connections <= 2


def test_a_reset_while_a_poll_is_under_way_is_not_undone_by_what_that_poll_finds(make: Make, root: Path) -> None:
    write(root / "a.csv")
    server, bench = make(timeout_seconds=0.1, breaker_failures=1)
    server.faults.hang_at = "login"
    bench.poll()
    named = server_named("carrier", bench)
    assert named is not None
    connect = bench.connect

    def reset_meanwhile(endpoint: Any, check: Any) -> Any:
        assert bench.state.breaker.state is State.HALF_OPEN
        reset_source(named, bench.source_ledger)
        return connect(endpoint, check)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "connect", reset_meanwhile)
        assert bench.poll(after_minutes=60).trouble
    assert (bench.state.breaker.state, bench.state.reason) == (State.CLOSED, None)
    server.faults.hang_at = ""
    assert bench.poll(after_minutes=1).tally.files == 1
