"""Statements in the Data API's shapes."""

from __future__ import annotations

import base64
from typing import Any

from headrace_local.redshift.errors import validation_error
from headrace_local.redshift.statements import Statement, Status, SubStatement

_ECHOED = ("ClusterIdentifier", "WorkgroupName", "SecretArn", "DbUser", "Database")


def seconds(moment: float) -> float:
    """A moment with the milliseconds that the protocol carries."""
    return round(moment, 3)


def submitted(statement: Statement) -> dict[str, Any]:
    """The answer to ExecuteStatement and BatchExecuteStatement."""
    return {
        **_echo(statement),
        "Id": statement.id,
        "CreatedAt": seconds(statement.created_at),
        "DbGroups": [],
        "Status": statement.status.value,
        "HasResultSet": statement.has_result_set,
    }


def described(statement: Statement) -> dict[str, Any]:
    """The answer to DescribeStatement."""
    description: dict[str, Any] = {
        **_echo(statement),
        "Id": statement.id,
        "Status": statement.status.value,
        "CreatedAt": seconds(statement.created_at),
        "UpdatedAt": seconds(statement.updated_at),
        "HasResultSet": statement.has_result_set,
        "RedshiftPid": statement.pid,
        "ResultFormat": "JSON",
    }
    if statement.error is not None:
        description["Error"] = statement.error
    if parameters := statement.request.get("Parameters"):
        description["QueryParameters"] = parameters
    return description | (_of_batch(statement) if statement.is_batch else _of_single(statement.subs[0]))


def sub_described(statement: Statement, number: int) -> dict[str, Any]:
    """The answer to DescribeStatement for `<id>:<number>`."""
    return _echo(statement) | _sub(statement, number)


def listed(statements: list[Statement], request: dict[str, Any]) -> dict[str, Any]:
    """The answer to ListStatements."""
    status = request.get("Status", "ALL")
    wanted = [
        statement
        for statement in statements
        if status in {"ALL", statement.status.value}
        and str(statement.request.get("StatementName", "")).startswith(request.get("StatementName", ""))
        and request.get("Database", statement.database) == statement.database
    ]
    start = page_start(request.get("NextToken"), "ListStatements")
    most = request.get("MaxResults") or 100
    answer: dict[str, Any] = {"Statements": [_listed(statement) for statement in wanted[start : start + most]]}
    if start + most < len(wanted):
        answer["NextToken"] = page_token(start + most, "ListStatements")
    return answer


def page_token(start: int, of: str) -> str:
    """The token of the page that begins with entry `start` of `of`."""
    return base64.urlsafe_b64encode(f"{of}/{start}".encode()).decode()


def page_start(token: str | None, of: str) -> int:
    """Where the page of `token` begins; DataApiError for a token that was not given out for `of`."""
    if token is None:
        return 0
    try:
        owner, _, start = base64.urlsafe_b64decode(token.encode()).decode().rpartition("/")
        if owner == of:
            return int(start)
    except ValueError:
        pass
    raise validation_error("Invalid NextToken")


def _echo(statement: Statement) -> dict[str, Any]:
    return {name: statement.request[name] for name in _ECHOED if name in statement.request}


def _of_single(sub: SubStatement) -> dict[str, Any]:
    return {"QueryString": sub.sql, "RedshiftQueryId": sub.query_id, "Duration": sub.duration_ns} | _result(sub)


def _of_batch(statement: Statement) -> dict[str, Any]:
    numbers = range(1, len(statement.subs) + 1)
    return {
        "Duration": sum(max(sub.duration_ns, 0) for sub in statement.subs),
        "RedshiftQueryId": 0,
        "ResultRows": -1,
        "ResultSize": -1,
        "ExecutionMode": statement.request.get("ExecutionMode", "TRANSACTION"),
        "SubStatements": [_sub(statement, number) for number in numbers],
    }


def _sub(statement: Statement, number: int) -> dict[str, Any]:
    sub = statement.subs[number - 1]
    description = {
        "Id": f"{statement.id}:{number}",
        "Status": sub.status.value,
        "CreatedAt": seconds(sub.created_at),
        "UpdatedAt": seconds(sub.updated_at),
        "HasResultSet": sub.result is not None,
        **_of_single(sub),
    }
    return description | ({"Error": sub.error} if sub.error is not None else {})


def _result(sub: SubStatement) -> dict[str, Any]:
    finished = sub.status == Status.FINISHED
    size = sub.result.size if sub.result is not None else 0
    return {"ResultRows": sub.rows if finished else -1, "ResultSize": size if finished else -1}


def _listed(statement: Statement) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "Id": statement.id,
        "Status": statement.status.value,
        "CreatedAt": seconds(statement.created_at),
        "UpdatedAt": seconds(statement.updated_at),
        "IsBatchStatement": statement.is_batch,
        "QueryStrings" if statement.is_batch else "QueryString": (
            [sub.sql for sub in statement.subs] if statement.is_batch else statement.subs[0].sql
        ),
    }
    if name := statement.request.get("StatementName"):
        entry["StatementName"] = name
    return entry
