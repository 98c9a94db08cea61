"""The rules of COPY, MERGE, transactions and locks, one test each; the sources are pages of the Redshift Database
Developer Guide by name.
"""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.functional.redshift.client import TARGET
from tests.functional.redshift.server import Aws

PART = "s3://lake/part-0001.parquet"
BOTH = "WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, s.v)"


@pytest.fixture
def table(aws: Aws) -> Aws:
    aws.run("CREATE TABLE t (k INT NOT NULL, v VARCHAR(5) DEFAULT 'none')")
    return aws


@pytest.fixture
def pair(table: Aws) -> Aws:
    table.run("CREATE TABLE s (k INT, v VARCHAR(5))", "INSERT INTO t VALUES (1, 'old'), (2, 'old'), (2, 'twin')")
    table.run("INSERT INTO s VALUES (2, 'new'), (3, 'new')")
    return table


def rows_of(aws: Aws) -> list[list[object]]:
    return aws.rows("SELECT k, v FROM t ORDER BY k, v")


def copy(aws: Aws, columns: str = "", options: str = "", **arrays: pa.Array) -> str:
    entry = aws.files.parquet(PART, pa.table(arrays))
    return f"COPY t {columns} {aws.files.manifest(entry)} {options}"


def ints(*values: int | None) -> pa.Array:
    return pa.array(values, pa.int32())


def test_columns_go_by_position(table: Aws) -> None:  # copy-usage_notes-copy-from-columnar
    table.run(copy(table, v=ints(1), k=pa.array(["a"])))

    assert rows_of(table) == [[1, "a"]]


def test_the_number_of_columns_must_match(table: Aws) -> None:  # copy-usage_notes-copy-from-columnar
    assert "Unmatched number of columns between table and file" in table.error(copy(table, k=ints(1)))


def test_fillrecord_fills_with_null_not_with_the_default(table: Aws) -> None:  # copy-parameters-data-conversion
    table.run(copy(table, options="FILLRECORD", k=ints(1)))

    assert rows_of(table) == [[1, None]]


def test_fillrecord_does_not_fill_what_takes_no_null(aws: Aws) -> None:  # copy-parameters-data-conversion
    aws.run("CREATE TABLE t (k INT, v INT NOT NULL)")

    assert "Missing data for not-null field" in aws.error(copy(aws, options="FILLRECORD", k=ints(1)))


def test_fillrecord_does_not_drop_columns(table: Aws) -> None:  # copy-parameters-data-conversion
    statement = copy(table, options="FILLRECORD", k=ints(1), v=pa.array(["a"]), w=ints(1))

    assert "Unmatched number of columns" in table.error(statement)


def test_a_column_list_leaves_the_rest_to_their_defaults(table: Aws) -> None:  # copy-parameters-column-mapping
    table.run(copy(table, columns="(k)", k=ints(1)))

    assert rows_of(table) == [[1, "none"]]


def test_a_column_list_names_every_column_that_needs_a_value(table: Aws) -> None:  # copy-parameters-column-mapping
    error = table.error(copy(table, columns="(v)", v=pa.array(["a"])))

    assert "NOT NULL column without DEFAULT must be included in column list" in error


def test_structures_become_super(aws: Aws) -> None:  # copy_json, SERIALIZETOJSON
    aws.run("CREATE TABLE t (p SUPER)")
    aws.run(copy(aws, options="SERIALIZETOJSON", p=pa.array([{"a": [{"b": "w"}, {"b": "x"}]}])))

    assert aws.rows("SELECT p.a[1].b::VARCHAR FROM t") == [["x"]]


def test_structures_need_serializetojson(aws: Aws) -> None:  # copy_json, SERIALIZETOJSON
    aws.run("CREATE TABLE t (p SUPER)")

    assert "incompatible Parquet schema" in aws.error(copy(aws, p=pa.array([{"a": 1}])))


def test_text_is_measured_in_bytes(table: Aws) -> None:  # r_Character_types
    assert "String length exceeds DDL length" in table.error(copy(table, k=ints(1), v=pa.array(["äöü"])))
    assert rows_of(table) == []


def test_integers_keep_their_width(table: Aws) -> None:  # c-spectrum-troubleshooting, incompatible schema
    statement = copy(table, k=pa.array([1], pa.int64()), v=pa.array(["a"]))

    assert "has an incompatible Parquet schema for column" in table.error(statement)


def test_a_file_copied_twice_is_there_twice(table: Aws) -> None:  # loading-data-copy-job
    statement = copy(table, k=ints(1), v=pa.array(["a"]))
    table.run(statement, statement)

    assert rows_of(table) == [[1, "a"], [1, "a"]]


def test_one_bad_file_fails_the_whole_copy(table: Aws) -> None:  # copy-usage_notes-copy-from-columnar
    good = table.files.parquet("s3://lake/good.parquet", pa.table({"k": ints(1), "v": ["a"]}))
    bad = table.files.parquet("s3://lake/bad.parquet", pa.table({"k": ints(None), "v": ["a"]}))

    assert "Missing data for not-null field" in table.error(f"COPY t {table.files.manifest(good, bad)}")
    assert rows_of(table) == []


