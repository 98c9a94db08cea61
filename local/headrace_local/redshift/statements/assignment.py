"""What happens to a value on its way into a column: its type is checked, its bytes are counted, SUPER is made."""

from __future__ import annotations

from sqlglot import exp

from headrace_local.redshift.catalog.catalog import Column, Table, quoted
from headrace_local.redshift.catalog.inference import Inference
from headrace_local.redshift.datatypes.datatypes import RedshiftType, from_duckdb
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.meaning.translate import to_sql
from headrace_local.redshift.session import Session
from headrace_local.redshift.syntax.nodes import call, cast, text

_UNTYPED = '"NULL"'
_GROUPS = {
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric", "real", "double precision"), "number"),
    **dict.fromkeys(("date", "timestamp without time zone", "timestamp with time zone"), "moment"),
    **dict.fromkeys(("character", "character varying"), "text"),
}


def guarded(value: exp.Expr, column: Column) -> exp.Expr:
    """`value` as `column` takes it; it fails at run time if it has more bytes than the column."""
    if isinstance(value, exp.Null | exp.Var):  # NULL and DEFAULT
        return value
    if column.type.name == "super":
        return call("to_json", value)
    if not column.type.is_character:
        return value
    return _fitting(value, column.type)


def _fitting(value: exp.Expr, kind: RedshiftType) -> exp.Expr:
    """A text that fits into a column, or an error. CHAR keeps no trailing blanks, VARCHAR those it has room for."""
    written = cast(value.copy(), "VARCHAR")
    bare = call("rtrim", written.copy(), text(" "))
    if kind.name == "character":
        return exp.Case(default=bare).when(_longer(bare, kind), _too_long(kind))
    room = exp.Sub(this=exp.Literal.number(str(kind.length)), expression=call("strlen", bare.copy()))
    cut = exp.DPipe(this=bare.copy(), expression=call("repeat", text(" "), room))
    long = exp.Case(default=cut).when(_longer(bare, kind), _too_long(kind))
    return exp.Case(default=value).when(_longer(written, kind), long)


def _longer(value: exp.Expr, kind: RedshiftType) -> exp.Expr:
    return exp.GT(this=call("strlen", value.copy()), expression=exp.Literal.number(str(kind.length)))


def _too_long(kind: RedshiftType) -> exp.Expr:
    return call("error", text(f"value too long for type {kind}"))


def guard_values(values: exp.Expr, columns: list[Column]) -> None:
    """Guard the rows of VALUES in place."""
    for row in values.expressions:
        if len(row.expressions) > len(columns):
            raise SqlError("INSERT has more expressions than target columns")
        checked = [guarded(value, column) for value, column in zip(row.expressions, columns, strict=False)]
        row.set("expressions", checked)


def guard_assignments(assignments: list[exp.Expr], table: Table) -> None:
    """Guard the right sides of SET in place."""
    for assignment in assignments:
        column = table.column(assignment.this.name)
        assignment.set("expression", guarded(assignment.expression, column))


def check_assignments(session: Session, assignments: list[exp.Expr], table: Table) -> None:
    """SqlError if the right side of a SET, before translation, is known to be of a type its column does not take."""
    inference = Inference(session.catalog)
    for assignment in assignments:
        kind = inference.of(assignment.expression)
        if kind is not None:
            _check(kind, table.column(assignment.this.name.lower()))


def guarded_query(session: Session, query: exp.Expr, translated: exp.Expr, columns: list[Column]) -> exp.Expr:
    """A query around `translated` that guards what goes to `columns`; SqlError if a type does not fit."""
    sql = to_sql(translated)
    _check_query(session, query, sql, columns)
    names = [f"v{position}" for position in range(len(columns))]
    checks = ", ".join(
        f"{to_sql(guarded(exp.column(name, quoted=True), column))} AS {quoted(name)}"
        for name, column in zip(names, columns, strict=True)
        if column.type.is_character or column.type.name == "super"
    )
    if not checks:
        return translated
    source = f"({sql}) AS source({', '.join(names)})"
    return exp.Var(this=f"SELECT * REPLACE ({checks}) FROM {source}")


def _check_query(session: Session, query: exp.Expr, sql: str, columns: list[Column]) -> None:
    _, types = session.bind(sql)
    if len(types) != len(columns):
        fewer_or_more = "more expressions than target columns" if len(types) > len(columns) else "fewer expressions"
        raise SqlError(f"INSERT has {fewer_or_more}")
    literals = _literal_positions(query)
    for position, (kind, column) in enumerate(zip(types, columns, strict=True)):
        if kind != _UNTYPED and literals is not None and position not in literals:
            _check(from_duckdb(kind), column)


def _literal_positions(query: exp.Expr) -> set[int] | None:
    """The columns that are untyped literals, which take any type; None if positions are unknown."""
    if not isinstance(query, exp.Select):
        return None
    literals = {n for n, projection in enumerate(query.expressions) if _is_untyped(projection)}
    return None if literals and any(projection.is_star for projection in query.expressions) else literals


def _is_untyped(projection: exp.Expr) -> bool:
    inner = projection.unalias()
    return isinstance(inner, exp.Placeholder) or (isinstance(inner, exp.Literal) and bool(inner.is_string))


def _check(kind: RedshiftType, column: Column) -> None:
    source, target = (_GROUPS.get(each.name, each.name) for each in (kind, column.type))
    if target in {source, "super"} or (target == "text" and source != "super"):
        return
    raise SqlError(f'column "{column.name}" is of type {column.type.name} but expression is of type {kind.name}')
