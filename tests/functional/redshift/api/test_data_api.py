"""The Data API itself: states, results, parameters, tokens, who sees what, limits."""

from __future__ import annotations

from typing import Any

import pytest

from headrace_local.redshift import DataApiError
from tests.functional.redshift.client import TARGET, Client


def test_a_statement_is_submitted_and_described(client: Client) -> None:
    submitted = client.call("ExecuteStatement", **TARGET, Sql="SELECT 1 AS one", StatementName="first")
    assert submitted["Status"] in {"SUBMITTED", "PICKED", "STARTED", "FINISHED"}
    assert (submitted["Database"], submitted["WorkgroupName"]) == ("dev", "headrace")

    described = client.ended(submitted["Id"])

    assert described["Status"] == "FINISHED"
    assert described["QueryString"] == "SELECT 1 AS one"
    assert (described["ResultRows"], described["HasResultSet"]) == (1, True)
    assert described["Duration"] > 0
    assert described["CreatedAt"] == submitted["CreatedAt"] <= described["UpdatedAt"]
    assert "Error" not in described
    assert "SubStatements" not in described


def test_a_batch_has_sub_statements_with_results_of_their_own(client: Client) -> None:
    described = client.batch("SELECT 1", "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (2)", "SELECT a FROM t")

    assert (described["ResultRows"], described["HasResultSet"]) == (-1, True)
    subs = described["SubStatements"]
    assert [sub["Id"] for sub in subs] == [f"{described['Id']}:{n}" for n in (1, 2, 3, 4)]
    assert [(sub["ResultRows"], sub["HasResultSet"]) for sub in subs] == [(1, True), (-1, False), (2, False), (2, True)]
    assert client.call("GetStatementResult", Id=subs[3]["Id"])["Records"] == [[{"longValue": 1}], [{"longValue": 2}]]
    assert client.call("DescribeStatement", Id=subs[2]["Id"])["QueryString"] == "INSERT INTO t VALUES (1), (2)"


def test_an_error_does_not_raise(client: Client) -> None:
    description = client.execute("SELECT nothing")

    assert (description["Status"], description["Error"]) == ("FAILED", 'ERROR: column "nothing" does not exist')


def test_a_failing_batch_names_the_statement_and_aborts_the_rest(client: Client) -> None:
    description = client.batch("SELECT 1", "SELECT nothing", "SELECT 2")

    assert description["Error"] == 'Query #2 failed with ERROR: column "nothing" does not exist'
    assert [sub["Status"] for sub in description["SubStatements"]] == ["FINISHED", "FAILED", "ABORTED"]
    assert description["SubStatements"][1]["Error"] == 'ERROR: column "nothing" does not exist'


def test_values_have_the_fields_of_their_types(client: Client) -> None:
    result = client.result(
        "SELECT TRUE AS a, 1 AS b, 1.5::DECIMAL(5,2) AS c, 0.5::FLOAT AS d, 'x' AS e, DATE '2024-01-02' AS f,"
        " TIMESTAMP '2024-01-02 03:04:05.678' AS g, NULL::INT AS h, JSON_PARSE('[1, 2]') AS i,"
        " '2024-01-02 03:04:05+02'::TIMESTAMPTZ AS j, 1::SMALLINT AS k, 1::BIGINT AS l, 0.5::REAL AS m"
    )

    assert result["Records"] == [
        [
            {"booleanValue": True},
            {"longValue": 1},
            {"stringValue": "1.50"},
            {"doubleValue": 0.5},
            {"stringValue": "x"},
            {"stringValue": "2024-01-02"},
            {"stringValue": "2024-01-02 03:04:05.678000"},
            {"isNull": True},
            {"stringValue": "[1,2]"},
            {"stringValue": "2024-01-02 01:04:05+00"},
            {"longValue": 1},
            {"longValue": 1},
            {"doubleValue": 0.5},
        ]
    ]
    types = " ".join(column["typeName"] for column in result["ColumnMetadata"])
    assert types == "bool int4 numeric float8 varchar date timestamp int4 super timestamptz int2 int8 float4"
    assert (result["ColumnMetadata"][2]["precision"], result["ColumnMetadata"][2]["scale"]) == (5, 2)


