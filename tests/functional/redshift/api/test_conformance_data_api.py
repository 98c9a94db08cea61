"""The rules of the Data API, one test each; `API` stands for the Redshift Data API Reference on docs.aws.amazon.com,
`mgmt` for the Redshift Management Guide, both by page name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace_local.redshift import DataApiError, EmbeddedRedshift
from tests.functional.redshift.client import TARGET, FakeS3
from tests.functional.redshift.server import Aws

SLOW = "SELECT COUNT(*) FROM t a, t b, t c, t d WHERE a.a * b.a * c.a % 7 = d.a"


def sized(size: int) -> str:
    """A statement of so many bytes."""
    return "SELECT 1 /*" + "x" * (size - 13) + "*/"


def many_rows(aws: Aws) -> None:
    aws.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES " + ", ".join(f"({n})" for n in range(3000)))


def test_a_statement_without_event_puts_none(aws: Aws) -> None:  # API_ExecuteStatement, WithEvent
    aws.execute("SELECT 1")

    assert aws.events == []


def test_with_event_the_end_of_a_statement_is_told(aws: Aws) -> None:  # mgmt/data-api-monitoring-events
    description = aws.execute("SELECT 1 UNION SELECT 2", WithEvent=True, StatementName="nightly")

    event = aws.event()
    assert event.workgroup == "headrace"
    assert event.detail == {
        "principal": "arn:aws:sts::1:assumed-role/loader/s",
        "statementName": "nightly",
        "statementId": description["Id"],
        "redshiftQueryId": description["RedshiftQueryId"],
        "state": "FINISHED",
        "rows": 2,
        "expireAt": int(description["CreatedAt"].timestamp()) + 24 * 3600,
    }


def test_the_event_of_a_failed_batch_has_no_error_text(aws: Aws) -> None:  # mgmt/data-api-monitoring-events
    aws.batch("SELECT 1", "SELECT nothing", WithEvent=True)

    event = aws.event()
    assert (event.detail["state"], event.detail["redshiftQueryId"]) == ("FAILED", -1)
    assert "nothing" not in str(event.detail)


def test_a_cancelled_statement_is_told_as_aborted(aws: Aws) -> None:  # mgmt/data-api-monitoring-events
    many_rows(aws)
    statement_id = aws.api.execute_statement(**TARGET, Sql=SLOW, WithEvent=True)["Id"]
    assert aws.api.cancel_statement(Id=statement_id)["Status"] is True
    aws.api.describe_statement(Id=statement_id, WaitTimeSeconds=30)

    assert aws.event().detail["state"] == "ABORTED"


def test_a_session_keeps_temp_tables(aws: Aws) -> None:  # mgmt/data-api, session reuse
    first = aws.execute("CREATE TEMP TABLE mine (a INT)", SessionKeepAliveSeconds=60)

    assert aws.execute("INSERT INTO mine VALUES (7)", SessionId=first["SessionId"])["SessionId"] == first["SessionId"]
    assert aws.rows("SELECT a FROM mine", SessionId=first["SessionId"]) == [[7]]
    assert 'relation "mine" does not exist' in aws.error("SELECT a FROM mine")


def test_without_keep_alive_there_is_no_session(aws: Aws) -> None:  # API_ExecuteStatement, SessionId
    assert "SessionId" not in aws.execute("SELECT 1")


def test_a_session_has_one_process_id(aws: Aws) -> None:  # API_DescribeStatement, RedshiftPid
    first = aws.execute("SELECT 1", SessionKeepAliveSeconds=60)

    assert aws.execute("SELECT 2", SessionId=first["SessionId"])["RedshiftPid"] == first["RedshiftPid"]
    assert aws.execute("SELECT 2")["RedshiftPid"] != first["RedshiftPid"]


def test_a_session_survives_a_failed_statement(aws: Aws) -> None:  # mgmt/data-api, session reuse
    session = {"SessionId": aws.execute("CREATE TEMP TABLE mine (a INT)", SessionKeepAliveSeconds=60)["SessionId"]}

    assert "does not exist" in aws.error("SELECT nothing FROM mine", **session)
    assert aws.rows("SELECT COUNT(*) FROM mine", **session) == [[0]]


def test_a_session_runs_one_statement_at_a_time(aws: Aws) -> None:  # mgmt/data-api, considerations
    many_rows(aws)
    session_id = aws.execute("SELECT 1", SessionKeepAliveSeconds=60)["SessionId"]
    running = aws.api.execute_statement(SessionId=session_id, Sql=SLOW)["Id"]

    code, message = aws.refusal("execute_statement", SessionId=session_id, Sql="SELECT 1")
    assert (code, "busy" in message) == ("ValidationException", True)
    (listed,) = aws.api.list_sessions(Status="BUSY")["Sessions"]
    assert listed["CurrentStatementId"] == running
    aws.api.cancel_statement(Id=running)
    assert aws.api.describe_statement(Id=running, WaitTimeSeconds=30)["Status"] == "ABORTED"
    assert aws.rows("SELECT 1", SessionId=session_id) == [[1]]


def test_a_session_ends_when_nobody_used_it_for_its_time(aws: Aws) -> None:  # API_ExecuteStatement, SessionKeepAlive…
    session_id = aws.execute("SELECT 1", SessionKeepAliveSeconds=1)["SessionId"]
    aws.redshift._sessions._sessions[session_id].updated_at -= 2

    code, _ = aws.refusal("execute_statement", SessionId=session_id, Sql="SELECT 1")
    assert code == "ResourceNotFoundException"
    assert [one["SessionId"] for one in aws.api.list_sessions(Status="CLOSED")["Sessions"]] == [session_id]


def test_a_session_lives_no_longer_than_a_day(aws: Aws) -> None:  # mgmt/data-api, considerations
    session_id = aws.execute("SELECT 1", SessionKeepAliveSeconds=86_400)["SessionId"]
    aws.redshift._sessions._sessions[session_id].created_at -= 86_400

    assert aws.refusal("execute_statement", SessionId=session_id, Sql="SELECT 1")[0] == "ResourceNotFoundException"


def test_keep_alive_has_a_maximum(aws: Aws) -> None:  # API_ExecuteStatement, SessionKeepAliveSeconds
    code, _ = aws.refusal("execute_statement", **TARGET, Sql="SELECT 1", SessionKeepAliveSeconds=86_401)

    assert code == "ValidationException"


def test_there_are_at_most_500_sessions(aws: Aws) -> None:  # mgmt/data-api, considerations
    for n in range(500):
        request = {**TARGET, "SessionKeepAliveSeconds": 60}
        aws.redshift._sessions.claim("somebody", request, f"statement-{n}", n)

    code, _ = aws.refusal("execute_statement", **TARGET, Sql="SELECT 1", SessionKeepAliveSeconds=60)
    assert code == "ActiveSessionsExceededException"


def test_a_session_of_another_role_is_not_found(aws: Aws) -> None:  # mgmt/data-api, considerations
    session_id = aws.execute("SELECT 1", SessionKeepAliveSeconds=60)["SessionId"]

    with pytest.raises(aws.stranger.exceptions.ResourceNotFoundException):
        aws.stranger.execute_statement(SessionId=session_id, Sql="SELECT 1")
    assert aws.stranger.list_sessions()["Sessions"] == []


def test_a_session_stays_in_its_database(aws: Aws) -> None:  # API_ExecuteStatement, SessionId
    session_id = aws.execute("SELECT 1", SessionKeepAliveSeconds=60)["SessionId"]

    code, _ = aws.refusal("execute_statement", SessionId=session_id, Sql="SELECT 1", Database="other")
    assert code == "ValidationException"


def test_sessions_are_listed_with_what_the_model_names(aws: Aws) -> None:  # API_ListSessions, API_SessionData
    session_id = aws.execute("SELECT 1", SessionKeepAliveSeconds=60)["SessionId"]

    (session,) = aws.api.list_sessions(**TARGET)["Sessions"]
    assert (session["SessionId"], session["Status"], session["SessionAliveSeconds"]) == (session_id, "AVAILABLE", 60)
    assert (session["SessionTtl"] - session["UpdatedAt"]).total_seconds() == 60
    assert aws.api.list_sessions(WorkgroupName="another")["Sessions"] == []


def test_csv_results_come_from_the_second_version(aws: Aws) -> None:  # API_GetStatementResultV2
    sql = "SELECT 1 AS a, 'x,\"y\"' AS b, NULL::INT AS c, TRUE AS d, 1.50::DECIMAL(5,2) AS e"
    description = aws.execute(sql, ResultFormat="CSV")

    answer = aws.api.get_statement_result_v2(Id=description["Id"])
    assert answer["Records"] == [{"CSVRecords": '1,"x,""y""",,true,1.50\r\n'}]
    assert (answer["ResultFormat"], answer["TotalNumRows"]) == ("CSV", 1)
    assert [column["name"] for column in answer["ColumnMetadata"]] == ["a", "b", "c", "d", "e"]
    assert description["ResultFormat"] == "CSV"


