"""What servers do wrong, each with what the ledger and the messages then say."""

from __future__ import annotations

import hashlib
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.sizes import LARGEST_FILE, PART_BYTES
from headrace.domain.source import After, Checksum, Complete, Protocol
from headrace.sources.adapters import patience
from headrace.sources.model import breaker
from headrace.sources.model.breaker import State
from headrace.sources.model.credentials import Credentials
from headrace.sources.model.source_file import SourceStatus
from headrace.sources.poll import remote_listing
from tests.functional.sources.conftest import ROWS, Make, write
from tests.servers.certificates import Authority
from tests.servers.faults import PASSWORD, USER
from tests.servers.ftp import FtpServer
from tests.servers.sftp import SftpServer
from tests.support.sources import Bench, TurnedClock, source

LARGE = os.urandom(3 * PART_BYTES + 4321)


# -- a server that does not answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["login", "listing"])
def test_a_server_that_hangs_is_tried_five_times_and_its_breaker_opens_after_three_polls(
    make: Make, root: Path, where: str
) -> None:
    write(root / "a.csv")
    server, bench = make(timeout_seconds=0.1)
    server.faults.hang_at = where
    first = bench.poll()
    assert "said nothing for 0.1 s" in str(first.trouble)
    assert [round(wait) for wait in bench.clock.slept] == [1, 2, 4, 8]
    assert (bench.state.breaker.state, bench.notices) == (State.CLOSED, [])
    bench.poll()
    bench.poll()
    assert (bench.state.breaker.state, bench.state.failures) == (State.OPEN, 3)
    assert bench.titles == ["Source carrier does not answer"]


def test_the_breaker_leaves_the_server_alone_then_one_try_decides(make: Make, root: Path) -> None:
    write(root / "a.csv")
    server, bench = make(timeout_seconds=0.1, breaker_failures=1, patience_seconds=3600)
    server.faults.hang_at = "login"
    bench.poll()
    tries = len(bench.clock.slept) + 1
    assert bench.poll(after_minutes=5).skipped == "its breaker is open"
    assert len(bench.clock.slept) + 1 == tries
    bench.poll()  # half open: one try, no waits
    assert (len(bench.clock.slept) + 1, bench.state.breaker.state) == (tries, State.OPEN)
    bench.poll(after_minutes=65)
    assert bench.titles == ["Source carrier does not answer", "Source carrier has been out of reach for too long"]
    assert bench.notices[-1].incident is not None
    assert (bench.notices[-1].incident.key, bench.notices[-1].incident.action) == ("headrace/source/carrier", "trigger")
    server.faults.hang_at = ""
    assert bench.poll(after_minutes=200).tally.files == 1
    assert (bench.state.breaker.state, bench.state.incidents) == (State.CLOSED, {})
    assert bench.titles[2:] == ["Source carrier answers again"]
    assert bench.notices[-1].incident is not None
    assert bench.notices[-1].incident.action == "resolve"


# -- a server that answers without an end --------------------------------------------------------------------------

