"""What type Redshift gives to an expression, as far as it matters and follows from the catalogue.

DuckDB's own types decide everything else; `None` means that they do here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from headrace_local.redshift.catalog.catalog import Catalog
from headrace_local.redshift.catalog.system_views import system_view
from headrace_local.redshift.datatypes.datatypes import RedshiftType, parse_type
from headrace_local.redshift.datatypes.result_types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    TEXT,
    TIMESTAMP,
    common,
    computed,
    function_type,
    numeric,
)
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.syntax.grammar import named_query, table_name

_LARGEST_INTEGER = 2**31 - 1
LARGEST_BIGINT = 2**63 - 1
_MOST_DIGITS = 38
_OPERATORS: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
Types = dict[str, RedshiftType | None]


class Inference:
    """Finds types in trees as they were parsed."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[int, RedshiftType | None] = {}
        self._sources: dict[int, Types | None] = {}

    def of(self, node: exp.Expr | None) -> RedshiftType | None:
        """The type of an expression, or None; that of a string literal is open."""
        if node is None:
            return None
        if id(node) not in self._known:
            rule = _RULES.get(type(node))
            self._known[id(node)] = rule(self, node) if rule else None
        return self._known[id(node)]

    def projections(self, query: exp.Expr) -> list[tuple[str, RedshiftType | None]]:
        """Names and types of a query's columns, in order."""
        while isinstance(query, exp.SetOperation | exp.Subquery):
            query = query.this
        if not isinstance(query, exp.Select):
            return []
        columns: list[tuple[str, RedshiftType | None]] = []
        for projection in query.expressions:
            if projection.is_star:
                columns += self._star(query, projection)
            else:
                columns.append((projection.alias_or_name.lower(), self._output(projection)))
        return columns

    def _output(self, projection: exp.Expr) -> RedshiftType | None:
        """The type of a query's column: a string literal becomes a text where it leaves its query."""
        value = projection.unalias()
        return TEXT if isinstance(value, exp.Literal) and value.is_string else self.of(value)

    def star(self, star: exp.Expr) -> list[exp.Expr] | None:
        """The columns that `*` or `t.*` of a SELECT list stands for, None if they are not known."""
        select = star.parent
        if not isinstance(select, exp.Select) or any(join.args.get("using") for join in select.args.get("joins") or []):
            return None
        wanted = star.args["table"].name.lower() if star.args.get("table") else None
        found: list[exp.Expr] = []
        for source in _sources(select):
            if wanted in {None, source.alias_or_name.lower()}:
                columns = self.columns(source)
                if columns is None:
                    return None
                found += [exp.column(name, table=source.alias_or_name or None, quoted=True) for name in columns]
        return found

    def _star(self, select: exp.Select, star: exp.Expr) -> Iterator[tuple[str, RedshiftType | None]]:
        wanted = star.args["table"].name.lower() if star.args.get("table") else None
        for source in _sources(select):
            if wanted in {None, source.alias_or_name.lower()}:
                yield from (self.columns(source) or {}).items()

    def columns(self, source: exp.Expr) -> Types | None:
        """The columns of a table or subquery, None if they are not known here."""
        if id(source) not in self._sources:
            self._sources[id(source)] = self._look_up(source)
        return self._sources[id(source)]

    def _look_up(self, source: exp.Expr) -> Types | None:
        named = named_query(source)
        if isinstance(source, exp.Subquery) or named is not None:
            return dict(_renamed(self.projections((named or source).this), source, named))
        name = table_name(source) if isinstance(source, exp.Table) else ()
        if not name or system_view(name):
            return None
        return {column.name: column.type for column in self._catalog.get(name).columns}

    def column(self, column: exp.Expr) -> RedshiftType | None:
        """The type of a column where it stands."""
        name = column.name.lower()
        return next((columns[name] for columns in self._in_scope(column) if columns and name in columns), None)

    def exists(self, column: exp.Expr) -> bool:
        """Whether a table in scope has such a column, or may have it."""
        name = column.name.lower()
        return any(columns is None or name in columns for columns in self._in_scope(column))

    def check_where(self, select: exp.Select) -> None:
        """SqlError if WHERE uses an alias of the SELECT list, which DuckDB would allow."""
        where = select.args.get("where")
        aliases = {projection.alias.lower() for projection in select.expressions if projection.alias}
        for column in where.find_all(exp.Column) if where and aliases else ():
            if column.name.lower() in aliases and not column.args.get("table") and not self.exists(column):
                raise SqlError(f'column "{column.name.lower()}" does not exist')

    def _in_scope(self, column: exp.Expr) -> Iterator[Types | None]:
        """The columns of each table that `column` may belong to, from the inside out."""
        table = column.args.get("table")
        wanted = table.name.lower() if table else None
        inside = set(map(id, _ancestors(column)))
        for scope in _ancestors(column):
            if not isinstance(scope, exp.Select | exp.Update | exp.Delete | exp.Merge):
                continue
            sources = _sources(scope)
            if any(id(source) in inside for source in sources):
                continue  # a subquery in FROM does not see its neighbours
            for source in sources:
                if wanted in {None, source.alias_or_name.lower()}:
                    yield self.columns(source)

    def call(self, node: exp.Expr) -> RedshiftType | None:
        """The type of a function's result."""
        return function_type(node.name.upper(), [self.of(argument) for argument in node.expressions])

    def arithmetic(self, node: exp.Expr) -> RedshiftType | None:
        """The type of a computation."""
        return computed(_OPERATORS[type(node)], self.of(node.this), self.of(node.args["expression"]))

    def case(self, node: exp.Expr) -> RedshiftType | None:
        """The type of a CASE whose branches have one."""
        branches = [branch.args["true"] for branch in node.args["ifs"]]
        branches += [node.args["default"]] if node.args.get("default") else []
        return common([self.of(branch) for branch in branches if not isinstance(branch, exp.Null)])

    def query(self, node: exp.Expr) -> RedshiftType | None:
        """The type of a query's first column: that of the query as a value."""
        columns = self.projections(node)
        return columns[0][1] if columns else None


