"""Statements submitted through the Data API: what was asked, how far it is, what came of it."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from headrace_local.redshift.api.principals import same_role
from headrace_local.redshift.datatypes.results import ResultSet
from headrace_local.redshift.errors import DataApiError, not_found

if TYPE_CHECKING:
    from headrace_local.redshift.api.kept_sessions import KeptSession, SessionStore

KEPT_SECONDS = 24 * 3600
TOKEN_SECONDS = 8 * 3600
MAX_ACTIVE = 500


class Status(StrEnum):
    """The Data API's states."""

    SUBMITTED = "SUBMITTED"
    PICKED = "PICKED"
    STARTED = "STARTED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"

    @property
    def is_final(self) -> bool:
        """Whether nothing changes any more."""
        return self in {Status.FINISHED, Status.FAILED, Status.ABORTED}


@dataclass
class SubStatement:
    """One SQL text of a statement; times in seconds since the epoch."""

    sql: str
    status: Status = Status.SUBMITTED
    error: str | None = None
    rows: int = -1
    result: ResultSet | None = None
    query_id: int = 0
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    started_ns: int | None = None
    duration_ns: int = -1

    def start(self, query_id: int) -> None:
        """It runs from now on."""
        self.query_id = query_id
        self.started_ns = time.monotonic_ns()
        self._move(Status.STARTED)

    def finish(self, rows: int, result: ResultSet | None) -> None:
        """It is done."""
        self.rows, self.result = rows, result
        self._end(Status.FINISHED)

    def fail(self, error: str) -> None:
        """The database refused it."""
        self.error = error
        self._end(Status.FAILED)

    def abort(self) -> None:
        """It was cancelled, or one before it failed."""
        self._end(Status.ABORTED)

    def _end(self, status: Status) -> None:
        if self.started_ns is not None:
            self.duration_ns = time.monotonic_ns() - self.started_ns
        self._move(status)

    def _move(self, status: Status) -> None:
        self.status = status
        self.updated_at = time.time()


@dataclass(eq=False)
class Statement:
    """What one ExecuteStatement or BatchExecuteStatement submitted."""

    principal: str
    request: dict[str, Any]
    subs: list[SubStatement]
    is_batch: bool
    pid: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: Status = Status.SUBMITTED
    error: str | None = None
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    cancelled: threading.Event = field(default_factory=threading.Event)
    session: KeptSession | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def auto_commit(self) -> bool:
        """Whether each SQL text is a separate transaction."""
        return not self.is_batch or self.request.get("ExecutionMode") == "AUTO_COMMIT"

    @property
    def database(self) -> str:
        """The database it runs in."""
        return str(self.request["Database"])

    @property
    def parameters(self) -> dict[str, str]:
        """The values of its `:name` placeholders."""
        return {entry["name"]: entry["value"] for entry in self.request.get("Parameters", [])}

    @property
    def result_format(self) -> str:
        """JSON or CSV: which of the two result operations gives its rows."""
        return str(self.request.get("ResultFormat", "JSON"))

    @property
    def has_result_set(self) -> bool:
        """Whether any SQL text of it returned rows."""
        return any(sub.result is not None for sub in self.subs)

    def move(self, status: Status, error: str | None = None) -> None:
        """Enter a state and notify those who wait for it."""
        with self._changed:
            self.status, self.error = status, error
            self.updated_at = time.time()
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until nothing changes any more, at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self.status.is_final, timeout=seconds)


class StatementStore:
    """The statements of the last 24 hours, each shown only to the role that submitted it."""

    def __init__(self, sessions: SessionStore) -> None:
        self._lock = threading.Lock()
        self._sessions = sessions
        self._statements: dict[str, Statement] = {}
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}
        self._pids = itertools.count(1_073_741_824)

    def submit(
        self, principal: str, request: dict[str, Any], sqls: list[str], *, is_batch: bool
    ) -> tuple[Statement, bool]:
        """The new statement and True, or the one that the same client token submitted before and False."""
        with self._lock:
            self._forget_old()
            known = self._by_token(principal, request.get("ClientToken"))
            if known is not None:
                return known, False
            self._refuse_too_many()
            statement = Statement(principal, request, [SubStatement(sql) for sql in sqls], is_batch, next(self._pids))
            self._give_session(statement)
            self._statements[statement.id] = statement
            if token := request.get("ClientToken"):
                self._tokens[principal, token] = (statement.id, statement.created_at)
            return statement, True

    def get(self, statement_id: str, principal: str) -> Statement:
        """The statement `statement_id`; DataApiError if it is unknown or belongs to another principal."""
        with self._lock:
            statement = self._statements.get(statement_id)
        if statement is None or not same_role(statement.principal, principal):
            raise not_found("Query does not exist.", statement_id)
        return statement

    def of(self, principal: str) -> list[Statement]:
        """The statements of the principal's role, newest first."""
        with self._lock:
            own = [statement for statement in self._statements.values() if same_role(statement.principal, principal)]
        return sorted(own, key=lambda statement: statement.created_at, reverse=True)

    def active(self) -> list[Statement]:
        """The statements that have not ended."""
        with self._lock:
            return [statement for statement in self._statements.values() if not statement.status.is_final]

    def _give_session(self, statement: Statement) -> None:
        session = self._sessions.claim(statement.principal, statement.request, statement.id, statement.pid)
        if session is not None:
            statement.session, statement.pid = session, session.pid

    def _by_token(self, principal: str, token: str | None) -> Statement | None:
        statement_id, _ = self._tokens.get((principal, token or ""), (None, 0.0))
        return self._statements.get(statement_id or "")

    def _refuse_too_many(self) -> None:
        active = sum(not statement.status.is_final for statement in self._statements.values())
        if active >= MAX_ACTIVE:
            raise DataApiError(
                "ActiveStatementsExceededException", f"Active statements exceeded the allowed quota ({MAX_ACTIVE})."
            )

    def _forget_old(self) -> None:
        now = time.time()
        ended = [s for s in self._statements.values() if s.status.is_final and now - s.updated_at > KEPT_SECONDS]
        for statement in ended:
            del self._statements[statement.id]
        self._tokens = {key: value for key, value in self._tokens.items() if now - value[1] < TOKEN_SECONDS}
