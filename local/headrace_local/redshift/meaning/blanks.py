"""Trailing blanks of CHAR and VARCHAR mean nothing when values are compared.

So every place that compares texts compares them without their trailing blanks: conditions, joins, IN, GROUP BY,
DISTINCT, PARTITION BY, ORDER BY and set operations. LIKE, LEN and || still see them.
Source: https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html#r_Character_types-significance-of-trailing-blanks
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from headrace_local.redshift.meaning.kinds import is_string, is_text, kind_of
from headrace_local.redshift.syntax.nodes import call, raw, text

_BARE = "bare"
_PARTIAL = (exp.Rollup, exp.Cube, exp.GroupingSets)
_AGGREGATES = frozenset(
    [
        "any_value",
        "approx_count_distinct",
        "avg",
        "bit_and",
        "bit_or",
        "bool_and",
        "bool_or",
        "count",
        "max",
        "median",
        "min",
        "quantile_cont",
        "quantile_disc",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "string_agg",
        "sum",
        "var_pop",
        "var_samp",
        "variance",
    ]
)


def bare(value: exp.Expr) -> exp.Expr:
    """`value`, a text, without its trailing blanks. Texts that end without one are passed on as they are."""
    if value.meta.get(_BARE):
        return value
    if is_string(value):
        return text(str(value.this).rstrip(" "))
    padded = call("suffix", value.copy(), text(" "))
    case = exp.Case(default=value).when(padded, call("rtrim", value.copy(), text(" ")), copy=False)
    case.meta.update(value.meta)
    case.meta[_BARE] = True
    return case


def bare_if_text(value: exp.Expr) -> exp.Expr:
    """`value` without trailing blanks if it is known to be a text."""
    return bare(value) if is_text(value) else value


def compared(*values: exp.Expr) -> list[exp.Expr]:
    """Values that are compared with each other: as texts if one of them is known as such and none as something else."""
    texts = [is_text(value) for value in values]
    columns = any(found and not is_string(value) for found, value in zip(texts, values, strict=True))
    others = any(kind is not None and not kind.is_character for kind in map(kind_of, values))
    if others or not (columns or all(texts)):
        return list(values)
    return [bare(value) if found else value for value, found in zip(values, texts, strict=True)]


def compare_binary(node: exp.Expr) -> None:
    """Make `left = right` and the like compare texts without trailing blanks, in place."""
    right = node.args["expression"]
    if isinstance(right, exp.Any | exp.All):
        if is_text(node.this) and isinstance(right.this, exp.Query):
            node.set("this", bare(node.this))
            right.set("this", bare_column(right.this))
        return
    left, right = compared(node.this, right)
    node.set("this", left)
    node.set("expression", right)


def compare_membership(node: exp.Expr) -> None:
    """Make `value IN (…)` compare texts without trailing blanks, in place."""
    query = node.args.get("query")
    if query is not None:
        if is_text(node.this):
            node.set("this", bare(node.this))
            node.set("query", bare_column(query))
        return
    value, *listed = compared(node.this, *node.expressions)
    node.set("this", value)
    node.set("expressions", listed)


def compare_range(node: exp.Expr) -> None:
    """Make BETWEEN compare texts without trailing blanks, in place."""
    for name, value in zip(
        ("this", "low", "high"), compared(node.this, node.args["low"], node.args["high"]), strict=True
    ):
        node.set(name, value)


def compare_case(node: exp.Expr) -> None:
    """Make `CASE value WHEN …` compare texts without trailing blanks, in place."""
    if node.this is None:
        return
    value, *searched = compared(node.this, *(branch.this for branch in node.args["ifs"]))
    node.set("this", value)
    for branch, each in zip(node.args["ifs"], searched, strict=True):
        branch.set("this", each)


def bare_column(query: exp.Expr) -> exp.Expr:
    """A query around `query`, whose one column is a text, that gives it without trailing blanks."""
    inner = query if isinstance(query, exp.Subquery) else exp.Subquery(this=query)
    column = raw("#1")
    return exp.Subquery(this=exp.Select(expressions=[bare(column)], from_=exp.From(this=inner.copy())))


def group_texts(select: exp.Select) -> None:
    """Make GROUP BY, DISTINCT and ORDER BY of a translated SELECT take texts as equal without trailing blanks."""
    _group(select)
    _distinct(select)
    _order(select)


def _group(select: exp.Select) -> None:
    group = select.args.get("group")
    if group is None:
        return
    if group.args.get("all"):
        group.set("all", None)
        group.set("expressions", [p.unalias().copy() for p in select.expressions if not _has_aggregate(p.unalias())])
    elements = list(_group_elements(group))
    grouped = [_projection_for(select, element) for element in elements]
    texts = [value for value in grouped if is_text(value)]
    if not texts:
        return
    for element, value in zip(elements, grouped, strict=True):
        element.replace(bare(value.copy()) if is_text(value) else value.copy())
    partial = any(isinstance(part, _PARTIAL) for part in group.expressions)
    for place in _outputs(select):
        for value in texts:
            _represent(place, value, partial=partial)


def _group_elements(part: exp.Expr) -> Iterator[exp.Expr]:
    """The values of GROUP BY, also those within ROLLUP, CUBE and GROUPING SETS."""
    for inner in part.expressions or [part.this]:
        if isinstance(inner, (*_PARTIAL, exp.Tuple, exp.Paren)):
            yield from _group_elements(inner)
        elif inner is not None:
            yield inner


def _projection_for(select: exp.Select, element: exp.Expr) -> exp.Expr:
    """What an element of GROUP BY or ORDER BY stands for: an ordinal or an alias of the SELECT list, or itself."""
    if isinstance(element, exp.Literal) and not element.is_string and element.name.isdigit():
        position = int(element.name) - 1
        if position < len(select.expressions) and not any(p.is_star for p in select.expressions[: position + 1]):
            return _value_of(select.expressions[position])
    if isinstance(element, exp.Column) and not element.table and kind_of(element) is None:
        named = (p for p in select.expressions if isinstance(p, exp.Alias) and p.alias == element.name)
        found: exp.Expr | None = next(named, None)
        return element if found is None else _value_of(found)
    return element


def _value_of(projection: exp.Expr) -> exp.Expr:
    value: exp.Expr = projection.unalias()
    return value


def _outputs(select: exp.Select) -> list[exp.Expr]:
    places = [*select.expressions, select.args.get("having"), select.args.get("qualify"), select.args.get("order")]
    return [place for place in places if place is not None]


def _represent(place: exp.Expr, value: exp.Expr, *, partial: bool) -> None:
    """Replace `value` by one of its group's, outside of aggregates: the groups are of values without blanks."""
    for node in list(_outside_aggregates(place)):
        if _is_same(node, value):
            chosen: exp.Expr = call("min", value.copy())
            if partial:
                is_there = exp.EQ(this=call("grouping", bare(value.copy())), expression=exp.Literal.number(0))
                chosen = exp.Case().when(is_there, chosen)
            chosen.meta.update(value.meta)
            if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
                chosen = exp.Alias(this=chosen, alias=exp.to_identifier(node.output_name, quoted=True))
            node.replace(chosen)


