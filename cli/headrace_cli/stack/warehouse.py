"""Queries through the Redshift Data API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace_cli.output.failures import CommandError
from headrace_cli.stack.target import Target

FINAL = {"FINISHED", "FAILED", "ABORTED"}
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two looks at a running statement, doubling from the first to the longest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A statement's result. Without a result set `columns` is empty and `changed` counts the rows it touched."""

    columns: list[str]
    rows: list[list[Any]]
    changed: int
    seconds: float


def query(target: Target, text: str) -> Answer:
    """Run one statement and read its whole result. Raises CommandError with the warehouse's words when it fails."""
    client = target.client("redshift-data")
    statement = client.execute_statement(Sql=text, **_warehouse(target))["Id"]
    try:
        state = _ended(client, statement)
    except KeyboardInterrupt:
        client.cancel_statement(Id=statement)
        raise
    if state["Status"] != "FINISHED":
        raise CommandError(f"the warehouse refused it: {state.get('Error') or state['Status'].lower()}")
    seconds = state.get("Duration", 0) / 1e9
    if state.get("HasResultSet"):
        return Answer(*_result(client, statement), changed=0, seconds=seconds)
    return Answer([], [], max(state.get("ResultRows", 0), 0), seconds)


def _warehouse(target: Target) -> dict[str, str]:
    """Which warehouse, and as whom: the user in its secret, who owns the tables."""
    return {
        "Database": target.output("Database"),
        "WorkgroupName": target.output("Workgroup"),
        "SecretArn": target.output("WarehouseSecretArn"),
    }


def _ended(client: Any, statement: str) -> dict[str, Any]:
    pause = FIRST_PAUSE
    while True:
        state: dict[str, Any] = client.describe_statement(Id=statement)
        if state["Status"] in FINAL:
            return state
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _result(client: Any, statement: str) -> tuple[list[str], list[list[Any]]]:
    pages = list(_pages(client, statement))
    columns = [column.get("label") or column["name"] for column in pages[0]["ColumnMetadata"]]
    return columns, [[value(field) for field in record] for page in pages for record in page["Records"]]


def _pages(client: Any, statement: str) -> Iterator[dict[str, Any]]:
    page = client.get_statement_result(Id=statement)
    yield page
    while page.get("NextToken"):
        page = client.get_statement_result(Id=statement, NextToken=page["NextToken"])
        yield page


def value(field: dict[str, Any]) -> Any:
    """A Data API field as a Python value. A decimal, a date or a SUPER comes as text, as the API has it."""
    return None if field.get("isNull") else next(iter(field.values()))
