"""Files that are where they should be: taken once, intact, under the right key, by each protocol."""

from __future__ import annotations

import os
from pathlib import Path

import asyncssh
import pytest

from headrace.domain.sizes import PART_BYTES
from headrace.domain.source import After, Complete, Protocol
from headrace.sources.model.credentials import Credentials
from headrace.sources.model.source_file import SourceStatus
from tests.functional.sources.conftest import ROWS, Make, write
from tests.servers.faults import USER
from tests.servers.sftp import SftpServer
from tests.support.sources import Bench, source


def test_a_file_is_taken_once_and_its_key_tells_where_it_is_from(make: Make, root: Path) -> None:
    write(root / "erste Messung ä.csv")
    _, bench = make()
    report = bench.poll()
    assert (report.trouble, report.tally.files) == (None, 1)
    assert bench.incoming.landed == {
        "readings/server=carrier/date=2026-02-25/hour=06/erste Messung ä.csv": [ROWS],
    }
    assert bench.poll().tally.files == 0
    assert bench.records["/erste Messung ä.csv"].status is SourceStatus.TAKEN


def test_a_large_file_comes_in_parts(make: Make, root: Path) -> None:
    body = os.urandom(2 * PART_BYTES + 12345)
    write(root / "large.csv", body)
    _, bench = make(timeout_seconds=10)
    bench.poll()
    assert bench.landed == {"large.csv": body}
    assert bench.incoming.uploads == {}


def test_a_changed_file_is_a_new_version_of_its_key(make: Make, root: Path) -> None:
    write(root / "a.csv")
    _, bench = make()
    bench.poll()
    write(root / "a.csv", ROWS * 2, at=1_772_090_000)
    bench.poll()
    assert bench.incoming.landed == {"readings/server=carrier/date=2026-02-25/hour=06/a.csv": [ROWS, ROWS * 2]}


def test_the_same_bytes_with_a_new_time_do_not_land_again(make: Make, root: Path) -> None:
    write(root / "a.csv")
    _, bench = make()
    bench.poll()
    write(root / "a.csv", at=1_772_090_000)
    bench.poll()
    assert [len(versions) for versions in bench.incoming.landed.values()] == [1]


def test_several_folders_by_a_pattern(make: Make, root: Path) -> None:
    write(root / "out" / "north" / "a.csv")
    write(root / "out" / "south" / "a.csv", ROWS * 2)
    write(root / "out" / "south" / "a.txt")
    _, bench = make(location="/out/*/*.csv")
    bench.poll()
    assert bench.landed == {"north/a.csv": ROWS, "south/a.csv": ROWS * 2}


@pytest.mark.parametrize("marker", ["a.csv.done", "a.done"])
def test_a_marker_says_that_a_file_is_whole(make: Make, root: Path, marker: str) -> None:
    write(root / "a.csv")
    _, bench = make(complete=Complete.MARKER)
    assert bench.poll().tally.files == 0
    write(root / marker, b"")
    bench.poll()
    assert bench.landed == {"a.csv": ROWS}


def test_a_file_is_renamed_when_it_is_whole(make: Make, root: Path) -> None:
    write(root / "a.csv.part")
    _, bench = make(complete=Complete.RENAME, location="/*")
    assert bench.poll().tally.listed == 1
    (root / "a.csv.part").rename(root / "a.csv")
    bench.poll()
    assert bench.landed == {"a.csv": ROWS}


def test_a_taken_file_is_moved(make: Make, root: Path) -> None:
    write(root / "a.csv")
    (root / "taken").mkdir()
    _, bench = make(after=After.MOVE, move_to="/taken")
    bench.poll()
    assert [path.name for path in root.glob("**/*.csv")] == ["a.csv"]
    assert (root / "taken" / "a.csv").read_bytes() == ROWS
    assert bench.records["/a.csv"].settled


def test_a_taken_file_is_deleted_only_when_it_is_in_s3(make: Make, root: Path) -> None:
    write(root / "a.csv")
    _, bench = make(after=After.DELETE)
    bench.incoming.size = lambda key: None  # type: ignore[method-assign]
    bench.poll()
    assert (root / "a.csv").exists()
    del bench.incoming.size
    bench.poll()
    assert not (root / "a.csv").exists()


def test_a_key_instead_of_a_password(root: Path) -> None:
    write(root / "a.csv")
    key = asyncssh.generate_private_key("ssh-ed25519")
    with SftpServer(root, client_key=key) as server:
        bench = Bench.of(source(Protocol.SFTP, server.port))
        private = key.export_private_key().decode()
        bench.credentials = Credentials(USER, private_key=private, host_keys=(server.host_key,))
        assert bench.poll().tally.files == 1


def test_no_more_connections_than_the_contract_allows(make: Make, root: Path) -> None:
    for number in range(20):
        write(root / f"{number:02}.csv", ROWS + bytes([number]))
    server, bench = make(connections=2)
    bench.poll()
    assert len(bench.landed) == 20
    assert server.faults.most_connections == 2