def test_csv_results_come_in_pages(aws: Aws) -> None:  # API_GetStatementResultV2, NextToken
    many_rows(aws)
    statement_id = aws.execute("SELECT a FROM t ORDER BY a", ResultFormat="CSV")["Id"]

    pages = list(aws.api.get_paginator("get_statement_result_v2").paginate(Id=statement_id))
    assert len(pages) == 3
    assert "".join(page["Records"][0]["CSVRecords"] for page in pages).split() == [str(n) for n in range(3000)]


@pytest.mark.parametrize(("form", "operation"), [("CSV", "get_statement_result"), ("JSON", "get_statement_result_v2")])
def test_each_result_operation_has_its_format(aws: Aws, form: str, operation: str) -> None:  # API_GetStatementResult
    statement_id = aws.execute("SELECT 1", ResultFormat=form)["Id"]

    assert aws.refusal(operation, Id=statement_id)[0] == "ValidationException"


def test_the_statements_of_a_role_are_listed_whatever_its_session(aws: Aws) -> None:  # API_ListStatements, RoleLevel
    aws.execute("SELECT 1")
    later: dict[str, Any] = {"principal": "arn:aws:sts::1:assumed-role/loader/another-session"}

    assert len(aws.redshift.call("ListStatements", {}, **later)["Statements"]) == 1
    assert aws.redshift.call("ListStatements", {"RoleLevel": False}, **later)["Statements"] == []


