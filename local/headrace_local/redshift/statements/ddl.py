"""CREATE and DROP of schemas, tables and views."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from headrace_local.redshift.catalog.catalog import DEFAULT_SCHEMA, TEMP_SCHEMA, Column, Table, quoted
from headrace_local.redshift.catalog.inference import Inference
from headrace_local.redshift.catalog.locks import LockMode, Requests
from headrace_local.redshift.catalog.system_views import system_view
from headrace_local.redshift.datatypes.datatypes import RedshiftType, from_duckdb
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.meaning.translate import to_sql
from headrace_local.redshift.session import Outcome, Session
from headrace_local.redshift.statements.privileges import Rights, disown_schema, own_schema, owned
from headrace_local.redshift.statements.queries import read_locks
from headrace_local.redshift.statements.table_design import Design
from headrace_local.redshift.syntax.grammar import parse, tables_read
from headrace_local.redshift.syntax.labels import UNNAMED, column_labels
from headrace_local.redshift.syntax.tokens import Name

_DONE = Outcome()


@dataclass(frozen=True)
class CreateSchema:
    """CREATE SCHEMA [IF NOT EXISTS]."""

    name: str
    if_not_exists: bool

    def locks(self, _: Session) -> Requests:
        """One creator at a time."""
        return {f"{self.name}.": LockMode.EXCLUSIVE}

    def run(self, session: Session) -> Outcome:
        """Create it. The right is asked for first, as PostgreSQL does, whether it is there or not."""
        Rights(session).check_database("CREATE")
        if self.name in session.catalog.schemas() and self.if_not_exists:
            return _DONE
        if self.name.startswith(("pg_", "_")) or self.name in {"main", "temp", "system", "information_schema"}:
            raise SqlError(f'unacceptable schema name "{self.name}"')
        session.execute(f"CREATE SCHEMA {quoted(self.name)}")
        own_schema(session, self.name)
        return _DONE


@dataclass(frozen=True)
class DropSchema:
    """DROP SCHEMA [IF EXISTS] … [CASCADE]."""

    name: str
    if_exists: bool
    cascade: bool

    def locks(self, session: Session) -> Requests:
        """Nobody else may use what is in it."""
        keys = [table.key for table in session.catalog.tables() if table.schema == self.name]
        return dict.fromkeys([f"{self.name}.", *keys], LockMode.EXCLUSIVE)

    def run(self, session: Session) -> Outcome:
        """Drop it, and with CASCADE what is in it."""
        if self.name not in session.catalog.schemas():
            if self.if_exists:
                return _DONE
            raise SqlError(f'schema "{self.name}" does not exist')
        if self.name == DEFAULT_SCHEMA:
            raise SqlError(f'cannot drop schema "{DEFAULT_SCHEMA}"')
        if not Rights(session).owns("schema", self.name):
            raise SqlError(f"must be owner of schema {self.name}")
        members = [table for table in session.catalog.tables() if table.schema == self.name]
        if members and not self.cascade:
            raise SqlError(f"cannot drop schema {self.name} because other objects depend on it")
        session.execute(f"DROP SCHEMA {quoted(self.name)} CASCADE")
        disown_schema(session, self.name)
        return _DONE


@dataclass(frozen=True)
class CreateTable:
    """CREATE TABLE, with columns, with a query (AS), or both."""

    name: Name
    design: Design
    temporary: bool
    if_not_exists: bool
    query: exp.Expr | None = None
    column_names: tuple[str, ...] = ()

    def locks(self, session: Session) -> Requests:
        """The name is the creator's until the transaction ends."""
        rights = Rights(session)
        if self.temporary:
            rights.check_database("TEMP")
        else:
            rights.check_schema(self._schema(session), "CREATE")
        reads = read_locks(session, self.query) if self.query is not None else {}
        return reads if self.temporary else reads | {f"{self._schema(session)}.{self.name[-1]}": LockMode.EXCLUSIVE}

    def run(self, session: Session) -> Outcome:
        """Create the table and fill it."""
        schema, name = self._schema(session), self.name[-1]
        if session.catalog.find((schema, name)) is not None:
            if self.if_not_exists:
                return _DONE
            raise SqlError(f'Relation "{name}" already exists')
        if self.query is not None:
            return self._run_query(session, schema, self.query)
        table = owned(session, self.design.finish(schema, name))
        defaults = {column.name: _default_sql(session, column) for column in table.columns}
        columns = ", ".join(f"{quoted(c.name)} {c.type.duckdb}{defaults[c.name]}" for c in table.columns)
        session.execute(f"{table.create_sql} ({columns})")
        session.catalog.describe(table)
        return _DONE

    def _run_query(self, session: Session, schema: str, query: exp.Expr) -> Outcome:
        sql = to_sql(session.translator.translate(query))
        columns = self._query_columns(session, query, sql)
        table = owned(session, replace(self.design, columns=columns).finish(schema, self.name[-1]))
        marks = [f"v{position}" for position in range(len(columns))]
        selected = ", ".join(
            f"CAST({mark} AS {column.type.duckdb}) AS {quoted(column.name)}"
            for mark, column in zip(marks, columns, strict=True)
        )
        rows = session.execute(f"{table.create_sql} AS SELECT {selected} FROM ({sql}) AS source({', '.join(marks)})")
        session.catalog.describe(table)
        return Outcome(rows=rows)

    def _query_columns(self, session: Session, query: exp.Expr, sql: str) -> list[Column]:
        names, types = session.bind(sql)
        labels = column_labels(query, names)
        if len(self.column_names) > len(labels):
            raise SqlError("CREATE TABLE AS specifies too many column names")
        labels[: len(self.column_names)] = self.column_names
        for label in labels:
            if label == UNNAMED or labels.count(label) > 1:
                raise SqlError(f'column "{label}" specified more than once, or without a name')
        known = [kind for _, kind in Inference(session.catalog).projections(query)]
        if len(known) != len(labels):
            known = [None] * len(labels)
        return [
            Column(label, _column_type(kind, inferred), encoding="")
            for label, kind, inferred in zip(labels, types, known, strict=True)
        ]

    def _schema(self, session: Session) -> str:
        if not self.temporary:
            return session.catalog.user_schema(self.name)
        if len(self.name) > 1:
            raise SqlError("cannot create temporary relation in non-temporary schema")
        return TEMP_SCHEMA