def _sources(scope: exp.Expr) -> list[exp.Expr]:
    joins = [join.this for join in scope.args.get("joins") or []]
    clause = scope.args.get("from_")
    using = scope.args.get("using") or []
    found = [clause.this if clause else None, *joins, *(using if isinstance(using, list) else [using])]
    if not isinstance(scope, exp.Select):
        found.append(scope.this)
    return [source for source in found if source is not None]


def _renamed(
    columns: list[tuple[str, RedshiftType | None]], *sources: exp.Expr | None
) -> Iterator[tuple[str, RedshiftType | None]]:
    """Columns under the names that an alias with a column list, `AS t (a, b)`, gives them."""
    aliases = (source.args["alias"] for source in sources if source is not None and source.args.get("alias"))
    names: list[exp.Expr] = next((alias.columns for alias in aliases if alias.columns), [])
    for position, (name, kind) in enumerate(columns):
        yield (names[position].name.lower() if position < len(names) else name), kind


def _ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    while node.parent is not None:
        node = node.parent
        yield node


def _literal(_: Inference, node: exp.Expr) -> RedshiftType | None:
    if not isinstance(node, exp.Literal) or node.is_string:
        return None
    if "e" in node.name.lower():
        return DOUBLE
    whole, point, fraction = node.name.partition(".")
    if not point and int(whole) <= LARGEST_BIGINT:
        return INTEGER if int(whole) <= _LARGEST_INTEGER else BIGINT
    digits = len(whole.lstrip("0")) + len(fraction)
    return numeric(max(digits, len(fraction), 1), len(fraction)) if digits <= _MOST_DIGITS else None


def _cast(_: Inference, node: exp.Expr) -> RedshiftType | None:
    return parse_type(node.args["to"].sql(dialect="redshift"))


def _distinct(types: Inference, node: exp.Expr) -> RedshiftType | None:
    return types.of(node.expressions[0]) if node.expressions else None


def _inner(types: Inference, node: exp.Expr) -> RedshiftType | None:
    return types.of(node.this)


def _always(kind: RedshiftType) -> Callable[[Inference, exp.Expr], RedshiftType | None]:
    return lambda _, __: kind


_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.Is, exp.In, exp.Between)
_CONDITIONS = (*_COMPARISONS, exp.And, exp.Or, exp.Not, exp.Exists, exp.Boolean, exp.RegexpLike, exp.SimilarTo)

_RULES: dict[type[exp.Expr], Callable[[Inference, exp.Expr], RedshiftType | None]] = {
    exp.Column: Inference.column,
    exp.Anonymous: Inference.call,
    exp.Literal: _literal,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Case: Inference.case,
    exp.CurrentDate: _always(DATE),
    exp.CurrentTimestamp: _always(TIMESTAMP),
    exp.Extract: _always(BIGINT),
    exp.StrPosition: _always(INTEGER),
    exp.Distinct: _distinct,
    **dict.fromkeys((exp.DPipe, exp.Substring, exp.Trim, exp.CurrentUser), _always(TEXT)),
    **dict.fromkeys(_CONDITIONS, _always(BOOLEAN)),
    **dict.fromkeys((exp.Subquery, exp.Select, exp.Union, exp.Except, exp.Intersect), Inference.query),
    **dict.fromkeys((exp.Alias, exp.Paren, exp.Window, exp.WithinGroup, exp.Neg), _inner),
    **dict.fromkeys(_OPERATORS, Inference.arithmetic),
}
