"""The system views: what people look things up in."""

from __future__ import annotations

from tests.functional.redshift.client import Client


def test_tables_and_columns(client: Client) -> None:
    client.run("CREATE SCHEMA etl", "CREATE TABLE etl.t (a INT NOT NULL, b VARCHAR(9), c DECIMAL(12,2), d SUPER)")
    client.run("CREATE TEMP TABLE mine (a INT)")

    tables = [["dev", "etl", "t", "BASE TABLE"]]
    assert client.rows("SELECT table_catalog, table_schema, table_name, table_type FROM svv_tables") == tables
    assert client.rows("SELECT * FROM information_schema.tables") == tables
    assert client.rows("SELECT * FROM pg_catalog.svv_columns") == [
        ["dev", "etl", "t", "a", 1, None, "NO", "integer", None, 32, 0, None],
        ["dev", "etl", "t", "b", 2, None, "YES", "character varying", 9, None, None, None],
        ["dev", "etl", "t", "c", 3, None, "YES", "numeric", None, 12, 2, None],
        ["dev", "etl", "t", "d", 4, None, "YES", "super", None, None, None, None],
    ]
    assert client.rows(
        "SELECT columns.column_name FROM information_schema.columns WHERE table_name = 't' AND ordinal_position = 2"
    ) == [["b"]]
    assert client.rows("SELECT schema_name FROM information_schema.schemata ORDER BY 1") == [["etl"], ["public"]]


def test_queries_are_remembered_with_their_end(client: Client) -> None:
    failed = client.execute("SELECT nothing")
    client.batch("SELECT 1", "SELECT 2")

    rows = client.rows(
        "SELECT query_text, status, error_message, returned_rows FROM sys_query_history"
        " WHERE query_type <> 'GRANT' ORDER BY query_id"
    )
    assert rows == [
        ["SELECT nothing", "failed", 'ERROR: column "nothing" does not exist', 0],
        ["SELECT 1", "success", None, 1],
        ["SELECT 2", "success", None, 1],
    ]
    query_id = failed["RedshiftQueryId"]
    assert client.value(f"COUNT(*) FROM sys_query_history WHERE query_id = {query_id}") == 1


def test_isolation_is_snapshot(client: Client) -> None:
    assert client.rows("SELECT * FROM stv_db_isolation_level") == [["dev", "Snapshot Isolation"]]
