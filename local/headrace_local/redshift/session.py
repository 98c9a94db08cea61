"""A database session: a DuckDB connection with its TEMP tables, its transaction and its locks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

from headrace_local.redshift.catalog.catalog import HIDDEN_SCHEMA, Catalog, string_literal
from headrace_local.redshift.catalog.history import utc_now
from headrace_local.redshift.catalog.locks import LockManager, Owner, Requests, one_writer_each
from headrace_local.redshift.catalog.serializable import ViolationError
from headrace_local.redshift.datatypes.results import MAX_RESULT_BYTES, ResultSet, fetch
from headrace_local.redshift.duckdb_errors import in_redshifts_words
from headrace_local.redshift.meaning.translate import Translator

if TYPE_CHECKING:
    from headrace_local.redshift.catalog.history import History
    from headrace_local.redshift.catalog.serializable import Isolation, Transaction
    from headrace_local.redshift.faults import Faults
    from headrace_local.redshift.files.s3 import S3Store


@dataclass(frozen=True)
class Outcome:
    """What a statement brought: `rows` affected (-1 if that means nothing for it), or a result set."""

    rows: int = -1
    result: ResultSet | None = None


@dataclass(frozen=True)
class Warehouse:
    """What all sessions share."""

    connection: duckdb.DuckDBPyConnection
    locks: LockManager
    s3: S3Store
    history: History
    faults: Faults
    isolation: Isolation
    sessions: set[Session] = field(default_factory=set)

    def held(self) -> dict[str, Any]:
        """The open sessions, with which TEMP tables end, and the locks that are held."""
        sessions = [{"user": session.user, "pid": session.pid} for session in self.sessions.copy()]
        return {"sessions": sessions, "locks": self.locks.held()}


class Command(Protocol):
    """A statement that was read and understood."""

    def locks(self, session: Session, /) -> Requests:
        """The locks it needs before it runs."""

    def run(self, session: Session, /) -> Outcome:
        """Do it, inside the session's transaction; SqlError if it fails."""


@dataclass(eq=False)
class Session:
    """One session; `user` and `database` are what SQL sees as such, `changed` what its transactions have changed."""

    warehouse: Warehouse
    database: str
    user: str
    pid: int
    cancelled: Callable[[], bool] = lambda: False
    query_id: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict)
    in_batch: bool = False
    changed: set[str] = field(default_factory=set)
    _open: bool = False
    _transaction: Transaction | None = None

    def __post_init__(self) -> None:
        self.connection = self.warehouse.connection.cursor()
        self.catalog = Catalog(self.connection, self.database)
        self.owner = Owner(self._is_cancelled)
        self.warehouse.sessions.add(self)
        for name, value in (("database", self.database), ("user", self.user)):
            self.connection.execute(f"SET VARIABLE {name} = {string_literal(value)}")

    @property
    def translator(self) -> Translator:
        """A translator for the statement that runs now."""
        return Translator(self.catalog, self.parameters)

    def begin(self, requests: Requests) -> None:
        """Open the transaction, and with it the snapshot, unless it is open; `requests` is what a statement uses.

        Raises SqlError if the level is SERIALIZABLE and no order of the open transactions would explain that.
        """
        isolation = self.warehouse.isolation
        if not self._open:
            self._transaction = isolation.begin(self.pid, self._open_snapshot)
        try:
            isolation.use(self._transaction, requests)
        except ViolationError as violation:
            self._record(violation)
            raise

    def _open_snapshot(self) -> None:
        self.connection.execute("BEGIN")
        self._open = True
        if self.warehouse.isolation.is_serializable:  # DuckDB opens it with the first look at the database
            self.connection.execute(f"FROM {HIDDEN_SCHEMA}.databases").fetchall()

    def _record(self, violation: ViolationError) -> None:
        """A row of STL_TR_CONFLICT."""
        ids = f"FROM {HIDDEN_SCHEMA}.table_ids SELECT table_id WHERE key = ?"
        found = self.connection.execute(ids, [violation.table]).fetchall()
        table_id = found[0][0] if found else 0
        violation.on(table_id)
        transaction = violation.transaction
        ended = {"xact_start_ts": transaction.began, "abort_time": utc_now(), "table_id": table_id}
        numbers = {"xact_id": transaction.number, "process_id": transaction.pid}
        self.warehouse.history.record("tr_conflicts", numbers | ended)

    def _is_cancelled(self) -> bool:
        """Whether the statement that has the session now was cancelled: a kept session has one after the other."""
        return self.cancelled()

    def commit(self) -> None:
        """Make the transaction's work permanent and give back its locks."""
        try:
            if self._open:
                self._open = False
                with in_redshifts_words():
                    self.warehouse.isolation.commit(self._transaction, lambda: self.connection.execute("COMMIT"))
                self.changed |= self.warehouse.locks.changed_by(self.owner)
        finally:
            self._end()

    def rollback(self) -> None:
        """Undo the transaction and give back its locks."""
        try:
            if self._open:
                self._open = False
                with suppress(duckdb.Error):  # it is gone already if the commit was what failed
                    self.connection.execute("ROLLBACK")
        finally:
            self._end()

    def _end(self) -> None:
        self.warehouse.isolation.forget(self._transaction)
        self._transaction = None
        self.warehouse.locks.release(self.owner)

    def close(self) -> None:
        """End the session: its TEMP tables go."""
        self.rollback()
        self.connection.close()
        self.warehouse.sessions.discard(self)

    def lock(self, requests: Requests) -> None:
        """Take locks that the transaction holds to its end; others may have changed tables while it waited."""
        if self.warehouse.isolation.is_serializable:
            requests = one_writer_each(requests)
        self.warehouse.locks.acquire(self.owner, requests)
        self.catalog.forget()

    def execute(self, sql: str) -> int:
        """Run DuckDB's `sql`; the number of rows it reports, or -1."""
        self.catalog.forget()
        with in_redshifts_words():
            rows = self.connection.execute(sql).fetchall()
        count = rows[0][0] if rows else None
        return count if isinstance(count, int) and not isinstance(count, bool) else -1

    def query(
        self, sql: str, label: Callable[[list[str]], list[str]], most_bytes: int | None = MAX_RESULT_BYTES
    ) -> ResultSet:
        """Run DuckDB's query `sql`; SqlError if its result has more than `most_bytes`."""
        with in_redshifts_words():
            return fetch(self.connection.sql(sql), label, most_bytes)

    def bind(self, sql: str) -> tuple[list[str], list[str]]:
        """The column names and DuckDB types of a query that is not run."""
        with in_redshifts_words():
            relation = self.connection.sql(sql)
            return list(relation.columns), [str(kind) for kind in relation.types]

    @contextmanager
    def source(self, name: str, data: object) -> Iterator[None]:
        """Lend Arrow data to DuckDB under `name`."""
        self.connection.register(name, data)
        try:
            yield
        finally:
            with suppress(duckdb.Error):  # a failed transaction takes no more statements
                self.connection.unregister(name)
