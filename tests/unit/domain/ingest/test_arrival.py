"""Where a new object goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.ingest.arrival import MAX_FILE_BYTES, MAX_SPARK_BYTES, Cause, arrival_of, route
from headrace.domain.ingest.ledger import Arrival, FileStatus
from headrace.domain.ingest.replay import object_key
from headrace.domain.source import Protocol
from tests.support.fakes import contract
from tests.support.sources import source

EVENTS = Path(__file__).parents[4] / "events"


def arrival(**changes: Any) -> Arrival:
    given = {
        "bucket": "b",
        "key": "readings/a.csv",
        "version": "1",
        "size": 9,
        "etag": "e",
        "sequencer": "0",
        "at": "t",
    }
    return Arrival(**given | changes)  # type: ignore[arg-type]


def test_keys_come_as_they_are() -> None:
    message = json.loads((EVENTS / "starter.json").read_text())["Records"][0]
    assert arrival_of(json.loads(message["body"])).key == "readings/2026-11-21/meter 7+8.csv"


@pytest.mark.parametrize(
    ("given", "version", "size"), [({"version-id": "v", "size": 3}, "v", 3), ({"version-id": ""}, "e", 0), ({}, "e", 0)]
)
def test_an_event_is_an_arrival(given: dict[str, Any], version: str, size: int) -> None:
    """A bucket without versions has none: the ETag stands for it."""
    item = {"key": "readings/a", "etag": "e", "sequencer": "0A", **given}
    event = {"time": "2026-01-31T09:30:00Z", "detail": {"bucket": {"name": "landing"}, "object": item}}
    assert arrival_of(event) == Arrival(
        "landing", "readings/a", version, size, "e", "0A", "2026-01-31T09:30:00.000000Z"
    )  # fmt: skip


def test_longest_prefix_wins() -> None:
    wide, narrow = contract("wide", prefix="in/"), contract("narrow", prefix="in/narrow/")
    assert route(arrival(key="in/narrow/x"), [wide, narrow]).dataset == "narrow"
    assert route(arrival(key="in/x"), [wide, narrow]).dataset == "wide"


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"key": "elsewhere/a.csv"}, FileStatus.UNROUTABLE, "no contract has a prefix of this key"),
        ({"key": "readings/", "size": 0}, FileStatus.UNROUTABLE, "folder marker"),
        ({"size": 0}, FileStatus.FAILED, "empty"),
        ({"size": MAX_FILE_BYTES + 1}, FileStatus.FAILED, "split it"),
    ],
)
def test_what_cannot_be_loaded_is_final_with_a_reason(changes: Any, status: FileStatus, said: str) -> None:
    routing = route(arrival(**changes), [contract()])
    assert routing.status is status
    assert said in str(routing.reason)


@pytest.mark.parametrize(
    ("size", "spark", "status"),
    [
        (MAX_FILE_BYTES, False, FileStatus.PENDING),
        (MAX_FILE_BYTES + 1, False, FileStatus.FAILED),
        (MAX_FILE_BYTES + 1, True, FileStatus.PENDING),
        (MAX_SPARK_BYTES, True, FileStatus.PENDING),
        (MAX_SPARK_BYTES + 1, True, FileStatus.FAILED),
    ],
)
def test_a_glue_job_takes_files_that_are_too_large_for_a_function(size: int, spark: bool, status: FileStatus) -> None:
    routing = route(arrival(size=size), [contract()], spark=spark)
    assert routing.status is status
    assert (routing.cause is Cause.TOO_LARGE) is (status is FileStatus.FAILED)


@pytest.mark.parametrize(
    "below",
    [
        "_SUCCESS", "2026/_committed_123", "_temporary/0/part-0.csv", ".a.csv", "x/.hidden/a.csv", "a.csv.tmp",
        ".part-0.csv.crc", "x_$folder$", "~$a.csv", "a.csv.filepart",
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [0, 10])
def test_what_tools_leave_beside_files_is_passed_over_quietly(below: str, size: int) -> None:
    routing = route(arrival(key=f"readings/{below}", size=size), [contract()])
    assert (routing.dataset, routing.status, routing.cause) == ("", FileStatus.UNROUTABLE, None)
    assert str(routing.reason).startswith("ignored: a name in its key fits ")


@pytest.mark.parametrize("below", ["a.csv", "_region=eu/a.csv", "x/a_b.csv", "a.tmp.csv", "part", "a~$.csv"])
def test_other_names_are_files(below: str) -> None:
    assert route(arrival(key=f"readings/{below}"), [contract()]).status is FileStatus.PENDING


def test_a_contract_says_which_objects_are_its_files() -> None:
    given = contract(files=("*.csv", "*.csv.gz"), ignore=("old",))
    taken = {"a.csv", "x/b.csv.gz", "_c.csv"}
    for below in (*taken, "a.txt", ".a.csv", "old/a.csv"):
        routing = route(arrival(key=f"readings/{below}"), [given])
        assert (routing.status is FileStatus.PENDING) == (below in taken)
    assert route(arrival(key="readings/a.txt"), [given]).cause is Cause.OTHER
    assert route(arrival(key="readings/old/a.csv"), [given]).cause is None
    assert route(arrival(key="readings/_x.tmp"), [contract(ignore=())]).status is FileStatus.PENDING


def test_what_headrace_itself_put_there_is_a_file() -> None:
    given = contract(files=("*.dat",), sources=(source(Protocol.FTP, 21),))
    replayed = object_key(given, f"{'a' * 24}-{'b' * 16}")
    for key in (replayed, "readings/server=s/date=2026-01-01/hour=00/_a.tmp"):
        assert route(arrival(key=key), [given]).status is FileStatus.PENDING
    assert route(arrival(key="readings/server=s/_a.tmp"), [contract()]).status is FileStatus.UNROUTABLE


def test_identity_is_the_object_version() -> None:
    assert arrival().file_id == arrival(size=10, at="later").file_id
    assert arrival().file_id != arrival(version="2").file_id
    assert arrival(bucket="ab", key="c").file_id != arrival(bucket="a", key="bc").file_id
