"""The parts of SQL that are known to mean the same here as in Redshift; every other one is refused."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from headrace_local.redshift.dialect import EmbeddedRedshiftDialect
from headrace_local.redshift.errors import SqlError, not_emulated

if TYPE_CHECKING:
    from headrace_local.redshift.tokens import Name

_KNOWN_NODES = """
    Add Alias All And Anonymous Any Between Boolean Bracket Case Cast Column CTE Cube CurrentDate CurrentTimestamp
    CurrentUser DataType DataTypeParam Delete Distinct Div Dot DPipe EQ Except Exists Extract From Group GroupingSets
    GT GTE Having Identifier If ILike In Insert Intersect Interval Is Join LT LTE Like Limit Literal Merge Mod Mul NEQ
    Neg Not Null NullSafeEQ Offset Or Order Ordered Paren Placeholder RegexpLike Rollup Schema Select Star StrPosition
    Sub Subquery Substring Table TableAlias Trim TryCast Tuple Union Update Values Var When Whens Where Window
    WindowSpec With WithinGroup
"""
_KNOWN = frozenset(_KNOWN_NODES.split())


@lru_cache(maxsize=512)
def parse(sql: str) -> exp.Expr:
    """The tree of one statement, shared: copy it before changing it. SqlError if any part of it is not known."""
    try:
        tree = sqlglot.parse_one(sql, dialect=EmbeddedRedshiftDialect)
    except (ParseError, TokenError) as error:
        raise SqlError(_syntax_error(error)) from error
    for node in tree.walk():
        _refuse_unknown(node)
    return tree


def _syntax_error(error: ParseError | TokenError) -> str:
    details = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    near = details.get("highlight")
    return f'syntax error at or near "{near}"' if near else f"syntax error: {error}"


def _refuse_unknown(node: exp.Expr) -> None:
    kind = type(node).__name__
    if kind not in _KNOWN:
        raise not_emulated(f"{kind} ({node.sql(dialect='redshift')[:80]})")
    check = _CHECKS.get(kind)
    if check:
        check(node)


def _check_select(select: exp.Expr) -> None:
    for part in ("kind", "hint", "into", "operation_modifiers"):
        if select.args.get(part):
            raise not_emulated(f"SELECT with {part}")


def _check_distinct(distinct: exp.Expr) -> None:
    if distinct.args.get("on"):
        raise SqlError("SELECT DISTINCT ON is not supported")


def _check_star(star: exp.Expr) -> None:
    if any(star.args.get(part) for part in ("except_", "replace", "rename")):
        raise not_emulated("a star with EXCLUDE, REPLACE or RENAME")


def _check_values(values: exp.Expr) -> None:
    if not isinstance(values.parent, exp.Insert):
        raise SqlError('syntax error at or near "VALUES"')


def _check_join(join: exp.Expr) -> None:
    if join.args.get("method") not in {None, "NATURAL"} or join.args.get("kind") in {"SEMI", "ANTI"}:
        raise not_emulated(f"the join {join.args.get('method') or join.args.get('kind')}")


_CHECKS = {
    "Select": _check_select,
    "Distinct": _check_distinct,
    "Star": _check_star,
    "Values": _check_values,
    "Join": _check_join,
}


def table_name(table: exp.Table) -> Name:
    """The dotted name of a table, folded to lower case; SqlError for anything that is not a plain name."""
    parts = [part for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part]
    if not all(isinstance(part, exp.Identifier) for part in parts):
        raise not_emulated(f"the table expression {table.sql(dialect='redshift')[:80]}")
    return tuple(part.name.lower() for part in parts)


def tables_read(tree: exp.Expr) -> set[Name]:
    """The names of the tables a tree mentions, without those of its own WITH clauses."""
    named_queries = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    names = {table_name(table) for table in tree.find_all(exp.Table)}
    return {name for name in names if not (len(name) == 1 and name[0] in named_queries)}
