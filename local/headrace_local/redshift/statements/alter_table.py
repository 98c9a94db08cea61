"""ALTER TABLE: add, drop, rename and widen columns, rename the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlglot import exp

from headrace_local.redshift.catalog.catalog import Column, Table, quoted
from headrace_local.redshift.catalog.locks import LockMode, Requests
from headrace_local.redshift.datatypes.datatypes import RedshiftType, parse_type
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.session import Command, Outcome, Session
from headrace_local.redshift.statements import databases, granting, users
from headrace_local.redshift.statements.ddl import default_value
from headrace_local.redshift.statements.privileges import Rights, user_exists
from headrace_local.redshift.statements.queries import writable
from headrace_local.redshift.statements.table_design import MAX_COLUMNS, Design
from headrace_local.redshift.syntax.grammar import parse
from headrace_local.redshift.syntax.tokens import Name, TokenCursor

Change = Callable[[Session, Table], Table]


@dataclass(frozen=True)
class AlterTable:
    """One change of one table: `change` does it in DuckDB and gives the new description."""

    name: Name
    change: Change
    allowed_in_transaction: bool = True

    def locks(self, session: Session) -> Requests:
        """Nobody else may use the table."""
        table = writable(session, self.name)
        Rights(session).check_owner(table, "ALTER")
        return {} if table.is_temporary else {table.key: LockMode.EXCLUSIVE}

    def run(self, session: Session) -> Outcome:
        """Change the table and its description."""
        if session.in_batch and not self.allowed_in_transaction:
            raise SqlError("ALTER TABLE ALTER COLUMN cannot run inside a transaction block")
        table = self.change(session, writable(session, self.name))
        session.catalog.describe(table)
        return Outcome()


def read(cursor: TokenCursor) -> Command:
    """Read an ALTER TABLE statement."""
    cursor.expect("ALTER")
    if cursor.peek() == "USER":
        return users.read(cursor, "ALTER")
    if cursor.peek() == "DATABASE":
        return databases.read(cursor)
    if cursor.match("DEFAULT", "PRIVILEGES"):
        return granting.read_default(cursor)
    if not cursor.match("TABLE"):
        raise not_emulated(f"ALTER {cursor.peek()}")
    name = cursor.name()
    if cursor.match("APPEND"):
        raise not_emulated("ALTER TABLE APPEND, which Redshift refuses inside a transaction block,")
    change, allowed_in_transaction = _read_change(cursor)
    cursor.expect_end()
    return AlterTable(name, change, allowed_in_transaction)


def _read_change(cursor: TokenCursor) -> tuple[Change, bool]:
    if cursor.match("ALTER"):
        return _read_widening(cursor), False
    if cursor.match("RENAME"):
        return _read_renaming(cursor), True
    if cursor.match("ADD"):
        cursor.match("COLUMN")
        return _adding(Design().read_column(cursor)), True
    if cursor.match("DROP"):
        cursor.match("COLUMN")
        name = cursor.identifier()
        cursor.match_any("CASCADE", "RESTRICT")
        return _dropping(name), True
    if cursor.match("OWNER", "TO"):
        return _giving(cursor.user()), True
    raise not_emulated(f"ALTER TABLE … {cursor.peek()}")


def _giving(owner: str) -> Change:
    def change(session: Session, table: Table) -> Table:
        if not user_exists(session, owner):
            raise SqlError(f'user "{owner}" does not exist')
        return replace(table, owner=owner)

    return change


def _read_renaming(cursor: TokenCursor) -> Change:
    if cursor.match("TO"):
        return _renaming_table(cursor.identifier())
    cursor.match("COLUMN")
    old = cursor.identifier()
    cursor.expect("TO")
    return _renaming_column(old, cursor.identifier())


def _read_widening(cursor: TokenCursor) -> Change:
    cursor.match("COLUMN")
    name = cursor.identifier()
    if not cursor.match("TYPE"):
        raise not_emulated(f"ALTER TABLE … ALTER COLUMN … {cursor.peek()}")
    return _widening(name, parse_type(cursor.rest()))


def _adding(column: Column) -> Change:
    def change(session: Session, table: Table) -> Table:
        if column.name in {known.name for known in table.columns}:
            raise SqlError(f'column "{column.name}" of relation "{table.name}" already exists')
        if len(table.columns) >= MAX_COLUMNS:
            raise SqlError(f"tables can have at most {MAX_COLUMNS} columns")
        if not column.nullable and column.default in {None, "NULL"}:
            raise SqlError("ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression")
        finished = Design(columns=[column]).finish(table.schema, table.name).columns[0]
        default = f" DEFAULT {default_value(session, column.default)}" if column.default else ""
        alter = f"ALTER TABLE {table.duckdb_name}"
        session.execute(f"{alter} ADD COLUMN {quoted(column.name)} {column.type.duckdb}{default}")
        if not column.nullable:
            session.execute(f"{alter} ALTER COLUMN {quoted(column.name)} SET NOT NULL")
        return table.with_column(finished)

    return change


def _dropping(name: str) -> Change:
    def change(session: Session, table: Table) -> Table:
        column = table.column(name)
        if name == table.distkey or name in table.sortkeys:
            raise SqlError(f'cannot drop column "{name}" because it is a distribution or sort key')
        session.execute(f"ALTER TABLE {table.duckdb_name} DROP COLUMN {quoted(name)}")
        return replace(table, columns=tuple(known for known in table.columns if known is not column))

    return change


def _renaming_table(new_name: str) -> Change:
    def change(session: Session, table: Table) -> Table:
        renamed = replace(table, name=new_name)
        if session.catalog.find((table.schema, new_name)):
            raise SqlError(f'relation "{new_name}" already exists')
        session.execute(f"ALTER TABLE {table.duckdb_name} RENAME TO {quoted(new_name)}")
        return renamed

    return change


def _renaming_column(old: str, new: str) -> Change:
    def change(session: Session, table: Table) -> Table:
        column = table.column(old)
        session.execute(f"ALTER TABLE {table.duckdb_name} RENAME COLUMN {quoted(old)} TO {quoted(new)}")
        columns = tuple(replace(known, name=new) if known is column else known for known in table.columns)
        sortkeys = tuple(new if key == old else key for key in table.sortkeys)
        primary_key = tuple(new if key == old else key for key in table.primary_key)
        distkey = new if table.distkey == old else table.distkey
        return replace(table, columns=columns, sortkeys=sortkeys, primary_key=primary_key, distkey=distkey)

    return change


_KEEP_THEIR_LENGTH = {"BYTEDICT", "RUNLENGTH", "TEXT255", "TEXT32K"}
"""Encodings whose columns Redshift does not lengthen, as those with constraints:
https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html"""


def _widening(name: str, kind: RedshiftType) -> Change:
    def change(session: Session, table: Table) -> Table:
        column = table.column(name)
        if column.type.name != "character varying" or kind.name != "character varying":
            raise SqlError(f'cannot alter type of a column "{name}": only the length of a VARCHAR can be changed')
        if (kind.length or 0) < (column.type.length or 0):
            raise not_emulated("making a VARCHAR shorter")
        if name in {table.distkey, *table.sortkeys}:
            raise SqlError("found unexpected dependency for column")
        if column.default is not None:
            raise SqlError(f'cannot alter type of column "{name}" with a default value')
        if name in table.primary_key or column.encoding.upper() in _KEEP_THEIR_LENGTH:
            what = "in the primary key" if name in table.primary_key else f"encoded as {column.encoding.upper()}"
            raise SqlError(f'cannot alter type of column "{name}", which is {what}')
        for view in _readers(session, table, name):
            session.catalog.describe(replace(view, type_changed=True))
        return table.with_column(replace(column, type=kind))

    return change


def _readers(session: Session, table: Table, column: str) -> list[Table]:
    """The materialized views that read a column: after a change of its type they cannot be refreshed any more."""
    views = [view for view in session.catalog.tables() if view.materialized and table.key in view.depends_on]
    return [view for view in views if _reads(parse(str(view.view_sql)), column)]


def _reads(query: exp.Expr, column: str) -> bool:
    stars = any(not isinstance(star.parent, exp.Anonymous) for star in query.find_all(exp.Star))
    return stars or any(found.name.lower() == column for found in query.find_all(exp.Column))