def _is_same(node: exp.Expr, value: exp.Expr) -> bool:
    if isinstance(node, exp.Column) and isinstance(value, exp.Column) and not (node.table and value.table):
        return bool(node.name == value.name)
    return bool(node == value)


def _outside_aggregates(node: exp.Expr) -> Iterator[exp.Expr]:
    yield node
    inner = node.iter_expressions()
    if isinstance(node, exp.Window):
        window_call = node.this.this if isinstance(node.this, exp.WithinGroup | exp.IgnoreNulls) else node.this
        inner = (each for each in (*window_call.iter_expressions(), *node.iter_expressions()) if each is not node.this)
    elif _is_aggregate(node) or isinstance(node, exp.Subquery):
        return
    for each in inner:
        yield from _outside_aggregates(each)


def _is_aggregate(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in _AGGREGATES


def _has_aggregate(node: exp.Expr) -> bool:
    return any(_is_aggregate(each) for each in _outside_aggregates(node))


def _distinct(select: exp.Select) -> None:
    distinct = select.args.get("distinct")
    if distinct is None or distinct.args.get("on") or not any(map(is_text, select.expressions)):
        return
    keys = [bare_if_text(projection.unalias().copy()) for projection in select.expressions]
    distinct.set("on", exp.Tuple(expressions=keys))


def _order(select: exp.Select) -> None:
    order = select.args.get("order")
    for ordered in order.expressions if order is not None else ():
        value = _projection_for(select, ordered.this)
        if is_text(value):
            ordered.set("this", bare(value.copy()))


def expand_stars(select: exp.Select, names: Callable[[exp.Expr], list[exp.Expr] | None]) -> None:
    """Replace the stars of a SELECT DISTINCT by the columns they stand for, where `names` knows them."""
    if select.args.get("distinct") is None or not any(p.is_star for p in select.expressions):
        return
    expanded: list[exp.Expr] = []
    for projection in select.expressions:
        columns = names(projection) if projection.is_star else [projection]
        if columns is None:
            return
        expanded += columns
    select.set("expressions", expanded)


def combine_texts(operation: exp.SetOperation, texts: list[bool], names: list[str]) -> exp.Expr:
    """UNION, INTERSECT or EXCEPT of translated queries, with texts taken as equal without trailing blanks.

    `texts` says which columns are texts, `names` what they are called.
    """
    if not any(texts):
        return operation
    outer = exp.Select(expressions=[exp.Star()])
    for clause in ("with_", "order", "limit", "offset"):
        if operation.args.get(clause):
            outer.set(clause, operation.args[clause].pop())
    if operation.args.get("distinct"):
        keys = [_position(position, is_text=found) for position, found in enumerate(texts, 1)]
        outer.set("distinct", exp.Distinct(on=exp.Tuple(expressions=keys)))
    if isinstance(operation, exp.Union):
        operation.set("distinct", False)  # noqa: FBT003
        outer.set("from_", exp.From(this=_derived(operation, "combined")))
    else:
        _compare_rows(outer, operation, texts, names)
    _order_positions(outer, texts, names)
    return outer


def _compare_rows(outer: exp.Select, operation: exp.SetOperation, texts: list[bool], names: list[str]) -> None:
    """INTERSECT and EXCEPT as joins on all columns, NULL being equal to NULL."""
    columns = [f"c{position}" for position in range(len(texts))]
    sides = [exp.column(name, table=table, quoted=True) for table in ("left", "right") for name in columns]
    left, right = sides[: len(columns)], sides[len(columns) :]
    keys = [
        exp.NullSafeEQ(this=bare(one) if found else one, expression=bare(other) if found else other)
        for one, other, found in zip(left, right, texts, strict=True)
    ]
    kind = "ANTI" if isinstance(operation, exp.Except) else "SEMI"
    join = exp.Join(this=_derived(operation.expression, "right", columns), kind=kind, on=exp.and_(*keys, copy=False))
    outer.set("from_", exp.From(this=_derived(operation.this, "left", columns)))
    outer.set("joins", [join])
    named = zip(columns, names, strict=True)
    outer.set("expressions", [exp.alias_(exp.column(column, quoted=True), name, quoted=True) for column, name in named])


def _derived(query: exp.Expr, name: str, columns: list[str] | None = None) -> exp.Expr:
    inner = query.this if isinstance(query, exp.Subquery) and not query.alias else query
    alias = exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    if columns:
        alias.set("columns", [exp.to_identifier(column, quoted=True) for column in columns])
    return exp.Subquery(this=inner.copy(), alias=alias)


def _position(position: int, *, is_text: bool) -> exp.Expr:
    column = raw(f"#{position}")
    return bare(column) if is_text else column


def _order_positions(outer: exp.Select, texts: list[bool], names: list[str]) -> None:
    order = outer.args.get("order")
    for ordered in order.expressions if order is not None else ():
        element = ordered.this
        if isinstance(element, exp.Literal) and element.name.isdigit():
            position = int(element.name)
        elif isinstance(element, exp.Column) and element.name in names:
            position = names.index(element.name) + 1
        else:
            continue
        if position <= len(texts):
            ordered.set("this", _position(position, is_text=texts[position - 1]))
