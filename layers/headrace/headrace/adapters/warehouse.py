"""Redshift through the Data API, for the functions that ask it something. The load itself is the state machine's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from headrace.domain.ingest.failure import classify, for_people
from headrace.domain.statement import StatementState
from headrace.errors import HeadraceError, TerminalError, TransientError

LONG_POLL_SECONDS = 20


class WarehouseError(TerminalError):
    """A statement failed for a reason that stays; the message is Redshift's own, without what it may quote of a row."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Which warehouse, and as whom: the user in a secret, the same for all who make, load and read tables."""

    workgroup: str
    database: str
    secret_arn: str

    def arguments(self) -> dict[str, str]:
        """The Data API's arguments for this connection."""
        return {"WorkgroupName": self.workgroup, "Database": self.database, "SecretArn": self.secret_arn}


class Warehouse:
    """The Data API. `client` is a boto3 redshift-data client."""

    def __init__(self, client: Any, connection: Connection) -> None:
        self._client = client
        self._connection = connection

    def run(self, statements: list[str]) -> None:
        """Run statements as one transaction and wait for its end. Raises WarehouseError or TransientError."""
        answer = self._client.batch_execute_statement(Sqls=statements, **self._connection.arguments())
        self._wait(answer["Id"])

    def run_alone(self, statement: str) -> None:
        """Run a statement that Redshift does not take in a transaction. Raises as `run` does."""
        answer = self._client.execute_statement(Sql=statement, **self._connection.arguments())
        self._wait(answer["Id"])

    def query(self, sql: str) -> list[list[Any]]:
        """Run one query and return its rows."""
        answer = self._client.execute_statement(Sql=sql, **self._connection.arguments())
        self._wait(answer["Id"])
        pages = self._client.get_paginator("get_statement_result").paginate(Id=answer["Id"])
        return [[_value(field) for field in row] for page in pages for row in page["Records"]]

    def submit(self, sql: str, token: str, name: str) -> str:
        """Start a statement and do not wait. The same token within eight hours is the same statement."""
        answer = self._client.execute_statement(
            Sql=sql, ClientToken=token, StatementName=name, **self._connection.arguments()
        )
        return str(answer["Id"])

    def look(self, statement: str) -> StatementState:
        """Where a statement stands. The warehouse shows it to the role that has submitted it, and to no other.

        After a day it does not know it any more, and it can be made again:
        https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html.
        """
        try:
            state = self._client.describe_statement(Id=statement)
        except self._client.exceptions.ResourceNotFoundException:
            return StatementState(ended=True, error="the warehouse no longer knows the statement", transient=True)
        if state["Status"] not in {"FINISHED", "FAILED", "ABORTED"}:
            return StatementState(ended=False)
        if state["Status"] == "FINISHED":
            return StatementState(ended=True)
        failure = _failure(str(state.get("Error") or state["Status"]))
        return StatementState(ended=True, error=str(failure), transient=isinstance(failure, TransientError))

    def _wait(self, statement: str) -> None:
        while True:
            state = self._client.describe_statement(Id=statement, WaitTimeSeconds=LONG_POLL_SECONDS)
            if state["Status"] == "FINISHED":
                return
            if state["Status"] in {"FAILED", "ABORTED"}:
                raise _failure(str(state.get("Error") or state["Status"]))
            time.sleep(0.2)


def _failure(words: str) -> HeadraceError:
    """The error to raise. What it says goes to logs, messages and executions' histories."""
    text = f"{WarehouseError.__name__}: {words}"
    failure = classify(text)
    told = for_people(failure, text).partition(": ")[2]
    passes = failure.treatment.passes and not failure.treatment.systemic
    return TransientError(told) if passes else WarehouseError(told)


def _value(field: dict[str, Any]) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))
