"""One odd entry of a listing costs itself: its neighbours are taken, nothing is replaced, nothing is deleted for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.source import After, Complete, Protocol
from tests.functional.sources.conftest import ROWS, Make, write
from tests.support.sources import Bench
from tests.unit.sources.model.odd_listings import ODD

COMPOSED, DECOMPOSED = "caf\u00e9.csv", "cafe\u0301.csv"
GROWS = "\U0001d160"
"""Four bytes, of which the one form of Unicode that keys have makes twelve."""


@pytest.mark.parametrize("without", [set(), {"MLSD", "MLST"}], ids=["MLSD", "LIST"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_all_odd_lines_together_keep_no_neighbour_from_being_taken(
    start: Any, root: Path, without: set[str], zone: str
) -> None:
    write(root / "a.csv")
    server, bench = start(Protocol.FTP, {"without": without}, complete=Complete.RENAME, timezone=zone)
    how = "LIST" if without else "MLSD"
    server.faults.lines += [odd.line.replace("x.csv", f"x{n}.csv") for n, odd in enumerate(ODD) if odd.how == how]
    for _ in range(2):
        report = bench.poll()
        assert (report.trouble, bench.landed) == (None, {"a.csv": ROWS})
    assert bench.state.failures == 0


@pytest.mark.parametrize("protocol", list(Protocol))
def test_two_names_with_one_key_are_both_refused_and_neither_is_deleted(
    start: Any, root: Path, protocol: Protocol
) -> None:
    write(root / "a.csv")
    write(root / COMPOSED, ROWS * 2)
    write(root / DECOMPOSED, ROWS * 3)
    _, bench = start(protocol, complete=Complete.RENAME, after=After.DELETE)
    bench.poll()
    bench.poll()
    assert bench.landed == {"a.csv": ROWS}
    assert {path.name for path in root.iterdir()} == {COMPOSED, DECOMPOSED}
    assert bench.titles == ["Source carrier: 2 files refused"]
    assert r"/caf\xc3\xa9.csv: the names of two files read the same, neither is taken" in bench.notices[0].lines
    (root / COMPOSED).unlink()
    bench.poll()
    assert bench.landed == {"a.csv": ROWS, COMPOSED: ROWS * 3}
    assert list(root.iterdir()) == []


def test_a_twin_of_what_was_taken_replaces_nothing(make: Make, root: Path) -> None:
    write(root / DECOMPOSED)
    _, bench = make(complete=Complete.RENAME)
    bench.poll()
    write(root / COMPOSED, ROWS * 2)
    bench.poll()
    assert [len(versions) for versions in bench.incoming.landed.values()] == [1]
    (root / COMPOSED).unlink()
    assert bench.poll().tally.files == 0


def test_a_line_that_is_listed_twice_is_the_file_of_the_first(start: Any, root: Path) -> None:
    """What a file name with a line end in it can forge: the true file is taken, by the server's word on itself."""
    write(root / "a.csv")
    server, bench = start(Protocol.FTP, complete=Complete.RENAME)
    server.faults.lines.append("type=file;size=999;modify=20200101000000; a.csv")
    for _ in range(2):
        bench.poll()
    assert [len(versions) for versions in bench.incoming.landed.values()] == [1]
    assert bench.titles == ["Source carrier: 1 file refused"]
    assert bench.records["/a.csv"].status == "taken"


def test_names_that_differ_in_case_are_two_files(make: Make, root: Path) -> None:
    write(root / "a.csv")
    write(root / "A.csv", ROWS * 2)
    _, bench = make(complete=Complete.RENAME)
    bench.poll()
    assert bench.landed == {"a.csv": ROWS, "A.csv": ROWS * 2}


@pytest.mark.parametrize("name", ["x" * 1000 + ".csv", GROWS * 84 + ".csv", "\u00e9" * 500 + ".csv"])
def test_a_path_that_is_no_key_is_refused_by_the_length_that_it_would_have(start: Any, root: Path, name: str) -> None:
    write(root / "a.csv")
    server, bench = start(Protocol.FTP, complete=Complete.RENAME)
    server.faults.lines.append(f"type=file;size=3; {name}")
    bench.poll()
    assert bench.landed == {"a.csv": ROWS}
    assert "its path is too long for a key of S3" in bench.notices[0].lines[0]
    assert len(bench.notices[0].lines[0]) < 1000


def test_a_name_as_long_as_a_key_may_be_is_taken(start: Any, root: Path) -> None:
    name = GROWS * 20 + "x" * 150 + ".csv"
    write(root / name)
    _, bench = start(Protocol.SFTP, complete=Complete.RENAME)
    bench.poll()
    (key,) = bench.incoming.landed
    assert len(key.encode()) <= 1024


HIDDEN = [".hidden.csv", "._a.csv", ".in.a.csv"]


@pytest.mark.parametrize(
    ("location", "landed"),
    [
        ("/*.csv", ["a.csv"]),
        ("/?in*.csv", []),
        ("/[.]*.csv", []),
        ("/.*.csv", ["._a.csv", ".hidden.csv", ".in.a.csv"]),
        ("/*/*.csv", ["b/c.csv"]),
        ("/.b/*.csv", ["c.csv"]),
    ],
)
def test_a_pattern_means_no_hidden_name_unless_it_begins_with_a_point(
    make: Make, root: Path, location: str, landed: list[str]
) -> None:
    for name in ("a.csv", "b/c.csv", ".b/c.csv", *HIDDEN):
        write(root / name, name.encode())
    _, bench = make(complete=Complete.RENAME, location=location)
    bench.poll()
    assert sorted(bench.landed) == landed


@pytest.mark.parametrize("answer", ["550 No files found.", "450 No files found", "550 The directory is empty"])
@pytest.mark.parametrize("command", ["MLSD", "LIST"])
def test_an_empty_folder_that_is_listed_as_an_error_is_empty(start: Any, root: Path, answer: str, command: str) -> None:
    server, bench = start(Protocol.FTP, {"without": {"MLSD", "MLST"} if command == "LIST" else set()})
    server.faults.refuse[command] = answer
    report = bench.poll()
    assert (report.trouble, report.tally.closed, bench.titles) == (None, {}, [])


def test_files_of_one_name_in_two_folders_of_a_dataset_have_two_keys(make: Make, root: Path) -> None:
    write(root / "in" / "north" / "a.csv")
    write(root / "in" / "south" / "a.csv", ROWS * 2)
    _, bench = make(complete=Complete.RENAME, location="/in/north/*.csv")
    (north,) = bench.listed[0].sources
    bench.listed = Bench.of(north, replace(north, location="/in/south/*.csv")).listed
    bench.poll()
    assert bench.landed == {"north/a.csv": ROWS, "south/a.csv": ROWS * 2}


def test_a_loop_of_links_is_no_loop_of_ours(start: Any, root: Path) -> None:
    write(root / "in" / "a.csv")
    (root / "in" / "loop").symlink_to(root / "in")
    (root / "self.csv").symlink_to(root / "self.csv")
    _, bench = start(Protocol.SFTP, complete=Complete.RENAME, location="/*/*/*/*.csv")
    assert bench.poll().trouble is None
    assert bench.landed == {}
