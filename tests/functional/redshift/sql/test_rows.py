"""INSERT, UPDATE and DELETE: what a column takes and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functional.redshift.client import Client


@pytest.fixture
def table(client: Client) -> Client:
    client.run(
        "CREATE TABLE t (id INT NOT NULL, name VARCHAR(3) DEFAULT 'new', price DECIMAL(5,2), code CHAR(2),"
        " at TIMESTAMP DEFAULT GETDATE(), PRIMARY KEY (id), UNIQUE (name))",
        "INSERT INTO t (id, name) VALUES (1, 'one')",
    )
    return client


def test_defaults_fill_what_is_left_out(table: Client) -> None:
    table.run("INSERT INTO t (id) VALUES (2)", "INSERT INTO t (id, name) VALUES (3, DEFAULT)")

    assert table.rows("SELECT name, at IS NULL FROM t WHERE id > 1") == [["new", False], ["new", False]]


def test_keys_are_not_enforced(table: Client) -> None:
    table.run("INSERT INTO t (id, name) VALUES (1, 'one')")

    assert table.value("COUNT(*) FROM t WHERE id = 1") == 2


def test_rows_affected_are_counted(table: Client) -> None:
    assert table.execute("INSERT INTO t (id) SELECT 5 UNION ALL SELECT 6")["ResultRows"] == 2
    assert table.execute("UPDATE t SET price = 1 WHERE id > 4")["ResultRows"] == 2
    assert table.execute("DELETE FROM t WHERE id = 6")["ResultRows"] == 1


def test_update_and_delete_can_look_at_other_tables(table: Client) -> None:
    table.run("CREATE TABLE other (id INT, price DECIMAL(5,2))", "INSERT INTO other VALUES (1, 9.99)")
    table.run("UPDATE t SET price = other.price FROM other WHERE t.id = other.id")
    assert table.value("price FROM t") == "9.99"

    table.run("DELETE FROM t USING other WHERE t.id = other.id")
    assert table.value("COUNT(*) FROM t") == 0


def test_an_update_that_finds_a_row_twice_is_refused(table: Client) -> None:
    table.run(
        "CREATE TABLE other (id INT, price DECIMAL(5,2))", "INSERT INTO other VALUES (1, 9.99), (1, 8.88), (2, 1)"
    )
    twice = table.error("UPDATE t SET price = other.price FROM other WHERE t.id = other.id")
    assert twice == "ERROR: Found multiple matches to update the same tuple."
    newest = "(SELECT id, MAX(price) AS price FROM other GROUP BY id) AS o"
    table.run(f"UPDATE t SET price = o.price FROM {newest} WHERE t.id = o.id")
    assert table.value("price FROM t") == "9.99"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("INSERT INTO t (id, name) VALUES (2, 'four')", "value too long for type character varying(3)"),
        ("INSERT INTO t (id, name) VALUES (2, 'öö')", "value too long for type character varying(3)"),
        ("INSERT INTO t (id, name) SELECT 2, 'fo' || 'ur'", "value too long for type character varying(3)"),
        ("UPDATE t SET name = 'four'", "value too long for type character varying(3)"),
        ("INSERT INTO t (id, code) VALUES (2, 'abc')", "value too long for type character(2)"),
        ("INSERT INTO t (name) VALUES ('x')", "Cannot insert a NULL value into column id"),
        ("INSERT INTO t (id) SELECT NULL", "Cannot insert a NULL value into column id"),
        ("UPDATE t SET id = NULL", "Cannot insert a NULL value into column id"),
        ("INSERT INTO t (id, price) VALUES (2, 1234.5)", "Numeric data overflow"),
        ("UPDATE t SET price = 1000", "Numeric data overflow"),
        ("INSERT INTO t (id) VALUES (99999999999)", "Numeric data overflow"),
        ("INSERT INTO t (id, name) VALUES (2, 'a', 'b')", "INSERT has more expressions than target columns"),
        ("INSERT INTO t (id, name) SELECT 2", "INSERT has fewer expressions"),
        ("INSERT INTO t (id, nothing) VALUES (2, 'a')", 'column "nothing" of relation "t" does not exist'),
        ("INSERT INTO t (id) SELECT name FROM t", 'column "id" is of type integer but expression is of type character'),
        ("INSERT INTO t (id, at) SELECT 1, 2", 'column "at" is of type timestamp without time zone but expression is'),
        ("UPDATE t SET nothing = 1", 'column "nothing" of relation "t" does not exist'),
        ("UPDATE t SET id = name", 'column "id" is of type integer but expression is of type character varying'),
        ("INSERT INTO t (id) SELECT 'x'", 'invalid input syntax for type integer: "x"'),
        ("INSERT INTO t (id, at) VALUES (2, 'soon')", "invalid"),
        ("DELETE FROM nowhere", 'relation "nowhere" does not exist'),
        ("INSERT INTO svv_tables VALUES (1)", "permission denied for relation svv_tables"),
    ],
)
def test_refusals(table: Client, sql: str, words: str) -> None:
    assert words in table.error(sql)
    assert table.value("COUNT(*) FROM t") == 1


def test_literals_take_the_type_of_the_column(table: Client) -> None:
    table.run("INSERT INTO t (id, at) SELECT '7', '2024-01-02 03:04:05'")

    assert table.rows("SELECT id, at FROM t WHERE id = 7") == [[7, "2024-01-02 03:04:05"]]


def test_truncate_commits_what_came_before_it(table: Client) -> None:
    description = table.batch("INSERT INTO t (id) VALUES (2)", "TRUNCATE t", "SELECT * FROM nowhere")

    assert description["Status"] == "FAILED"
    assert table.value("COUNT(*) FROM t") == 0


def test_auto_commit_keeps_what_succeeded(table: Client) -> None:
    description = table.batch(
        "INSERT INTO t (id) VALUES (2)",
        "SELECT * FROM nowhere",
        "INSERT INTO t (id) VALUES (3)",
        ExecutionMode="AUTO_COMMIT",
    )

    assert [sub["Status"] for sub in description["SubStatements"]] == ["FINISHED", "FAILED", "FINISHED"]
    assert table.value("COUNT(*) FROM t") == 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6))
def test_lengths_are_counted_in_bytes(table: Client, name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace("'", "''")
    description = table.execute(f"INSERT INTO t (id, name) VALUES (2, '{quoted}')")

    assert description["Status"] == ("FINISHED" if len(name.encode()) <= 3 else "FAILED")
    if description["Status"] == "FINISHED":
        assert table.rows("SELECT name FROM t WHERE id = 2") == [[name]]
        table.run("DELETE FROM t WHERE id = 2")
