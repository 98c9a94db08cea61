"""Plain boto3 against the embedded Redshift, over HTTP."""

from __future__ import annotations

import datetime as dt
from functools import partial

import pytest

from headrace_local.redshift import respond
from tests.functional.redshift.client import TARGET, Client
from tests.functional.redshift.server import Aws


def test_a_batch_runs_and_its_results_are_read(aws: Aws) -> None:
    submitted = aws.api.batch_execute_statement(
        **TARGET,
        Sqls=["CREATE TABLE t (a INT)", "INSERT INTO t VALUES (:a)", "SELECT a FROM t"],
        Parameters=[{"name": "a", "value": "5"}],
        WaitTimeSeconds=30,
    )
    described = aws.api.describe_statement(Id=submitted["Id"])

    assert (submitted["Status"], described["Status"]) == ("FINISHED", "FINISHED")
    assert abs(described["CreatedAt"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    result = aws.api.get_statement_result(Id=described["SubStatements"][2]["Id"])
    assert result["Records"] == [[{"longValue": 5}]]
    assert result["ColumnMetadata"][0]["name"] == "a"


def test_pages_are_followed_by_the_paginator(aws: Aws) -> None:
    rows = ", ".join(f"({n})" for n in range(2500))
    aws.run("CREATE TABLE t (a INT)", f"INSERT INTO t VALUES {rows}")
    statement_id = aws.execute("SELECT a FROM t")["Id"]

    pages = aws.api.get_paginator("get_statement_result").paginate(Id=statement_id)
    assert sum(len(page["Records"]) for page in pages) == 2500
    assert [len(page["Statements"]) for page in aws.api.get_paginator("list_statements").paginate()] == [2]


def test_errors_are_boto3s_exceptions(aws: Aws) -> None:
    with pytest.raises(aws.api.exceptions.ValidationException, match="Either ClusterIdentifier or WorkgroupName"):
        aws.api.execute_statement(Sql="SELECT 1", Database="dev")
    with pytest.raises(aws.api.exceptions.ResourceNotFoundException, match="Query does not exist") as refused:
        aws.api.describe_statement(Id="00000000-0000-0000-0000-000000000000")
    assert refused.value.response["ResourceId"] == "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_what_is_no_request_is_refused(client: Client, body: bytes) -> None:
    response = respond(partial(client.redshift.call, principal="me"), "RedshiftData.ExecuteStatement", body)

    assert response.status == 400
    assert b"SerializationException" in response.body
