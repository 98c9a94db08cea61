"""ALTER DATABASE … ISOLATION LEVEL.

https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_DATABASE.html
"""

from __future__ import annotations

from dataclasses import dataclass

from headrace_local.redshift.catalog.catalog import HIDDEN_SCHEMA
from headrace_local.redshift.catalog.locks import Requests
from headrace_local.redshift.catalog.serializable import SERIALIZABLE, SNAPSHOT
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.session import Outcome, Session
from headrace_local.redshift.statements.privileges import DATABASE, Rights
from headrace_local.redshift.syntax.tokens import TokenCursor

_LEVELS = {"SERIALIZABLE": SERIALIZABLE, "SNAPSHOT": SNAPSHOT}
_NEVER_ALTERED = "dev"


@dataclass(frozen=True)
class ChangeIsolation:
    """ALTER DATABASE name ISOLATION LEVEL level, with nobody else connected."""

    name: str
    level: str

    def locks(self, _: Session) -> Requests:
        """None."""
        return {}

    def run(self, session: Session) -> Outcome:
        """Change what the transactions from the next one on are held to. Raises SqlError."""
        self._check(session)
        session.execute(f"UPDATE {HIDDEN_SCHEMA}.databases SET isolation_level = '{self.level}'")
        session.commit()
        session.warehouse.isolation.level = self.level
        return Outcome()

    def _check(self, session: Session) -> None:
        if session.in_batch:
            raise SqlError("ALTER DATABASE ISOLATION LEVEL cannot run inside a transaction block")
        if self.name != session.database:
            raise SqlError(f'database "{self.name}" does not exist')
        if self.name == _NEVER_ALTERED:
            raise SqlError(f'cannot alter the isolation level of the database "{self.name}"')
        if not Rights(session).owns("database", DATABASE):
            raise SqlError(f"must be owner of database {self.name}")
        if session.warehouse.sessions - {session}:
            raise SqlError(f'database "{self.name}" is being accessed by other users')


def read(cursor: TokenCursor) -> ChangeIsolation:
    """What follows ALTER, from DATABASE on."""
    cursor.expect("DATABASE")
    name = cursor.identifier()
    if not cursor.match("ISOLATION", "LEVEL"):
        raise not_emulated(f"ALTER DATABASE … {cursor.peek()}")
    level = cursor.match_any(*_LEVELS)
    if level is None:
        raise cursor.unexpected()
    cursor.expect_end()
    return ChangeIsolation(name, _LEVELS[level])
