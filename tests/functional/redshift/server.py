"""The embedded Redshift behind HTTP, and plain boto3 in front of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
from botocore.config import Config

from headrace_local.redshift import DataApiError, EmbeddedRedshift, HttpResponse, StatementEvent, respond
from tests.functional.redshift.client import TARGET, Client, FakeS3


@dataclass
class Served:
    """What the server answers from at the moment; the principal is the role named by the request's access key."""

    redshift: EmbeddedRedshift | None = None

    def answer(self, access_key: str, target: str, body: bytes) -> HttpResponse:
        def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
            if self.redshift is None:
                raise DataApiError("InternalServerException", "there is no database", 500)
            return self.redshift.call(operation, request, principal=f"arn:aws:sts::1:assumed-role/{access_key}/s")

        return respond(call, target, body)


@contextmanager
def serving(served: Served) -> Iterator[str]:
    """The URL of a server of `served`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            access_key = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
            response = served.answer(access_key, self.headers["X-Amz-Target"], body)
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)

        def log_message(self, *arguments: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def boto_client(url: str, role: str = "loader") -> Any:
    """A client of the server at `url` for a role of the account; it leaves it to the server to refuse a request."""
    return boto3.client(
        "redshift-data",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=role,
        aws_secret_access_key="any",
        config=Config(parameter_validation=False),
    )


@dataclass
class Aws:
    """What a test of a rule needs: boto3's client `api`, the buckets, the events, and shorthands over `api`."""

    api: Any
    stranger: Any
    s3: FakeS3
    redshift: EmbeddedRedshift
    events: list[StatementEvent] = field(default_factory=list)

    @property
    def files(self) -> Client:
        """What puts Parquet files and manifests into the buckets."""
        return Client(self.redshift, self.s3)

    def event(self) -> StatementEvent:
        """The one event there is, which comes a moment after the statement's end."""
        deadline = time.monotonic() + 10
        while not self.events and time.monotonic() < deadline:
            time.sleep(0.002)
        (event,) = self.events
        return event

    def execute(self, sql: str, **request: Any) -> dict[str, Any]:
        """The description of one statement that has ended, whatever its end."""
        where = {} if "SessionId" in request else TARGET
        submitted = self.api.execute_statement(**where, Sql=sql, WaitTimeSeconds=30, **request)
        return dict(self.api.describe_statement(Id=submitted["Id"]))

    def batch(self, *sqls: str, **request: Any) -> dict[str, Any]:
        """The description of one batch that has ended, whatever its end."""
        where = {} if "SessionId" in request else TARGET
        submitted = self.api.batch_execute_statement(**where, Sqls=list(sqls), WaitTimeSeconds=30, **request)
        return dict(self.api.describe_statement(Id=submitted["Id"]))

    def run(self, *sqls: str, **request: Any) -> dict[str, Any]:
        """The description of one batch that must end well."""
        description = self.batch(*sqls, **request)
        assert description["Status"] == "FINISHED", description.get("Error")
        return description

    def error(self, *sqls: str, **request: Any) -> str:
        """The error of one statement, or one batch, that must fail."""
        description = self.execute(sqls[0], **request) if len(sqls) == 1 else self.batch(*sqls, **request)
        assert description["Status"] == "FAILED", description
        return str(description["Error"])

    def rows(self, sql: str, **request: Any) -> list[list[Any]]:
        """A query's rows as plain values, None for NULL."""
        description = self.execute(sql, **request)
        assert description["Status"] == "FINISHED", description.get("Error")
        records = self.api.get_statement_result(Id=description["Id"])["Records"]
        return [[None if "isNull" in cell else next(iter(cell.values())) for cell in record] for record in records]

    def refusal(self, operation: str, **request: Any) -> tuple[str, str]:
        """The code and the message of a request that must be refused."""
        try:
            getattr(self.api, operation)(**request)
        except self.api.exceptions.ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        raise AssertionError(f"{operation} was not refused")
