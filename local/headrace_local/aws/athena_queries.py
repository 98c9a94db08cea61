"""Athena runs queries over Glue's tables with `headrace_local.athena`, and writes results as AWS does.

The emulator's own engine finds partitions by their paths only, makes no views, and puts the CSV of a result in another
place than it says.
"""
# ruff: noqa: SLF001 - touching private names is what this module is for

from __future__ import annotations

import asyncio
import inspect
import io
import json
from collections.abc import Iterator
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import error_response_json
from ministack.services import athena, glue, s3

from headrace_local.athena import Answer, run
from headrace_local.aws.patching import require


def apply() -> None:
    """Let the emulator's Athena answer as AWS's does."""
    for name, parameters in (
        ("_run_duckdb", ["query", "database", "catalog"]),
        ("_start_query_execution", ["data"]),
        ("_save_query_results", ["query_id"]),
        ("_type_precision_scale", ["athena_type"]),
        ("_execute_query", ["query_id", "query", "database", "ddl", "catalog"]),
    ):
        require(list(inspect.signature(getattr(athena, name)).parameters) == parameters, f"athena.{name}")
    refuse_unknown_workgroups()
    know_decimals()
    ask_for_rights_to_the_workgroup()
    leave_out_what_tables_have_not()
    athena._execute_query = lambda query_id, query, database, *_: execute(query_id, query, database)
    athena._save_query_results = save_results


def refuse_unknown_workgroups() -> None:
    """A query runs in a workgroup that there is, and its configuration goes before the query's if it is enforced."""
    original = athena._start_query_execution

    def start_query(data: dict[str, Any]) -> Any:
        name = data.get("WorkGroup", "primary")
        if name not in athena._workgroups:
            return error_response_json("InvalidRequestException", f"WorkGroup {name} is not found.", 400)
        if configuration_of(name).get("EnforceWorkGroupConfiguration"):
            data = {key: value for key, value in data.items() if key != "ResultConfiguration"}
        return original(data)

    athena._start_query_execution = start_query


def know_decimals() -> None:
    """A result's decimals have their own precision and scale."""
    original = athena._type_precision_scale

    def precision_and_scale(kind: str) -> tuple[int, int]:
        if kind.startswith("decimal("):
            precision, _, digits = kind.removesuffix(")").partition("(")[2].partition(",")
            return int(precision), int(digits)
        found: tuple[int, int] = original(kind)
        return found

    athena._type_precision_scale = precision_and_scale


def ask_for_rights_to_the_workgroup() -> None:
    """Rights to a query are rights to its workgroup."""
    original = iam_actions.extract_resource_arn
    require(next(iter(inspect.signature(original).parameters)) == "service", "extract_resource_arn")

    def resource_of(service: str, *args: Any, **kwargs: Any) -> str:
        found: str = original(service, *args, **kwargs)
        if service != "athena" or found != "*":
            return found
        return workgroup_of([*args, *kwargs.values()]) or found

    iam_actions.extract_resource_arn = resource_of


def leave_out_what_tables_have_not() -> None:
    """GetTable answers without what a table has not, which UpdateTable does not take empty."""
    original = glue._create_table
    require(list(inspect.signature(original).parameters) == ["data"], "glue._create_table")

    def create_table(data: dict[str, Any]) -> Any:
        answer = original(data)
        made = glue._tables.get(f"{data.get('DatabaseName')}/{data.get('TableInput', {}).get('Name')}") or {}
        for name in [name for name, value in made.items() if value in ("", None)]:
            del made[name]
        return answer

    glue._create_table = create_table


def workgroup_of(request: list[Any]) -> str | None:
    """The workgroup of the query that a request names: rights to a query are rights to its workgroup.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
    """
    body = next((part for part in request if isinstance(part, bytes) and part.startswith(b"{")), b"{}")
    execution = athena._executions.get(json.loads(body).get("QueryExecutionId"))
    return athena._arn_workgroup(execution["WorkGroup"]) if execution else None


async def execute(query_id: str, query: str, database: str) -> None:
    """Run a query that was started, and keep what it gave or why it failed."""
    execution = athena._executions[query_id]
    execution["Status"]["State"] = "RUNNING"
    limit = configuration_of(execution["WorkGroup"]).get("BytesScannedCutoffPerQuery")
    try:
        answer = await asyncio.to_thread(run, query, database, GlueCatalog(), int(limit) if limit else None)
        if answer.view:
            keep_view(answer.view)
            execution["StatementType"] = "DDL"
        keep(execution, answer)
        await athena._save_query_results(query_id)
        execution["Status"]["State"] = "SUCCEEDED"
    except Exception as error:
        limited = "Bytes scanned limit was exceeded" in str(error)
        execution["Status"].update(State="CANCELLED" if limited else "FAILED", StateChangeReason=str(error)[:2000])
    execution["Status"]["CompletionDateTime"] = execution["Status"]["SubmissionDateTime"]


def keep(execution: dict[str, Any], answer: Answer) -> None:
    """Let GetQueryResults and GetQueryExecution find the answer."""
    execution["_results"] = {"columns": answer.columns, "rows": answer.rows}
    execution["_column_types"] = answer.types
    execution["Statistics"]["DataScannedInBytes"] = answer.scanned


def keep_view(view: dict[str, Any]) -> None:
    """Write a view to the catalogue."""
    data = {"DatabaseName": view["database"], "TableInput": view["input"]}
    exists = f"{view['database']}/{view['input']['Name']}" in glue._tables
    status, _, body = (glue._update_table if exists else glue._create_table)(data)
    if status >= 300:
        raise RuntimeError(json.loads(body).get("message", "Glue refused the view"))


async def save_results(query_id: str) -> None:
    """The CSV of a result where GetQueryExecution says that it is: every value in quotes, NULL as nothing."""
    execution = athena._executions[query_id]
    results = execution["_results"]
    bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    if execution.get("StatementType") == "DDL":
        key = key.removesuffix(".csv") + ".txt"
        execution["ResultConfiguration"]["OutputLocation"] = f"s3://{bucket}/{key}"
    text = io.StringIO()
    for row in [results["columns"], *results["rows"]] if results["columns"] else ():
        text.write(",".join("" if item is None else '"' + item.replace('"', '""') + '"' for item in row) + "\n")
    data = text.getvalue().encode()
    status, *_ = s3._put_object(bucket, key, data, {"content-type": "text/csv", "content-length": str(len(data))})
    if status >= 300:
        raise RuntimeError(f"Access denied when writing output to url: s3://{bucket}/{key}")


def configuration_of(workgroup: str) -> dict[str, Any]:
    """A workgroup's configuration."""
    found: dict[str, Any] = athena._workgroups[workgroup].get("Configuration") or {}
    return found


class GlueCatalog:
    """The emulator's Glue and S3."""

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        """As GetTable."""
        found: dict[str, Any] | None = glue._tables.get(f"{database}/{name}")
        return found

    def partitions(self, database: str, name: str) -> list[dict[str, Any]]:
        """As GetPartitions."""
        return list(glue._partitions.get(f"{database}/{name}") or [])

    def objects(self, location: str) -> Iterator[tuple[str, bytes]]:
        """What is below a place of S3, one after the other: together they may be larger than memory."""
        name, _, prefix = location.removeprefix("s3://").partition("/")
        bucket = s3._buckets.get(name)
        for key in sorted(key for key in list(bucket["objects"]) if key.startswith(prefix)) if bucket else ():
            data = s3._get_object_data(name, key)
            if data is not None:
                yield key, data
