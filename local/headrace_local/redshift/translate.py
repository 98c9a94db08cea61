"""From a tree of Redshift's SQL to DuckDB's text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from headrace_local.redshift import superpaths
from headrace_local.redshift.datatypes import RedshiftType, parse_type
from headrace_local.redshift.dateformats import unit_of
from headrace_local.redshift.datefunctions import date_part
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.functions import AGGREGATE, average_of, nonzero, sum_of, translate_call
from headrace_local.redshift.grammar import named_query, table_name
from headrace_local.redshift.inference import Inference, average_type, sum_type
from headrace_local.redshift.nodes import call, cast, raw, text
from headrace_local.redshift.systemviews import system_view

if TYPE_CHECKING:
    from headrace_local.redshift.catalog import Catalog

_MADE_UP_BY_DUCKDB = [
    "rowid",
    "current_catalog",
    "current_database",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "session_user",
    "user",
]
_RESULT = "result"
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
        self._resolve(root.this)
        named = {id(table) for table in root.find_all(exp.Table) if named_query(table) is not None}
        for node in reversed(list(root.this.walk(bfs=True))):
            if isinstance(node, exp.Table) and id(node) not in named:
                self._translate_table(node)
            else:
                self._translate_node(node)
        translated: exp.Expr = root.this
        return translated

    def _resolve(self, tree: exp.Expr) -> None:
        inference = Inference(self._catalog)
        for column in tree.find_all(exp.Column):
            if column.name.lower() in _MADE_UP_BY_DUCKDB and not inference.exists(column):
                raise SqlError(f'column "{column.name.lower()}" does not exist')
        for select in tree.find_all(exp.Select):
            inference.check_where(select)
        for call_node in tree.find_all(exp.Anonymous):
            rule = {"SUM": sum_type, "AVG": average_type}.get(call_node.name.upper())
            if rule and len(call_node.expressions) == 1:
                call_node.meta[_RESULT] = rule(inference.of(call_node.expressions[0]))

    def _translate_node(self, node: exp.Expr) -> None:
        rule = _RULES.get(type(node))
        if rule is None:
            return
        replacement = rule(self, node)
        if replacement is not node:
            node.replace(replacement)

    def _translate_table(self, node: exp.Table) -> None:
        name = table_name(node)
        parts = system_view(name) or self._catalog.get(name).duckdb_parts
        for key, part in zip(("this", "db", "catalog"), reversed(parts), strict=False):
            node.set(key, exp.to_identifier(part, quoted=True))
        if parts[-1] != name[-1] and not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(name[-1], quoted=True)))

    def _placeholder(self, node: exp.Expr) -> exp.Expr:
        value = self._parameters.get(node.name)
        if value is None:
            raise SqlError(f"there is no parameter :{node.name}")
        literal = text(value)
        literal.meta[superpaths.PARAMETER] = True
        return literal


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
    too_long = exp.GT(this=call("strlen", value), expression=length)
    cut = call("left", value.copy(), length.copy())
    still_too_long = exp.GT(this=call("strlen", cut), expression=length.copy())
    refusal = call("error", text("cutting multi-byte text in a cast is not supported by the embedded Redshift"))
    shorter = exp.Case(default=cut.copy()).when(still_too_long, refusal)
    return exp.Case(default=value.copy()).when(too_long, shorter)


def _function(_: Translator, node: exp.Expr) -> exp.Expr:
    if superpaths.is_navigation(node):
        return node
    if _RESULT in node.meta:
        build = sum_of if node.name.upper() == "SUM" else average_of
        return build(node.expressions[0], node.meta[_RESULT])
    return translate_call(node.name, list(node.expressions))


def _comparison(_: Translator, node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    if isinstance(node.parent, exp.Update) and node.arg_key == "expressions":
        return node  # an assignment of SET
    if isinstance(node, exp.Like | exp.ILike):
        return _like(node)
    if superpaths.is_navigation(left):
        node.set("this", superpaths.compared_with(left, [right]))
    elif superpaths.is_navigation(right):
        node.set("expression", superpaths.compared_with(right, [left]))
    return node


def _like(node: exp.Expr) -> exp.Expr:
    """The backslash escapes in Redshift's patterns, and in DuckDB's only if it is said."""
    if superpaths.is_navigation(node.this):
        node.set("this", superpaths.compared_with(node.this, [text("")]))
    pattern = node.args["expression"]
    is_plain = isinstance(pattern, exp.Literal) and "\\" not in pattern.name
    if is_plain or isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=text("\\"))


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
    """The order of LISTAGG goes into the call; that of a percentile is what the percentile is taken of."""
    aggregate, order = node.this, node.expression.expressions
    if aggregate.name == "string_agg":
        value, separator = aggregate.expressions
        return call("string_agg", value, exp.Order(this=separator, expressions=order))
    if aggregate.name not in {"quantile_cont", "quantile_disc"} or len(order) != 1 or order[0].args.get("desc"):
        raise not_emulated("this WITHIN GROUP")
    return call(aggregate.name, order[0].this, *aggregate.expressions)


def _window(_: Translator, node: exp.Expr) -> exp.Expr:
    """SUM and AVG became expressions over aggregates, and the window belongs to each of these."""
    whole = exp.Paren(this=node.this.copy())
    aggregates = [call for call in whole.find_all(exp.Anonymous) if AGGREGATE in call.meta]
    if not aggregates:
        return node
    for aggregate in aggregates:
        window = node.copy()
        window.set("this", aggregate.copy())
        aggregate.replace(window)
    return whole


def _division(_: Translator, node: exp.Expr) -> exp.Expr:
    node.set("expression", nonzero(node.args["expression"]))
    return node


def _current_timestamp(_: Translator, node: exp.Expr) -> exp.Expr:
    if not node.args.get("sysdate"):
        raise not_emulated("CURRENT_TIMESTAMP: use SYSDATE or GETDATE()")
    return cast(raw("current_timestamp"), "TIMESTAMP")


def _current_user(_: Translator, _node: exp.Expr) -> exp.Expr:
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
    exp.Window: _window,
    exp.Div: _division,
    exp.Mod: _division,
    exp.CurrentTimestamp: _current_timestamp,
    exp.CurrentUser: _current_user,
    **dict.fromkeys(_COMPARISONS, _comparison),
}
