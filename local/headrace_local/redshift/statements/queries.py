"""SELECT, INSERT, UPDATE and DELETE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlglot import exp

from headrace_local.redshift.catalog.catalog import Column, Table
from headrace_local.redshift.catalog.locks import LockMode, Requests
from headrace_local.redshift.catalog.system_views import system_view
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.meaning.translate import to_sql
from headrace_local.redshift.session import Outcome, Session
from headrace_local.redshift.statements.assignment import (
    check_assignments,
    guard_assignments,
    guard_values,
    guarded_query,
)
from headrace_local.redshift.statements.privileges import Rights
from headrace_local.redshift.syntax.grammar import table_name, tables_read
from headrace_local.redshift.syntax.labels import column_labels
from headrace_local.redshift.syntax.tokens import Name

LEADER_ONLY = frozenset({"CURRENT_SCHEMA", "HAS_DATABASE_PRIVILEGE", "HAS_SCHEMA_PRIVILEGE", "HAS_TABLE_PRIVILEGE"})
ON_COMPUTE_NODES = ("stl_", "stv_", "svl_", "svv_", "sys_")
"""Of the functions known here, and how the system tables begin that bring a query to the compute nodes:
https://docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions_leader_node_only.html"""


def read_locks(session: Session, tree: exp.Expr) -> Requests:
    """The locks for reading every table a tree mentions."""
    tables = [session.catalog.get(name) for name in tables_read(tree) if not system_view(name)]
    rights = Rights(session)
    for table in tables:
        rights.check_table(table, "SELECT")
    if tables or any(name[-1].startswith(ON_COMPUTE_NODES) for name in tables_read(tree)):
        _check_compute_nodes(tree)
    if ("stl_tr_conflict",) in {name[-1:] for name in tables_read(tree)} and not rights.is_superuser:
        raise SqlError("permission denied for relation stl_tr_conflict")
    keys = (key for table in tables if not table.is_temporary for key in _keys_read(table))
    return dict.fromkeys(keys, LockMode.READ)


def _check_compute_nodes(tree: exp.Expr) -> None:
    """Refuse functions that only the leader node has, in a query of tables."""
    found = (call.name.upper() for call in tree.find_all(exp.Anonymous))
    if name := next((name for name in found if name in LEADER_ONLY), None):
        told = "Specified types or functions (one per INFO message) not supported on Redshift tables."
        raise SqlError(f'{told} Function "{name.lower()}" not supported.')


def _keys_read(table: Table) -> tuple[str, ...]:
    """What a reader of `table` reads: a materialized view stands for itself."""
    return (table.key,) if table.materialized else (table.key, *table.depends_on)


def change_locks(session: Session, tree: exp.Expr, target: Name, privileges: Iterable[str]) -> Requests:
    """The locks for reading a tree's tables and changing rows of its target, for which a user needs `privileges`."""
    table = writable(session, target)
    for privilege in privileges:
        Rights(session).check_table(table, privilege)
    return read_locks(session, tree) | ({} if table.is_temporary else {table.key: LockMode.CHANGE})


def writable(session: Session, name: Name) -> Table:
    """The table `name`, if rows can be written to it."""
    if system_view(name):
        raise SqlError(f"permission denied for relation {name[-1]}")
    table = session.catalog.get(name)
    if table.is_view:
        raise SqlError(f'cannot change rows of a view: "{table.name}"')
    return table


def check_one_match(session: Session, target: Table, joined: exp.Select) -> None:
    """SqlError if a join of the target with what changes it has a row of the target more than once."""
    pairs = session.translator.translate(joined)
    pairs.set("expressions", [exp.Var(this=f"{target.duckdb_name}.rowid AS matched")])
    twice = f"SELECT COUNT(*) FROM (SELECT 1 FROM ({to_sql(pairs)}) GROUP BY matched HAVING COUNT(*) > 1)"
    if session.execute(twice) > 0:
        raise SqlError("Found multiple matches to update the same tuple.")


@dataclass(frozen=True)
class Query:
    """A SELECT."""

    tree: exp.Expr

    def locks(self, session: Session) -> Requests:
        """Readers only stand back for exclusive locks."""
        return read_locks(session, self.tree)

    def run(self, session: Session) -> Outcome:
        """Run it and keep its rows."""
        sql = to_sql(session.translator.translate(self.tree))
        result = session.query(sql, lambda names: column_labels(self.tree, names))
        return Outcome(rows=result.rows.num_rows, result=result)


@dataclass(frozen=True)
class Insert:
    """An INSERT of values or of a query's rows."""

    tree: exp.Insert

    @property
    def target(self) -> exp.Table:
        """The table as it was written."""
        this = self.tree.this
        table: exp.Table = this.this if isinstance(this, exp.Schema) else this
        return table

    def locks(self, session: Session) -> Requests:
        """Inserts into one table go side by side."""
        source = self.tree.expression
        target = writable(session, table_name(self.target))
        Rights(session).check_table(target, "INSERT")
        reads = read_locks(session, source) if source else {}
        grows = LockMode.GROW if target.key in reads else LockMode.APPEND
        return reads | ({} if target.is_temporary else {target.key: grows})

    def run(self, session: Session) -> Outcome:
        """Insert, with the byte lengths checked."""
        table = writable(session, table_name(self.target))
        columns = self._columns(table)
        tree = session.translator.translate(self.tree)
        source = tree.args.get("expression")
        if isinstance(source, exp.Values):
            guard_values(source, columns)
        elif isinstance(source, exp.Query):
            tree.set("expression", guarded_query(session, self.tree.expression, source, columns))
        return Outcome(rows=session.execute(to_sql(tree)))

    def _columns(self, table: Table) -> list[Column]:
        if isinstance(self.tree.this, exp.Schema):
            return [table.column(name.name.lower()) for name in self.tree.this.expressions]
        return list(table.columns)


@dataclass(frozen=True)
class Update:
    """An UPDATE, with or without FROM."""

    tree: exp.Update

    def locks(self, session: Session) -> Requests:
        """One writer at a time."""
        return change_locks(session, self.tree, table_name(self.tree.this), ["UPDATE"])

    def run(self, session: Session) -> Outcome:
        """Update, with the byte lengths checked."""
        table = writable(session, table_name(self.tree.this))
        check_assignments(session, self.tree.expressions, table)
        if self.tree.args.get("from_"):
            self._check_matches(session, table)
        tree = session.translator.translate(self.tree)
        guard_assignments(tree.expressions, table)
        return Outcome(rows=session.execute(to_sql(tree)))

    def _check_matches(self, session: Session, table: Table) -> None:
        """Redshift refuses it by default, lest the row have either value.

        https://docs.aws.amazon.com/redshift/latest/dg/r_error_on_nondeterministic_update.html
        """
        tree = self.tree.copy()
        joined = exp.select("*").from_(tree.this).join(tree.args["from_"].this, join_type="cross")
        joined.set("where", tree.args.get("where"))
        check_one_match(session, table, joined)


@dataclass(frozen=True)
class Delete:
    """A DELETE, with or without USING."""

    tree: exp.Delete

    def locks(self, session: Session) -> Requests:
        """One writer at a time."""
        return change_locks(session, self.tree, table_name(self.tree.this), ["DELETE"])

    def run(self, session: Session) -> Outcome:
        """Delete the rows."""
        writable(session, table_name(self.tree.this))
        return Outcome(rows=session.execute(to_sql(session.translator.translate(self.tree))))
