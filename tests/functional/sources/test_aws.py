"""The same promises with the ledger's table and S3 behind them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from headrace.domain.sizes import PART_BYTES
from headrace.domain.source import After, Complete, Protocol
from headrace.errors import LeaseLostError
from headrace.sources.adapters.ledger import DynamoSourceLedger
from headrace.sources.adapters.staging import S3Incoming
from headrace.sources.model.breaker import Breaker, State
from headrace.sources.model.server_state import ServerState
from headrace.sources.model.source_file import SourceFile, SourceStatus
from headrace_local import laptop
from headrace_local.state import LaptopState
from tests.functional.sources.conftest import ROWS, write
from tests.support.sources import Bench, MemorySourceLedger

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LAKE, LANDING, TABLE = "lake", "landing", "ledger"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopState]:
    """An emulated AWS with two buckets and the ledger's table."""
    home = tmp_path_factory.mktemp("aws") / "home"
    state = laptop.up(home)
    s3, dynamodb = (boto3.client(service, **state.client_arguments()) for service in ("s3", "dynamodb"))
    s3.create_bucket(Bucket=LAKE)
    s3.create_bucket(Bucket=LANDING)
    s3.put_bucket_versioning(Bucket=LANDING, VersioningConfiguration={"Status": "Enabled"})
    keys, index = {"pk": "HASH", "sk": "RANGE"}, {"dataset_files": "HASH", "arrived_at": "RANGE"}
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (keys | index)],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_dataset",
                "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in index.items()],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    yield state
    laptop.down(home)


@pytest.fixture
def s3(aws: LaptopState) -> Any:
    return boto3.client("s3", **aws.client_arguments())


