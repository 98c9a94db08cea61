"""The system views that can be queried, over a hidden schema that holds the emulator's own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_local.redshift.catalog import hash_sql, privilege_sql
from headrace_local.redshift.catalog.catalog import HIDDEN_SCHEMA, quoted
from headrace_local.redshift.catalog.macros import MACROS

if TYPE_CHECKING:
    import duckdb

    from headrace_local.redshift.syntax.tokens import Name

_IN_INFORMATION_SCHEMA = ("tables", "columns", "schemata")
_IN_PG_CATALOG = (
    "svv_tables",
    "svv_columns",
    "svv_redshift_columns",
    "svv_table_info",
    "pg_table_def",
    "sys_load_history",
    "sys_load_error_detail",
    "sys_query_history",
    "stv_db_isolation_level",
    "stl_tr_conflict",
    "svv_redshift_databases",
    "stv_mv_info",
    "pg_user",
    "svv_mv_info",
)

_SCHEMAS = "CREATE SCHEMA IF NOT EXISTS {hidden}; CREATE SCHEMA IF NOT EXISTS public;"

_TABLES = """
CREATE TABLE IF NOT EXISTS {hidden}.load_history (
  user_id INTEGER, query_id BIGINT, transaction_id BIGINT, session_id INTEGER, database_name VARCHAR, status VARCHAR,
  table_name VARCHAR, start_time TIMESTAMP, end_time TIMESTAMP, duration BIGINT, data_source VARCHAR,
  file_format VARCHAR, loaded_rows BIGINT, loaded_bytes BIGINT, source_file_count INTEGER, source_file_bytes BIGINT,
  file_count_scanned INTEGER, file_bytes_scanned BIGINT, error_count BIGINT, copy_job_id BIGINT);
CREATE TABLE IF NOT EXISTS {hidden}.load_error_detail (
  user_id INTEGER, query_id BIGINT, transaction_id BIGINT, session_id INTEGER, database_name VARCHAR,
  table_id INTEGER, start_time TIMESTAMP, file_name VARCHAR, line_number BIGINT, column_name VARCHAR,
  column_type VARCHAR, column_length VARCHAR, position INTEGER, error_code INTEGER, error_message VARCHAR);
CREATE TABLE IF NOT EXISTS {hidden}.query_history (
  user_id INTEGER, query_id BIGINT, transaction_id BIGINT, session_id INTEGER, database_name VARCHAR,
  query_type VARCHAR, status VARCHAR, start_time TIMESTAMP, end_time TIMESTAMP, elapsed_time BIGINT,
  error_message VARCHAR, returned_rows BIGINT, query_text VARCHAR);
CREATE TABLE IF NOT EXISTS {hidden}.users (usename VARCHAR, usecreatedb BOOLEAN, usesuper BOOLEAN);
CREATE TABLE IF NOT EXISTS {hidden}.databases (isolation_level VARCHAR);
INSERT INTO {hidden}.databases SELECT 'Snapshot Isolation' WHERE NOT EXISTS (FROM {hidden}.databases);
CREATE TABLE IF NOT EXISTS {hidden}.tr_conflicts (
  user_id INTEGER, xact_id BIGINT, process_id INTEGER, xact_start_ts TIMESTAMP, abort_time TIMESTAMP,
  table_id INTEGER);
CREATE TABLE IF NOT EXISTS {hidden}.stale_views (user_id INTEGER, schema_name VARCHAR, relation_name VARCHAR);
"""

_VIEWS = """
CREATE OR REPLACE VIEW {hidden}.descriptions AS
  SELECT schema_name, table_name AS relation_name, comment, temporary FROM duckdb_tables() WHERE comment IS NOT NULL
  UNION ALL
  SELECT schema_name, view_name, comment, temporary FROM duckdb_views() WHERE comment IS NOT NULL AND NOT internal;
CREATE OR REPLACE VIEW {hidden}.relations AS
  SELECT json_extract_string(comment, '$.schema') AS schema_name, relation_name, comment,
    json_type(comment, '$.view_sql') IS DISTINCT FROM 'NULL' AS is_view
  FROM {hidden}.descriptions WHERE NOT temporary;
