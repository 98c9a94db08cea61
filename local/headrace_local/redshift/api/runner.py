"""Runs submitted statements on worker threads, each in a separate session."""

from __future__ import annotations

import itertools
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from headrace_local.redshift.api.events import Publish, event_of
from headrace_local.redshift.api.principals import user_of
from headrace_local.redshift.api.statement_store import Status
from headrace_local.redshift.catalog.history import as_utc
from headrace_local.redshift.duckdb_errors import in_redshifts_words
from headrace_local.redshift.errors import SqlError, StatementAbortedError
from headrace_local.redshift.session import Outcome, Session, Warehouse
from headrace_local.redshift.statements.compiler import compile_statement, statement_kind
from headrace_local.redshift.statements.maintenance import Lock
from headrace_local.redshift.statements.materialized import RefreshMaterializedView, stale_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace_local.redshift.api.kept_sessions import SessionStore
    from headrace_local.redshift.api.statement_store import Statement, SubStatement
    from headrace_local.redshift.catalog.catalog import Table

CONCURRENT_STATEMENTS = 16
_logger = logging.getLogger(__name__)


class Runner:
    """The database's side: picks statements, runs them, records how they ended."""

    def __init__(
        self, warehouse: Warehouse, sessions: SessionStore, publish: Publish, user_of_secret: Callable[[str], str]
    ) -> None:
        self._warehouse = warehouse
        self._user_of_secret = user_of_secret
        self._kept = sessions
        self._publish = publish
        self._pool = ThreadPoolExecutor(CONCURRENT_STATEMENTS, thread_name_prefix="redshift")
        self._sessions: dict[str, Session] = {}
        self._query_ids = itertools.count(int(time.time()))

    def submit(self, statement: Statement) -> None:
        """Run `statement` as soon as a thread is free."""
        self._pool.submit(self._run, statement)

    def cancel(self, statement: Statement) -> None:
        """Stop `statement`, whether it waits or runs."""
        statement.cancelled.set()
        session = self._sessions.get(statement.id)
        if session is not None:
            session.connection.interrupt()
        self._warehouse.locks.wake()

    def close(self) -> None:
        """Wait for the threads to end."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, statement: Statement) -> None:
        try:
            statement.move(Status.PICKED)
            with self._session(statement) as session:
                statement.move(Status.STARTED)
                self._run_in(session, statement)
            self._record(statement)
            self._conclude(statement)
        except SqlError as error:  # nobody could log in
            statement.move(Status.FAILED, error.message)
        except Exception as error:
            _logger.exception("statement %s", statement.id)
            statement.move(Status.FAILED, f"ERROR: internal error: {error}")
        if statement.request.get("WithEvent"):
            self._publish(event_of(statement))

    @contextmanager
    def _session(self, statement: Statement) -> Iterator[Session]:
        kept = statement.session
        try:
            session = (kept and kept.database_session) or self._new_session(statement)
            if kept is not None:
                kept.database_session = session
            session.cancelled = statement.cancelled.is_set
            session.parameters = statement.parameters
            session.in_batch = not statement.auto_commit
            self._sessions[statement.id] = session
            try:
                yield session
            finally:
                del self._sessions[statement.id]
                if kept is None:
                    session.close()
        finally:
            if kept is not None:
                self._kept.release(kept)

    def _new_session(self, statement: Statement) -> Session:
        return Session(self._warehouse, statement.database, self._user(statement), statement.pid)

    def _user(self, statement: Statement) -> str:
        """The database user: named, in the secret that was given, or the role itself."""
        secret = statement.request.get("SecretArn")
        if secret:
            return self._user_of_secret(secret)
        return str(statement.request.get("DbUser") or user_of(statement.principal))

    def _run_in(self, session: Session, statement: Statement) -> None:
        if statement.auto_commit:
            for sub in statement.subs:
                self._run_transaction(session, [sub])
        else:
            self._run_transaction(session, statement.subs)

    def _run_transaction(self, session: Session, subs: list[SubStatement]) -> None:
        running = subs[0]
        try:
            for running in subs:
                running.start(next(self._query_ids))
                outcome = self._run_sql(session, running)
                if running is subs[-1]:
                    session.commit()
                    self._after_commit(session)
                running.finish(outcome.rows, outcome.result)
        except SqlError as error:
            running.fail(f"ERROR: {error.message}")
        except StatementAbortedError:
            running.abort()
        finally:
            session.rollback()
            self._after_commit(session)  # TRUNCATE has committed what it did, whatever came after it
            for sub in subs:
                if not sub.status.is_final:
                    sub.abort()

    def _after_commit(self, session: Session) -> None:
        """Materialized views of what has changed are stale, and some are to be refreshed by themselves."""
        changed, session.changed = session.changed, set()
        if not changed:
            return
        for view in stale_after(session.catalog.tables(), changed):
            self._warehouse.history.record("stale_views", {"schema_name": view.schema, "relation_name": view.name})
            if view.auto_refresh:
                with suppress(RuntimeError):  # the pool is being shut down
                    self._pool.submit(self._auto_refresh, session.database, view)

    def _auto_refresh(self, database: str, view: Table) -> None:
        session = Session(self._warehouse, database, view.owner, pid=0)
        try:
            RefreshMaterializedView((view.schema, view.name)).run(session)
            self._after_commit(session)
        except (SqlError, StatementAbortedError) as error:
            _logger.info("%s was not refreshed: %s", view.key, error)
        finally:
            session.close()

    def _run_sql(self, session: Session, sub: SubStatement) -> Outcome:
        if session.cancelled():
            raise StatementAbortedError
        session.query_id = sub.query_id
        self._warehouse.faults.strike_statement(sub.sql)
        command = compile_statement(sub.sql)
        with in_redshifts_words():
            requests = command.locks(session)
            session.lock(requests)
            if not isinstance(command, Lock):
                session.begin(requests)
            return command.run(session)

    def _conclude(self, statement: Statement) -> None:
        failed = next((n for n, sub in enumerate(statement.subs, 1) if sub.status == Status.FAILED), None)
        if failed is not None:
            error = statement.subs[failed - 1].error
            statement.move(Status.FAILED, f"Query #{failed} failed with {error}" if statement.is_batch else error)
        elif any(sub.status == Status.ABORTED for sub in statement.subs):
            statement.move(Status.ABORTED)
        else:
            statement.move(Status.FINISHED)

    def _record(self, statement: Statement) -> None:
        rows: list[dict[str, object]] = [
            {
                "query_id": sub.query_id,
                "session_id": statement.pid,
                "database_name": statement.database,
                "query_type": statement_kind(sub.sql),
                "status": {Status.FINISHED: "success", Status.FAILED: "failed"}.get(sub.status, "canceled"),
                "start_time": as_utc(sub.created_at),
                "end_time": as_utc(sub.updated_at),
                "elapsed_time": max(sub.duration_ns, 0) // 1000,
                "error_message": sub.error,
                "returned_rows": sub.rows if sub.result else 0,
                "query_text": sub.sql[:4000],
            }
            for sub in statement.subs
            if sub.query_id
        ]
        try:
            self._warehouse.history.record("query_history", *rows)
        except Exception:  # the statement has ended as it has, whether it can be remembered or not
            _logger.exception("statement %s is missing from the history", statement.id)
