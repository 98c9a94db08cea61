"""Redshift through the Data API. Its error texts come in here, and leave without the values that they may quote."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.domain.ingest.failure import Failure, Treatment, classify, explain, for_people
from headrace.domain.statement import StatementState
from headrace.errors import HeadraceError, TerminalError, TransientError

LONG_POLL_SECONDS = 20
FAILED = frozenset({"FAILED", "ABORTED"})


class WarehouseError(TerminalError):
    """A statement failed for a reason that stays; the message is Redshift's own, without what it may quote of a row."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Which warehouse, and as whom: the user in a secret, the same for all who make, load and read tables.

    A provisioned `cluster`, if one is named, is the warehouse instead of the workgroup: the Data API takes one or the
    other. To a cluster also a `user` logs in, with credentials that Redshift makes for each call, instead of a secret
    (https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_ExecuteStatement.html).
    """

    workgroup: str
    database: str
    secret_arn: str
    cluster: str = ""
    user: str = ""

    def arguments(self) -> dict[str, str]:
        """The Data API's arguments for this connection."""
        where = {"ClusterIdentifier": self.cluster} if self.cluster else {"WorkgroupName": self.workgroup}
        login = {"SecretArn": self.secret_arn} if self.secret_arn else {"DbUser": self.user}
        return {**where, "Database": self.database, **login}


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
        return self._rows(answer["Id"])

    def answer(self, statements: list[str], place: int) -> list[list[Any]]:
        """Run statements as one transaction and return the rows of the one at a place, counted from 0. As `run`."""
        answer = self._client.batch_execute_statement(Sqls=statements, **self._connection.arguments())
        self._wait(answer["Id"])
        return self._rows(f"{answer['Id']}:{place + 1}")

    def submit(self, sql: str, token: str, name: str) -> str:
        """Start a statement and do not wait. The same token within eight hours is the same statement."""
        answer = self._client.execute_statement(
            Sql=sql, ClientToken=token, StatementName=name, **self._connection.arguments()
        )
        return str(answer["Id"])

    def submit_transaction(self, statements: list[str], token: str, name: str) -> str:
        """Start statements as one transaction and do not wait. The token is as that of `submit`."""
        answer = self._client.batch_execute_statement(
            Sqls=statements, ClientToken=token, StatementName=name, **self._connection.arguments()
        )
        return str(answer["Id"])

    def look(self, statement: str, names: Iterable[str] = ()) -> StatementState:
        """Where a statement stands. The warehouse shows it to the role that has submitted it, and to no other.

        An error's text may keep the `names` of tables and columns. After a day the warehouse does not know a statement
        any more, and it can be made again: https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html.
        """
        try:
            state = self._client.describe_statement(Id=statement)
        except self._client.exceptions.ResourceNotFoundException:
            return StatementState(ended=True, error="the warehouse no longer knows the statement", transient=True)
        if state["Status"] not in {"FINISHED", *FAILED}:
            return StatementState(ended=False)
        if state["Status"] == "FINISHED":
            return StatementState(ended=True, seconds=_seconds(state), ended_at=_ended_at(state))
        failure, explained = _explained(state, names)
        return StatementState(
            ended=True,
            error=explained,
            transient=_is_transient(failure),
            conflict=failure.treatment is Treatment.AGAIN,
            aborted=state["Status"] == "ABORTED",
            seconds=_seconds(state),
            ended_at=_ended_at(state),
        )

    def _rows(self, statement: str) -> list[list[Any]]:
        pages = self._client.get_paginator("get_statement_result").paginate(Id=statement)
        return [[_value(field) for field in row] for page in pages for row in page["Records"]]

    def _wait(self, statement: str) -> None:
        while True:
            state = self._client.describe_statement(Id=statement, WaitTimeSeconds=LONG_POLL_SECONDS)
            if state["Status"] == "FINISHED":
                return
            if state["Status"] in FAILED:
                raise _failure(state)
            time.sleep(0.2)


def _failure(state: dict[str, Any]) -> HeadraceError:
    """The error to raise. What it says goes to logs, messages and executions' histories."""
    failure, explained = _explained(state)
    return TransientError(explained) if _is_transient(failure) else WarehouseError(explained)


def _ended_at(state: Mapping[str, Any]) -> float | None:
    return float(state["UpdatedAt"].timestamp()) if "UpdatedAt" in state else None


def _seconds(state: Mapping[str, Any]) -> float:
    """How long a statement ran; the Data API says so in nanoseconds, and -1 of one that never ran."""
    return max(0.0, round(float(state.get("Duration", 0)) / 1e9, 3))


def _explained(state: dict[str, Any], names: Iterable[str] = ()) -> tuple[Failure, str]:
    """What a failed statement died of, and its text without values."""
    text = explain(WarehouseError.__name__, str(state.get("Error") or state["Status"]))
    failure = classify(text)
    return failure, for_people(failure, text, names).partition(": ")[2]


def _is_transient(failure: Failure) -> bool:
    return failure.treatment.passes and not failure.treatment.systemic


def _value(field: dict[str, Any]) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))
