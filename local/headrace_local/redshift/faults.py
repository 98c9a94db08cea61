"""Faults that are asked for: what Redshift does now and then, done here once and on purpose."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from headrace_local.redshift.errors import DataApiError, SqlError

SERIALIZABLE = "1023\n  Detail: Serializable isolation violation on table in Redshift"
SQL_ERRORS = {
    "serializable": SERIALIZABLE,
    "deadlock": "deadlock detected",
    "conflict": "could not complete because of conflict with concurrent transaction",
    "missing-relation": "could not open relation with OID 1234567",
}
API_ERRORS = {
    "ThrottlingException": 400,
    "ActiveStatementsExceededException": 400,
    "ActiveSessionsExceededException": 400,
    "ActiveWaitingRequestsExceededException": 400,
    "InternalServerException": 500,
    "ExecuteStatementException": 500,
    "BatchExecuteStatementException": 500,
}


@dataclass
class _Fault:
    kind: str
    where: str
    times: int


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []

    def add(self, kind: str, *, where: str = "", times: int = 1) -> None:
        """Let the next `times` occasions fail: a key of SQL_ERRORS for statements that contain `where`, whatever their
        letters' case, or a key of API_ERRORS for the operation `where` (none: any). ValueError for an unknown kind.
        """
        if kind not in SQL_ERRORS and kind not in API_ERRORS:
            raise ValueError(f"{kind} is none of {', '.join((*SQL_ERRORS, *API_ERRORS))}")
        with self._lock:
            self._faults.append(_Fault(kind, where.lower(), times))

    def clear(self) -> None:
        """Forget those that have not come yet."""
        with self._lock:
            self._faults.clear()

    def strike_statement(self, sql: str) -> None:
        """Raise SqlError if a statement with this text is to fail."""
        kind = self._take(SQL_ERRORS.keys(), lambda where: where in sql.lower())
        if kind is not None:
            raise SqlError(SQL_ERRORS[kind])

    def strike_operation(self, operation: str) -> None:
        """Raise DataApiError if a call of this operation is to fail."""
        kind = self._take(API_ERRORS.keys(), lambda where: where in {"", operation.lower()})
        if kind is not None:
            raise DataApiError(kind, f"{kind} was asked for", API_ERRORS[kind])

    def _take(self, kinds: Iterable[str], applies: Callable[[str], bool]) -> str | None:
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and applies(fault.where):
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                    return fault.kind
        return None
