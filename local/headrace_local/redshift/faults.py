"""Faults on request: what Redshift does now and then, done here once and on purpose."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from headrace_local.redshift.errors import DataApiError, SqlError, StatementAbortedError

SERIALIZABLE = "1023\n  Detail: Serializable isolation violation on table in Redshift"
SQL_ERRORS = {
    "serializable": SERIALIZABLE,
    "deadlock": "deadlock detected",
    "conflict": "could not complete because of conflict with concurrent transaction",
    "missing-relation": "could not open relation with OID 1234567",
}
FAIL, ABORT = "fail", "abort"
"""A statement fails with the words that are given, or is cancelled."""
STATEMENT_KINDS = (*SQL_ERRORS, FAIL, ABORT)
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
    text: str


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []

    def add(self, kind: str, *, where: str = "", times: int = 1, text: str = "") -> None:
        """Let the next `times` occasions fail: a key of SQL_ERRORS, FAIL (with `text`) or ABORT for statements that
        contain `where`, whatever their letters' case, or a key of API_ERRORS for the operation `where` (none: any).
        ValueError for an unknown kind.
        """
        if kind not in STATEMENT_KINDS and kind not in API_ERRORS:
            raise ValueError(f"{kind} is none of {', '.join((*STATEMENT_KINDS, *API_ERRORS))}")
        with self._lock:
            self._faults.append(_Fault(kind, where.lower(), times, text or SQL_ERRORS.get(kind, "")))

    def clear(self) -> None:
        """Forget those that have not come yet."""
        with self._lock:
            self._faults.clear()

    def left(self) -> list[dict[str, Any]]:
        """Those that have not come yet: `{"kind", "where", "times", "text"}`."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def strike_statement(self, sql: str) -> None:
        """Raise SqlError or StatementAbortedError if a statement with this text is to fail."""
        fault = self._take(STATEMENT_KINDS, lambda where: where in sql.lower())
        if fault is not None:
            raise StatementAbortedError if fault.kind == ABORT else SqlError(fault.text)

    def strike_operation(self, operation: str) -> None:
        """Raise DataApiError if a call of this operation is to fail."""
        fault = self._take(API_ERRORS.keys(), lambda where: where in {"", operation.lower()})
        if fault is not None:
            raise DataApiError(fault.kind, f"{fault.kind} was asked for", API_ERRORS[fault.kind])

    def _take(self, kinds: Iterable[str], applies: Callable[[str], bool]) -> _Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and applies(fault.where):
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                    return fault
        return None