def _column_type(bound: str, inferred: RedshiftType | None) -> RedshiftType:
    """DuckDB's type of a column, with the length that only Redshift knows of."""
    kind = from_duckdb(bound)
    return inferred if inferred is not None and inferred.duckdb == kind.duckdb else kind


def _default_sql(session: Session, column: Column) -> str:
    not_null = "" if column.nullable else " NOT NULL"
    if column.default is None:
        return not_null
    return f"{not_null} DEFAULT {default_value(session, column.default)}"


def default_value(session: Session, default: str) -> str:
    """A column's default in DuckDB's SQL."""
    (value,) = parse(f"SELECT {default}").expressions
    return f"({to_sql(session.translator.translate(value))})"


@dataclass(frozen=True)
class CreateView:
    """CREATE [OR REPLACE] VIEW."""

    name: Name
    query: exp.Expr
    text: str
    or_replace: bool

    def locks(self, session: Session) -> Requests:
        """The name is the creator's until the transaction ends."""
        schema = session.catalog.user_schema(self.name)
        Rights(session).check_schema(schema, "CREATE")
        return read_locks(session, self.query) | {f"{schema}.{self.name[-1]}": LockMode.EXCLUSIVE}

    def run(self, session: Session) -> Outcome:
        """Create the view."""
        schema, name = session.catalog.user_schema(self.name), self.name[-1]
        sources = [session.catalog.get(source) for source in tables_read(self.query) if not system_view(source)]
        if any(source.is_temporary for source in sources):
            raise SqlError("cannot create a view on a temporary table")
        sql = to_sql(session.translator.translate(self.query))
        names, types = session.bind(sql)
        labels = column_labels(self.query, names)
        columns = tuple(Column(label, from_duckdb(kind)) for label, kind in zip(labels, types, strict=True))
        old = session.catalog.find((schema, name))
        self._check_replaced(old, columns)
        if old is not None:
            Rights(session).check_owner(old, "OWNER")
        depends_on = tuple(sorted({key for source in sources for key in (source.key, *source.depends_on)}))
        view = owned(session, Table(schema, name, columns, view_sql=self.text, depends_on=depends_on))
        view = view if old is None else replace(view, owner=old.owner, acl=old.acl)
        listed = ", ".join(quoted(label) for label in labels)
        session.execute(f"CREATE OR REPLACE VIEW {view.duckdb_name} ({listed}) AS {sql}")
        session.catalog.describe(view)
        return _DONE

    def _check_replaced(self, old: Table | None, columns: tuple[Column, ...]) -> None:
        if old is None:
            return
        if not self.or_replace or old.kind != "VIEW":
            raise SqlError(f'Relation "{old.name}" already exists')
        if [(c.name, c.type) for c in old.columns] != [(c.name, c.type) for c in columns]:
            raise SqlError("cannot change the names, the types or the number of a view's columns")


@dataclass(frozen=True)
class DropRelations:
    """DROP TABLE, DROP VIEW or DROP MATERIALIZED VIEW."""

    names: tuple[Name, ...]
    kind: str
    if_exists: bool
    cascade: bool

    def locks(self, session: Session) -> Requests:
        """Nobody else may use them."""
        found = [table for name in self.names if (table := session.catalog.find(name)) is not None]
        for table in found:
            Rights(session).check_owner(table, "DROP")
        return {table.key: LockMode.EXCLUSIVE for table in found if not table.is_temporary}

    def run(self, session: Session) -> Outcome:
        """Drop them one by one."""
        for name in self.names:
            table = session.catalog.find(name)
            if table is not None:
                self._drop(session, table)
            elif not self.if_exists:
                raise SqlError(f'{self.kind.title()} "{".".join(name)}" does not exist')
        return _DONE

    def _drop(self, session: Session, table: Table) -> None:
        if table.kind != self.kind:
            raise SqlError(f'"{table.name}" is not a {self.kind.lower()}')
        views = [view for view in session.catalog.tables() if table.key in view.depends_on]
        if views and not self.cascade:
            raise SqlError(f"cannot drop {self.kind.lower()} {table.name} because other objects depend on it")
        for view in views:
            DropRelations(((view.schema, view.name),), view.kind, if_exists=True, cascade=True).run(session)
        session.execute(f"DROP {table.duckdb_kind} {table.duckdb_name}")
