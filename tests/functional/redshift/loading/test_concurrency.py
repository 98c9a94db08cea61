"""Transactions side by side: what waits, what fails, what sees what."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pyarrow as pa
import pytest

from headrace_local.redshift.files.s3 import S3Store
from tests.functional.redshift.client import Client
from tests.functional.redshift.headrace_sql.test_load import TABLES, load, put_batch


def until(condition: Callable[[], bool]) -> None:
    """Wait for `condition`, not for ever."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Gate:
    """An S3 that hands over the manifest `gate` only once it is opened, so that a COPY of it holds its transaction."""

    def __init__(self, inner: S3Store) -> None:
        self._inner = inner
        self.reached = threading.Event()
        self.opened = threading.Event()

    def read(self, bucket: str, key: str) -> bytes:
        if key == "gate":
            self.reached.set()
            assert self.opened.wait(20)
        return self._inner.read(bucket, key)


@pytest.fixture
def gate(client: Client) -> Gate:
    """A gate in front of the client's S3; a COPY of `WAIT` stops at it."""
    warehouse = client.redshift._runner._warehouse
    gate = Gate(client.s3)
    object.__setattr__(warehouse, "s3", gate)
    entry = client.parquet("s3://lake/one-row.parquet", pa.table({"a": pa.array([1], pa.int32())}))
    client.manifest(entry, url="s3://lake/gate")
    client.run("CREATE TABLE waiting_room (a INT)")
    return gate


HOLD = "COPY waiting_room FROM 's3://lake/gate' IAM_ROLE default PARQUET MANIFEST"


def test_two_loads_of_one_batch_at_once_load_it_once(client: Client) -> None:
    client.run(*TABLES)
    put_batch(client, "visits-1", [(f"visit-{n}", 1, None) for n in range(200)])

    ids = [client.start(*load("visits-1")) for _ in range(6)]

    assert [client.ended(one).get("Error") for one in ids] == [None] * 6
    assert client.value("COUNT(*) FROM visits") == 200
    assert client.value("COUNT(*) FROM etl.loads") == 1


def test_the_lock_is_taken_before_the_snapshot(client: Client, gate: Gate) -> None:
    client.run("CREATE TABLE t (a INT)")
    first = client.start("LOCK TABLE t", "INSERT INTO t VALUES (1)", HOLD)
    gate.reached.wait(20)
    second = client.start("LOCK t", "SELECT COUNT(*) FROM t")
    until(lambda: client.call("DescribeStatement", Id=second)["Status"] == "STARTED")
    assert client.call("DescribeStatement", Id=f"{second}:2")["Status"] == "SUBMITTED"
    gate.opened.set()

    assert client.ended(first)["Status"] == "FINISHED"
    assert client.ended(second)["Status"] == "FINISHED"
    assert client.call("GetStatementResult", Id=f"{second}:2")["Records"] == [[{"longValue": 1}]]


def test_sessions_and_locks_are_seen_while_they_last_and_then_are_gone(client: Client, gate: Gate) -> None:
    client.run("CREATE TABLE t (a INT)")
    running = client.start("LOCK TABLE t", HOLD)
    gate.reached.wait(20)
    held = client.redshift.held()
    assert (len(held["sessions"]), held["locks"]["public.t"]) == (1, ["EXCLUSIVE"])
    gate.opened.set()
    client.ended(running)
    assert client.redshift.held() == {"sessions": [], "locks": {}}
    kept = client.execute("CREATE TEMP TABLE mine (a INT)", SessionKeepAliveSeconds=60)
    assert (len(client.redshift.held()["sessions"]), client.redshift.held()["locks"]) == (1, {})
    client.execute("SELECT 1", SessionId=kept["SessionId"], SessionKeepAliveSeconds=0)
    client.call("ListSessions")  # what is over is closed whenever somebody asks
    assert client.redshift.held()["sessions"] == []


def test_readers_go_on_beside_a_writer_and_see_the_old_rows(client: Client, gate: Gate) -> None:
    client.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    writer = client.start("DELETE FROM t", HOLD)
    gate.reached.wait(20)

    assert client.value("COUNT(*) FROM t") == 1

    gate.opened.set()
    client.ended(writer)


def test_a_reader_waits_for_lock_table(client: Client, gate: Gate) -> None:
    client.run("CREATE TABLE t (a INT)")
    locker = client.start("LOCK TABLE t", HOLD)
    gate.reached.wait(20)
    reader = client.start("SELECT * FROM t")
    until(lambda: client.call("DescribeStatement", Id=f"{reader}:1")["Status"] == "STARTED")

    gate.opened.set()
    client.ended(locker)

    assert client.ended(reader)["Status"] == "FINISHED"


def test_a_waiting_statement_can_be_cancelled(client: Client, gate: Gate) -> None:
    client.run("CREATE TABLE t (a INT)")
    locker = client.start("LOCK TABLE t", HOLD)
    gate.reached.wait(20)
    waiting = client.start("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)")
    until(lambda: client.call("DescribeStatement", Id=f"{waiting}:1")["Status"] == "STARTED")

    assert client.call("CancelStatement", Id=waiting) == {"Status": True}

    description = client.ended(waiting)
    assert description["Status"] == "ABORTED"
    assert [sub["Status"] for sub in description["SubStatements"]] == ["ABORTED", "ABORTED"]
    gate.opened.set()
    client.ended(locker)


def test_one_of_two_that_wait_for_each_other_is_refused(client: Client, gate: Gate) -> None:
    client.run("CREATE TABLE one (a INT)", "CREATE TABLE two (a INT)")
    first = client.start("UPDATE one SET a = 2", HOLD, "UPDATE two SET a = 2")
    gate.reached.wait(20)
    second = client.start("UPDATE two SET a = 3", "UPDATE one SET a = 3")
    until(lambda: client.call("DescribeStatement", Id=f"{second}:2")["Status"] == "STARTED")
    gate.opened.set()

    ends = [client.ended(first), client.ended(second)]

    assert sorted(end["Status"] for end in ends) == ["FAILED", "FINISHED"]
    assert [end["Error"][-17:] for end in ends if "Error" in end] == ["deadlock detected"]


def test_inserts_into_one_table_go_side_by_side(client: Client, gate: Gate) -> None:
    client.run("CREATE TABLE t (a INT)")
    first = client.start("INSERT INTO t VALUES (1)", HOLD)
    gate.reached.wait(20)

    client.run("INSERT INTO t VALUES (2)")

    gate.opened.set()
    client.ended(first)
    assert client.rows("SELECT a FROM t ORDER BY a") == [[1], [2]]


def test_rows_changed_after_the_snapshot_are_a_serializable_violation(client: Client, gate: Gate) -> None:
    client.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    late = client.start("SELECT 1", HOLD, "UPDATE t SET a = 3")
    gate.reached.wait(20)
    client.run("UPDATE t SET a = 2")
    gate.opened.set()

    assert "ERROR: 1023" in client.ended(late)["Error"]
    assert client.rows("SELECT a FROM t") == [[2]]
