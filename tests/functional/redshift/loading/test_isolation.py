"""SERIALIZABLE isolation: what is refused that SNAPSHOT lets pass, and that our own loads end right under it.

https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.functional.redshift.client import ROOT, TARGET, Client
from tests.functional.redshift.loading.test_concurrency import HOLD, Gate, gate

__all__ = ["gate"]

DATABASE = TARGET | {"Database": "headrace"}
VIOLATION = re.compile(
    r"ERROR: 1023\n  Detail: Serializable isolation violation on table - [0-9]+, "
    r"transactions forming the cycle are: [0-9]+, [0-9]+ \(pid:[0-9]+\)"
)


def alter(client: Client, level: str) -> dict[str, Any]:
    admin = Client(client.redshift, client.s3, ROOT)
    statement = admin.call("ExecuteStatement", **DATABASE, Sql=f"ALTER DATABASE headrace ISOLATION LEVEL {level}")
    return admin.ended(statement["Id"])


@pytest.fixture
def serializable(client: Client, gate: Gate) -> Client:
    assert alter(client, "SERIALIZABLE")["Status"] == "FINISHED"
    return client


def levels(client: Client) -> tuple[str, str]:
    ((one,),) = client.rows("SELECT isolation_level FROM stv_db_isolation_level")
    ((other,),) = client.rows("SELECT database_isolation_level FROM svv_redshift_databases")
    return one, other


def test_a_new_database_is_snapshot_and_can_be_altered(client: Client) -> None:  # r_CREATE_DATABASE, r_ALTER_DATABASE
    assert levels(client) == ("Snapshot Isolation",) * 2
    alter(client, "SERIALIZABLE")
    assert levels(client) == ("Serializable",) * 2
    alter(client, "SNAPSHOT")
    assert levels(client) == ("Snapshot Isolation",) * 2


def test_the_level_is_the_databases_and_stays(client: Client, tmp_path: Any) -> None:
    alter(client, "SERIALIZABLE")
    client.redshift.close()
    again = type(client.redshift)(tmp_path / "warehouse.duckdb", client.s3)
    assert levels(Client(again, client.s3))[0] == "Serializable"
    again.close()


def test_no_level_is_changed_while_others_are_connected(client: Client, gate: Gate) -> None:  # r_ALTER_DATABASE
    other = client.start("SELECT 1", HOLD)
    gate.reached.wait(20)
    assert "is being accessed by other users" in alter(client, "SERIALIZABLE")["Error"]
    gate.opened.set()
    client.ended(other)
    assert alter(client, "SERIALIZABLE")["Status"] == "FINISHED"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("ALTER DATABASE dev ISOLATION LEVEL SERIALIZABLE", 'the database "dev"'),
        ("ALTER DATABASE other ISOLATION LEVEL SERIALIZABLE", 'database "other" does not exist'),
        ("ALTER DATABASE dev ISOLATION LEVEL READ", 'syntax error at or near "READ"'),
        ("ALTER DATABASE dev COLLATE CASE_INSENSITIVE", "not supported by the embedded Redshift"),
    ],
)
def test_what_alter_database_refuses(client: Client, statement: str, words: str) -> None:  # r_ALTER_DATABASE
    assert words in client.error(statement)
    assert "transaction block" in client.error("ALTER DATABASE dev ISOLATION LEVEL SNAPSHOT", "SELECT 1")


CROSSED = (
    ("SELECT * FROM tab1", HOLD, "INSERT INTO tab2 VALUES (1)"),
    ("INSERT INTO tab1 VALUES (1)", "SELECT * FROM tab2"),
)
SWAPPED = (
    ("SELECT * FROM numbers", HOLD, "UPDATE numbers SET digits = 1 WHERE digits = 0"),
    ("SELECT * FROM numbers", "UPDATE numbers SET digits = 0 WHERE digits = 1"),
)
STALE = (
    ("SELECT 1 FROM stale", HOLD, "DELETE FROM tab1 WHERE a = 1", "INSERT INTO tab1 VALUES (2)"),
    ("DELETE FROM tab1 WHERE a = 3", "INSERT INTO tab1 VALUES (3)"),
)
TABLES = (
    *(f"CREATE TABLE {name} (a INT)" for name in ("tab1", "tab2", "stale")),
    "CREATE TABLE numbers (digits INT)",
    "INSERT INTO numbers VALUES (0), (1)",
)


def beside(client: Client, gate: Gate, held: tuple[str, ...], other: tuple[str, ...]) -> dict[str, Any]:
    """How `held` ends, which stands still in the middle while the whole of `other` runs."""
    client.run(*TABLES)
    first = client.start(*held)
    assert gate.reached.wait(20)
    client.run(*other)
    gate.opened.set()
    return client.ended(first)


@pytest.mark.parametrize(("held", "other"), [CROSSED, SWAPPED, STALE], ids=["crossed", "swapped", "stale"])
def test_transactions_that_no_order_explains(
    serializable: Client, gate: Gate, held: tuple[str, ...], other: tuple[str, ...]
) -> None:  # c_serial_isolation-…-troubleshooting; aws-sdk-pandas#665
    ended = beside(serializable, gate, held, other)
    assert ended["Status"] == "FAILED"
    assert VIOLATION.search(ended["Error"]), ended["Error"]
    serializable.run(*(statement for statement in held if statement != HOLD))  # and again it goes


@pytest.mark.parametrize(("held", "other"), [CROSSED, SWAPPED, STALE], ids=["crossed", "swapped", "stale"])
def test_snapshot_isolation_lets_them_pass(
    client: Client, gate: Gate, held: tuple[str, ...], other: tuple[str, ...]
) -> None:  # c_serial_isolation, the example of SNAPSHOT
    assert beside(client, gate, held, other).get("Error") is None


@pytest.mark.parametrize(
    ("held", "other"),
    [
        pytest.param(("INSERT INTO tab1 VALUES (1)", HOLD), ("SELECT * FROM tab1",), id="a reader beside a writer"),
        pytest.param(("SELECT * FROM tab1", HOLD, "SELECT * FROM tab1"), ("INSERT INTO tab1 VALUES (1)",), id="reads"),
        pytest.param(
            ("SELECT * FROM tab1", HOLD, "INSERT INTO tab2 VALUES (1)"), ("INSERT INTO tab1 VALUES (1)",), id="one way"
        ),
        pytest.param(
            ("SELECT * FROM stale", HOLD, "INSERT INTO tab1 VALUES (1)"), ("INSERT INTO tab1 VALUES (2)",), id="blind"
        ),
    ],
)
def test_what_an_order_explains_passes(
    serializable: Client, gate: Gate, held: tuple[str, ...], other: tuple[str, ...]
) -> None:  # c_serial_isolation, c_write_readwrite: COPY and INSERT only write
    assert beside(serializable, gate, held, other).get("Error") is None


def test_a_circle_of_three_is_one_too(serializable: Client, gate: Gate) -> None:
    serializable.run(*TABLES)
    first = serializable.start("SELECT * FROM tab1", HOLD, "INSERT INTO tab2 VALUES (1)")
    assert gate.reached.wait(20)
    serializable.run("INSERT INTO tab1 SELECT a FROM stale")
    serializable.run("SELECT * FROM tab1", "SELECT * FROM tab2")  # has seen the second and not the first
    gate.opened.set()
    error = serializable.ended(first)["Error"]
    assert re.search(r"forming the cycle are: \d+, \d+, \d+ ", error)


def test_a_lock_before_the_snapshot_makes_them_take_turns(serializable: Client, gate: Gate) -> None:  # r_LOCK
    serializable.run(*TABLES)
    held = serializable.start("LOCK tab1", "SELECT * FROM tab1", HOLD, "INSERT INTO tab1 VALUES (1)")
    assert gate.reached.wait(20)
    waits = serializable.start("LOCK tab1", "SELECT * FROM tab1", "INSERT INTO tab1 VALUES (1)")
    gate.opened.set()
    assert [serializable.ended(each).get("Error") for each in (held, waits)] == [None, None]


def test_a_lock_after_the_snapshot_does_not_help(serializable: Client, gate: Gate) -> None:  # r_LOCK
    held = ("SELECT * FROM stale", HOLD, "LOCK tab1", "SELECT * FROM tab1", "INSERT INTO tab1 VALUES (1)")
    ended = beside(serializable, gate, held, ("INSERT INTO tab1 VALUES (2)",))
    assert VIOLATION.search(ended["Error"])


def test_what_was_rolled_back_is_in_no_circle(serializable: Client, gate: Gate) -> None:
    serializable.run(*TABLES)
    first = serializable.start("SELECT * FROM tab1", HOLD, "INSERT INTO tab2 VALUES (1)")
    assert gate.reached.wait(20)
    serializable.error("INSERT INTO tab1 VALUES (1)", "SELECT * FROM tab2", "SELECT nothing")
    gate.opened.set()
    assert serializable.ended(first).get("Error") is None


def test_a_conflict_is_a_row_of_stl_tr_conflict(serializable: Client, gate: Gate) -> None:  # r_STL_TR_CONFLICT
    error = beside(serializable, gate, *CROSSED)["Error"]
    assert "permission denied" in serializable.error("SELECT * FROM stl_tr_conflict")
    ((number, pid, table, began_first),) = serializable.rows(
        "SELECT xact_id, process_id, table_id, xact_start_ts < abort_time FROM stl_tr_conflict", SecretArn="admin"
    )
    assert [text for text in (f"table - {table}, ", f"(pid:{pid})", str(number)) if text not in error] == []
    assert began_first
    assert serializable.rows(f'SELECT "table" FROM svv_table_info WHERE table_id = {table}') == [["tab2"]]


def test_nothing_is_remembered_when_nobody_is_there(serializable: Client, gate: Gate) -> None:
    beside(serializable, gate, *CROSSED)
    assert serializable.redshift._runner._warehouse.isolation._transactions == []
