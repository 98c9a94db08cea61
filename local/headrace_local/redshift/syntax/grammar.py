"""The parts of SQL that are known to mean the same here as in Redshift; every other one is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.syntax.dialect import EmbeddedRedshiftDialect

if TYPE_CHECKING:
    from headrace_local.redshift.syntax.tokens import Name

_ANY_PARTS = """
    Add All And Any AtTimeZone BitwiseAnd BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift Boolean Bracket Cube
    CurrentDate CurrentTimestamp CurrentUser DataType DataTypeParam
    Div Dot DPipe EQ Exists From GroupingSets GT GTE Having Identifier If ILike Is LT LTE Like Literal Mod Mul NEQ
    Neg Not Null Offset Or Order Paren Placeholder Qualify RegexpLike Rollup SimilarTo Sub Tuple Values Var When
    Whens Where WithinGroup
"""
_PARTS = """
    Alias: this alias
    Anonymous: this expressions
    Between: this low high
    Case: this ifs default
    Cast: this to
    Column: this table db catalog
    CTE: this alias
    Delete: this using where with_
    Distinct: expressions
    Escape: this expression
    Except: this expression distinct with_ order limit offset
    Extract: this expression
    Group: expressions all rollup cube grouping_sets
    IgnoreNulls: this
    In: this expressions query
    Insert: this expression default
    Intersect: this expression distinct with_ order limit offset
    Interval: this unit
    Join: this on using kind side method
    Limit: expression
    Merge: this using on whens with_
    Ordered: this desc nulls_first
    RespectNulls: this
    Schema: this expressions
    Select: with_ expressions distinct from_ joins where group having qualify order limit offset
    Star:
    StrPosition: this substr
    Subquery: this alias with_ joins order limit offset
    Substring: this start length
    Table: this db catalog alias joins
    TableAlias: this columns
    Trim: this expression position
    TryCast: this to safe
    Union: this expression distinct with_ order limit offset
    Update: this expressions from_ where with_
    Window: this partition_by order spec over
    WindowSpec: kind start start_side end end_side
    With: expressions recursive
