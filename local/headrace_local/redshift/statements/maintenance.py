"""LOCK, TRUNCATE, ANALYZE and VACUUM."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_local.redshift.catalog.locks import LockMode, Requests
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.session import Outcome, Session
from headrace_local.redshift.statements.privileges import Rights
from headrace_local.redshift.statements.queries import writable
from headrace_local.redshift.syntax.tokens import Name


@dataclass(frozen=True)
class Lock:
    """LOCK TABLE: waits for every other user of the tables. It does not open the snapshot."""

    names: tuple[Name, ...]

    def locks(self, session: Session) -> Requests:
        """Exclusive, until the transaction ends."""
        tables = [writable(session, name) for name in self.names]
        for table in tables:
            Rights(session).check_table(table, "UPDATE", "DELETE")
        return {table.key: LockMode.EXCLUSIVE for table in tables}

    def run(self, _: Session) -> Outcome:
        """The locks were all there was to do."""
        return Outcome()


@dataclass(frozen=True)
class Truncate:
    """TRUNCATE: empties a table and commits the transaction it is in."""

    name: Name

    def locks(self, session: Session) -> Requests:
        """Nobody else may use it."""
        table = writable(session, self.name)
        Rights(session).check_owner(table, "TRUNCATE")
        return {} if table.is_temporary else {table.key: LockMode.EXCLUSIVE}

    def run(self, session: Session) -> Outcome:
        """Delete every row, then commit."""
        session.execute(f"DELETE FROM {writable(session, self.name).duckdb_name}")
        session.commit()
        return Outcome()


@dataclass(frozen=True)
class NoEffect:
    """A statement that is checked but has nothing to do here; `needs` are the relations it names."""

    kind: str
    needs: tuple[Name, ...]
    allowed_in_transaction: bool = True

    def locks(self, _: Session) -> Requests:
        """None."""
        return {}

    def run(self, session: Session) -> Outcome:
        """Check that what it names is there."""
        if session.in_batch and not self.allowed_in_transaction:
            raise SqlError(f"{self.kind} cannot run inside a transaction block")
        for name in self.needs:
            session.catalog.get(name)
        return Outcome()
