"""Plain boto3 against the embedded Redshift, over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest

from headrace_local.redshift import respond
from tests.functional.redshift.client import TARGET, Client


@pytest.fixture
def data_api(client: Client) -> Iterator[Any]:
    """A boto3 client of a server that hands every request to the embedded Redshift."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            response = respond(
                partial(client.redshift.call, principal=client.principal), self.headers["X-Amz-Target"], body
            )
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)

        def log_message(self, *arguments: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    boto_client = boto3.client(
        "redshift-data",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield boto_client
    boto_client.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_batch_runs_and_its_results_are_read(data_api: Any) -> None:
    submitted = data_api.batch_execute_statement(
        **TARGET,
        Sqls=["CREATE TABLE t (a INT)", "INSERT INTO t VALUES (:a)", "SELECT a FROM t"],
        Parameters=[{"name": "a", "value": "5"}],
        WaitTimeSeconds=30,
    )
    described = data_api.describe_statement(Id=submitted["Id"])

    assert (submitted["Status"], described["Status"]) == ("FINISHED", "FINISHED")
    assert abs(described["CreatedAt"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    result = data_api.get_statement_result(Id=described["SubStatements"][2]["Id"])
    assert result["Records"] == [[{"longValue": 5}]]
    assert result["ColumnMetadata"][0]["name"] == "a"


def test_pages_are_followed_by_the_paginator(data_api: Any) -> None:
    rows = ", ".join(f"({n})" for n in range(2500))
    data_api.batch_execute_statement(
        **TARGET, Sqls=["CREATE TABLE t (a INT)", f"INSERT INTO t VALUES {rows}"], WaitTimeSeconds=30
    )
    submitted = data_api.execute_statement(**TARGET, Sql="SELECT a FROM t", WaitTimeSeconds=30)

    pages = data_api.get_paginator("get_statement_result").paginate(Id=submitted["Id"])
    assert sum(len(page["Records"]) for page in pages) == 2500
    assert [len(page["Statements"]) for page in data_api.get_paginator("list_statements").paginate()] == [2]


def test_errors_are_boto3s_exceptions(data_api: Any) -> None:
    with pytest.raises(data_api.exceptions.ValidationException, match="Either ClusterIdentifier or WorkgroupName"):
        data_api.execute_statement(Sql="SELECT 1", Database="dev")
    with pytest.raises(data_api.exceptions.ResourceNotFoundException, match="Query does not exist") as refused:
        data_api.describe_statement(Id="00000000-0000-0000-0000-000000000000")
    assert refused.value.response["ResourceId"] == "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_what_is_no_request_is_refused(client: Client, body: bytes) -> None:
    response = respond(partial(client.redshift.call, principal="me"), "RedshiftData.ExecuteStatement", body)

    assert response.status == 400
    assert b"SerializationException" in response.body
