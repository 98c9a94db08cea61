"""What is no Redshift SQL, or not known here, is refused by name; nothing reaches DuckDB's own powers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.functional.redshift.client import Client


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM read_csv('/etc/passwd')", "the table expression"),
        ("SELECT * FROM read_parquet('x.parquet')", "the table expression"),
        ("SELECT read_text('/etc/passwd')", "function read_text() does not exist"),
        ("SELECT getenv('HOME')", "function getenv() does not exist"),
        ("SELECT * FROM '/etc/passwd'", ""),
        ('SELECT * FROM "/etc/passwd"', 'relation "/etc/passwd" does not exist'),
        ("SELECT * FROM duckdb_settings()", "the table expression"),
        ("SELECT * FROM duckdb_tables", 'relation "duckdb_tables" does not exist'),
        ("SELECT * FROM sqlite_master", 'relation "sqlite_master" does not exist'),
        ("SELECT * FROM pg_class", 'relation "pg_class" does not exist'),
        ("SELECT * FROM _headrace.descriptions", 'relation "_headrace.descriptions" does not exist'),
        ("SELECT * FROM main.t", 'relation "main.t" does not exist'),
        ("SELECT * FROM system.main.duckdb_tables", 'database "system" does not exist'),
        ("SELECT * FROM self", 'relation "self" does not exist'),
        ("SELECT getvariable('database')", "function getvariable() does not exist"),
        ("SELECT list_value(1)", "function list_value() does not exist"),
        ("SELECT error('x')", "function error() does not exist"),
        ("ATTACH 'x.duckdb'", "the statement ATTACH is not supported"),
        ("DETACH x", "the statement DETACH is not supported"),
        ("USE memory", "the statement USE is not supported"),
        ("PRAGMA database_list", 'syntax error at or near "PRAGMA"'),
        ("INSTALL httpfs", 'syntax error at or near "INSTALL"'),
        ("LOAD httpfs", 'syntax error at or near "LOAD"'),
        ("SET threads = 8", "the statement SET is not supported"),
        ("RESET threads", "the statement RESET is not supported"),
        ("EXPORT DATABASE 'x'", 'syntax error at or near "EXPORT"'),
        ("CHECKPOINT", 'syntax error at or near "CHECKPOINT"'),
        ("CALL pragma_version()", "the statement CALL is not supported"),
        ("COPY (SELECT 1) TO 'x.csv'", 'syntax error at or near "("'),
        ("COPY t TO 'x.csv'", 'syntax error at or near "TO"'),
        ("CREATE MACRO f(x) AS x", "CREATE MACRO is not supported"),
        ("CREATE FUNCTION f(x) AS x", "CREATE FUNCTION is not supported"),
        ("CREATE SEQUENCE s", "CREATE SEQUENCE is not supported"),
        ("CREATE OR REPLACE TABLE t (a INT)", "CREATE OR REPLACE TABLE is not supported"),
        ("selct 1", 'syntax error at or near "selct"'),
        ("EXPLAIN SELECT 1", "EXPLAIN, whose plans here would say nothing of Redshift's, is not supported"),
        ("FROM t", 'syntax error at or near "FROM"'),
        ("BEGIN", "BEGIN: a batch is one transaction by itself"),
        ("COMMIT", "COMMIT: a batch is one transaction by itself"),
        ("SELECT 1; SELECT 2", "cannot insert multiple commands into a prepared statement"),
        ("SELECT 1 +", "syntax error"),
        ("SELECT 'open", "syntax error"),
        ("INSERT OR REPLACE INTO t VALUES (1)", ""),
        ("INSERT INTO t BY NAME SELECT 1 AS a", ""),
        ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "Insert with conflict"),
        ("INSERT INTO t VALUES (1) RETURNING a", "Insert with returning"),
        ("DELETE FROM t RETURNING a", "Delete with returning"),
    ],
)
def test_statements(client: Client, sql: str, words: str) -> None:
    client.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")

    assert words in client.error(sql)
    assert client.rows("SELECT * FROM t") == [[1]]


@pytest.mark.parametrize(
    "clause",
    [
        "* EXCLUDE (a) FROM t",
        "* REPLACE (1 AS a) FROM t",
        "DISTINCT ON (a) a FROM t",
        "a FROM t USING SAMPLE 10",
        "a FROM t TABLESAMPLE (10 PERCENT)",
        "a FROM t FOR UPDATE",
        "a FROM (VALUES (1)) v(a)",
        "a FROM t SEMI JOIN t AS u USING (a)",
        "a FROM t ASOF JOIN t AS u USING (a)",
        "[1, 2]",
        "{'a': 1}",
        "ARRAY[1]",
        "a -> 'b' FROM t",
        "x -> x + 1",
        "LIST(a) FROM t",
        "SUM(a) FILTER (WHERE a > 1) FROM t",
        "a FROM t PIVOT (SUM(a) FOR a IN (1))",
        "UNNEST(a) FROM t",
        "a FROM t, UNNEST(a)",
        "a FROM generate_series(1, 3) AS g(a)",
        "CAST('1' AS UTINYINT)",
        "'1'::JSON",
        "'a'::STRING",
        "CURRENT_TIMESTAMP",
        "a + 1 AS b FROM t WHERE b > 1",
        "rowid FROM t",
        "t.rowid FROM t",
        "SUM(a) OVER (ORDER BY a) FROM t",
        "SUM(a) OVER (ORDER BY a RANGE UNBOUNDED PRECEDING) FROM t",
        "COUNT(DISTINCT a) OVER () FROM t",
        "a FROM t EXCEPT ALL SELECT 1",
        "a FROM t UNION BY NAME SELECT 1",
        "a FROM t WHERE a IS DISTINCT FROM 1",
        "SUM(a) OVER w FROM t WINDOW w AS ()",
        "a FROM t ORDER BY ALL",
        "a SIMILAR TO 'x' FROM t",
        "a GLOB 'x' FROM t",
        "a FROM t LIMIT 10%",
        "COLUMNS(*) FROM t",
        "a INTO u FROM t",
        "TO_CHAR(GETDATE(), 'WW')",
        "DATE_TRUNC('fortnight', GETDATE())",
        "SHA2('a', 512)",
        "CONCAT('a', 'b', 'c')",
        "LEN()",
    ],
)
def test_parts_of_queries(client: Client, clause: str) -> None:
    client.run("CREATE TABLE t (a INT)")

    assert client.error(f"SELECT {clause}").startswith("ERROR: ")


def test_no_file_can_be_written(client: Client, tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    client.error(f"COPY (SELECT 1) TO '{tmp_path}/out.csv'")
    client.error(f"ATTACH '{tmp_path}/other.duckdb' AS other")

    assert {path.name for path in tmp_path.iterdir()} <= before | {"warehouse.duckdb.wal"}


def test_names_are_folded_to_lower_case(client: Client) -> None:
    client.run('CREATE TABLE Mixed ("Upper" INT)', "INSERT INTO MIXED (UPPER) VALUES (1)")

    result = client.result('SELECT "UPPER" FROM "mixed"')
    assert result["ColumnMetadata"][0]["label"] == "upper"
