"""From a tree of Redshift's SQL to DuckDB's text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from headrace_local.redshift import superpaths
from headrace_local.redshift.datatypes import RedshiftType, parse_type
from headrace_local.redshift.dateformats import unit_of
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.functions import call, cast, date_part, raw, text, translate_call
from headrace_local.redshift.grammar import table_name
from headrace_local.redshift.systemviews import system_view

if TYPE_CHECKING:
    from headrace_local.redshift.catalog import Catalog

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.NullSafeEQ)


def to_sql(tree: exp.Expr) -> str:
    """The DuckDB text of a translated tree."""
    return tree.sql(dialect="duckdb", comments=False)


class Translator:
    """Translates statements of one session; `parameters` are the values of `:name` placeholders."""

    def __init__(self, catalog: Catalog, parameters: Mapping[str, str]) -> None:
        self._catalog = catalog
        self._parameters = parameters

    def translate(self, tree: exp.Expr) -> exp.Expr:
        """A translated copy of `tree`."""
        root = exp.Paren(this=tree.copy())
        named_queries = {cte.alias.lower() for cte in root.find_all(exp.CTE)}
        for node in reversed(list(root.this.walk(bfs=True))):
            if isinstance(node, exp.Table):
                self._translate_table(node, named_queries)
            else:
                self._translate_node(node)
        translated: exp.Expr = root.this
        return translated

    def _translate_node(self, node: exp.Expr) -> None:
        rule = _RULES.get(type(node))
        if rule is None:
            return
        replacement = rule(self, node)
        if replacement is not node:
            node.replace(replacement)

    def _translate_table(self, node: exp.Table, named_queries: set[str]) -> None:
        name = table_name(node)
        if len(name) == 1 and name[0] in named_queries:
            return
        parts = system_view(name) or self._catalog.get(name).duckdb_parts
        for key, part in zip(("this", "db", "catalog"), reversed(parts), strict=False):
            node.set(key, exp.to_identifier(part, quoted=True))
        if parts[-1] != name[-1] and not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(name[-1], quoted=True)))

    def _placeholder(self, node: exp.Expr) -> exp.Expr:
        value = self._parameters.get(node.name)
        if value is None:
            raise SqlError(f"there is no parameter :{node.name}")
        return text(value)


def _identifier(_: Translator, node: exp.Expr) -> exp.Expr:
    node.set("this", node.name.lower())
    node.set("quoted", True)  # noqa: FBT003
    return node


def _column(_: Translator, node: exp.Expr) -> exp.Expr:
    return superpaths.split_column(node) if isinstance(node, exp.Column) else node


def _bracket(_: Translator, node: exp.Expr) -> exp.Expr:
    return superpaths.bracket(node) if isinstance(node, exp.Bracket) else node


def _dot(_: Translator, node: exp.Expr) -> exp.Expr:
    return superpaths.dot(node) if isinstance(node, exp.Dot) else node


def _cast(_: Translator, node: exp.Expr) -> exp.Expr:
    target = parse_type(node.args["to"].sql(dialect="redshift"))
    value = node.this
    if target.name == "super":
        return call("to_json", value)
    if superpaths.is_navigation(value):
        value = superpaths.as_text(value)
    converted = type(node)(this=value, to=exp.DataType.build(target.duckdb, dialect="duckdb"))
    return _shortened(converted, target) if target.is_character else converted


def _shortened(value: exp.Expr, target: RedshiftType) -> exp.Expr:
    """An explicit cast to VARCHAR(n) cuts what is too long."""
    length = exp.Literal.number(str(target.length))
    fits = exp.LTE(this=call("strlen", value), expression=length)
    cut = call("left", value.copy(), length.copy())
    cut_fits = exp.LTE(this=call("strlen", cut), expression=length.copy())
    refusal = call("error", text("cutting multi-byte text in a cast is not supported by the embedded Redshift"))
    return exp.Case(default=refusal).when(fits, value.copy()).when(cut_fits, cut.copy())


def _function(_: Translator, node: exp.Expr) -> exp.Expr:
    if superpaths.is_navigation(node):
        return node
    return translate_call(node.name, list(node.expressions))


def _comparison(_: Translator, node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    if superpaths.is_navigation(left):
        node.set("this", superpaths.compared_with(left, [right]))
    elif superpaths.is_navigation(right):
        node.set("expression", superpaths.compared_with(right, [left]))
    return node


def _membership(_: Translator, node: exp.Expr) -> exp.Expr:
    if superpaths.is_navigation(node.this):
        node.set("this", superpaths.compared_with(node.this, list(node.expressions) or [node]))
    return node


def _range(_: Translator, node: exp.Expr) -> exp.Expr:
    if superpaths.is_navigation(node.this):
        node.set("this", superpaths.compared_with(node.this, [node.args["low"], node.args["high"]]))
    return node


def _extract(_: Translator, node: exp.Expr) -> exp.Expr:
    return date_part(unit_of(node.this), node.expression)


def _within_group(_: Translator, node: exp.Expr) -> exp.Expr:
    """LISTAGG's order goes into the call; DuckDB reads PERCENTILE_CONT as Redshift does."""
    aggregate = node.this
    if not (isinstance(aggregate, exp.Anonymous) and aggregate.name == "string_agg"):
        return node
    value, separator = aggregate.expressions
    return call("string_agg", value, exp.Order(this=separator, expressions=node.expression.expressions))


def _averaged_window(_: Translator, node: exp.Expr) -> exp.Expr:
    """AVG becomes a division, so each side gets the window."""
    division = node.this
    if not isinstance(division, exp.Div):
        return node
    sides = []
    for aggregate in (division.this, division.expression):
        window = node.copy()
        window.set("this", aggregate.copy())
        sides.append(window)
    return exp.Paren(this=exp.Div(this=sides[0], expression=sides[1]))


def _current_timestamp(_: Translator, node: exp.Expr) -> exp.Expr:
    if not node.args.get("sysdate"):
        raise not_emulated("CURRENT_TIMESTAMP: use SYSDATE or GETDATE()")
    return cast(raw("current_timestamp"), "TIMESTAMP")


def _current_user(_: Translator, node: exp.Expr) -> exp.Expr:  # noqa: ARG001
    return call("getvariable", text("user"))


Rule = Callable[[Translator, Any], exp.Expr]

_RULES: dict[type[exp.Expr], Rule] = {
    exp.Identifier: _identifier,
    exp.Column: _column,
    exp.Bracket: _bracket,
    exp.Dot: _dot,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Anonymous: _function,
    exp.Placeholder: Translator._placeholder,  # noqa: SLF001
    exp.In: _membership,
    exp.Between: _range,
    exp.Extract: _extract,
    exp.WithinGroup: _within_group,
    exp.Window: _averaged_window,
    exp.CurrentTimestamp: _current_timestamp,
    exp.CurrentUser: _current_user,
    **dict.fromkeys(_COMPARISONS, _comparison),
}