def test_a_statement_of_the_role_can_be_described_by_another_session_of_it(aws: Aws) -> None:  # mgmt/data-api
    statement_id = aws.execute("SELECT 1")["Id"]

    another = "arn:aws:sts::1:assumed-role/loader/another-session"
    assert aws.redshift.call("DescribeStatement", {"Id": statement_id}, principal=another)["Status"] == "FINISHED"


@pytest.mark.parametrize("operation", ["describe_statement", "get_statement_result", "cancel_statement"])
def test_another_role_does_not_find_a_statement(aws: Aws, operation: str) -> None:  # mgmt/data-api, considerations
    statement_id = aws.execute("SELECT 1")["Id"]

    with pytest.raises(aws.stranger.exceptions.ResourceNotFoundException):
        getattr(aws.stranger, operation)(Id=statement_id)


def test_listed_statements_tell_what_the_model_names(aws: Aws) -> None:  # API_StatementData
    one = aws.execute("SELECT :a", Parameters=[{"name": "a", "value": "1"}], SessionKeepAliveSeconds=9)
    aws.batch("SELECT 1", "SELECT 2", StatementName="both", ResultFormat="CSV")

    batch, single = aws.api.list_statements(**TARGET)["Statements"]
    assert (batch["IsBatchStatement"], batch["QueryStrings"]) == (True, ["SELECT 1", "SELECT 2"])
    assert (batch["StatementName"], batch["ResultFormat"]) == ("both", "CSV")
    assert (single["SessionId"], single["QueryString"]) == (one["SessionId"], "SELECT :a")
    assert single["QueryParameters"] == [{"name": "a", "value": "1"}]


def test_statements_are_listed_by_where_they_ran(aws: Aws) -> None:  # API_ListStatements
    aws.execute("SELECT 1")

    assert aws.api.list_statements(WorkgroupName="another", Database="dev")["Statements"] == []


def test_a_batch_runs_in_order_in_one_transaction(aws: Aws) -> None:  # API_BatchExecuteStatement
    failed = aws.batch("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)", "SELECT nothing")

    assert (failed["Status"], failed["ExecutionMode"]) == ("FAILED", "TRANSACTION")
    assert 'relation "t" does not exist' in aws.error("SELECT * FROM t")


def test_auto_commit_keeps_what_went_well(aws: Aws) -> None:  # API_BatchExecuteStatement, ExecutionMode
    sqls = ["CREATE TABLE t (a INT)", "SELECT nothing", "INSERT INTO t VALUES (1)"]
    description = aws.batch(*sqls, ExecutionMode="AUTO_COMMIT")

    assert [sub["Status"] for sub in description["SubStatements"]] == ["FINISHED", "FAILED", "FINISHED"]
    assert aws.rows("SELECT a FROM t") == [[1]]


def test_sub_statements_are_numbered_from_one(aws: Aws) -> None:  # API_SubStatementData
    description = aws.batch("SELECT 1", "SELECT 2")

    assert [sub["Id"] for sub in description["SubStatements"]] == [f"{description['Id']}:{n}" for n in (1, 2)]
    assert aws.api.get_statement_result(Id=f"{description['Id']}:2")["Records"] == [[{"longValue": 2}]]


def test_a_batch_has_at_most_40_statements(aws: Aws) -> None:  # API_BatchExecuteStatement
    assert aws.refusal("batch_execute_statement", **TARGET, Sqls=["SELECT 1"] * 41)[0] == "ValidationException"