def test_a_manifest_needs_lengths(table: Aws) -> None:  # loading-data-files-using-manifest
    entry = table.files.parquet(PART, pa.table({"k": ints(1), "v": ["a"]}))
    del entry["meta"]

    assert "File entry does not have 'meta' key" in table.error(f"COPY t {table.files.manifest(entry)}")


def test_a_manifests_lengths_are_exact(table: Aws) -> None:  # loading-data-files-using-manifest
    entry = table.files.parquet(PART, pa.table({"k": ints(1), "v": ["a"]}))
    entry["meta"]["content_length"] += 1

    assert "416 InvalidRange" in table.error(f"COPY t {table.files.manifest(entry)}")


def test_a_mandatory_file_must_be_there(table: Aws) -> None:  # loading-data-files-using-manifest
    entry = {"url": "s3://lake/absent.parquet", "mandatory": True, "meta": {"content_length": 1}}

    assert "Error NoSuchKey" in table.error(f"COPY t {table.files.manifest(entry)}")


def test_some_file_must_be_there(table: Aws) -> None:  # loading-data-files-using-manifest
    entry = {"url": "s3://lake/absent.parquet", "meta": {"content_length": 1}}

    assert "none of its files was found" in table.error(f"COPY t {table.files.manifest(entry)}")


@pytest.mark.parametrize(
    "option",
    ["MAXERROR 1", "ACCEPTANYDATE", "REGION 'us-east-1'", "TRUNCATECOLUMNS", "COMPUPDATE ON", "TIMEFORMAT 'auto'"],
)
def test_options_that_are_not_for_parquet(table: Aws, option: str) -> None:  # copy-usage_notes-copy-from-columnar
    statement = copy(table, options=option, k=ints(1), v=pa.array(["a"]))

    assert "argument is not supported for PARQUET based COPY" in table.error(statement)


def test_loads_are_recorded(table: Aws) -> None:  # SYS_LOAD_HISTORY, SYS_LOAD_ERROR_DETAIL
    table.run(copy(table, k=ints(1), v=pa.array(["a"])))
    table.error(copy(table, k=ints(1), v=pa.array(["too long"])))

    history = table.rows("SELECT status, table_name, loaded_rows FROM sys_load_history ORDER BY start_time")
    assert history == [["completed", "t", 1], ["aborted", "t", 0]]
    assert table.rows("SELECT column_name, error_code FROM sys_load_error_detail") == [["v", 1204]]


def test_merge_changes_and_adds(aws: Aws) -> None:  # r_MERGE
    aws.run("CREATE TABLE t (k INT, v VARCHAR(5))", "CREATE TABLE s (k INT, v VARCHAR(5))")
    aws.run("INSERT INTO t VALUES (1, 'old'), (2, 'old')", "INSERT INTO s VALUES (2, 'new'), (3, 'new')")
    aws.run(f"MERGE INTO t USING s ON t.k = s.k {BOTH}")

    assert rows_of(aws) == [[1, "old"], [2, "new"], [3, "new"]]


def test_null_keys_never_match(aws: Aws) -> None:  # r_MERGE
    aws.run("CREATE TABLE t (k INT, v VARCHAR(5))", "CREATE TABLE s (k INT, v VARCHAR(5))")
    aws.run("INSERT INTO s VALUES (NULL, 'a')")
    for _ in range(2):
        aws.run(f"MERGE INTO t USING s ON t.k = s.k {BOTH}")

    assert aws.rows("SELECT COUNT(*) FROM t") == [[2]]


def test_remove_duplicates_replaces_what_matches(pair: Aws) -> None:  # r_MERGE, REMOVE DUPLICATES
    description = pair.run("MERGE INTO t USING s ON t.k = s.k REMOVE DUPLICATES")

    assert rows_of(pair) == [[1, "old"], [2, "new"], [3, "new"]]
    assert description["SubStatements"][0]["ResultRows"] == 2


def test_remove_duplicates_takes_an_alias_and_a_subquery(pair: Aws) -> None:  # r_MERGE, grammar
    pair.run("merge into public.t using (SELECT k, v FROM s WHERE k = 2) AS x on t.k = x.k remove  duplicates;")

    assert rows_of(pair) == [[1, "old"], [2, "new"]]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("(SELECT k FROM s) AS s", "the target's number, types and order of columns"),
        ("(SELECT v AS k, k AS v FROM s) AS s", ""),
        ("(SELECT 2 AS k, 'too long' AS v) AS s", "value too long for type"),
        ("(SELECT k, v FROM s UNION ALL SELECT 2, 'again') AS s", "Found multiple matches to update the same tuple"),
        ("t AS s", "cannot reference target table"),
    ],
)
def test_remove_duplicates_refuses(pair: Aws, source: str, words: str) -> None:  # r_MERGE, REMOVE DUPLICATES
    before = rows_of(pair)

    assert words in pair.error(f"MERGE INTO t USING {source} ON t.k = s.k REMOVE DUPLICATES")
    assert rows_of(pair) == before


