"""MERGE … REMOVE DUPLICATES: the source's rows take the place of those they match."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from headrace_local.redshift.catalog.catalog import Table
from headrace_local.redshift.catalog.locks import Requests
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.meaning.translate import to_sql
from headrace_local.redshift.session import Outcome, Session
from headrace_local.redshift.statements.assignment import guarded_query
from headrace_local.redshift.statements.merge import check_source
from headrace_local.redshift.statements.queries import change_locks, check_one_match, writable
from headrace_local.redshift.syntax.grammar import table_name


@dataclass(frozen=True)
class MergeRemovingDuplicates:
    """Rows of the target that match are replaced, whatever their number; the source's other rows come in."""

    tree: exp.Merge

    def locks(self, session: Session) -> Requests:
        """One writer at a time."""
        return change_locks(session, self.tree, table_name(self.tree.this), ["DELETE", "INSERT"])

    def run(self, session: Session) -> Outcome:
        """Delete what matches, insert the source."""
        target = writable(session, table_name(self.tree.this))
        check_source(session, self.tree, target)
        source = exp.select("*").from_(self.tree.args["using"].copy())
        self._check_columns(session, target, source)
        self._check_matches(session, target)
        matching = exp.Delete(
            this=self.tree.this.copy(), using=[self.tree.args["using"].copy()], where=exp.Where(this=self._condition)
        )
        translated = session.translator.translate(source)
        rows = guarded_query(session, source, translated, list(target.columns))
        session.execute(to_sql(session.translator.translate(matching)))
        return Outcome(rows=session.execute(f"INSERT INTO {target.duckdb_name} {to_sql(rows)}"))

    @property
    def _condition(self) -> exp.Expr:
        condition: exp.Expr = self.tree.args["on"].copy()
        return condition

    def _check_columns(self, session: Session, target: Table, source: exp.Expr) -> None:
        _, types = session.bind(to_sql(session.translator.translate(source)))
        _, wanted = session.bind(f"SELECT * FROM {target.duckdb_name}")
        if types != wanted:
            raise SqlError("REMOVE DUPLICATES needs a source with the target's number, types and order of columns")

    def _check_matches(self, session: Session, target: Table) -> None:
        """Two rows of the source for one of the target would leave both."""
        joined = exp.select("*").from_(self.tree.this.copy()).join(self.tree.args["using"].copy(), on=self._condition)
        check_one_match(session, target, joined)
