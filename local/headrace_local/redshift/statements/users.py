"""CREATE, ALTER and DROP USER. Who was made without CREATEUSER is no superuser, and makes no other users.

https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from headrace_local.redshift.catalog.catalog import HIDDEN_SCHEMA, string_literal
from headrace_local.redshift.catalog.locks import Requests
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.session import Outcome, Session
from headrace_local.redshift.statements.privileges import Rights
from headrace_local.redshift.syntax.tokens import TokenCursor

_HASHES = re.compile(r"md5[0-9a-f]{32}|sha256\|[0-9a-f]{64}\|[0-9a-f]{64}|sha256\|.{8,64}")
_PLAIN = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[!-~]{8,64}")
_RIGHTS = {"CREATEDB": ("usecreatedb", True), "NOCREATEDB": ("usecreatedb", False),
           "CREATEUSER": ("usesuper", True), "NOCREATEUSER": ("usesuper", False)}  # fmt: skip


@dataclass(frozen=True)
class ChangeUser:
    """CREATE, ALTER or DROP of one user; `rights` are columns of PG_USER."""

    verb: str
    name: str
    rights: dict[str, bool]
    if_exists: bool = False

    def locks(self, _: Session) -> Requests:
        """None."""
        return {}

    def run(self, session: Session) -> Outcome:
        """Change what PG_USER shows. Raises SqlError."""
        if not Rights(session).is_superuser:
            raise SqlError(f"permission denied to {self.verb.lower()} user")
        there = _is_there(session, self.name)
        if self.verb == "CREATE" and there:
            raise SqlError(f'user "{self.name}" already exists')
        if self.verb != "CREATE" and not there:
            if self.if_exists:
                return Outcome()
            raise SqlError(f'user "{self.name}" does not exist')
        if self.verb == "DROP":
            self._check_unused(session)
        for statement in self._statements():
            session.execute(statement)
        return Outcome()

    def _check_unused(self, session: Session) -> None:
        """SqlError for a user who owns something or has rights on it."""
        name, rights = string_literal(self.name), f"{HIDDEN_SCHEMA}.rights"
        entry = f"lambda entry: starts_with(entry, {name} || '=')"
        owned = f"SELECT 1 FROM {rights} WHERE owner = {name} LIMIT 1"
        granted = f"SELECT 1 FROM {rights} WHERE len(list_filter(acl, {entry})) > 0 LIMIT 1"
        for sql, why in ((owned, "owns some object"), (granted, "has a privilege on some object")):
            if session.connection.execute(sql).fetchall():
                raise SqlError(f'user "{self.name}" can\'t be dropped because the user {why}')

    def _statements(self) -> list[str]:
        users, name = f"{HIDDEN_SCHEMA}.users", string_literal(self.name)
        if self.verb == "DROP":
            return [f"DELETE FROM {users} WHERE usename = {name}"]
        made = [f"INSERT INTO {users} VALUES ({name}, false, false)"] if self.verb == "CREATE" else []
        changes = [
            f"UPDATE {users} SET {right} = {given} WHERE usename = {name}" for right, given in self.rights.items()
        ]
        return made + changes


def _is_there(session: Session, user: str) -> bool:
    sql = f"SELECT 1 FROM {HIDDEN_SCHEMA}.users WHERE usename = {string_literal(user)}"
    return bool(session.connection.execute(sql).fetchall())


def read(cursor: TokenCursor, verb: str) -> ChangeUser:
    """What follows CREATE, ALTER or DROP, from USER on."""
    cursor.expect("USER")
    if_exists = verb == "DROP" and cursor.match("IF", "EXISTS")
    name = cursor.user()
    rights: dict[str, bool] = {}
    if verb != "DROP":
        cursor.match("WITH")
        while not cursor.at_end:
            _option(cursor, rights)
    cursor.expect_end()
    return ChangeUser(verb, name, rights, if_exists)


def _option(cursor: TokenCursor, rights: dict[str, bool]) -> None:
    if cursor.match("PASSWORD"):
        if not cursor.match("DISABLE"):
            _check_password(cursor.advance().text)
    elif right := cursor.match_any(*_RIGHTS):
        column, given = _RIGHTS[right]
        rights[column] = given
    elif cursor.match("VALID", "UNTIL") or cursor.match("CONNECTION", "LIMIT") or cursor.match("SESSION", "TIMEOUT"):
        cursor.advance()
    else:
        raise cursor.unexpected()


def _check_password(password: str) -> None:
    if not (_HASHES.fullmatch(password) or _PLAIN.fullmatch(password)):
        raise SqlError(
            "The password must be at least 8 characters long and contain an uppercase letter, a lowercase letter and a"
            " digit, or be the digest of one"
        )
