"""The rules of materialized views, one test each; the sources are pages of the Redshift Database Developer Guide."""

from __future__ import annotations

import time

import pytest

from tests.functional.redshift.client import TARGET
from tests.functional.redshift.server import Aws

TOTALS = "CREATE MATERIALIZED VIEW totals AUTO REFRESH NO AS SELECT k, SUM(v) AS total FROM t GROUP BY k"
READ = "SELECT k, total FROM totals ORDER BY k"


@pytest.fixture
def base(aws: Aws) -> Aws:
    aws.run("CREATE TABLE t (k INT, v INT, p SUPER)", "INSERT INTO t (k, v) VALUES (1, 10), (1, 5), (2, 7)")
    return aws


def test_it_is_filled_when_it_is_created(base: Aws) -> None:  # materialized-view-create-sql-command
    base.run(TOTALS)

    assert base.rows(READ) == [[1, 15], [2, 7]]


def test_it_stays_as_it_was_until_it_is_refreshed(base: Aws) -> None:  # materialized-view-refresh-sql-command
    base.run(TOTALS)
    base.run("INSERT INTO t (k, v) VALUES (2, 3)")
    assert base.rows(READ) == [[1, 15], [2, 7]]
    base.run("REFRESH MATERIALIZED VIEW totals")

    assert base.rows(READ) == [[1, 15], [2, 10]]


def test_refresh_sees_only_what_was_committed(base: Aws) -> None:  # materialized-view-refresh-sql-command, transactions
    base.run(TOTALS)
    base.run("INSERT INTO t (k, v) VALUES (2, 3)", "REFRESH MATERIALIZED VIEW totals")

    assert base.rows(READ) == [[1, 15], [2, 7]]


def test_refresh_is_not_undone_with_the_batch_around_it(base: Aws) -> None:  # materialized-view-refresh-sql-command
    base.run(TOTALS)
    base.run("INSERT INTO t (k, v) VALUES (2, 3)")
    base.error("REFRESH MATERIALIZED VIEW totals", "SELECT nothing")

    assert base.rows(READ) == [[1, 15], [2, 10]]


def test_a_batch_that_locks_the_table_cannot_refresh_the_view(base: Aws) -> None:  # …-refresh-sql-command, transactions
    base.run(TOTALS)

    assert "deadlock detected" in base.error("LOCK t", "REFRESH MATERIALIZED VIEW totals")
    base.run("REFRESH MATERIALIZED VIEW totals")


def test_who_logs_in_with_a_secret_is_its_user(base: Aws) -> None:  # mgmt/data-api-access, Secrets Manager
    secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:loader"
    base.run("CREATE MATERIALIZED VIEW owned AS SELECT k, SUM(v) AS total FROM t GROUP BY k", SecretArn=secret)
    assert base.rows("SELECT CURRENT_USER", SecretArn=secret) == [["loader"]]
    submitted = base.stranger.execute_statement(
        **TARGET, Sql="REFRESH MATERIALIZED VIEW owned", SecretArn=secret, WaitTimeSeconds=30
    )
    assert base.stranger.describe_statement(Id=submitted["Id"])["Status"] == "FINISHED"


def test_only_the_owner_refreshes(base: Aws) -> None:  # materialized-view-refresh-sql-command, permissions
    base.run(TOTALS)
    sql = "REFRESH MATERIALIZED VIEW totals"
    statement_id = base.stranger.execute_statement(**TARGET, Sql=sql, WaitTimeSeconds=30)["Id"]

    assert "must be owner of materialized view" in base.stranger.describe_statement(Id=statement_id)["Error"]


def test_staleness_can_be_looked_up(base: Aws) -> None:  # SVV_MV_INFO, STV_MV_INFO
    base.run(TOTALS)
    query = "SELECT name, is_stale, state, autorefresh, user_name FROM svv_mv_info"
    assert base.rows(query) == [["totals", "f", 1, "f", "IAMR:loader"]]
    base.run("DELETE FROM t WHERE k = 1")
    assert base.rows("SELECT is_stale FROM stv_mv_info") == [["t"]]
    base.run("REFRESH MATERIALIZED VIEW totals")
    assert base.rows("SELECT is_stale FROM stv_mv_info") == [["f"]]


def test_auto_refresh_follows_the_commit(base: Aws) -> None:  # materialized-view-auto-refresh
    base.run(TOTALS.replace("REFRESH NO", "REFRESH YES"))
    base.run("INSERT INTO t (k, v) VALUES (3, 1)")

    deadline = time.monotonic() + 10
    while [3, 1] not in (rows := base.rows(READ)):
        assert time.monotonic() < deadline, rows
        time.sleep(0.01)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT t.k FROM t LEFT JOIN u ON t.k = u.k",
        "SELECT k FROM t UNION SELECT k FROM u",
        "SELECT COUNT(DISTINCT k) AS n FROM t",
        "SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS n FROM t",
        "SELECT k FROM t WHERE k IN (SELECT k FROM u)",
        "SELECT LISTAGG(v, ',') WITHIN GROUP (ORDER BY v) AS vs FROM t",
        "SELECT MEDIAN(v) AS middle FROM t",
    ],
)
def test_what_cannot_be_refreshed_incrementally_is_marked(base: Aws, query: str) -> None:  # …-refresh-sql-command
    base.run("CREATE TABLE u (k INT)", f"CREATE MATERIALIZED VIEW m AS {query}")

    assert base.rows("SELECT state FROM svv_mv_info") == [[0]]


