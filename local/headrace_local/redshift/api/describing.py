"""Statements in the Data API's shapes."""

from __future__ import annotations

import base64
from typing import Any

from headrace_local.redshift.api.kept_sessions import KeptSession
from headrace_local.redshift.api.statement_store import Statement, Status, SubStatement
from headrace_local.redshift.errors import validation_error

MOST_LISTED = 100
_FILTERED = ("ClusterIdentifier", "WorkgroupName", "Database")
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
        "RedshiftPid": statement.pid,
        **_session_id(statement),
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
        "ResultFormat": statement.result_format,
        **_session_id(statement),
    }
    if statement.error is not None:
        description["Error"] = statement.error
    if parameters := statement.request.get("Parameters"):
        description["QueryParameters"] = parameters
    return description | (_of_batch(statement) if statement.is_batch else _of_single(statement.subs[0]))


def sub_described(statement: Statement, number: int) -> dict[str, Any]:
    """The answer to DescribeStatement for `<id>:<number>`."""
    return _echo(statement) | _sub(statement, number)


def listed(statements: list[Statement], request: dict[str, Any], principal: str) -> dict[str, Any]:
    """The answer to ListStatements; without RoleLevel it tells only what this very principal submitted."""
    status, role_level = request.get("Status", "ALL"), request.get("RoleLevel", True)
    wanted = [
        statement
        for statement in statements
        if status in {"ALL", statement.status.value}
        and str(statement.request.get("StatementName", "")).startswith(request.get("StatementName", ""))
        and _is_at(statement.request, request)
        and (role_level or statement.principal == principal)
    ]
    return _page(request, "Statements", [_listed(statement) for statement in wanted], "ListStatements")


def listed_sessions(sessions: list[KeptSession], request: dict[str, Any], principal: str) -> dict[str, Any]:
    """The answer to ListSessions."""
    role_level = request.get("RoleLevel", True)
    wanted = [
        _listed_session(session)
        for session in sessions
        if request.get("Status") in {None, session.status}
        and request.get("SessionId") in {None, session.id}
        and _is_at(session.target, request)
        and (role_level or session.principal == principal)
    ]
    return _page(request, "Sessions", wanted, "ListSessions")


def _is_at(target: dict[str, Any], request: dict[str, Any]) -> bool:
    return all(request.get(name) in {None, target.get(name)} for name in _FILTERED)


def _page(request: dict[str, Any], member: str, entries: list[dict[str, Any]], operation: str) -> dict[str, Any]:
    start = page_start(request.get("NextToken"), operation)
    end = start + (request.get("MaxResults") or MOST_LISTED)
    answer: dict[str, Any] = {member: entries[start:end]}
    if end < len(entries):
        answer["NextToken"] = page_token(end, operation)
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
        "ResultFormat": statement.result_format,
        **_session_id(statement),
        "QueryStrings" if statement.is_batch else "QueryString": (
            [sub.sql for sub in statement.subs] if statement.is_batch else statement.subs[0].sql
        ),
    }
    request = statement.request
    given = {"StatementName": "StatementName", "SecretArn": "SecretArn", "Parameters": "QueryParameters"}
    return entry | {shown: request[name] for name, shown in given.items() if request.get(name)}


def _listed_session(session: KeptSession) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "SessionId": session.id,
        "Status": session.status,
        "CreatedAt": seconds(session.created_at),
        "UpdatedAt": seconds(session.updated_at),
        "SessionAliveSeconds": session.keep_alive,
        "SessionTtl": seconds(session.ends_at),
    }
    entry |= {name: value for name, value in session.target.items() if name != "SecretArn"}
    return entry | ({"CurrentStatementId": session.current} if session.current else {})


def _session_id(statement: Statement) -> dict[str, Any]:
    return {"SessionId": statement.session.id} if statement.session is not None else {}
