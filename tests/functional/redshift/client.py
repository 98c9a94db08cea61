"""A client of the embedded Redshift for tests, and an S3 that is a dictionary."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_local.redshift import EmbeddedRedshift

ROOT = "arn:aws:iam::1:root"
TARGET = {"WorkgroupName": "headrace", "Database": "dev"}
LONGEST_WAIT = 30
"""Seconds, the Data API's own limit."""
ENOUGH_WAITS = 5


@dataclass
class FakeS3:
    """Objects by `s3://bucket/key`."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def read(self, bucket: str, key: str) -> bytes:
        try:
            return self.objects[f"s3://{bucket}/{key}"]
        except KeyError as error:
            raise FileNotFoundError(key) from error

    def write(self, bucket: str, key: str, data: bytes) -> None:
        self.objects[f"s3://{bucket}/{key}"] = data

    def keys(self, bucket: str, prefix: str) -> list[str]:
        folder = f"s3://{bucket}/"
        return [url.removeprefix(folder) for url in self.objects if url.startswith(folder + prefix)]

    def delete(self, bucket: str, key: str) -> None:
        del self.objects[f"s3://{bucket}/{key}"]


@dataclass
class Client:
    """Submits statements as `principal`, waits for their end, and unpacks their results."""

    redshift: EmbeddedRedshift
    s3: FakeS3
    principal: str = "loader"

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.redshift.call(operation, request, principal=self.principal)

    def start(self, *sqls: str, **request: Any) -> str:
        """Submit one batch; its id."""
        return str(self.call("BatchExecuteStatement", **TARGET, Sqls=list(sqls), **request)["Id"])

    def ended(self, statement_id: str) -> dict[str, Any]:
        """The description of a statement that has ended."""
        for _ in range(ENOUGH_WAITS):
            description = self.call("DescribeStatement", Id=statement_id, WaitTimeSeconds=LONGEST_WAIT)
            if description["Status"] in {"FINISHED", "FAILED", "ABORTED"}:
                break
        return description

    def batch(self, *sqls: str, **request: Any) -> dict[str, Any]:
        """Run one batch to its end, whatever that is."""
        return self.ended(self.start(*sqls, **request))

    def execute(self, sql: str, **request: Any) -> dict[str, Any]:
        """Run one statement to its end, whatever that is."""
        return self.ended(self.call("ExecuteStatement", **TARGET, Sql=sql, **request)["Id"])

    def run(self, *sqls: str) -> None:
        """Run one batch that must succeed."""
        description = self.batch(*sqls)
        assert description["Status"] == "FINISHED", description.get("Error")

    def error(self, *sqls: str, **request: Any) -> str:
        """The error of one batch, or of one statement alone, that must fail."""
        description = self.execute(sqls[0], **request) if len(sqls) == 1 else self.batch(*sqls, **request)
        assert description["Status"] == "FAILED", description
        return str(description["Error"])

    def result(self, sql: str, **request: Any) -> dict[str, Any]:
        """The first page of a query's result."""
        description = self.execute(sql, **request)
        assert description["Status"] == "FINISHED", description.get("Error")
        return self.call("GetStatementResult", Id=description["Id"])

    def rows(self, sql: str, **request: Any) -> list[list[Any]]:
        """A query's rows as plain values."""
        return [[_value(entry) for entry in record] for record in self.result(sql, **request)["Records"]]

    def value(self, expression: str, **request: Any) -> Any:
        """The value of one expression."""
        ((value,),) = self.rows(f"SELECT {expression}", **request)
        return value

    def parquet(self, url: str, table: pa.Table, **options: Any) -> dict[str, Any]:
        """Put a Parquet file; its entry for a manifest."""
        file = io.BytesIO()
        pq.write_table(table, file, **options)
        self.s3.objects[url] = file.getvalue()
        return {"url": url, "mandatory": True, "meta": {"content_length": len(file.getvalue())}}

    def manifest(self, *entries: dict[str, Any], url: str = "s3://lake/manifest.json") -> str:
        """Put a manifest; the COPY options that name it."""
        self.s3.objects[url] = json.dumps({"entries": list(entries)}).encode()
        return f"FROM '{url}' IAM_ROLE default FORMAT AS PARQUET MANIFEST"


def _value(entry: dict[str, Any]) -> Any:
    ((kind, value),) = entry.items()
    return None if kind == "isNull" else value


@dataclass
class WarehouseOf:
    """`usecases.ports.Warehouse` over the embedded Redshift."""

    client: Client

    def run(self, statements: list[str]) -> None:
        self.client.run(*statements)

    def run_alone(self, statement: str) -> None:
        submitted = self.client.call("ExecuteStatement", **TARGET, Sql=statement)
        description = self.client.ended(str(submitted["Id"]))
        assert description["Status"] == "FINISHED", description.get("Error")

    def query(self, sql: str) -> list[list[Any]]:
        return self.client.rows(sql)