def test_remove_duplicates_goes_without_when(pair: Aws) -> None:  # r_MERGE, REMOVE DUPLICATES
    assert "syntax error" in pair.error(f"MERGE INTO t USING s ON t.k = s.k {BOTH} REMOVE DUPLICATES")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("MERGE INTO t USING s ON t.k = s.k WHEN MATCHED THEN DELETE", "single WHEN clause is not enabled"),
        (f"MERGE INTO t AS x USING s ON x.k = s.k {BOTH}", "cannot have an alias"),
        (f"MERGE INTO t USING s ON t.k < s.k {BOTH}", "equality predicates"),
        (f"WITH s AS (SELECT 1 AS k, 'a' AS v) MERGE INTO t USING s ON t.k = s.k {BOTH}", "WITH clause"),
        (f"MERGE INTO t USING (SELECT k, v FROM t) AS s ON t.k = s.k {BOTH}", "cannot reference target table"),
        (f"MERGE INTO t USING (SELECT 1 AS k, 'a' AS v UNION ALL SELECT 1, 'b') AS s ON t.k = s.k {BOTH}", "multiple"),
        (f"MERGE INTO t USING s ON t.k = s.k {BOTH.replace('MATCHED THEN UPDATE', 'MATCHED AND 1 = 1 THEN UPDATE')}",
         "cannot have a condition"),
    ],
)  # fmt: skip
def test_merge_refuses(pair: Aws, statement: str, words: str) -> None:  # r_MERGE
    assert words in pair.error(statement)


def test_merge_takes_no_part_of_super(aws: Aws) -> None:  # r_MERGE, usage notes
    aws.run("CREATE TABLE t (k INT, v VARCHAR(9))", "CREATE TABLE s (k INT, p SUPER)")
    sets = "WHEN MATCHED THEN UPDATE SET v = s.p.v WHEN NOT MATCHED THEN INSERT VALUES (s.k, 'x')"

    assert "Partial reference of SUPER column" in aws.error(f"MERGE INTO t USING s ON t.k = s.k {sets}")


def test_truncate_commits(table: Aws) -> None:  # r_TRUNCATE
    table.run("INSERT INTO t (k) VALUES (1)")
    table.error("TRUNCATE t", "SELECT nothing")

    assert rows_of(table) == []


def test_delete_does_not_commit(table: Aws) -> None:  # r_TRUNCATE, usage notes
    table.run("INSERT INTO t VALUES (1, 'a')")
    table.error("DELETE FROM t", "SELECT nothing")

    assert rows_of(table) == [[1, "a"]]


@pytest.mark.parametrize("statement", ["VACUUM t", "ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(9)"])
def test_what_cannot_run_in_a_transaction(table: Aws, statement: str) -> None:  # r_VACUUM_command, r_ALTER_TABLE
    assert "transaction" in table.error(statement, "SELECT 1")


def test_a_primary_key_is_not_enforced(aws: Aws) -> None:  # t_Defining_constraints
    aws.run("CREATE TABLE t (k INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (1)")

    assert aws.rows("SELECT COUNT(*) FROM t") == [[2]]


def test_isolation_is_snapshot(aws: Aws) -> None:  # c_serial_isolation
    assert aws.rows("SELECT isolation_level FROM stv_db_isolation_level") == [["Snapshot Isolation"]]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("serializable", "ERROR: 1023"),  # c_serial_isolation-serializable-isolation-troubleshooting
        ("deadlock", "deadlock detected"),  # c_write_readwrite
        ("conflict", "conflict with concurrent transaction"),  # c_serial_isolation-…-troubleshooting
        ("missing-relation", "could not open relation with OID"),  # c_serial_isolation-…-troubleshooting
    ],
)
def test_a_fault_that_was_asked_for_comes_once(table: Aws, kind: str, words: str) -> None:
    table.redshift.faults.add(kind, where="insert into T")

    assert words in table.error("SELECT 1", "INSERT INTO t (k) VALUES (1)")
    table.run("INSERT INTO t (k) VALUES (1)")
    assert rows_of(table) == [[1, "none"]]


@pytest.mark.parametrize(
    "code",
    ["ThrottlingException", "ActiveStatementsExceededException", "ActiveSessionsExceededException"],
)
def test_the_apis_errors_can_be_asked_for(aws: Aws, code: str) -> None:  # mgmt/data-api, troubleshooting
    aws.redshift.faults.add(code, where="ExecuteStatement", times=20)

    assert aws.refusal("execute_statement", **TARGET, Sql="SELECT 1")[0] == code
    assert aws.api.list_statements()["Statements"] == []
    aws.redshift.faults.clear()
    assert aws.rows("SELECT 1") == [[1]]


def test_a_fault_has_a_known_kind(aws: Aws) -> None:
    with pytest.raises(ValueError, match="is none of"):
        aws.redshift.faults.add("earthquake")
