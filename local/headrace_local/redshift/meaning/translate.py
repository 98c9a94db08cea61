"""From a tree of Redshift's SQL to DuckDB's text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from headrace_local.redshift.catalog.inference import LARGEST_BIGINT, Inference
from headrace_local.redshift.catalog.macros import macro
from headrace_local.redshift.catalog.system_views import system_view
from headrace_local.redshift.datatypes.datatypes import MAX_DECIMAL_PRECISION, RedshiftType, parse_type
from headrace_local.redshift.datatypes.result_types import as_decimal, average_type, sum_type
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.meaning import blanks, super_paths
from headrace_local.redshift.meaning.argument_types import (
    check_arguments,
    check_category,
    check_comparison,
    check_kinds,
)
from headrace_local.redshift.meaning.casts import as_text, check_cast, converted
from headrace_local.redshift.meaning.date_formats import unit_of
from headrace_local.redshift.meaning.date_functions import extracted, time_zone
from headrace_local.redshift.meaning.division import divided
from headrace_local.redshift.meaning.functions import (
    AGGREGATE,
    average_of,
    nonzero,
    substring,
    sum_of,
    text_of,
    translate_call,
)
from headrace_local.redshift.meaning.intervals import interval
from headrace_local.redshift.meaning.kinds import is_string, is_text, kind_of, note_kinds, with_kind
from headrace_local.redshift.meaning.patterns import similar_pattern
from headrace_local.redshift.syntax.grammar import named_query, table_name
from headrace_local.redshift.syntax.nodes import call, cast, literal_text, raw, text

if TYPE_CHECKING:
    from headrace_local.redshift.catalog.catalog import Catalog

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
_COLUMNS = "columns"
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
        for select in list(tree.find_all(exp.Select)):
            inference.check_where(select)
            _check_distinct_order(select)
            blanks.expand_stars(select, inference.star)
        for join in list(tree.find_all(exp.Join)):
            _join_on_texts(join, inference)
        for call_node in tree.find_all(exp.Anonymous):
            rule = {"SUM": sum_type, "AVG": average_type}.get(call_node.name.upper())
            if rule and len(call_node.expressions) == 1:
                call_node.meta[_RESULT] = rule(inference.of(call_node.expressions[0]))
        note_kinds(tree, inference)
        _note_columns(tree, inference)

    def _translate_node(self, node: exp.Expr) -> None:
        rule = _RULES.get(type(node))
        if rule is None:
            return
        replacement = rule(self, node)
        if replacement is not node:
            with_kind(replacement, kind_of(node))
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
        literal.meta[super_paths.PARAMETER] = True
        return literal


def _check_distinct_order(select: exp.Select) -> None:
    """SqlError if SELECT DISTINCT is put in the order of something that it does not select."""
    order = select.args.get("order")
    if not select.args.get("distinct") or order is None or any(each.is_star for each in select.expressions):
        return
    chosen = [each.unalias() for each in select.expressions]
    names = {each.alias_or_name.lower() for each in select.expressions}
    for ordered in order.expressions:
        value = ordered.this
        is_named = isinstance(value, exp.Column) and value.name.lower() in names
        if not (isinstance(value, exp.Literal) or is_named or value in chosen):
            raise SqlError("for SELECT DISTINCT, ORDER BY expressions must appear in select list")


def _join_on_texts(join: exp.Join, inference: Inference) -> None:
    """JOIN … USING over texts joins sources whose key has lost its trailing blanks."""
    names = [name.name.lower() for name in join.args.get("using") or []]
    select = join.parent
    if not names or not isinstance(select, exp.Select):
        return
    sources = [select.args["from_"].this, *(other.this for other in select.args["joins"])]
    for source in sources:
        columns = inference.columns(source) or {}
        texts = [name for name in names if (kind := columns.get(name)) is not None and kind.is_character]
        if texts:
            source.replace(_with_bare(source, texts))


def _with_bare(source: exp.Expr, names: list[str]) -> exp.Expr:
    keys = [exp.alias_(exp.Anonymous(this="RTRIM", expressions=[exp.column(name)]), name) for name in names]
    star = exp.Star(replace=keys)
    return exp.Subquery(
        this=exp.Select(expressions=[star], from_=exp.From(this=source.copy())),
        alias=exp.TableAlias(this=exp.to_identifier(source.alias_or_name)),
    )


def _note_columns(tree: exp.Expr, inference: Inference) -> None:
    """Write down the names of what set operations give, and which of it are texts."""
    for operation in tree.find_all(exp.SetOperation):
        kinds = (inference.projections(query) for query in (operation.this, operation.expression))
        for (_, one), (_, other) in zip(*kinds, strict=False):
            check_kinds([kind for kind in (one, other) if kind], type(operation).__name__.upper())
        left, right = (_columns_of(query, inference) for query in (operation.this, operation.expression))
        texts = [one or other for (_, one), (_, other) in zip(left, right, strict=False)]
        operation.meta[_COLUMNS] = texts, [name for name, _ in left]


def _columns_of(query: exp.Expr, inference: Inference) -> list[tuple[str, bool]]:
    columns = [(name, kind is not None and kind.is_character) for name, kind in inference.projections(query)]
    while isinstance(query, exp.SetOperation | exp.Subquery):
        query = query.this
    if len(columns) != len(query.expressions):
        return columns
    return [(name, found or is_text(value)) for (name, found), value in zip(columns, query.expressions, strict=True)]


def _identifier(_: Translator, node: exp.Expr) -> exp.Expr:
    node.set("this", node.name.lower())
    node.set("quoted", True)  # noqa: FBT003
    return node


def _column(_: Translator, node: exp.Expr) -> exp.Expr:
    return super_paths.split_column(node) if isinstance(node, exp.Column) else node


def _bracket(_: Translator, node: exp.Expr) -> exp.Expr:
    return super_paths.bracket(node) if isinstance(node, exp.Bracket) else node


def _dot(_: Translator, node: exp.Expr) -> exp.Expr:
    return super_paths.dot(node) if isinstance(node, exp.Dot) else node


def _cast(_: Translator, node: exp.Expr) -> exp.Expr:
    target = parse_type(node.args["to"].sql(dialect="redshift"))
    value, of_text = node.this, is_text(node.this)
    if super_paths.is_navigation(value):
        of_text = True
        value = super_paths.as_text(value)
    elif target.name != "super":
        check_cast(kind_of(value), target)
    if target.name == "super":
        return call("to_json", value)
    if not target.is_character:
        return converted(value, target, attempt=isinstance(node, exp.TryCast))
    shown = cast(value, "VARCHAR") if isinstance(node, exp.TryCast) or is_string(value) else as_text(value)
    if target.name == "character":
        shown = call("rtrim", shown, text(" "))
    return _shortened(shown, target, of_text=of_text)


def _shortened(value: exp.Expr, target: RedshiftType, *, of_text: bool) -> exp.Expr:
    """An explicit cast to VARCHAR(n) cuts a text that is too long."""
    length = exp.Literal.number(str(target.length))
    too_long = exp.GT(this=call("strlen", value), expression=length)
    cut = call("left", value.copy(), length.copy())
    still_too_long = exp.GT(this=call("strlen", cut), expression=length.copy())
    what = "multi-byte text" if of_text else "what is not a text"
    refusal = call("error", text(f"cutting {what} in a cast is not supported by the embedded Redshift"))
    if not of_text:
        return exp.Case(default=value.copy()).when(too_long, refusal)
    shorter = exp.Case(default=cut.copy()).when(still_too_long, refusal)
    return exp.Case(default=value.copy()).when(too_long, shorter)


def _function(_: Translator, node: exp.Expr) -> exp.Expr:
    if super_paths.is_navigation(node):
        return node
    if _RESULT in node.meta:
        check_arguments(node.name, node.expressions)
        build = sum_of if node.name.upper() == "SUM" else average_of
        return build(node.expressions[0], node.meta[_RESULT])
    for argument in node.expressions:
        if isinstance(argument, exp.Distinct):
            argument.set("expressions", [blanks.bare_if_text(argument.expressions[0]), *argument.expressions[1:]])
    return translate_call(node.name, list(node.expressions))


def _comparison(_: Translator, node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    if isinstance(node.parent, exp.Update) and node.arg_key == "expressions":
        return node  # an assignment of SET
    if isinstance(node, exp.Like | exp.ILike):
        return _like(node)
    if super_paths.is_navigation(left):
        node.set("this", super_paths.compared_with(left, [right]))
    elif super_paths.is_navigation(right):
        node.set("expression", super_paths.compared_with(right, [left]))
    else:
        check_comparison([left, right])
        blanks.compare_binary(node)
    return node


def _like(node: exp.Expr) -> exp.Expr:
    """The backslash escapes in Redshift's patterns, and in DuckDB's only if it is said."""
    if super_paths.is_navigation(node.this):
        node.set("this", super_paths.compared_with(node.this, [text("")]))
    pattern = node.args["expression"]
    is_plain = isinstance(pattern, exp.Literal) and "\\" not in pattern.name
    like = _without_case(node) if isinstance(node, exp.ILike) else node
    if is_plain or isinstance(node.parent, exp.Escape):
        return like
    return exp.Escape(this=like.copy(), expression=text("\\"))


def _without_case(node: exp.ILike) -> exp.Expr:
    """ILIKE, which folds the letters of ASCII and no others.

    https://docs.aws.amazon.com/redshift/latest/dg/r_patternmatching_condition_like.html
    """
    folded = macro("_ascii_lower", node.this), macro("_ascii_lower", node.expression)
    return exp.Like(this=folded[0], expression=folded[1], negate=node.args.get("negate"))


def _membership(_: Translator, node: exp.Expr) -> exp.Expr:
    if super_paths.is_navigation(node.this):
        node.set("this", super_paths.compared_with(node.this, list(node.expressions) or [node]))
    else:
        check_comparison([node.this, *node.expressions])
        blanks.compare_membership(node)
    return node


def _range(_: Translator, node: exp.Expr) -> exp.Expr:
    if super_paths.is_navigation(node.this):
        node.set("this", super_paths.compared_with(node.this, [node.args["low"], node.args["high"]]))
    else:
        check_comparison([node.this, node.args["low"], node.args["high"]])
        blanks.compare_range(node)
    return node


def _case(_: Translator, node: exp.Expr) -> exp.Expr:
    branches = [branch.args["true"] for branch in node.args["ifs"]]
    check_category([*branches, *filter(None, [node.args.get("default")])], "CASE")
    blanks.compare_case(node)
    return node


def _select(_: Translator, node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Select):
        blanks.group_texts(node)
    return node


def _set_operation(_: Translator, node: exp.Expr) -> exp.Expr:
    if not isinstance(node, exp.SetOperation) or _is_recursive(node):
        return node
    texts, names = node.meta[_COLUMNS]
    return blanks.combine_texts(node, texts, names)


def _is_recursive(operation: exp.Expr) -> bool:
    clause = operation.find_ancestor(exp.With)
    return isinstance(operation.parent, exp.CTE) and clause is not None and bool(clause.args.get("recursive"))


def _ordered(_: Translator, node: exp.Expr) -> exp.Expr:
    if not isinstance(node.this, exp.Literal):
        node.set("this", blanks.bare_if_text(node.this))
    return node


def _extract(_: Translator, node: exp.Expr) -> exp.Expr:
    return extracted(unit_of(node.this), node.expression)


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
    node.set("partition_by", [blanks.bare_if_text(value) for value in node.args.get("partition_by") or []])
    whole = exp.Paren(this=node.this.copy())
    aggregates = [call for call in whole.find_all(exp.Anonymous) if AGGREGATE in call.meta]
    if not aggregates:
        return node
    for aggregate in aggregates:
        window = node.copy()
        window.set("this", aggregate.copy())
        aggregate.replace(window)
    return whole


def _nulls(_: Translator, node: exp.Expr) -> exp.Expr:
    """DuckDB has IGNORE NULLS inside of the call; RESPECT NULLS is what it does without."""
    if isinstance(node, exp.RespectNulls):
        respecting: exp.Expr = node.this
        return respecting
    *others, last = node.this.expressions
    return call(node.this.name, *others, raw(f"{to_sql(last)} IGNORE NULLS"))


def _division(_: Translator, node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.args["expression"]
    one, other, result = as_decimal(kind_of(left)), as_decimal(kind_of(right)), kind_of(node)
    node.set("expression", nonzero(right))
    if isinstance(node, exp.Div) and one and other and result and result.name == "numeric":
        return divided(left, node.args["expression"], (one, other), result)
    return node


def _concatenation(_: Translator, node: exp.Expr) -> exp.Expr:
    for name in ("this", "expression"):
        operand = node.args[name]
        if kind_of(operand) is not None and not is_text(operand):
            node.set(name, as_text(operand))
    return node


def _substring(_: Translator, node: exp.Expr) -> exp.Expr:
    arguments = [text_of(node.this), node.args.get("start"), node.args.get("length")]
    return substring([argument for argument in arguments if argument is not None])


def _position(_: Translator, node: exp.Expr) -> exp.Expr:
    return cast(call("strpos", node.this, node.args["substr"]), "INTEGER")


def _trim(_: Translator, node: exp.Expr) -> exp.Expr:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
    return call(name, text_of(node.this), node.args.get("expression") or text(" "))


def _interval(_: Translator, node: exp.Expr) -> exp.Expr:
    unit = node.args.get("unit")
    written = node.this.name if isinstance(node.this, exp.Literal) else literal_text(node.this, "INTERVAL")
    return interval(f"{written} {unit.name}" if unit is not None else written)


def _similar(_: Translator, node: exp.Expr) -> exp.Expr:
    return node if isinstance(node.parent, exp.Escape) else _matching(node, "\\")


def _escape(_: Translator, node: exp.Expr) -> exp.Expr:
    if not isinstance(node.this, exp.SimilarTo):
        return node
    return _matching(node.this, literal_text(node.expression, "ESCAPE"))


def _matching(node: exp.Expr, escape: str) -> exp.Expr:
    pattern = similar_pattern(literal_text(node.args["expression"], "SIMILAR TO"), escape)
    return call("regexp_full_match", node.this, text(pattern), text("s"))


def _at_time_zone(_: Translator, node: exp.Expr) -> exp.Expr:
    if kind_of(node.this) is None:
        raise not_emulated("AT TIME ZONE of a value whose type is not known")
    return call("timezone", time_zone(node.args["zone"]), node.this)


def _current_timestamp(_: Translator, node: exp.Expr) -> exp.Expr:
    if not node.args.get("sysdate"):
        raise not_emulated("CURRENT_TIMESTAMP: use SYSDATE or GETDATE()")
    return cast(raw("current_timestamp"), "TIMESTAMP")


def _current_user(_: Translator, _node: exp.Expr) -> exp.Expr:
    return call("getvariable", text("user"))


def _literal(_: Translator, node: exp.Expr) -> exp.Expr:
    """A whole number beyond BIGINT is a DECIMAL; one of more than 38 digits is none."""
    digits = node.name.replace(".", "").lstrip("0")
    if not isinstance(node, exp.Literal) or node.is_string or not digits.isdigit():
        return node
    if len(digits) > MAX_DECIMAL_PRECISION:
        raise SqlError(f"Numeric data overflow: {node.name}")
    if "." in node.name or int(node.name) <= LARGEST_BIGINT:
        return node
    return cast(node.copy(), f"DECIMAL({len(digits)},0)")


Rule = Callable[[Translator, Any], exp.Expr]

_RULES: dict[type[exp.Expr], Rule] = {
    exp.Identifier: _identifier,
    exp.Literal: _literal,
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
    exp.Case: _case,
    exp.Ordered: _ordered,
    exp.Select: _select,
    **dict.fromkeys((exp.Union, exp.Except, exp.Intersect), _set_operation),
    exp.Window: _window,
    exp.Div: _division,
    exp.Mod: _division,
    exp.DPipe: _concatenation,
    exp.Substring: _substring,
    exp.StrPosition: _position,
    exp.Trim: _trim,
    exp.Interval: _interval,
    exp.Escape: _escape,
    exp.SimilarTo: _similar,
    exp.AtTimeZone: _at_time_zone,
    exp.CurrentTimestamp: _current_timestamp,
    exp.CurrentUser: _current_user,
    exp.IgnoreNulls: _nulls,
    exp.RespectNulls: _nulls,
    **dict.fromkeys(_COMPARISONS, _comparison),
}
