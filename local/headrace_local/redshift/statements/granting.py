"""GRANT and REVOKE of rights on tables, schemas and the database.

https://docs.aws.amazon.com/redshift/latest/dg/r_GRANT.html
https://docs.aws.amazon.com/redshift/latest/dg/r_REVOKE.html
https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_DEFAULT_PRIVILEGES.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from headrace_local.redshift.catalog.catalog import HIDDEN_SCHEMA, Table, string_literal
from headrace_local.redshift.catalog.locks import Requests
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.session import Outcome, Session
from headrace_local.redshift.statements.privileges import DATABASE, PRIVILEGES, PUBLIC, Rights, user_exists
from headrace_local.redshift.syntax.tokens import Name, TokenCursor

_NOT_EMULATED = ("FUNCTION", "PROCEDURE", "LANGUAGE", "DATASHARE", "MODEL", "EXTERNAL", "ALL", "JOB")
_SAME = {"TEMPORARY": "TEMP"}


@dataclass(frozen=True)
class Granting:
    """A GRANT, or a REVOKE (`gives` false), to or from users; no `privileges` are all that the kind has."""

    gives: bool
    kind: str
    names: tuple[Name, ...]
    privileges: frozenset[str]
    grantees: tuple[str, ...]
    whole_schemas: bool = False

    def locks(self, _: Session) -> Requests:
        """None."""
        return {}

    def run(self, session: Session) -> Outcome:
        """Change what is granted. Raises SqlError."""
        if self.kind == "table":
            for table in self._tables(session):
                self._check(session, "table", table.key, f"relation {table.name}")
                session.catalog.describe(replace(table, acl=tuple(self.changed(table.acl))))
        else:
            for name in self.names:
                self._change(session, ".".join(name))
        return Outcome()

    def _tables(self, session: Session) -> list[Table]:
        if not self.whole_schemas:
            return [session.catalog.get(name) for name in self.names]
        schemas = {".".join(name) for name in self.names}
        for schema in schemas - set(session.catalog.schemas()):
            raise SqlError(f'schema "{schema}" does not exist')
        return [table for table in session.catalog.tables() if table.schema in schemas]

    def _change(self, session: Session, name: str) -> None:
        if self.kind == "database" and name != session.database:
            raise SqlError(f'database "{name}" does not exist')
        if self.kind == "schema" and name not in session.catalog.schemas():
            raise SqlError(f'schema "{name}" does not exist')
        object_name = DATABASE if self.kind == "database" else name
        self._check(session, self.kind, object_name, f"{self.kind} {name}")
        where = f"kind = '{self.kind}' AND name = {string_literal(object_name)}"
        ((acl,),) = session.connection.execute(f"SELECT acl FROM {HIDDEN_SCHEMA}.owned WHERE {where}").fetchall()
        listed = ", ".join(string_literal(entry) for entry in self.changed(acl))
        session.execute(f"UPDATE {HIDDEN_SCHEMA}.owned SET acl = [{listed}]::VARCHAR[] WHERE {where}")

    def _check(self, session: Session, kind: str, name: str, called: str) -> None:
        if not Rights(session).owns(kind, name):
            raise SqlError(f"permission denied for {called}")
        for grantee in self.grantees:
            if grantee != PUBLIC and not user_exists(session, grantee):
                raise SqlError(f'user "{grantee}" does not exist')

    def changed(self, acl: Iterable[str]) -> list[str]:
        """A list of rights once this is done."""
        privileges = self.privileges or PRIVILEGES[self.kind]
        named = {f"{grantee}={privilege}" for grantee in self.grantees for privilege in privileges}
        return sorted(set(acl) | named if self.gives else set(acl) - named)


@dataclass(frozen=True)
class DefaultPrivileges:
    """What the current user grants, or no longer grants, on each table and view that they create in the schemas."""

    granting: Granting
    schemas: tuple[Name, ...]

    def locks(self, _: Session) -> Requests:
        """None."""
        return {}

    def run(self, session: Session) -> Outcome:
        """Change what is granted from now on. Raises SqlError."""
        for grantee in self.granting.grantees:
            if grantee != PUBLIC and not user_exists(session, grantee):
                raise SqlError(f'user "{grantee}" does not exist')
        for schema in (".".join(name) for name in self.schemas):
            if schema not in session.catalog.schemas():
                raise SqlError(f'schema "{schema}" does not exist')
            owner, name = string_literal(session.user), string_literal(schema)
            where = f"kind = 'default' AND name = {name} AND owner = {owner}"
            before = session.connection.execute(f"SELECT acl FROM {HIDDEN_SCHEMA}.owned WHERE {where}").fetchall()
            listed = ", ".join(map(string_literal, self.granting.changed(before[0][0] if before else ())))
            session.execute(f"DELETE FROM {HIDDEN_SCHEMA}.owned WHERE {where}")
            values = f"('default', {name}, {owner}, [{listed}]::VARCHAR[])"
            session.execute(f"INSERT INTO {HIDDEN_SCHEMA}.owned VALUES {values}")
        return Outcome()


def read_default(cursor: TokenCursor) -> DefaultPrivileges:
    """Read ALTER DEFAULT PRIVILEGES, from IN SCHEMA on."""
    if cursor.match("FOR", "USER"):
        raise not_emulated("ALTER DEFAULT PRIVILEGES FOR USER")
    if not cursor.match("IN", "SCHEMA"):
        raise not_emulated("ALTER DEFAULT PRIVILEGES without IN SCHEMA")
    schemas = [cursor.name()]
    while cursor.match(","):
        schemas.append(cursor.name())
    verb = cursor.advance().text.upper()
    privileges = _privileges(cursor, verb)
    if not cursor.match("TABLES"):
        raise not_emulated(f"ALTER DEFAULT PRIVILEGES … ON {cursor.peek()}")
    return DefaultPrivileges(_to_grantees(cursor, verb, "table", (), privileges), tuple(schemas))


def read(cursor: TokenCursor) -> Granting:
    """Read a GRANT or REVOKE statement."""
    verb = cursor.advance().text.upper()
    if cursor.match("GRANT", "OPTION", "FOR") or cursor.match("ADMIN", "OPTION", "FOR"):
        raise not_emulated(f"{verb} … OPTION FOR")
    privileges = _privileges(cursor, verb)
    kind, whole_schemas = _kind(cursor, verb)
    names = [cursor.name()]
    while cursor.match(","):
        names.append(cursor.name())
    return _to_grantees(cursor, verb, kind, tuple(names), privileges, whole_schemas=whole_schemas)


def _to_grantees(
    cursor: TokenCursor,
    verb: str,
    kind: str,
    names: tuple[Name, ...],
    privileges: frozenset[str],
    *,
    whole_schemas: bool = False,
) -> Granting:
    cursor.expect("TO" if verb == "GRANT" else "FROM")
    grantees = [_grantee(cursor)]
    while cursor.match(","):
        grantees.append(_grantee(cursor))
    if cursor.match("WITH", "GRANT", "OPTION"):
        raise not_emulated("GRANT … WITH GRANT OPTION")
    if verb == "REVOKE":
        cursor.match("RESTRICT")
    cursor.expect_end()
    for privilege in sorted(privileges - PRIVILEGES[kind]):
        raise SqlError(f"invalid privilege type {privilege} for {'relation' if kind == 'table' else kind}")
    return Granting(verb == "GRANT", kind, names, privileges, tuple(grantees), whole_schemas)


def _privileges(cursor: TokenCursor, verb: str) -> frozenset[str]:
    if cursor.match("ALL"):
        cursor.match("PRIVILEGES")
        found = []
    else:
        found = [cursor.advance().text.upper()]
        while cursor.match(","):
            found.append(cursor.advance().text.upper())
    if cursor.peek() == "(":
        raise not_emulated(f"{verb} of rights on columns")
    if cursor.peek() != "ON":
        raise not_emulated(f"{verb} of {' '.join([*found, cursor.peek()])}: roles, models and the like")
    cursor.expect("ON")
    return frozenset(_SAME.get(name, name) for name in found)


def _kind(cursor: TokenCursor, verb: str) -> tuple[str, bool]:
    if cursor.match("SCHEMA"):
        return "schema", False
    if cursor.match("DATABASE"):
        return "database", False
    if cursor.match("ALL", "TABLES", "IN", "SCHEMA"):
        return "table", True
    if cursor.peek() in _NOT_EMULATED:
        raise not_emulated(f"{verb} … ON {cursor.peek()}")
    cursor.match("TABLE")
    return "table", False


def _grantee(cursor: TokenCursor) -> str:
    """A user, as it was written if it was quoted: those of roles have capitals."""
    if cursor.match("PUBLIC"):
        return PUBLIC
    if kind := cursor.match_any("GROUP", "ROLE"):
        raise SqlError(f'{kind.lower()} "{cursor.identifier()}" does not exist')
    return cursor.user()