LISTINGS = [(Protocol.FTP, set()), (Protocol.FTP, {"MLSD", "MLST"}), (Protocol.FTPS, set()), (Protocol.SFTP, set())]
LISTING_NAMES = ["MLSD", "LIST", "MLSD over TLS", "SFTP"]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try, given up early."""
    monkeypatch.setattr(breaker, "TRIES", 1)
    monkeypatch.setattr(patience, "TIMES", 2)


def lists_again_and_again(server: Any, name: str) -> None:
    """A file that the server has not, in the form of MLSD."""
    server.faults.names.append(name.encode())
    server.faults.lines.append(f"type=file;size=3;modify=20260101000000; {name}")
    server.faults.endless = True


@pytest.mark.parametrize(("protocol", "without"), LISTINGS, ids=LISTING_NAMES)
def test_a_listing_that_trickles_is_the_servers_failure(
    start: Any, root: Path, short: None, protocol: Protocol, without: set[str]
) -> None:
    write(root / "a.csv")
    server, bench = start(protocol, {"without": without}, timeout_seconds=1, breaker_failures=1)
    lists_again_and_again(server, "b.csv")
    server.faults.trickle = 0.001 if protocol is Protocol.SFTP else 0.05
    assert bench.poll().trouble == "its listing did not end within 2 s"
    assert (bench.state.breaker.state, bench.titles) == (State.OPEN, ["Source carrier does not answer"])
    server.faults.endless, server.faults.trickle = False, 0.0
    server.faults.lines.clear()
    server.faults.names.clear()
    assert bench.poll(after_minutes=60).tally.files == 1
    assert bench.titles[1:] == ["Source carrier answers again"]


@pytest.mark.parametrize(("protocol", "without"), LISTINGS, ids=LISTING_NAMES)
def test_a_listing_without_an_end_is_the_servers_failure(
    start: Any, root: Path, monkeypatch: pytest.MonkeyPatch, protocol: Protocol, without: set[str]
) -> None:
    monkeypatch.setattr(breaker, "TRIES", 1)
    server, bench = start(protocol, {"without": without}, timeout_seconds=30, breaker_failures=1)
    lists_again_and_again(server, "b" * 4000 + ".csv")
    assert bench.poll().trouble == "its listing is larger than 64 MiB"
    assert (bench.state.breaker.state, bench.records) == (State.OPEN, {})


def test_more_files_than_there_is_memory_for_are_told(start: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_listing, "MOST_FILES", 5)
    for number in range(6):
        write(root / str(number) / "a.csv")
    _, bench = start(Protocol.FTP, location="/*/*.csv", breaker_failures=1)
    assert bench.poll().trouble == "its listing has more than 5 files: move or delete what was taken"
    assert bench.titles == ["Source carrier does not answer"]


@pytest.mark.parametrize("command", ["login", "FEAT", "CWD", "MLST"])
def test_an_answer_that_does_not_end_is_the_servers_failure(start: Any, root: Path, short: None, command: str) -> None:
    write(root / "a.csv")
    server, bench = start(Protocol.FTP, timeout_seconds=0.3, breaker_failures=1)
    server.faults.babble.add(command)
    what = {"login": "login", "FEAT": "login", "CWD": "listing"}.get(command, "answer")
    assert bench.poll().trouble == f"its {what} did not end within 0.6 s"
    assert bench.state.breaker.state is State.OPEN


class SpentClock(TurnedClock):
    """Each look at it takes ten seconds."""

    def left(self) -> float:
        self.remaining -= 10
        return self.remaining


def test_time_that_many_healthy_folders_take_is_not_the_servers_failure(make: Make, root: Path) -> None:
    for number in range(90):
        write(root / f"{number:02}" / "a.csv")
    _, bench = make(location="/*/*.csv", breaker_failures=1)
    usual, bench.clock = bench.clock, SpentClock()
    report = bench.poll()
    assert (report.out_of_time, report.trouble, bench.landed) == (True, None, {})
    assert (bench.state.breaker.state, bench.state.failures, bench.titles) == (State.CLOSED, 0, [])
    bench.clock = usual
    assert bench.poll().tally.files == 90


def test_nobody_is_there(start: Any, root: Path) -> None:
    _, bench = start(Protocol.FTP)
    bench.listed = Bench.of(source(Protocol.FTP, 1)).listed
    assert "refused" in str(bench.poll().trouble)
    assert bench.state.failures == 1


def test_two_polls_of_one_server_never_run_at_the_same_time(make: Make, root: Path) -> None:
    _, bench = make()
    bench.source_ledger.lease("carrier", "another", bench.clock.at, bench.clock.at + timedelta(minutes=16))
    assert bench.poll(after_minutes=1).skipped == "another poll is on it"
    assert bench.poll(after_minutes=16).skipped is None


# -- a transfer that breaks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["", "data"])
def test_a_transfer_that_resets_or_hangs_goes_on_where_it_broke(make: Make, root: Path, how: str) -> None:
    write(root / "large.csv", LARGE)
    server, bench = make(timeout_seconds=1)
    server.faults.hang_at, server.faults.break_after, server.faults.times = how, PART_BYTES + 99, 2
    report = bench.poll()
    assert (report.trouble, report.tally.problems, report.tally.files) == (None, [], 1)
    assert bench.landed == {"large.csv": LARGE}
    assert server.faults.times == 0


def test_a_server_without_rest_is_read_from_the_beginning(start: Any, root: Path) -> None:
    write(root / "large.csv", LARGE)
    server, bench = start(Protocol.FTP, {"without": {"REST"}}, timeout_seconds=5)
    server.faults.break_after, server.faults.times = PART_BYTES + 99, 1
    assert bench.poll().tally.files == 1
    assert bench.landed == {"large.csv": LARGE}
    assert sum(line.startswith("RETR") for line in server.faults.commands) == 2


def test_a_transfer_that_ran_out_of_time_goes_on_in_the_next_poll(make: Make, root: Path) -> None:
    write(root / "large.csv", LARGE)
    server, bench = make(timeout_seconds=5, complete=Complete.RENAME)
    server.faults.break_after, server.faults.times = 2 * PART_BYTES + (1 << 20), 99
    bench.clock.during.append(lambda: setattr(bench.clock, "remaining", 10))
    report = bench.poll()
    assert (report.out_of_time, report.trouble, bench.landed) == (True, None, {})
    record = bench.records["/large.csv"]
    assert (record.status, record.upload is not None) == (SourceStatus.SEEN, True)
    server.faults.break_after = 0
    bench.clock.during.clear()
    assert bench.poll().tally.files == 1
    assert bench.incoming.copied_bytes >= PART_BYTES
    assert bench.landed == {"large.csv": LARGE}


def test_a_passive_address_that_is_wrong_is_not_followed(start: Any, root: Path) -> None:
    write(root / "a.csv")
    _, bench = start(Protocol.FTP, {"passive_address": "10.255.255.1"})
    assert bench.poll().tally.files == 1


# -- a file that is not what it should be --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".md5", ".sha256"])
def test_a_wrong_checksum_is_tried_three_times_then_held_and_somebody_is_called(
    make: Make, root: Path, suffix: str
) -> None:
    write(root / "a.csv")
    digest = hashlib.new(suffix[1:], b"something else").hexdigest()
    write(root / f"a.csv{suffix}", f"{digest}  a.csv\n".encode())
    _, bench = make()
    for _ in range(3):
        assert bench.notices == []
        assert f"a.csv{suffix} says {digest}" in bench.poll().tally.problems[0]
    assert bench.landed == {}
    assert (bench.records["/a.csv"].status, bench.records["/a.csv"].attempts) == (SourceStatus.HELD, 3)
    assert bench.titles == ["Source carrier: /a.csv is held"]
    assert list(bench.state.incidents) == ["headrace/source/carrier/readings/a.csv"]
    assert bench.poll().tally.problems == []
    digest = hashlib.new(suffix[1:], ROWS).hexdigest()
    write(root / f"a.csv{suffix}", f"{digest} *a.csv\n".encode(), at=1_772_000_100)
    bench.poll()
    assert bench.landed == {"a.csv": ROWS}
    assert bench.titles[1:] == ["Source carrier: /a.csv was taken after all"]
    assert bench.state.incidents == {}
    assert bench.state.breaker.state is State.CLOSED


def test_a_file_without_a_checksum_waits_for_one_where_it_is_required(make: Make, root: Path) -> None:
    write(root / "a.csv")
    _, bench = make(checksum=Checksum.REQUIRED)
    assert (bench.poll().tally.waiting, bench.landed) == (1, {})
    write(root / "a.csv.md5", hashlib.md5(ROWS).hexdigest().encode())
    bench.poll()
    assert bench.landed == {"a.csv": ROWS}


@pytest.mark.parametrize("lie", [7, -7])
def test_a_server_that_lies_about_sizes_gets_nothing_in(start: Any, root: Path, lie: int) -> None:
    write(root / "a.csv")
    server, bench = start(Protocol.FTP)
    server.faults.size_lie = lie
    for _ in range(3):
        problems = bench.poll().tally.problems
    assert f"says that it has {len(ROWS) + lie} bytes, and sends {len(ROWS)}" in problems[0]
    assert (bench.landed, bench.records["/a.csv"].status) == ({}, SourceStatus.HELD)
    assert bench.notices[-1].incident is None


def test_a_file_that_is_too_large_for_any_load_is_not_begun(start: Any, root: Path) -> None:
    write(root / "a.csv")
    server, bench = start(Protocol.FTP)
    server.faults.size_lie = LARGEST_FILE
    (problem,) = bench.poll().tally.problems
    assert "no file of more than 5 TiB is taken" in problem
    assert not any(line.startswith("RETR") for line in server.faults.commands)


def test_a_server_that_sends_more_than_it_says_is_not_listened_to_till_the_end(start: Any, root: Path) -> None:
    write(root / "a.csv", LARGE)
    server, bench = start(Protocol.FTP)
    server.faults.size_lie = 1000 - len(LARGE)
    (problem,) = bench.poll().tally.problems
    sent = int(problem.partition("and sends ")[2].split()[0].replace(",", ""))
    assert 1000 < sent < len(LARGE)
    assert bench.landed == {}


def test_what_was_staged_and_cannot_be_read_again_in_time_is_not_tried_for_ever(
    make: Make, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / "large.csv", LARGE)
    server, bench = make(timeout_seconds=5, complete=Complete.RENAME)
    server.faults.break_after, server.faults.times = 2 * PART_BYTES + (1 << 20), 99
    bench.clock.during.append(lambda: setattr(bench.clock, "remaining", 10))
    assert bench.poll().out_of_time
    bench.clock.during.clear()

    def slow(staged: str) -> Iterator[bytes]:
        bench.clock.remaining = 10
        yield bench.incoming.staged[staged]

    monkeypatch.setattr(bench.incoming, "read", slow)
    (problem,) = bench.poll().tally.problems
    assert "cannot be read again in the time of a poll" in problem


def test_a_file_that_grows_is_not_taken_before_it_stands_still(make: Make, root: Path) -> None:
    path = write(root / "a.csv")
    _, bench = make()

    def grow() -> None:
        with path.open("ab") as file:
            file.write(ROWS)

    bench.clock.during.append(grow)
    assert (bench.poll().tally.files, bench.landed) == (0, {})
    bench.clock.during.clear()
    bench.poll()
    assert bench.landed == {"a.csv": ROWS * 2}


def test_a_file_that_is_replaced_while_it_is_read_is_read_anew(make: Make, root: Path) -> None:
    path = write(root / "large.csv", LARGE)
    server, bench = make(timeout_seconds=5)
    server.faults.break_after, server.faults.times = PART_BYTES + 99, 1
    bench.clock.during.append(lambda: write(path, LARGE[::-1], at=1_772_009_999) if server.faults.times == 0 else None)
    assert "replaced while it was read" in bench.poll().tally.problems[0]
    assert (bench.landed, bench.incoming.uploads) == ({}, {})
    assert bench.records["/large.csv"].status is SourceStatus.SEEN
    bench.clock.during.clear()
    bench.poll()
    assert bench.landed == {"large.csv": LARGE[::-1]}


# -- rights --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "verb"), [(Protocol.FTP, "RETR"), (Protocol.SFTP, "open")])
def test_a_file_that_may_not_be_read_does_not_stop_its_neighbours(
    start: Any, root: Path, protocol: Protocol, verb: str
) -> None:
    write(root / "a.csv")
    server, bench = start(protocol)
    server.faults.refuse[verb] = "550 Permission denied."
    assert "Permission denied" in bench.poll().tally.problems[0]
    assert (bench.records["/a.csv"].attempts, bench.state.failures) == (1, 0)
    server.faults.refuse.clear()
    assert bench.poll().tally.files == 1


@pytest.mark.parametrize("answer", ["550 Permission denied.", "552 Disk full.", "452 Disk full."])
def test_a_file_that_cannot_be_moved_stays_taken_and_is_told_once(start: Any, root: Path, answer: str) -> None:
    write(root / "a.csv")
    (root / "taken").mkdir()
    server, bench = start(Protocol.FTP, after=After.MOVE, move_to="/taken")
    server.faults.refuse["RNTO"] = answer
    bench.poll()
    bench.poll()
    assert bench.titles == ["Source carrier: /a.csv stays there"]
    assert answer[4:] in bench.notices[0].lines[0]
    server.faults.refuse.clear()
    bench.poll()
    assert (root / "taken" / "a.csv").exists()
    assert [len(versions) for versions in bench.incoming.landed.values()] == [1]


def test_a_refused_password_is_tried_once_only(make: Make, root: Path) -> None:
    _, bench = make()
    bench.credentials = Credentials(USER, "wrong", host_keys=bench.credentials.host_keys, ca=bench.credentials.ca)
    assert "login was refused" in str(bench.poll().trouble)
    assert (bench.clock.slept, bench.state.breaker.state) == ([], State.OPEN)
    assert bench.state.trouble == "login refused"


# -- trust ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_a_changed_host_key_stops_the_source_before_it_learns_our_name(root: Path, kind: str) -> None:
    write(root / "a.csv")
    with SftpServer(root) as server:
        bench = Bench.of(source(Protocol.SFTP, server.port))
        bench.credentials = Credentials(USER, PASSWORD, host_keys=(server.host_key,))
        server.change_host_key(kind)
        assert "host key" in str(bench.poll().trouble)
        assert server.faults.commands == []
        assert bench.titles == ["Source carrier is not trusted any more, its files are not taken"]
        assert bench.notices[0].incident is not None
        bench.poll()
        assert len(bench.notices) == 1
        bench.credentials = Credentials(USER, PASSWORD, host_keys=(server.host_key,))
        assert bench.poll(after_minutes=60).tally.files == 1
        assert bench.notices[-1].incident is not None
        assert bench.notices[-1].incident.action == "resolve"


@pytest.mark.parametrize(
    ("certificate", "why"),
    [({"expired": True}, "certificate has expired"), ({"name": "files.example"}, "IP address mismatch")],
)
def test_a_certificate_that_is_not_valid_stops_the_source(
    root: Path, tmp_path: Path, certificate: dict[str, Any], why: str
) -> None:
    authority = Authority(tmp_path)
    with FtpServer(root, certificate=authority.certificate(**certificate)) as server:
        bench = Bench.of(source(Protocol.FTPS, server.port))
        bench.credentials = Credentials(USER, PASSWORD, ca=authority.pem)
        assert why in str(bench.poll().trouble)
        assert [line for line in server.faults.commands if line.startswith(("USER", "PASS"))] == []
        assert (bench.state.trouble, bench.state.breaker.state) == ("not trusted", State.OPEN)


# -- listings and names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "server",
    [{"style": "unix"}, {"style": "dos"}, {"latin": True}],
    ids=["without year", "DOS", "Windows-1252"],
)
def test_old_listings_with_blanks_and_umlauts(start: Any, root: Path, server: dict[str, Any]) -> None:
    recent = time.time() - 86400
    write(root / "März 2026  neu.csv", at=recent)
    write(root / "old.csv", ROWS * 2, at=recent - 400 * 86400)
    _, bench = start(Protocol.FTP, {"without": {"MLSD", "MLST"}} | server)
    bench.poll()
    assert bench.landed == {"März 2026  neu.csv": ROWS, "old.csv": ROWS * 2}
    assert bench.poll().tally.files == 0


def test_a_time_in_the_servers_zone_is_put_into_utc(start: Any, root: Path) -> None:
    write(root / "old.csv", at=1_700_000_000)
    server, bench = start(Protocol.FTP, {"without": {"MLSD", "MLST", "MDTM"}}, timezone="Asia/Tokyo")
    server.faults.lines.append("-rw-r--r--   1 owner group  45 2025-06-01 03:30 ghost.csv")
    bench.poll()
    assert any(key.startswith("readings/server=carrier/date=2023-11-1") for key in bench.incoming.landed)
    assert str(bench.records["/ghost.csv"].modified) == "2025-05-31 18:30:00+00:00"


@pytest.mark.parametrize("name", ["../escape.csv", "/etc/passwd.csv", "a\x07b.csv", "a\\b.csv", "a\x7f.csv"])
def test_names_that_try_to_escape_are_refused_and_told_once(start: Any, root: Path, name: str) -> None:
    write(root / "a.csv")
    server, bench = start(Protocol.FTP)
    server.faults.lines.append(f"type=file;size=3;modify=20260101000000; {name}")
    bench.poll()
    bench.poll()
    assert bench.landed == {"a.csv": ROWS}
    assert bench.titles == ["Source carrier: 1 file refused"]
    assert len(bench.refused) == 1


@pytest.mark.parametrize("name", [b"../escape.csv", b"/etc/passwd.csv", b"a\nb.csv"])
def test_names_that_try_to_escape_over_sftp(root: Path, name: bytes) -> None:
    write(root / "a.csv")
    with SftpServer(root) as server:
        server.faults.names.append(name)
        bench = Bench.of(source(Protocol.SFTP, server.port))
        bench.credentials = Credentials(USER, PASSWORD, host_keys=(server.host_key,))
        bench.poll()
    assert bench.landed == {"a.csv": ROWS}
    assert bench.titles == ["Source carrier: 1 file refused"]


def test_a_listing_that_nobody_can_read_is_the_servers_trouble(start: Any, root: Path) -> None:
    server, bench = start(Protocol.FTP, {"without": {"MLSD", "MLST"}})
    server.faults.lines.append("@@ who knows")
    assert "in no known format: '@@ who knows'" in str(bench.poll().trouble)


def test_a_folder_that_is_not_there_is_told_once_and_no_trouble_of_the_others(make: Make, root: Path) -> None:
    write(root / "a.csv")
    _, bench = make(breaker_failures=1)
    (good,) = bench.listed[0].sources
    bench.listed = Bench.of(replace(good, location="/nowhere/*.csv"), good).listed
    assert bench.poll().trouble is None
    bench.poll()
    assert bench.landed == {"a.csv": ROWS}
    assert bench.titles == ["Source carrier: 1 folder cannot be listed"]
    assert "readings: /nowhere: the server refuses /nowhere:" in bench.notices[0].lines[0]
    assert (bench.state.breaker.state, list(bench.state.closed_folders)) == (State.CLOSED, ["readings: /nowhere"])
    (root / "nowhere").mkdir()
    bench.poll()
    assert bench.titles[1:] == ["Source carrier: readings: /nowhere can be listed again"]
    assert bench.state.closed_folders == {}


def test_ten_thousand_known_files(start: Any, root: Path) -> None:
    for number in range(10_000):
        (root / f"{number:05}.csv").touch()
    _, bench = start(Protocol.FTP, complete=Complete.MARKER, timeout_seconds=60)
    assert bench.poll().tally.waiting == 10_000
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = bench.poll()
    assert report.tally.listed == 10_000
    assert len(bench.records) == 10_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100 * 1024