def test_long_results_come_in_pages(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES " + ", ".join(f"({n})" for n in range(1500)))
    statement_id = client.execute("SELECT a FROM t ORDER BY a")["Id"]

    first = client.call("GetStatementResult", Id=statement_id)
    second = client.call("GetStatementResult", Id=statement_id, NextToken=first["NextToken"])

    assert first["TotalNumRows"] == second["TotalNumRows"] == 1500
    records = first["Records"] + second["Records"]
    assert [record[0]["longValue"] for record in records] == list(range(1500))
    assert "NextToken" not in second


@pytest.mark.parametrize("token", ["nonsense", "MTIz"])
def test_a_made_up_page_token_is_refused(client: Client, token: str) -> None:
    statement_id = client.execute("SELECT 1")["Id"]

    with pytest.raises(DataApiError, match="Invalid NextToken"):
        client.call("GetStatementResult", Id=statement_id, NextToken=token)


@pytest.mark.parametrize("sql", ["CREATE TABLE t (a INT)", "SELECT nothing"])
def test_there_is_no_result_without_a_result_set(client: Client, sql: str) -> None:
    statement_id = client.execute(sql)["Id"]

    with pytest.raises(DataApiError, match="Query does not have result") as refused:
        client.call("GetStatementResult", Id=statement_id)
    assert refused.value.code == "ResourceNotFoundException"


def test_parameters_are_values(client: Client) -> None:
    client.run("CREATE TABLE t (a INT, b VARCHAR(20))", "INSERT INTO t VALUES (1, 'it''s'), (2, 'x')")
    parameters = [{"name": "a", "value": "1"}, {"name": "b", "value": "it's; DROP TABLE t"}]

    rows = client.rows("SELECT b, :b, ':a' FROM t WHERE a = :a", Parameters=parameters)

    assert rows == [["it's", "it's; DROP TABLE t", ":a"]]


def test_parameters_are_shared_by_a_batch(client: Client) -> None:
    client.run("CREATE TABLE t (a INT, b VARCHAR(20))")
    parameters = [{"name": "a", "value": "7"}, {"name": "b", "value": "seven"}]

    description = client.batch(
        "INSERT INTO t VALUES (:a, :b)", "SELECT b FROM t WHERE a = :a", "SELECT 1", Parameters=parameters
    )

    result = client.call("GetStatementResult", Id=f"{description['Id']}:2")
    assert result["Records"] == [[{"stringValue": "seven"}]]


@pytest.mark.parametrize(
    ("sql", "parameters", "words"),
    [
        ("SELECT 1", [{"name": "a", "value": "1"}], "unused parameters"),
        ("SELECT ':a'", [{"name": "a", "value": "1"}], "unused parameters"),
        ("SELECT :b", [{"name": "a", "value": "1"}, {"name": "b", "value": "1"}], "unused parameters"),
        ("SELECT :a", [], "Parameters has a length of 0"),
        ("SELECT :a + :b", [{"name": "a", "value": "1"}], "Cannot find parameter: b"),
        ("SELECT :a", [{"name": "a", "value": ""}], "length of"),
        ("SELECT :a", [{"name": "a"}], "Missing required parameter: Parameters[0].value"),
        ("SELECT :a", [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}], "duplicate parameters"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(
    client: Client, sql: str, parameters: list[dict[str, str]], words: str
) -> None:
    with pytest.raises(DataApiError) as refused:
        client.call("ExecuteStatement", **TARGET, Sql=sql, Parameters=parameters)

    assert refused.value.code == "ValidationException"
    assert words in refused.value.message


def test_a_client_token_runs_a_statement_once(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)")
    first = client.batch("INSERT INTO t VALUES (1)", ClientToken="load-1")
    second = client.batch("INSERT INTO t VALUES (1)", ClientToken="load-1")

    assert first["Id"] == second["Id"]
    assert client.value("COUNT(*) FROM t") == 1
    assert client.batch("INSERT INTO t VALUES (1)", ClientToken="load-2")["Id"] != first["Id"]


def test_a_statement_is_shown_only_to_its_own_principal(client: Client) -> None:
    statement_id = client.execute("SELECT 1")["Id"]
    stranger = Client(client.redshift, client.s3, principal="somebody-else")

    for operation in ("DescribeStatement", "GetStatementResult", "CancelStatement"):
        with pytest.raises(DataApiError, match="Query does not exist") as refused:
            stranger.call(operation, Id=statement_id)
        assert refused.value.code == "ResourceNotFoundException"
    assert stranger.call("ListStatements")["Statements"] == []


def test_statements_are_listed_newest_first(client: Client) -> None:
    client.execute("SELECT 1", StatementName="nightly-1")
    client.execute("SELECT nothing", StatementName="nightly-2")
    client.batch("SELECT 2", StatementName="hourly")

    entries = client.call("ListStatements")["Statements"]
    assert [entry["StatementName"] for entry in entries] == ["hourly", "nightly-2", "nightly-1"]
    assert entries[0]["QueryStrings"] == ["SELECT 2"]
    named = client.call("ListStatements", StatementName="nightly", Status="FAILED")["Statements"]
    assert [entry["QueryString"] for entry in named] == ["SELECT nothing"]
    page = client.call("ListStatements", MaxResults=2)
    rest = client.call("ListStatements", MaxResults=2, NextToken=page["NextToken"])["Statements"]
    assert [entry["StatementName"] for entry in rest] == ["nightly-1"]


def test_a_statement_that_has_ended_cannot_be_cancelled(client: Client) -> None:
    statement_id = client.execute("SELECT 1")["Id"]

    with pytest.raises(DataApiError, match="already in FINISHED state"):
        client.call("CancelStatement", Id=statement_id)


def test_a_running_query_can_be_cancelled(client: Client) -> None:
    client.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES " + ", ".join(f"({n})" for n in range(3000)))
    endless = "SELECT COUNT(*) FROM t a, t b, t c, t d WHERE a.a * b.a * c.a % 7 = d.a"
    statement_id = client.call("ExecuteStatement", **TARGET, Sql=endless)["Id"]

    client.call("CancelStatement", Id=statement_id)

    assert client.ended(statement_id)["Status"] == "ABORTED"
    assert client.value("COUNT(*) FROM t") == 3000


@pytest.mark.parametrize(
    ("operation", "request_", "words"),
    [
        ("DropEverything", {}, "Unknown operation: DropEverything"),
        ("ExecuteStatement", {**TARGET}, "Missing required parameter: Sql"),
        ("ExecuteStatement", {**TARGET, "Sql": "SELECT 1", "Colour": "red"}, "Unknown parameter: Colour"),
        ("ExecuteStatement", {**TARGET, "Sql": 1}, "Sql must be of type string"),
        ("ExecuteStatement", {**TARGET, "Sql": " "}, "The SQL statement is empty"),
        ("ExecuteStatement", {**TARGET, "Sql": "SELECT '" + "x" * 99_992 + "'"}, "query string larger than 100kB"),
        ("ExecuteStatement", {"Sql": "SELECT 1", "Database": "dev"}, "Either ClusterIdentifier or WorkgroupName"),
        ("ExecuteStatement", {"Sql": "SELECT 1", "WorkgroupName": "headrace"}, "Database must be specified"),
        ("ExecuteStatement", {**TARGET, "Sql": "SELECT 1", "WorkgroupName": "_"}, "WorkgroupName"),
        ("ExecuteStatement", {**TARGET, "Sql": "SELECT 1", "WaitTimeSeconds": 31}, "WaitTimeSeconds"),
        ("ExecuteStatement", {**TARGET, "Sql": "SELECT 1", "WaitTimeSeconds": True}, "must be of type integer"),
        ("ExecuteStatement", {**TARGET, "Sql": "SELECT 1", "ClientToken": "x" * 65}, "ClientToken"),
        ("ExecuteStatement", {**TARGET, "Sql": "SELECT 1", "ResultFormat": "XML"}, "must be one of JSON, CSV"),
        ("ExecuteStatement", {**TARGET, "Sql": "SELECT 1", "ExecutionMode": "TRANSACTION"}, "Unknown parameter"),
        ("BatchExecuteStatement", {**TARGET, "Sqls": []}, "Sqls has a length of 0"),
        ("BatchExecuteStatement", {**TARGET, "Sqls": ["SELECT 1"] * 41}, "Sqls has a length of 41"),
        ("BatchExecuteStatement", {**TARGET, "Sqls": ["SELECT 1"], "ExecutionMode": "SOME"}, "must be one of"),
        ("DescribeStatement", {"Id": "1"}, "does not match the pattern"),
    ],
)
def test_requests_that_break_the_rules_are_refused(
    client: Client, operation: str, request_: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataApiError) as refused:
        client.call(operation, **request_)

    assert refused.value.code == "ValidationException"
    assert refused.value.http_status == 400
    assert words in refused.value.message


def test_unknown_statements_are_not_found(client: Client) -> None:
    statement_id = client.batch("SELECT 1")["Id"]

    for unknown in ("00000000-0000-0000-0000-000000000000", f"{statement_id}:2", f"{statement_id}:0"):
        with pytest.raises(DataApiError, match="Query does not exist"):
            client.call("DescribeStatement", Id=unknown)


def test_databases_schemas_tables_and_columns_are_listed(client: Client) -> None:
    client.run(
        "CREATE SCHEMA etl", "CREATE TABLE etl.loads (a INT)", "CREATE TABLE t (b DECIMAL(5,2) NOT NULL, c VARCHAR(9))"
    )
    client.run("CREATE VIEW v AS SELECT b FROM t")

    assert client.call("ListDatabases", **TARGET)["Databases"] == ["dev"]
    assert client.call("ListSchemas", **TARGET)["Schemas"] == ["etl", "public"]
    assert client.call("ListTables", **TARGET, SchemaPattern="pub%")["Tables"] == [
        {"schema": "public", "name": "t", "type": "TABLE"},
        {"schema": "public", "name": "v", "type": "VIEW"},
    ]
    page = client.call("ListTables", **TARGET, MaxResults=2)
    assert len(client.call("ListTables", **TARGET, NextToken=page["NextToken"])["Tables"]) == 1
    described = client.call("DescribeTable", **TARGET, Schema="public", Table="t")
    assert [(c["name"], c["typeName"], c["nullable"], c["length"]) for c in described["ColumnList"]] == [
        ("b", "numeric", 0, 0),
        ("c", "varchar", 1, 9),
    ]