CREATE OR REPLACE VIEW {hidden}.relation_columns AS
  SELECT schema_name, relation_name, position, entry->>'name' AS column_name, entry->>'type' AS written_type,
    regexp_extract(entry->>'type', '^[^(]+') AS data_type,
    CAST(nullif(regexp_extract(entry->>'type', '\\(([0-9]+)', 1), '') AS INTEGER) AS size,
    CAST(nullif(regexp_extract(entry->>'type', ',([0-9]+)\\)', 1), '') AS INTEGER) AS scale,
    CAST(entry->'nullable' AS BOOLEAN) AS nullable, entry->>'default' AS column_default,
    entry->>'encoding' AS encoding, comment
  FROM (SELECT schema_name, relation_name, comment, unnest(json_extract(comment, '$.columns[*]')) AS entry,
          unnest(range(1, CAST(json_array_length(comment, '$.columns') AS BIGINT) + 1)) AS position
        FROM {hidden}.relations);
CREATE OR REPLACE VIEW {hidden}.svv_tables AS
  SELECT getvariable('database') AS table_catalog, schema_name AS table_schema, relation_name AS table_name,
    CASE WHEN is_view THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type, CAST(NULL AS VARCHAR) AS remarks
  FROM {hidden}.relations;
CREATE OR REPLACE VIEW {hidden}.svv_columns AS
  SELECT getvariable('database') AS table_catalog, schema_name AS table_schema, relation_name AS table_name,
    column_name, CAST(position AS INTEGER) AS ordinal_position, column_default,
    CASE WHEN nullable THEN 'YES' ELSE 'NO' END AS is_nullable, data_type,
    CASE WHEN data_type LIKE 'character%' THEN size END AS character_maximum_length,
    CASE data_type WHEN 'smallint' THEN 16 WHEN 'integer' THEN 32 WHEN 'bigint' THEN 64 WHEN 'real' THEN 24
      WHEN 'double precision' THEN 53 WHEN 'numeric' THEN size END AS numeric_precision,
    CASE WHEN data_type = 'numeric' THEN scale WHEN data_type IN ('smallint', 'integer', 'bigint') THEN 0 END
      AS numeric_scale,
    CAST(NULL AS VARCHAR) AS remarks
  FROM {hidden}.relation_columns;
CREATE OR REPLACE VIEW {hidden}.pg_table_def AS
  SELECT schema_name AS schemaname, relation_name AS tablename, column_name AS "column", written_type AS "type",
    encoding, column_name IS NOT DISTINCT FROM (comment->>'distkey') AS distkey,
    CAST(coalesce(list_position(CAST(comment->'sortkeys' AS VARCHAR[]), column_name), 0) AS INTEGER) AS sortkey,
    NOT nullable AS "notnull"
  FROM {hidden}.relation_columns;
CREATE OR REPLACE VIEW {hidden}.svv_redshift_columns AS
  SELECT getvariable('database') AS database_name, schema_name, relation_name AS table_name, column_name,
    CAST(position AS INTEGER) AS ordinal_position, written_type AS data_type, column_default,
    CASE WHEN nullable THEN 'YES' ELSE 'NO' END AS is_nullable, encoding,
    column_name IS NOT DISTINCT FROM (comment->>'distkey') AS distkey,
    CAST(coalesce(list_position(CAST(comment->'sortkeys' AS VARCHAR[]), column_name), 0) AS INTEGER) AS sortkey,
    CAST(NULL AS VARCHAR) AS column_acl, CAST(NULL AS VARCHAR) AS remarks
  FROM {hidden}.relation_columns;
CREATE OR REPLACE VIEW {hidden}.svv_table_info AS
  SELECT getvariable('database') AS "database", relations.schema_name AS "schema", relation_name AS "table",
    CASE WHEN relations.comment->>'distkey' IS NULL THEN relations.comment->>'diststyle'
      ELSE 'KEY(' || (relations.comment->>'distkey') || ')' END AS diststyle,
    relations.comment->>'$.sortkeys[0]' AS sortkey1,
    CAST(json_array_length(relations.comment, '$.sortkeys') AS INTEGER) AS sortkey_num,
    CAST(estimated_size AS BIGINT) AS tbl_rows, CAST(stored.table_oid AS INTEGER) AS table_id
  FROM {hidden}.relations JOIN duckdb_tables() AS stored
    ON stored.schema_name = relations.schema_name AND stored.table_name = relation_name AND NOT stored.temporary
  WHERE NOT is_view;
CREATE OR REPLACE VIEW {hidden}.sys_load_history AS SELECT * FROM {hidden}.load_history;
CREATE OR REPLACE VIEW {hidden}.sys_load_error_detail AS SELECT * FROM {hidden}.load_error_detail;
CREATE OR REPLACE VIEW {hidden}.sys_query_history AS SELECT * FROM {hidden}.query_history;
CREATE OR REPLACE VIEW {hidden}.stv_db_isolation_level AS
  SELECT getvariable('database') AS db_name, isolation_level FROM {hidden}.databases;