def test_super_paths_are_incremental(base: Aws) -> None:  # r_SUPER_MV
    base.run("CREATE MATERIALIZED VIEW m AS SELECT p.kind::VARCHAR AS kind, COUNT(*) AS n FROM t GROUP BY 1")

    assert base.rows("SELECT state FROM svv_mv_info") == [[1]]


def test_it_takes_a_design(base: Aws) -> None:  # materialized-view-create-sql-command, table_attributes
    base.run("CREATE MATERIALIZED VIEW m BACKUP NO DISTSTYLE KEY DISTKEY (k) SORTKEY (k) AS SELECT k, v FROM t")

    query = 'SELECT "column", distkey, sortkey FROM pg_table_def WHERE tablename = \'m\' ORDER BY "column"'
    assert base.rows(query) == [["k", True, 1], ["v", False, 0]]


def test_it_is_a_view_in_the_catalogue(base: Aws) -> None:  # SVV_TABLES
    base.run(TOTALS)

    assert base.rows("SELECT table_type FROM svv_tables WHERE table_name = 'totals'") == [["VIEW"]]
    assert base.rows("SELECT COUNT(*) FROM svv_columns WHERE table_name = 'totals'") == [[2]]


def test_it_can_be_dropped(base: Aws) -> None:  # materialized-view-drop-sql-command
    base.run(TOTALS, "DROP MATERIALIZED VIEW totals")

    assert 'relation "totals" does not exist' in base.error(READ)
    base.run("DROP MATERIALIZED VIEW IF EXISTS totals")


def test_a_table_under_it_needs_cascade(base: Aws) -> None:  # r_DROP_TABLE
    base.run(TOTALS)

    assert "other objects depend on it" in base.error("DROP TABLE t")
    base.run("DROP TABLE t CASCADE")
    assert base.rows("SELECT COUNT(*) FROM svv_mv_info") == [[0]]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE MATERIALIZED VIEW m AS SELECT k FROM t ORDER BY k", "ORDER BY is not allowed"),
        ("CREATE MATERIALIZED VIEW m AS SELECT k FROM t LIMIT 1", "LIMIT is not allowed"),
        ("CREATE MATERIALIZED VIEW m AS SELECT k FROM plain", "standard views"),
        ("CREATE MATERIALIZED VIEW m AS SELECT table_name FROM svv_tables", "system tables or views"),
        ("CREATE MATERIALIZED VIEW m AUTO REFRESH YES AS SELECT k, GETDATE() AS d FROM t", "mutable functions"),
        ("CREATE MATERIALIZED VIEW m AUTO REFRESH YES AS SELECT k FROM kept", "on materialized views"),
        ("CREATE MATERIALIZED VIEW m AUTO REFRESH AS SELECT k FROM t", "syntax error"),
        ("CREATE MATERIALIZED VIEW kept AS SELECT k FROM t", 'Relation "kept" already exists'),
        ("CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT k FROM t", "CREATE OR REPLACE MATERIALIZED"),
        ("INSERT INTO kept VALUES (1)", "cannot change rows of a view"),
        ("DROP VIEW kept", "is not a view"),
        ("DROP TABLE kept", "is not a table"),
        ("DROP MATERIALIZED VIEW plain", "is not a materialized view"),
        ("REFRESH MATERIALIZED VIEW plain", "is not a materialized view"),
        ("REFRESH MATERIALIZED VIEW nowhere", 'relation "nowhere" does not exist'),
        ("REFRESH MATERIALIZED VIEW kept CASCADE", "is not supported by the embedded Redshift"),
    ],
)
def test_refusals(base: Aws, statement: str, words: str) -> None:  # materialized-view-create-sql-command, limitations
    base.run("CREATE VIEW plain AS SELECT k FROM t", "CREATE MATERIALIZED VIEW kept AS SELECT k FROM t")

    assert words in base.error(statement)


def test_temporary_tables_cannot_be_kept(base: Aws) -> None:  # materialized-view-create-sql-command, limitations
    error = base.error("CREATE TEMP TABLE mine (k INT)", "CREATE MATERIALIZED VIEW m AS SELECT k FROM mine")

    assert "temporary tables" in error


def test_a_view_of_a_column_whose_type_was_changed_cannot_be_refreshed(aws: Aws) -> None:  # materialized-view-create
    aws.run("CREATE TABLE t (k VARCHAR(8), v INT, w VARCHAR(8))", "INSERT INTO t VALUES ('a', 1, 'b')")
    aws.run("CREATE MATERIALIZED VIEW of_k AS SELECT k, SUM(v) AS total FROM t GROUP BY k")
    aws.run("CREATE MATERIALIZED VIEW of_v AS SELECT v FROM t")

    assert aws.execute("ALTER TABLE t ALTER COLUMN k TYPE VARCHAR(16)")["Status"] == "FINISHED"

    assert "the type of a column that it reads was changed" in aws.error("REFRESH MATERIALIZED VIEW of_k")
    assert aws.execute("REFRESH MATERIALIZED VIEW of_v")["Status"] == "FINISHED"
    assert aws.rows("SELECT name, state FROM svv_mv_info ORDER BY name") == [["of_k", 102], ["of_v", 1]]


def test_a_table_has_at_most_1600_columns(aws: Aws) -> None:  # r_CREATE_TABLE_usage, limits
    columns = ", ".join(f"c{number} INT" for number in range(1600))

    assert "at most 1600 columns" in aws.error(f"CREATE TABLE wide ({columns}, more INT)")
    aws.run(f"CREATE TABLE wide ({columns})")
    assert "at most 1600 columns" in aws.error("ALTER TABLE wide ADD COLUMN more INT")
