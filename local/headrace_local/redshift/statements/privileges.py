"""Who may do what: owners, what was granted to users and to PUBLIC, and Redshift's refusals.

https://docs.aws.amazon.com/redshift/latest/dg/r_GRANT.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from headrace_local.redshift.catalog.catalog import DEFAULT_SCHEMA, HIDDEN_SCHEMA, TEMP_SCHEMA, Table, string_literal
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.session import Session

PUBLIC = "public"
DATABASE = ""
"""The name under which the one database's rights are kept, whatever it is called."""
TABLE_PRIVILEGES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "DROP", "REFERENCES", "ALTER", "TRUNCATE"})
PRIVILEGES = {
    "table": TABLE_PRIVILEGES,
    "schema": frozenset({"CREATE", "USAGE"}),
    "database": frozenset({"CREATE", "TEMP"}),
}


@dataclass(frozen=True)
class Rights:
    """What the session's user may do."""

    session: Session

    @property
    def is_superuser(self) -> bool:
        """Whether nothing is refused: the admin, users with CREATEUSER, and the account's root."""
        return self._ask(f"{HIDDEN_SCHEMA}._is_superuser({string_literal(self.session.user)})")

    def check_table(self, table: Table, *privileges: str) -> None:
        """SqlError unless the user may use the table's schema, and has one of `privileges`."""
        if table.is_temporary:
            return
        self.check_schema(table.schema, "USAGE")
        if not any(self._may("table", table.key, privilege) for privilege in privileges):
            raise SqlError(f"permission denied for relation {table.name}")

    def check_schema(self, schema: str, privilege: str) -> None:
        """SqlError unless the user has `privilege` for a schema."""
        if schema != TEMP_SCHEMA and not self._may("schema", schema, privilege):
            raise SqlError(f"permission denied for schema {schema}")

    def check_database(self, privilege: str) -> None:
        """SqlError unless the user has `privilege` for the database."""
        if self._may("database", DATABASE, privilege):
            return
        database = self.session.database
        if privilege == "TEMP":
            raise SqlError(f'permission denied to create temporary tables in database "{database}"')
        raise SqlError(f"permission denied for database {database}")

    def check_owner(self, table: Table, privilege: str) -> None:
        """SqlError unless the user owns the table, or has the privilege that stands in for that."""
        if table.is_temporary:
            return
        self.check_schema(table.schema, "USAGE")
        if not self._may("table", table.key, privilege):
            raise SqlError(f"must be owner of relation {table.name}")

    def owns(self, kind: str, name: str) -> bool:
        """Whether the user may grant rights to something, or drop it."""
        return self._may(kind, name, "OWNER")

    def _may(self, kind: str, name: str, privilege: str) -> bool:
        given = ", ".join(string_literal(text) for text in (self.session.user, kind, name, privilege))
        return self._ask(f"{HIDDEN_SCHEMA}._may({given})")

    def _ask(self, question: str) -> bool:
        ((answer,),) = self.session.connection.execute(f"SELECT {question}").fetchall()
        return bool(answer)


def own_schema(session: Session, name: str) -> None:
    """Write down whose a new schema is."""
    values = f"('schema', {string_literal(name)}, {string_literal(session.user)}, [])"
    session.execute(f"INSERT INTO {HIDDEN_SCHEMA}.owned VALUES {values}")


def disown_schema(session: Session, name: str) -> None:
    """Forget a schema's owner and rights."""
    if name != DEFAULT_SCHEMA:
        session.execute(f"DELETE FROM {HIDDEN_SCHEMA}.owned WHERE kind = 'schema' AND name = {string_literal(name)}")


def owned(session: Session, table: Table) -> Table:
    """A new table or view: whose it is, with what its owner grants on all that they create in its schema."""
    where = f"kind = 'default' AND name = {string_literal(table.schema)} AND owner = {string_literal(session.user)}"
    found = session.connection.execute(f"SELECT acl FROM {HIDDEN_SCHEMA}.owned WHERE {where}").fetchall()
    return replace(table, owner=session.user, acl=tuple(found[0][0]) if found else ())


def user_exists(session: Session, name: str) -> bool:
    """Whether a user was made, or is a role, which Redshift makes a user of when it first logs in."""
    found = session.connection.execute(
        f"SELECT 1 FROM {HIDDEN_SCHEMA}.users WHERE usename = {string_literal(name)}"
    ).fetchall()
    return bool(found) or name.startswith("IAM") or name == session.user