CREATE OR REPLACE VIEW {hidden}.svv_redshift_databases AS
  SELECT getvariable('database') AS database_name, CAST(100 AS INTEGER) AS database_owner, 'local' AS database_type,
    CAST(NULL AS VARCHAR) AS database_acl, CAST(NULL AS VARCHAR) AS database_options,
    isolation_level AS database_isolation_level
  FROM {hidden}.databases;
CREATE OR REPLACE VIEW {hidden}.table_ids AS
  SELECT json_extract_string(comment, '$.schema') || '.' || table_name AS key, CAST(table_oid AS INTEGER) AS table_id
  FROM duckdb_tables() WHERE NOT temporary AND comment IS NOT NULL;
CREATE OR REPLACE VIEW {hidden}.stl_tr_conflict AS SELECT * EXCLUDE (user_id) FROM {hidden}.tr_conflicts;
CREATE OR REPLACE VIEW {hidden}.pg_user AS
  SELECT usename, CAST(100 + row_number() OVER () AS INTEGER) AS usesysid, usecreatedb, usesuper FROM {hidden}.users;
CREATE OR REPLACE VIEW {hidden}.svv_mv_info AS
  SELECT getvariable('database') AS database_name, schema_name, comment->>'owner' AS user_name, relation_name AS name,
    CASE WHEN (schema_name, relation_name) IN (SELECT (schema_name, relation_name) FROM {hidden}.stale_views)
      THEN 't' ELSE 'f' END AS is_stale,
    CASE WHEN coalesce(CAST(comment->'type_changed' AS BOOLEAN), false) THEN 102
      WHEN CAST(comment->'incremental' AS BOOLEAN) THEN 1 ELSE 0 END AS state, 'f' AS autorewrite,
    CASE WHEN CAST(comment->'auto_refresh' AS BOOLEAN) THEN 't' ELSE 'f' END AS autorefresh
  FROM {hidden}.relations WHERE CAST(comment->'materialized' AS BOOLEAN);
CREATE OR REPLACE VIEW {hidden}.stv_mv_info AS
  SELECT database_name AS db_name, schema_name AS "schema", name, CAST(0 AS BIGINT) AS updated_upto_xid, is_stale,
    user_name AS owner_user_name, state, autorewrite, autorefresh
  FROM {hidden}.svv_mv_info;
CREATE OR REPLACE VIEW {hidden}.information_schema_tables AS
  SELECT table_catalog, table_schema, table_name, table_type FROM {hidden}.svv_tables;
CREATE OR REPLACE VIEW {hidden}.information_schema_columns AS SELECT * EXCLUDE (remarks) FROM {hidden}.svv_columns;
CREATE OR REPLACE VIEW {hidden}.information_schema_schemata AS
  SELECT getvariable('database') AS catalog_name, schema_name FROM duckdb_schemas()
  WHERE database_name = current_database() AND NOT internal AND schema_name <> '{hidden}';
"""


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the hidden schema, its tables and views, and `public`."""
    parts = (_SCHEMAS, MACROS, hash_sql.MACROS, _TABLES, _VIEWS, privilege_sql.TABLES, privilege_sql.MACROS)
    script = "".join(parts).replace("{hidden}", HIDDEN_SCHEMA)
    for sql in filter(str.strip, script.split(";")):
        connection.execute(sql)


def system_view(name: Name) -> Name | None:
    """Where the system view `name` is kept, or None if it is no system view."""
    schema, relation = ("pg_catalog", *name)[-2:]
    if schema == "pg_catalog" and relation in _IN_PG_CATALOG:
        return (HIDDEN_SCHEMA, relation)
    if schema == "information_schema" and relation in _IN_INFORMATION_SCHEMA:
        return (HIDDEN_SCHEMA, f"{schema}_{relation}")
    return None


def insert_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, object]]) -> None:
    """Append `rows`, all with the same columns, to one of the hidden tables."""
    if not rows:
        return
    columns = ", ".join(quoted(name) for name in rows[0])
    marks = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
    sql = f"INSERT INTO {quoted(HIDDEN_SCHEMA, table)} ({columns}) VALUES {marks}"
    connection.execute(sql, [value for row in rows for value in row.values()])
