"""What a poll costs goes by what is listed and what waits, not by what a server ever had; nothing is given up."""

from __future__ import annotations

import hashlib
import tracemalloc
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.ingest.ledger import FileStatus
from headrace.domain.source import After, Complete, Protocol
from headrace.sources.model.source_file import RENEWED_AFTER, SourceFile, SourceStatus
from headrace.sources.poll import tally
from headrace.sources.poll.poller import poll
from headrace.usecases.unit.deduplicate import claim
from tests.functional.sources.conftest import ROWS, write
from tests.support.fakes import MemoryServices, contract, file
from tests.support.sources import Bench


def with_history(bench: Bench, files: int, at: datetime) -> None:
    """So many files that the server once had, long taken and moved away."""
    old = SourceFile(
        "carrier", "readings", "", 5, at, 1, at, SourceStatus.TAKEN, "key", "sha", taken_at=at, settled=True
    )
    kept = bench.source_ledger.records.setdefault(("carrier", "readings"), {})
    kept |= {f"/{number:06}.csv": replace(old, path=f"/{number:06}.csv") for number in range(files)}


@pytest.mark.parametrize("files", [10, 1_000, 50_000])
def test_a_poll_reads_as_much_whatever_the_server_had_before(start: Any, root: Path, files: int) -> None:
    for name in ("new1.csv", "new2.csv", "000003.csv"):
        write(root / name)
    _, bench = start(Protocol.FTP, complete=Complete.RENAME)
    with_history(bench, files, bench.clock.at)
    tracemalloc.start()
    report = bench.poll()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report.tally.files, bench.source_ledger.read) == (3, 1)
    assert peak < 4 << 20


def test_a_listing_that_is_empty_by_mistake_loses_nothing_and_takes_nothing_twice(start: Any, root: Path) -> None:
    write(root / "in" / "taken.csv")
    _, bench = start(Protocol.FTP, complete=Complete.RENAME, location="/in/*.csv")
    bench.poll()
    (root / "in").rename(root / "away")
    (root / "in").mkdir()
    bench.poll()
    (root / "in").rmdir()
    (root / "away").rename(root / "in")
    write(root / "in" / "new.csv", ROWS * 2)
    assert bench.poll().tally.files == 1
    assert sorted(len(versions) for versions in bench.incoming.landed.values()) == [1, 1]


def test_a_record_is_renewed_as_long_as_its_file_is_listed(start: Any, root: Path) -> None:
    """So that one which has not been renewed for long can expire, and no file is fetched twice for it."""
    write(root / "a.csv")
    _, bench = start(Protocol.FTP, complete=Complete.RENAME)
    bench.poll()
    first = bench.records["/a.csv"].listed_at
    bench.poll()
    assert bench.records["/a.csv"].listed_at == first
    bench.poll(after_minutes=RENEWED_AFTER.total_seconds() / 60)
    assert bench.records["/a.csv"].listed_at == bench.clock.at
    (root / "a.csv").unlink()
    last = bench.records["/a.csv"].listed_at
    bench.poll(after_minutes=RENEWED_AFTER.total_seconds() / 30)
    assert bench.records["/a.csv"].listed_at == last


def test_a_file_that_comes_back_after_it_was_forgotten_is_known_by_its_content(start: Any, root: Path) -> None:
    """It lands once more, under its old key, and the pipeline finds that the dataset has this content already."""
    write(root / "a.csv")
    _, bench = start(Protocol.FTP, complete=Complete.RENAME)
    bench.poll()
    bench.source_ledger.records.clear()
    assert bench.poll().tally.files == 1
    ((key, versions),) = bench.incoming.landed.items()
    assert versions == [ROWS, ROWS]
    services = MemoryServices()
    first = file("first", key=key, status=FileStatus.LOADED, sequencer="01")
    again = file("again", key=key, status=FileStatus.RUNNING, sequencer="02")
    services.ledger.given(first)
    services.ledger.given(again)
    holders = [claim(arrived, hashlib.sha256(ROWS).hexdigest(), contract(), services) for arrived in (first, again)]
    assert [holder and holder.file_id for holder in holders] == [None, first.file_id]