def test_a_statement_has_at_most_100_kilobytes(aws: Aws) -> None:  # mgmt/data-api, considerations
    fits, sql = sized(100_000), sized(100_001)

    assert aws.rows(fits) == [[1]]
    refused = ("ValidationException", "Cannot process query string larger than 100kB")
    assert aws.refusal("execute_statement", **TARGET, Sql=sql) == refused
    assert aws.refusal("batch_execute_statement", **TARGET, Sqls=[sized(50_000), sized(50_001)]) == refused
    assert aws.batch(sized(50_000), sized(50_000))["Status"] == "FINISHED"


def test_or_each_has_them_if_that_is_how_it_is_meant(tmp_path: Path) -> None:
    redshift = EmbeddedRedshift(tmp_path / "lenient.duckdb", FakeS3(), limit_batches=False)
    sqls = [sized(100_000), sized(100_001)]
    try:
        assert redshift.call("BatchExecuteStatement", {**TARGET, "Sqls": sqls[:1] * 2}, principal="me")["Id"]
        with pytest.raises(DataApiError, match="query string larger than 100kB"):
            redshift.call("BatchExecuteStatement", {**TARGET, "Sqls": sqls}, principal="me")
    finally:
        redshift.close()


def test_a_client_token_runs_a_statement_once(aws: Aws) -> None:  # mgmt/data-api, idempotency
    aws.run("CREATE TABLE t (a INT)")
    ids = {aws.execute("INSERT INTO t VALUES (1)", ClientToken="load-1")["Id"] for _ in range(2)}

    assert (len(ids), aws.rows("SELECT COUNT(*) FROM t")) == (1, [[1]])


def test_a_client_token_opens_one_session(aws: Aws) -> None:  # mgmt/data-api, idempotency
    for _ in range(2):
        aws.execute("SELECT 1", ClientToken="load-1", SessionKeepAliveSeconds=60)

    assert len(aws.api.list_sessions()["Sessions"]) == 1


def test_parameters_are_shared_by_a_batch_and_all_are_needed(aws: Aws) -> None:  # mgmt/data-api, parameters
    parameters = [{"name": "a", "value": "1"}]
    aws.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (:a)", "SELECT 1", Parameters=parameters)

    assert aws.rows("SELECT a FROM t") == [[1]]
    request = {**TARGET, "Sqls": ["SELECT 1"], "Parameters": parameters}
    assert aws.refusal("batch_execute_statement", **request)[0] == "ValidationException"


def test_a_parameter_is_never_a_name(aws: Aws) -> None:  # mgmt/data-api, parameters
    aws.run("CREATE TABLE t (a INT)")

    assert "is not supported" in aws.error("SELECT * FROM :t", Parameters=[{"name": "t", "value": "t"}])


def test_the_word_null_is_a_string(aws: Aws) -> None:  # mgmt/data-api, parameters
    assert aws.rows("SELECT :a IS NULL", Parameters=[{"name": "a", "value": "null"}]) == [[False]]


def test_an_error_in_sql_is_a_state_not_an_exception(aws: Aws) -> None:  # API_DescribeStatement, Error
    description = aws.execute("SELECT nothing")

    assert (description["Status"], description["Error"]) == ("FAILED", 'ERROR: column "nothing" does not exist')


def test_rows_affected_are_result_rows(aws: Aws) -> None:  # API_DescribeStatement, ResultRows
    aws.run("CREATE TABLE t (a INT)")

    assert aws.execute("INSERT INTO t VALUES (1), (2)")["ResultRows"] == 2
    assert aws.execute("CREATE TABLE u (a INT)")["ResultRows"] == -1
    assert aws.execute("SELECT nothing")["ResultSize"] == -1


def test_a_duration_is_in_nanoseconds(aws: Aws) -> None:  # API_DescribeStatement, Duration
    assert 1_000 < aws.execute("SELECT 1")["Duration"] < 60 * 10**9


def test_what_has_ended_cannot_be_cancelled(aws: Aws) -> None:  # API_CancelStatement
    statement_id = aws.execute("SELECT 1")["Id"]

    assert aws.refusal("cancel_statement", Id=statement_id)[0] == "ValidationException"


def test_a_call_waits_at_most_30_seconds(aws: Aws) -> None:  # API_DescribeStatement, WaitTimeSeconds
    code, _ = aws.refusal("execute_statement", **TARGET, Sql="SELECT 1", WaitTimeSeconds=31)

    assert code == "ValidationException"


def test_tables_are_listed_by_pattern(aws: Aws) -> None:  # API_ListTables, API_DescribeTable
    aws.run("CREATE TABLE orders (a INT)", "CREATE TABLE visits (a INT)")

    assert [table["name"] for table in aws.api.list_tables(**TARGET, TablePattern="ord%")["Tables"]] == ["orders"]
    (column,) = aws.api.describe_table(**TARGET, Schema="public", Table="orders")["ColumnList"]
    assert (column["name"], column["typeName"]) == ("a", "int4")