@pytest.fixture(params=["memory", "table"])
def ledger(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemorySourceLedger()
    state: LaptopState = request.getfixturevalue("aws")
    return DynamoSourceLedger(boto3.client("dynamodb", **state.client_arguments()), TABLE)


def test_a_server_is_leased_to_one_poll_at_a_time(ledger: Any) -> None:
    until = NOON + timedelta(minutes=16)
    first = ledger.lease("leased", "one", NOON, until)
    assert first == ServerState("leased", turn=1)
    assert ledger.lease("leased", "two", NOON, until) is None
    again = ledger.lease("leased", "one", NOON, until)
    assert again == ServerState("leased", turn=2)
    ledger.release(first)
    assert ledger.lease("leased", "two", NOON, until) is None
    other = ledger.lease("leased", "two", NOON + timedelta(minutes=17), until + timedelta(minutes=17))
    assert other.turn == 3
    ledger.release(again)
    assert ledger.lease("leased", "one", NOON + timedelta(minutes=18), until) is None
    ledger.release(other)
    assert ledger.lease("leased", "one", NOON + timedelta(minutes=18), until) is not None


def test_what_a_late_poll_writes_is_refused(ledger: Any) -> None:
    until = NOON + timedelta(minutes=16)
    late = ledger.lease("late", "one", NOON, until)
    now = ledger.lease("late", "one", NOON, until)
    seen = SourceFile("late", "d", "/a", 1, None, 1, NOON)
    taken = replace(seen, status=SourceStatus.TAKEN, key="key")
    ledger.save(taken, now.turn)
    with pytest.raises(LeaseLostError):
        ledger.save(seen, late.turn)
    with pytest.raises(LeaseLostError):
        ledger.save_all([seen], late.turn)
    with pytest.raises(LeaseLostError):
        ledger.save_state(replace(late, files_taken=7))
    ledger.save_state(replace(now, files_taken=8))
    assert ledger.files("late", "d", ["/a"]) == {"/a": taken}
    assert ledger.state("late").files_taken == 8


def test_a_file_that_is_done_with_expires_by_its_last_listing(aws: LaptopState) -> None:
    """Long after the renewal of a file that is still listed, and never while it waits."""
    client = boto3.client("dynamodb", **aws.client_arguments())
    ledger = DynamoSourceLedger(client, TABLE, keep_days=400)
    turn = 1
    seen = SourceFile("expiring", "d", "/a", 1, None, 1, NOON, listed_at=NOON + timedelta(days=3))
    expiring: dict[str, list[Any]] = {}
    for status in SourceStatus:
        ledger.save_all([replace(seen, path=f"/{status}", status=status)], turn)
        ledger.save(replace(seen, path=f"/{status}", status=status), turn)
    for page in client.get_paginator("scan").paginate(TableName=TABLE):
        for item in page["Items"]:
            if item["pk"]["S"].startswith("SERVER#expiring#"):
                expiring.setdefault(item["status"]["S"], []).append(item.get("expires"))
    then = {"N": str(int((NOON + timedelta(days=403)).timestamp()))}
    assert expiring == {"seen": [None], "held": [None], "taken": [then], "gone": [then], "refused": [then]}
    assert ledger.files("expiring", "d", ["/taken"])["/taken"].listed_at == seen.listed_at
    assert ledger.open_paths("expiring", "d") == {"/seen", "/held"}


def test_only_what_waits_is_open(ledger: Any) -> None:
    seen = SourceFile("open", "d", "/seen", 1, None, 1, NOON)
    held = replace(seen, path="/held", status=SourceStatus.HELD, attempts=3, retry_at=NOON)
    taken = replace(seen, path="/taken", status=SourceStatus.TAKEN)
    ledger.save_all([seen, held, taken, replace(seen, path="/was open")], 1)
    ledger.save(replace(seen, path="/was open", status=SourceStatus.GONE), 1)
    assert ledger.open_paths("open", "d") == {"/seen", "/held"}
    assert ledger.open_paths("open", "other") == set()
    assert ledger.let_go(held)
    assert not ledger.let_go(held)
    assert ledger.files("open", "d", ["/held"])["/held"] == replace(
        held, status=SourceStatus.SEEN, attempts=0, retry_at=None
    )
    assert ledger.open_paths("open", "d") == {"/seen", "/held"}


def test_what_is_refused_is_kept_apart_from_files_that_read_the_same(ledger: Any) -> None:
    taken = SourceFile("odd", "d", "/a.csv", 1, None, 1, NOON, SourceStatus.TAKEN, reason=None)
    refused = SourceFile("odd", "d", "/a.csv", None, None, 1, NOON, SourceStatus.REFUSED, reason="twice")
    long = replace(refused, path="/" + "x" * 3000)
    ledger.save(taken, 1)
    ledger.save_all([refused, long], 1)
    assert ledger.files("odd", "d", ["/a.csv"]) == {"/a.csv": taken}
    assert ledger.reported("odd", "d", ["/a.csv", long.path, "/other"]) == {"/a.csv", long.path}
    assert sorted(record.path for record in ledger.refused("odd", "d", 10)) == ["/a.csv", long.path]
    assert len(ledger.refused("odd", "d", 1)) == 1


def test_a_servers_state_is_kept(ledger: Any) -> None:
    breaker = Breaker(State.OPEN, 3, NOON, NOON + timedelta(minutes=10), fatal=True)
    state = ServerState("kept", breaker, NOON, NOON, 5, 2**40, 2, "not trusted", "why", {"key/of it": NOON})
    ledger.save_state(state)
    assert ledger.state("kept") == state
    assert ledger.state("unknown") == ServerState("unknown")


def test_a_reset_holds_for_the_poll_that_it_found_and_not_for_the_next(ledger: Any) -> None:
    ledger.reset("never asked")
    assert ledger.state("never asked") == ServerState("never asked")
    closed = {"readings: /out": "550 Not here."}
    begun = ServerState("reset", Breaker(State.HALF_OPEN, 3, NOON, NOON), None, NOON, closed_folders=closed)
    ledger.save_state(begun)
    ledger.reset("reset")
    ledger.save_state(replace(begun, breaker=Breaker(State.OPEN, 4, NOON, NOON), files_taken=7, reason="why"))
    found = ledger.state("reset")
    assert (found.breaker, found.reason, found.files_taken, found.closed_folders) == (Breaker(), None, 7, closed)
    ledger.save_state(replace(begun, breaker=Breaker(State.OPEN, 5, NOON, NOON), last_poll=NOON + timedelta(hours=1)))
    assert ledger.state("reset").breaker.state is State.OPEN


def test_files_are_kept_by_server_and_dataset(ledger: Any) -> None:
    taken = SourceFile(
        "kept", "d", "/ä b.csv", 5, NOON, 60, NOON, SourceStatus.TAKEN, "key", "sha", "md5", NOON, 1, "why", "partner",
        "upload", "staged", settled=True,
    )  # fmt: skip
    bare = SourceFile("kept", "d", "/bare", None, None, 1, NOON)
    ledger.save(taken, 1)
    many = [replace(bare, path=f"/{number}") for number in range(250)]
    ledger.save_all([bare, *many], 1)
    paths = ["/ä b.csv", "/bare", "/unknown", *(record.path for record in many)]
    found = ledger.files("kept", "d", [*paths, "/bare"])
    assert (found["/ä b.csv"], found["/bare"], len(found)) == (taken, bare, 252)
    assert ledger.files("kept", "other", paths) == {}


def test_the_requests_of_a_poll_do_not_grow_with_what_was_taken_before(
    aws: LaptopState, start: Any, root: Path
) -> None:
    _, bench = start(Protocol.FTP, complete=Complete.RENAME)
    client = boto3.client("dynamodb", **aws.client_arguments())
    bench.source_ledger = DynamoSourceLedger(client, TABLE)
    calls: list[str] = []
    client.meta.events.register("before-send.dynamodb", lambda request, **_: calls.append(request.url))
    old = SourceFile("carrier", "readings", "", 5, NOON, 1, NOON, SourceStatus.TAKEN, "key", "sha", taken_at=NOON)
    counted = []
    for first, last in ((0, 10), (10, 3_000)):
        turn = bench.source_ledger.state("carrier").turn
        bench.source_ledger.save_all([replace(old, path=f"/{number}.old") for number in range(first, last)], turn)
        write(root / f"{last}.csv", f"{last}".encode())
        calls.clear()
        assert bench.poll().tally.problems == []
        counted.append(len(calls))
    assert counted[0] == counted[1]


def test_an_unfinished_transfer_is_taken_up_in_s3(aws: LaptopState, s3: Any, start: Any, root: Path) -> None:
    large = os.urandom(3 * PART_BYTES + 4321)
    write(root / "large.csv", large)
    server, bench = start(Protocol.FTP, complete=Complete.RENAME, after=After.DELETE, timeout_seconds=10)
    on_s3(bench, s3)
    server.faults.break_after, server.faults.times = 2 * PART_BYTES + (1 << 20), 99
    bench.clock.during.append(lambda: setattr(bench.clock, "remaining", 10))
    assert bench.poll().out_of_time
    assert s3.list_objects_v2(Bucket=LANDING).get("Contents", []) == []
    assert (root / "large.csv").exists()
    server.faults.break_after = 0
    bench.clock.during.clear()
    assert bench.poll().tally.files == 1
    (landed,) = s3.list_objects_v2(Bucket=LANDING)["Contents"]
    answer = s3.get_object(Bucket=LANDING, Key=landed["Key"])
    assert answer["Body"].read() == large
    assert answer["Metadata"]["sha256"] == bench.records["/large.csv"].sha256
    assert s3.list_objects_v2(Bucket=LAKE).get("Contents", []) == []
    assert s3.list_multipart_uploads(Bucket=LAKE).get("Uploads", []) == []
    assert not (root / "large.csv").exists()
    resumed = [line for line in server.faults.commands if line.startswith("REST")]
    assert int(resumed[-1].split()[1]) in {PART_BYTES, 2 * PART_BYTES}


def test_what_is_given_up_leaves_nothing_in_s3(s3: Any, start: Any, root: Path) -> None:
    write(root / "wrong.csv", os.urandom(PART_BYTES + 1))
    write(root / "wrong.csv.md5", b"0" * 32)
    _, bench = start(Protocol.FTP, complete=Complete.RENAME, timeout_seconds=10)
    on_s3(bench, s3)
    before = len(s3.list_objects_v2(Bucket=LANDING).get("Contents", []))
    assert "MD5" in bench.poll().tally.problems[0]
    assert len(s3.list_objects_v2(Bucket=LANDING).get("Contents", [])) == before
    assert s3.list_multipart_uploads(Bucket=LAKE).get("Uploads", []) == []


def test_small_files_land_with_one_request(s3: Any, start: Any, root: Path) -> None:
    write(root / "small.csv")
    _, bench = start(Protocol.FTP)
    on_s3(bench, s3)
    bench.poll()
    key = bench.records["/small.csv"].key
    assert s3.get_object(Bucket=LANDING, Key=key)["Body"].read() == ROWS


def on_s3(bench: Bench, s3: Any) -> None:
    """Let the bench's files go to S3."""
    bench.incoming = S3Incoming(s3, LAKE, LANDING)  # type: ignore[assignment]
