"""What type Redshift gives to an expression, as far as it matters and can be told from the catalogue.

DuckDB's own types decide everything else; `None` means that they do here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from headrace_local.redshift.catalog import Catalog
from headrace_local.redshift.datatypes import RedshiftType, parse_type
from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.grammar import named_query, table_name
from headrace_local.redshift.systemviews import system_view

_WHOLE = ("smallint", "integer", "bigint")
_SAME_AS_ARGUMENT = {"MIN", "MAX", "COALESCE", "NVL", "NULLIF", "GREATEST", "LEAST", "LAG", "LEAD", "ANY_VALUE"}
_SAME_AS_ARGUMENT |= {"FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", "UPPER", "LOWER", "ABS"}
_COUNTS = {"COUNT", "ROW_NUMBER", "RANK", "DENSE_RANK", "DATEDIFF", "DATE_DIFF"}
_BIGINT = RedshiftType("bigint")
_INTEGER = RedshiftType("integer")
_LARGEST_INTEGER = 2**31 - 1
Types = dict[str, RedshiftType | None]


def sum_type(argument: RedshiftType | None) -> RedshiftType | None:
    """The type of SUM over `argument`, where DuckDB's is another."""
    if argument is None or argument.name not in _WHOLE:
        return None
    return RedshiftType("numeric", precision=38, scale=0) if argument.name == "bigint" else _BIGINT


def average_type(argument: RedshiftType | None) -> RedshiftType | None:
    """The type of AVG over `argument`, where DuckDB's is another."""
    if argument is None:
        return None
    if argument.name == "numeric":
        return RedshiftType("numeric", precision=38, scale=argument.scale)
    return _BIGINT if argument.name in _WHOLE else None


class Inference:
    """Finds types in trees as they were parsed."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def of(self, node: exp.Expr | None) -> RedshiftType | None:
        """The type of an expression, or None."""
        if node is None:
            return None
        rule = _RULES.get(type(node))
        return rule(self, node) if rule else None

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
                columns.append((projection.alias_or_name.lower(), self.of(projection)))
        return columns

    def _star(self, select: exp.Select, star: exp.Expr) -> Iterator[tuple[str, RedshiftType | None]]:
        wanted = star.args["table"].name.lower() if star.args.get("table") else None
        for source in _sources(select):
            if wanted in {None, source.alias_or_name.lower()}:
                yield from (self._columns(source) or {}).items()

    def _columns(self, source: exp.Expr) -> Types | None:
        """The columns of a table or subquery, None if they are not known here."""
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
                    yield self._columns(source)

    def call(self, node: exp.Expr) -> RedshiftType | None:
        """The type of a function's result."""
        name, arguments = node.name.upper(), node.expressions
        if name in _COUNTS:
            return _BIGINT
        argument = self.of(arguments[0]) if arguments else None
        if name == "SUM":
            return sum_type(argument) or argument
        if name == "AVG":
            return average_type(argument) or argument
        return argument if name in _SAME_AS_ARGUMENT else None

    def arithmetic(self, node: exp.Expr) -> RedshiftType | None:
        """The wider of two whole numbers."""
        left, right = self.of(node.this), self.of(node.args["expression"])
        if left is None or right is None or left.name not in _WHOLE or right.name not in _WHOLE:
            return None
        return max(left, right, key=lambda kind: _WHOLE.index(kind.name))

    def case(self, node: exp.Expr) -> RedshiftType | None:
        """The type of a CASE whose branches agree."""
        branches = [branch.args["true"] for branch in node.args["ifs"]]
        branches += [node.args["default"]] if node.args.get("default") else []
        types = {self.of(branch) for branch in branches if not isinstance(branch, exp.Null)}
        return types.pop() if len(types) == 1 else None


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
    if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
        return _INTEGER if int(node.name) <= _LARGEST_INTEGER else _BIGINT
    return None


def _cast(_: Inference, node: exp.Expr) -> RedshiftType | None:
    return parse_type(node.args["to"].sql(dialect="redshift"))


def _distinct(types: Inference, node: exp.Expr) -> RedshiftType | None:
    return types.of(node.expressions[0])


def _inner(types: Inference, node: exp.Expr) -> RedshiftType | None:
    return types.of(node.this)


_RULES: dict[type[exp.Expr], Callable[[Inference, exp.Expr], RedshiftType | None]] = {
    exp.Column: Inference.column,
    exp.Anonymous: Inference.call,
    exp.Literal: _literal,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Case: Inference.case,
    **dict.fromkeys((exp.Alias, exp.Paren, exp.Window, exp.Neg), _inner),
    exp.Distinct: _distinct,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), Inference.arithmetic),
}