def test_what_a_server_refuses_for_a_while_is_taken_later_without_help(start: Any, root: Path) -> None:
    write(root / "a.csv")
    server, bench = start(Protocol.FTP, complete=Complete.RENAME)
    server.faults.refuse["RETR"] = "550 The process cannot access the file because it is being used by another process."
    for _ in range(3):
        bench.poll()
    record = bench.records["/a.csv"]
    assert (record.status, record.retry_at) == (SourceStatus.HELD, bench.clock.at + timedelta(hours=1))
    bench.poll()
    assert bench.records["/a.csv"].attempts == 3
    bench.poll(after_minutes=60)
    record = bench.records["/a.csv"]
    assert (record.attempts, record.retry_at) == (4, bench.clock.at + timedelta(hours=2))
    assert bench.titles == ["Source carrier: /a.csv is held"]
    server.faults.refuse.clear()
    bench.poll(after_minutes=130)
    assert bench.landed == {"a.csv": ROWS}
    assert bench.titles[1:] == ["Source carrier: /a.csv was taken after all"]
    assert bench.notices[-1].incident is None


def test_many_files_with_one_trouble_are_a_handful_of_messages(start: Any, root: Path) -> None:
    for number in range(20):
        write(root / f"{number}.csv")
    server, bench = start(Protocol.FTP, complete=Complete.RENAME, after=After.DELETE)
    server.faults.refuse["DELE"] = "550 Permission denied."
    bench.poll()
    assert len(bench.titles) == tally.ONE_BY_ONE + 1
    assert bench.titles[-1] == "Source carrier: 15 more files stay there"
    bench.poll()
    assert len(bench.titles) == tally.ONE_BY_ONE + 1


def test_wrong_checksums_of_many_files_fit_into_the_servers_record(
    start: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.sources.model.server_state.MOST_INCIDENTS", 3)
    monkeypatch.setattr(tally, "MOST_PROBLEMS", 4)
    for number in range(8):
        write(root / f"{number}.csv")
        write(root / f"{number}.csv.md5", b"0" * 32)
    _, bench = start(Protocol.FTP, complete=Complete.RENAME)
    for _ in range(3):
        report = bench.poll()
    assert len(bench.state.incidents) == 3
    assert (len(report.tally.problems), report.tally.more_problems) == (4, 4)
    assert sum(notice.incident is not None for notice in bench.notices) == 3


def test_an_error_that_nobody_foresaw_is_one_files(start: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        write(root / name)
    _, bench = start(Protocol.FTP, complete=Complete.RENAME)
    put = bench.incoming.put

    def broken(key: str, body: bytes, notes: dict[str, str]) -> None:
        if key.endswith("b.csv"):
            raise KeyError(key)
        put(key, body, notes)

    monkeypatch.setattr(bench.incoming, "put", broken)
    report = bench.poll()
    assert sorted(bench.landed) == ["a.csv", "c.csv"]
    assert "KeyError" in report.tally.problems[0]


def test_an_error_of_every_file_is_the_polls(start: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        write(root / f"{number}.csv")
    _, bench = start(Protocol.FTP, complete=Complete.RENAME, connections=1)

    def broken(*_: object) -> None:
        raise OSError("S3 is out of order")

    monkeypatch.setattr(bench.incoming, "put", broken)
    with pytest.raises(OSError, match="out of order"):
        bench.poll()
    assert all(record.status is SourceStatus.SEEN for record in bench.records.values())
    monkeypatch.undo()
    assert bench.poll().tally.files == 20


def test_polls_that_only_run_out_of_time_are_reported_after_an_hour(start: Any, root: Path) -> None:
    write(root / "a.csv")
    _, bench = start(Protocol.FTP, complete=Complete.RENAME)
    for _ in range(5):
        bench.clock.remaining = 0
        bench.clock.at += timedelta(minutes=15)
        poll("carrier", "poll", bench, bench.clock)
    assert bench.titles == ["Source carrier: 4 polls ran out of time without taking a file"]
    bench.clock.remaining = 900
    assert bench.poll().tally.files == 1
    assert bench.state.fruitless == 0
