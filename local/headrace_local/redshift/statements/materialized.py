"""Materialized views: a table that keeps a query's rows as they were at the last REFRESH."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sqlglot import exp

from headrace_local.redshift.catalog.catalog import HIDDEN_SCHEMA, Table, quoted
from headrace_local.redshift.catalog.locks import LockMode, Requests
from headrace_local.redshift.catalog.system_views import system_view
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.meaning.translate import to_sql
from headrace_local.redshift.session import Outcome, Session
from headrace_local.redshift.statements.ddl import CreateTable
from headrace_local.redshift.statements.privileges import Rights
from headrace_local.redshift.statements.queries import read_locks
from headrace_local.redshift.syntax.grammar import parse, tables_read
from headrace_local.redshift.syntax.tokens import Name

_STALE = quoted(HIDDEN_SCHEMA, "stale_views")
_MUTABLE_FUNCTIONS = {"GETDATE", "RANDOM", "SYSDATE", "NOW", "TIMEOFDAY", "CURRENT_TIMESTAMP"}
_NOT_INCREMENTAL_FUNCTIONS = {
    "LISTAGG", "MEDIAN", "PERCENTILE_CONT", "STDDEV", "STDDEV_SAMP", "STDDEV_POP", "VARIANCE", "VAR_SAMP", "VAR_POP",
    "APPROXIMATE COUNT",
}  # fmt: skip
_NOT_INCREMENTAL_PARTS = (exp.SetOperation, exp.Window, exp.Distinct, exp.Subquery, exp.Exists, exp.CTE)
_OUTER = ("LEFT", "RIGHT", "FULL")


@dataclass(frozen=True)
class CreateMaterializedView:
    """CREATE MATERIALIZED VIEW; `text` is its query as it was written."""

    table: CreateTable
    query: exp.Expr
    text: str
    auto_refresh: bool

    def locks(self, session: Session) -> Requests:
        """The name is the creator's until the transaction ends."""
        return self.table.locks(session)

    def run(self, session: Session) -> Outcome:
        """Create it and fill it."""
        sources = [self._source(session, name) for name in sorted(tables_read(self.query))]
        _check_query(self.query)
        if self.auto_refresh:
            _check_auto_refresh(self.query, sources)
        self.table.run(session)
        stored = session.catalog.get(self.table.name)
        view = replace(
            stored,
            view_sql=self.text,
            depends_on=tuple(sorted(source.key for source in sources)),
            materialized=True,
            auto_refresh=self.auto_refresh,
            incremental=_can_be_incremental(self.query),
        )
        session.catalog.describe(view)
        return Outcome()

    def _source(self, session: Session, name: Name) -> Table:
        if system_view(name):
            raise SqlError(f"materialized views cannot be made of system tables or views: {'.'.join(name)}")
        source = session.catalog.get(name)
        if source.is_temporary:
            raise SqlError(f"materialized views cannot be made of temporary tables: {source.name}")
        if source.is_view and not source.materialized:
            raise SqlError(f"materialized views cannot be made of standard views: {source.name}")
        return source


def _check_query(query: exp.Expr) -> None:
    for clause in ("order", "limit", "offset"):
        if query.args.get(clause):
            raise SqlError(f"{clause.upper()}{' BY' if clause == 'order' else ''} is not allowed in materialized views")


def _check_auto_refresh(query: exp.Expr, sources: list[Table]) -> None:
    if _is_mutable(query):
        raise SqlError("materialized views with mutable functions cannot be automatically refreshed")
    if any(source.materialized for source in sources):
        raise SqlError("materialized views on materialized views cannot be automatically refreshed")


def _is_mutable(query: exp.Expr) -> bool:
    calls = {call.name.upper() for call in query.find_all(exp.Anonymous)}
    return bool(calls & _MUTABLE_FUNCTIONS) or query.find(exp.CurrentTimestamp, exp.CurrentDate) is not None


def _can_be_incremental(query: exp.Expr) -> bool:
    calls = {call.name.upper() for call in query.find_all(exp.Anonymous)}
    outer = any(str(join.args.get("side") or "").upper() in _OUTER for join in query.find_all(exp.Join))
    inner_query = any(select is not query for select in query.find_all(exp.Select))
    refused = outer or inner_query or bool(calls & _NOT_INCREMENTAL_FUNCTIONS) or _is_mutable(query)
    return not refused and query.find(*_NOT_INCREMENTAL_PARTS) is None


@dataclass(frozen=True)
class RefreshMaterializedView:
    """REFRESH MATERIALIZED VIEW: a separate transaction, which sees only what others have committed."""

    name: Name

    def locks(self, _: Session) -> Requests:
        """None in the transaction around it."""
        return {}

    def run(self, session: Session) -> Outcome:
        """Refresh it in a session beside this one."""
        own = Session(session.warehouse, session.database, session.user, session.pid, session.cancelled)
        session.owner.waits_for = {own.owner}  # so that waiting for ourselves shows as the deadlock it is
        try:
            _refresh(own, self.name)
        finally:
            session.owner.waits_for = set()
            session.changed |= own.changed
            own.close()
        return Outcome()


def _refresh(session: Session, name: Name) -> None:
    view = session.catalog.get(name)
    if not view.materialized:
        raise SqlError(f'"{view.name}" is not a materialized view')
    if session.user != view.owner and not Rights(session).is_superuser:
        raise SqlError(f"must be owner of materialized view {view.name}")
    if view.type_changed:
        raise SqlError(
            f"materialized view {view.name} could not be refreshed: the type of a column that it reads was changed;"
            " drop it and create it again"
        )
    query = parse(str(view.view_sql))
    requests = read_locks(session, query) | {view.key: LockMode.EXCLUSIVE}
    session.lock(requests)
    session.begin(requests)
    where = f"schema_name = '{view.schema}' AND relation_name = '{view.name}'"
    session.execute(f"DELETE FROM {_STALE} WHERE {where}")
    session.execute(f"DELETE FROM {view.duckdb_name}")
    sql = to_sql(session.translator.translate(query))
    session.execute(f"INSERT INTO {view.duckdb_name} {sql}")
    session.commit()


def stale_after(views: Iterable[Table], changed: set[str]) -> Iterator[Table]:
    """The materialized views whose tables are among `changed`."""
    return (view for view in views if view.materialized and changed.intersection(view.depends_on))