"""
_UNKNOWN_TYPES = re.compile(r"\b(?:TIMETZ|VARBYTE|VARBINARY|GEOMETRY|GEOGRAPHY|HLLSKETCH|DEC)\b", re.IGNORECASE)
_EXCLUSIVE_OR = re.compile(r"[\w)]\s*#\s*[\w(]")
_STRINGS = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
_KNOWN: dict[str, frozenset[str] | None] = {
    **dict.fromkeys(_ANY_PARTS.split()),
    **{
        kind.strip(): frozenset(parts.split())
        for kind, _, parts in (line.partition(":") for line in _PARTS.strip().splitlines())
    },
}
_TAKE_NULLS = frozenset({"FIRST_VALUE", "LAG", "LAST_VALUE", "LEAD", "NTH_VALUE"})
_NEED_A_FRAME = [
    "AVG",
    "COUNT",
    "MAX",
    "MIN",
    "SUM",
    "STDDEV",
    "STDDEV_SAMP",
    "STDDEV_POP",
    "VARIANCE",
    "VAR_SAMP",
    "VAR_POP",
    "FIRST_VALUE",
    "LAST_VALUE",
    "NTH_VALUE",
]


@lru_cache(maxsize=512)
def parse(sql: str) -> exp.Expr:
    """The tree of one statement, shared: copy it before changing it. SqlError if any part of it is not known."""
    try:
        tree = sqlglot.parse_one(sql, dialect=EmbeddedRedshiftDialect)
    except (ParseError, TokenError) as error:
        raise SqlError(_syntax_error(sql, error)) from error
    for node in tree.walk():
        _refuse_unknown(node)
    return tree


def _syntax_error(sql: str, error: ParseError | TokenError) -> str:
    details = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    near = details.get("highlight")
    foreign = _UNKNOWN_TYPES.search(_STRINGS.sub("''", sql))
    if foreign:
        return not_emulated(f"the type {foreign.group().upper()}").message
    if _EXCLUSIVE_OR.search(_STRINGS.sub("''", sql)):
        return not_emulated("the operator #").message
    return f'syntax error at or near "{near}"' if near else f"syntax error: {error}"


def _refuse_unknown(node: exp.Expr) -> None:
    kind = type(node).__name__
    if kind not in _KNOWN:
        raise not_emulated(f"{kind} ({_excerpt(node)})")
    parts = _KNOWN[kind]
    for name, value in node.args.items():
        if value and parts is not None and name not in parts:
            raise not_emulated(f"{kind} with {name.rstrip('_')} ({_excerpt(node)})")
    check = _CHECKS.get(kind)
    if check:
        check(node)


def _excerpt(node: exp.Expr) -> str:
    return node.sql(dialect="redshift")[:80]


def _check_values(values: exp.Expr) -> None:
    if not isinstance(values.parent, exp.Insert):
        raise SqlError('syntax error at or near "VALUES"')


def _check_join(join: exp.Expr) -> None:
    if join.args.get("method") not in {None, "NATURAL"} or join.args.get("kind") in {"SEMI", "ANTI"}:
        raise not_emulated(f"the join {join.args.get('method') or join.args.get('kind')}")


def _check_difference(operation: exp.Expr) -> None:
    if not operation.args.get("distinct"):
        raise SqlError(f"{type(operation).__name__.upper()} ALL is not supported")


def _check_window(window: exp.Expr) -> None:
    call, spec = window.this, window.args.get("spec")
    if isinstance(call, exp.IgnoreNulls | exp.RespectNulls):
        call = call.this
        if call.name.upper() not in _TAKE_NULLS:
            raise SqlError(f"IGNORE NULLS and RESPECT NULLS are not allowed with {call.name.upper()}")
    if call.name.upper() == "RATIO_TO_REPORT" and (window.args.get("order") or spec is not None):
        raise SqlError("RATIO_TO_REPORT takes neither ORDER BY nor a frame in its OVER clause")
    if spec is not None and str(spec.args.get("kind")).upper() != "ROWS":
        raise SqlError("only ROWS is supported as the frame of a window function")
    if call.name.upper() in _NEED_A_FRAME and window.args.get("order") and spec is None:
        raise SqlError("Aggregate window functions with an ORDER BY clause require a frame clause")
    if any(isinstance(argument, exp.Distinct) for argument in call.expressions):
        raise SqlError("DISTINCT is not supported in window functions")


def _check_call(call: exp.Expr) -> None:
    if call.name.upper() == "RATIO_TO_REPORT" and not isinstance(call.parent, exp.Window):
        raise SqlError("window function ratio_to_report requires an OVER clause")


_CHECKS = {
    "Values": _check_values,
    "Join": _check_join,
    "Except": _check_difference,
    "Intersect": _check_difference,
    "Window": _check_window,
    "Anonymous": _check_call,
}


def table_name(table: exp.Table) -> Name:
    """The dotted name of a table, folded to lower case; SqlError for anything that is not a plain name."""
    parts = [part for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part]
    if not all(isinstance(part, exp.Identifier) for part in parts):
        raise not_emulated(f"the table expression {_excerpt(table)}")
    return tuple(part.name.lower() for part in parts)


def named_query(table: exp.Expr) -> exp.Expr | None:
    """The WITH query that a table's name stands for where it is, or None if it stands for a table."""
    if not isinstance(table, exp.Table) or table.args.get("db"):
        return None
    found = (cte for cte in _named_queries_before(table) if cte.alias.lower() == table.name.lower())
    return next(found, None)


def _named_queries_before(node: exp.Expr) -> Iterator[exp.Expr]:
    """The WITH queries that can be named at `node`, the nearest first; a query sees the earlier ones of its clause."""
    while node.parent is not None:
        parent = node.parent
        if isinstance(parent, exp.With):
            own = parent.expressions.index(node)
            yield from parent.expressions[: own + bool(parent.args.get("recursive"))]
            node = parent.parent or parent
        else:
            clause = parent.args.get("with_")
            yield from clause.expressions if clause is not None else ()
            node = parent


def tables_read(tree: exp.Expr) -> set[Name]:
    """The names of the tables a tree mentions, without those of its WITH clauses."""
    return {table_name(table) for table in tree.find_all(exp.Table) if named_query(table) is None}
