"""The Redshift Data API over a DuckDB file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from headrace_local.redshift.api import describing
from headrace_local.redshift.api.events import Publish, publish_nothing
from headrace_local.redshift.api.kept_sessions import TARGET_FIELDS, SessionStore
from headrace_local.redshift.api.listing import Listing
from headrace_local.redshift.api.runner import Runner
from headrace_local.redshift.api.statement_store import Statement, StatementStore, Status
from headrace_local.redshift.api.validation import check_request, check_sql
from headrace_local.redshift.catalog.catalog import HIDDEN_SCHEMA
from headrace_local.redshift.catalog.history import History
from headrace_local.redshift.catalog.locks import LockManager
from headrace_local.redshift.catalog.serializable import Isolation
from headrace_local.redshift.catalog.system_views import install
from headrace_local.redshift.datatypes.results import PAGE_ROWS, ResultSet
from headrace_local.redshift.errors import not_found, validation_error
from headrace_local.redshift.faults import Faults
from headrace_local.redshift.files.s3 import S3Store
from headrace_local.redshift.session import Warehouse

Request = dict[str, Any]
Response = dict[str, Any]

_SETTINGS = (
    "SET GLOBAL TimeZone = 'UTC'",
    "SET GLOBAL integer_division = true",
    "SET GLOBAL python_enable_replacements = false",
    "SET GLOBAL allocator_background_threads = true",
    "SET GLOBAL lock_configuration = true",
)
_NO_RESULT = "Query does not have result. Please check query status with DescribeStatement."


def _open(database_file: Path) -> duckdb.DuckDBPyConnection:
    """The database, with no way from SQL to files, the network or Python's variables."""
    connection = duckdb.connect(
        str(database_file),
        config={
            "memory_limit": "1GB",
            "threads": 2,
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    for setting in _SETTINGS:
        connection.execute(setting)
    install(connection)
    return connection


class EmbeddedRedshift:
    """A Redshift that lives in `database_file` and speaks the Data API; safe to call from many threads.

    `faults` has what is to go wrong on purpose. `user_of_secret` is the database user in a secret, by its ARN: who
    logs in with one is that user, whatever the role. With `limit_batches` the statements of a batch share the 100 KB.
    """

    def __init__(
        self,
        database_file: Path,
        s3: S3Store,
        publish: Publish = publish_nothing,
        user_of_secret: Callable[[str], str] = str,
        *,
        limit_batches: bool = True,
        faults: Faults | None = None,
    ) -> None:
        self._limit_batches = limit_batches
        self._connection = _open(database_file)
        self._history = History(self._connection.cursor())
        self._locks = LockManager()
        self._sessions = SessionStore()
        self.faults = faults or Faults()
        ((level,),) = self._connection.execute(f"FROM {HIDDEN_SCHEMA}.databases").fetchall()
        warehouse = Warehouse(self._connection, self._locks, s3, self._history, self.faults, Isolation(level))
        self.held = warehouse.held
        self._runner = Runner(warehouse, self._sessions, publish, user_of_secret)
        self._statements = StatementStore(self._sessions)
        self._listing = Listing(self._connection)
        self._operations: dict[str, Callable[[Request, str], Response]] = {
            "ExecuteStatement": self._execute,
            "BatchExecuteStatement": self._batch_execute,
            "DescribeStatement": self._describe,
            "GetStatementResult": self._get_result,
            "GetStatementResultV2": self._get_csv_result,
            "ListStatements": self._list_statements,
            "ListSessions": self._list_sessions,
            "CancelStatement": self._cancel,
            "ListDatabases": self._listing.databases,
            "ListSchemas": self._listing.schemas,
            "ListTables": self._listing.tables,
            "DescribeTable": self._listing.describe_table,
        }

    def call(self, operation: str, request: Request, *, principal: str) -> Response:
        """Answer `operation` (botocore's spelling) for `principal`, with times in seconds since the epoch.

        It blocks for as long as the request's WaitTimeSeconds. DataApiError if the request is refused; an error
        in the SQL itself never raises, it is the `Error` that DescribeStatement reports.
        """
        check_request(operation, request)
        self.faults.strike_operation(operation)
        handler = self._operations.get(operation)
        if handler is None:
            raise validation_error(f"{operation} is not supported by the embedded Redshift")
        return handler(request, principal)

    def close(self) -> None:
        """Cancel what runs and close the database file."""
        for statement in self._statements.active():
            self._runner.cancel(statement)
        self._runner.close()
        for statement in self._statements.active():  # those that had not begun
            statement.move(Status.ABORTED)
        self._sessions.close()
        self._history.close()
        self._connection.close()

    def _execute(self, request: Request, principal: str) -> Response:
        return self._submit(request, principal, [request["Sql"]], is_batch=False)

    def _batch_execute(self, request: Request, principal: str) -> Response:
        return self._submit(request, principal, list(request["Sqls"]), is_batch=True)

    def _submit(self, request: Request, principal: str, sqls: list[str], *, is_batch: bool) -> Response:
        request = self._at_its_session(request, principal)
        _check_target(request)
        check_sql(sqls, request.get("Parameters", []), limit_batches=self._limit_batches)
        statement, is_new = self._statements.submit(principal, request, sqls, is_batch=is_batch)
        if is_new:
            self._runner.submit(statement)
        statement.wait(request.get("WaitTimeSeconds", 0))
        return describing.submitted(statement)

    def _describe(self, request: Request, principal: str) -> Response:
        statement, number = self._find(request["Id"], principal)
        statement.wait(request.get("WaitTimeSeconds", 0))
        return describing.described(statement) if number is None else describing.sub_described(statement, number)

    def _at_its_session(self, request: Request, principal: str) -> Request:
        """The request with what its session knows already; DataApiError if it contradicts it."""
        if "SessionId" not in request:
            return request
        target = self._sessions.target_of(request["SessionId"], principal)
        for name in TARGET_FIELDS:
            if name in request and request[name] != target.get(name):
                raise validation_error(f"{name} is not that of the session {request['SessionId']}")
        return request | target

    def _get_result(self, request: Request, principal: str) -> Response:
        result, start, answer = self._result_page(request, principal, "JSON")
        return answer | {"Records": result.page(start)}

    def _get_csv_result(self, request: Request, principal: str) -> Response:
        result, start, answer = self._result_page(request, principal, "CSV")
        return answer | {"Records": [{"CSVRecords": result.csv_page(start)}], "ResultFormat": "CSV"}

    def _result_page(self, request: Request, principal: str, form: str) -> tuple[ResultSet, int, Response]:
        statement, number = self._find(request["Id"], principal)
        if statement.result_format != form:
            raise validation_error(f"The statement was submitted with ResultFormat {statement.result_format}")
        statement.wait(request.get("WaitTimeSeconds", 0))
        if number is None and not statement.is_batch:
            number = 1
        result = statement.subs[number - 1].result if number else None
        if statement.status != Status.FINISHED or result is None:
            raise not_found(_NO_RESULT, request["Id"])
        start = describing.page_start(request.get("NextToken"), request["Id"])
        answer: Response = {"ColumnMetadata": result.column_metadata(), "TotalNumRows": result.rows.num_rows}
        if start + PAGE_ROWS < result.rows.num_rows:
            answer["NextToken"] = describing.page_token(start + PAGE_ROWS, request["Id"])
        return result, start, answer

    def _list_statements(self, request: Request, principal: str) -> Response:
        return describing.listed(self._statements.of(principal), request, principal)

    def _list_sessions(self, request: Request, principal: str) -> Response:
        return describing.listed_sessions(self._sessions.of(principal), request, principal)

    def _cancel(self, request: Request, principal: str) -> Response:
        statement, _ = self._find(request["Id"], principal)
        if statement.status.is_final:
            raise validation_error(
                f"Could not cancel a query that is already in {statement.status} state with ID: {statement.id}"
            )
        self._runner.cancel(statement)
        return {"Status": True}

    def _find(self, statement_id: str, principal: str) -> tuple[Statement, int | None]:
        base, _, suffix = statement_id.partition(":")
        statement = self._statements.get(base, principal)
        if not suffix:
            return statement, None
        if not statement.is_batch or not 1 <= int(suffix) <= len(statement.subs):
            raise not_found("Query does not exist.", statement_id)
        return statement, int(suffix)


def _check_target(request: Request) -> None:
    if bool(request.get("WorkgroupName")) == bool(request.get("ClusterIdentifier")):
        raise validation_error("Either ClusterIdentifier or WorkgroupName must be specified")
    if not request.get("Database"):
        raise validation_error("Database must be specified")
