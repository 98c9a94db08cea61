"""MERGE, with the limits Redshift puts on it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from headrace_local.redshift.catalog.catalog import Table
from headrace_local.redshift.catalog.locks import Requests
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.meaning.super_paths import is_navigation
from headrace_local.redshift.meaning.translate import to_sql
from headrace_local.redshift.session import Outcome, Session
from headrace_local.redshift.statements.assignment import check_assignments, guard_assignments, guarded
from headrace_local.redshift.statements.queries import change_locks, writable
from headrace_local.redshift.syntax.grammar import table_name, tables_read


@dataclass(frozen=True)
class Merge:
    """A MERGE that was found to be within Redshift's grammar."""

    tree: exp.Merge

    def locks(self, session: Session) -> Requests:
        """One writer at a time."""
        return change_locks(session, self.tree, table_name(self.tree.this), ["UPDATE", "INSERT"])

    def run(self, session: Session) -> Outcome:
        """Merge, with the byte lengths checked; DuckDB itself refuses a second match of one row."""
        target = writable(session, table_name(self.tree.this))
        check_source(session, self.tree, target)
        for when in self.tree.args["whens"].expressions:
            if isinstance(when.args["then"], exp.Update):
                check_assignments(session, when.args["then"].expressions, target)
        tree = session.translator.translate(self.tree)
        if any(is_navigation(node) for node in tree.find_all(exp.Anonymous)):
            raise SqlError("Partial reference of SUPER column is not supported in MERGE statement.")
        for when in tree.args["whens"].expressions:
            _guard(when.args["then"], target)
        return Outcome(rows=session.execute(to_sql(tree)))


def check_source(session: Session, tree: exp.Merge, target: Table) -> None:
    """SqlError if the source reads the target."""
    sources = {session.catalog.get(name).key for name in tables_read(tree.args["using"])}
    if target.key in sources:
        raise SqlError("Source view/subquery in Merge statement cannot reference target table.")


def _guard(action: exp.Expr, target: Table) -> None:
    if isinstance(action, exp.Update):
        guard_assignments(action.expressions, target)
    elif isinstance(action, exp.Insert):
        names = [column.name for column in action.this.expressions] if action.this else []
        columns = [target.column(name) for name in names] or list(target.columns)
        values = action.expression.expressions
        if len(values) != len(columns):
            raise SqlError("INSERT has a different number of expressions than target columns")
        checked = [guarded(value, column) for value, column in zip(values, columns, strict=True)]
        action.expression.set("expressions", checked)


def check_head(tree: exp.Merge) -> None:
    """SqlError for what Redshift does not have before the WHEN clauses."""
    if tree.args.get("with_"):
        raise SqlError("WITH clause is not supported in MERGE statement")
    if tree.this.alias:
        raise SqlError(f'syntax error at or near "{tree.this.alias}": the target of MERGE cannot have an alias')
    if tree.args.get("using_cond") or tree.args.get("returning"):
        raise SqlError("syntax error in MERGE statement")
    _check_condition(tree.args["on"])


def checked_merge(tree: exp.Merge) -> Merge:
    """A MERGE statement; SqlError for the forms that Redshift does not have."""
    check_head(tree)
    tree = tree.copy()  # parsed trees are shared between threads
    whens = [_with_values(when) for when in tree.args["whens"].expressions]
    _check_whens(whens)
    return Merge(tree)


def _check_condition(condition: exp.Expr) -> None:
    terms = condition.flatten() if isinstance(condition, exp.And) else [condition]
    if not all(isinstance(term.unnest(), exp.EQ) for term in terms):
        raise SqlError("MERGE only supports equality predicates in the ON condition")


def _check_whens(whens: list[exp.Expr]) -> None:
    matched = [bool(when.args.get("matched")) for when in whens]
    if len(whens) == 1:
        raise SqlError("MERGE statement with a single WHEN clause is not enabled")
    if sorted(matched) != [False, True]:
        raise SqlError("MERGE needs one WHEN MATCHED and one WHEN NOT MATCHED clause")
    for when in whens:
        if when.args.get("condition"):
            raise SqlError('syntax error at or near "AND": a WHEN clause of MERGE cannot have a condition')
        if when.args.get("source"):
            raise SqlError('syntax error at or near "BY"')
        _check_action(when)


def _check_action(when: exp.Expr) -> None:
    action = when.args["then"]
    fits_match = isinstance(action, exp.Update) or (isinstance(action, exp.Var) and action.name == "DELETE")
    fits = fits_match if when.args.get("matched") else isinstance(action, exp.Insert)
    if not fits:
        raise SqlError("syntax error in the action of a WHEN clause")
    if isinstance(action, exp.Update) and any(_is_qualified(assignment) for assignment in action.expressions):
        raise SqlError('syntax error at or near ".": SET takes plain column names')


def _is_qualified(assignment: exp.Expr) -> bool:
    return not isinstance(assignment, exp.EQ) or bool(assignment.this.args.get("table"))


def _with_values(when: exp.Expr) -> exp.Expr:
    """`INSERT VALUES (…)` without columns is read as a column list holding a call of VALUES: put it right."""
    action = when.args["then"]
    if isinstance(action, exp.Insert) and not action.expression and action.this:
        (values,) = action.this.expressions
        if isinstance(values, exp.Anonymous) and values.name.upper() == "VALUES":
            action.set("expression", exp.Tuple(expressions=values.expressions))
            action.set("this", None)
    return when
