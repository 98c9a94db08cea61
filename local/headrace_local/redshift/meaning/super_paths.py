"""Navigation into SUPER values (`payload.items[0].sku`), as DuckDB's JSON functions.

Identifiers fold to lower case, so an attribute with capitals is not found this way: that is Redshift's default.
"""

from __future__ import annotations

import json

from sqlglot import exp

from headrace_local.redshift.errors import not_emulated
from headrace_local.redshift.meaning.json_functions import of_kind
from headrace_local.redshift.syntax.nodes import call, cast, text

_PATH = "super_path"
PARAMETER = "parameter"
"""Marks literals that were parameters: their type is not known."""


def names_in_scope(node: exp.Expr) -> dict[str, str | None]:
    """The tables and aliases a column at `node` may refer to, with the schema of those written with one."""
    names: dict[str, str | None] = {}
    ancestor = node.parent
    while ancestor is not None:
        for source in _sources(ancestor):
            names.setdefault(source.alias_or_name.lower(), _schema_of(source))
        ancestor = ancestor.parent
    return names


def _sources(scope: exp.Expr) -> list[exp.Expr]:
    if not isinstance(scope, exp.Select | exp.Update | exp.Delete | exp.Merge):
        return []
    found = [scope.this, scope.args.get("using"), scope.args.get("from_"), *(scope.args.get("joins") or [])]
    flat: list[exp.Expr] = []
    for entry in found:
        entries = entry if isinstance(entry, list) else [entry]
        flat += [each.this if isinstance(each, exp.From | exp.Join) else each for each in entries if each]
    joined = [join.this for each in flat for join in each.args.get("joins") or []]
    return flat + joined


def _schema_of(source: exp.Expr) -> str | None:
    if isinstance(source, exp.Table) and not source.alias and source.args.get("db"):
        return str(source.args["db"].name).lower()
    return None


def split_column(column: exp.Column) -> exp.Expr:
    """`column` as it is, or as navigation if its first part names no table in scope."""
    parts = list(column.parts)
    if len(parts) == 1:
        return column
    length = _column_length([part.name.lower() for part in parts], names_in_scope(column))
    if length == len(parts):
        return column
    base = exp.Column(**dict(zip(("this", "table", "db", "catalog"), reversed(parts[:length]), strict=False)))
    path = "$" + "".join(_attribute(part.name) for part in parts[length:])
    return _navigation(base, path)


def _column_length(parts: list[str], names: dict[str, str | None]) -> int:
    if parts[0] in names:
        return 2
    if len(parts) > 2 and names.get(parts[1]) == parts[0]:
        return 3
    if len(parts) > 3 and names.get(parts[2]) == parts[1]:
        return 4
    return 1


def _attribute(name: str) -> str:
    return "." + json.dumps(name.lower())


def _navigation(base: exp.Expr, path: str) -> exp.Expr:
    wrong_type = call("error", text("navigation is only allowed on a value of type SUPER"))
    is_super = exp.EQ(this=call("typeof", base), expression=text("JSON"))
    guarded = exp.Case(default=wrong_type).when(is_super, base.copy())
    node = exp.Anonymous(this="json_extract", expressions=[guarded, text(path)])
    node.meta[_PATH] = path
    return node


def is_navigation(node: exp.Expr | None) -> bool:
    """Whether `node` was made here."""
    return isinstance(node, exp.Anonymous) and _PATH in node.meta


def longer(node: exp.Expr, step: str) -> exp.Expr:
    """`node` with one more step; a plain column becomes a navigation."""
    if not is_navigation(node):
        return _navigation(node, "$" + step)
    return _navigation(_guarded(node), node.meta[_PATH] + step)


def _guarded(node: exp.Expr) -> exp.Expr:
    case: exp.Expr = node.expressions[0]
    value: exp.Expr = case.args["ifs"][0].args["true"]
    return value.copy()


def bracket(node: exp.Bracket) -> exp.Expr:
    """`value[0]` or `value['key']`."""
    (index,) = node.expressions
    if not isinstance(index, exp.Literal):
        raise not_emulated("navigation with an index that is not a literal")
    return longer(node.this, _attribute(index.name) if index.is_string else f"[{index.name}]")


def dot(node: exp.Dot) -> exp.Expr:
    """`value.attribute`."""
    return longer(node.this, _attribute(node.expression.name))


def as_text(node: exp.Expr) -> exp.Expr:
    """A navigation as the text of its value, NULL for JSON's null: what a cast starts from."""
    return call("json_extract_string", *(argument.copy() for argument in node.expressions))


def compared_with(node: exp.Expr, others: list[exp.Expr]) -> exp.Expr:
    """A navigation in the type of the literals it is compared with; a value of another type compares as NULL."""
    if any(PARAMETER in other.meta for other in others):
        raise not_emulated("comparing a SUPER value with a parameter: cast it first (payload.attribute::type)")
    if all(isinstance(other, exp.Literal) and other.is_string for other in others):
        return _if_kind(node, "string", as_text(node))
    if all(_is_number(other) for other in others):
        return _if_kind(node, "number", cast(as_text(node), "DOUBLE"))
    if all(isinstance(other, exp.Boolean) for other in others):
        return _if_kind(node, "boolean", cast(as_text(node), "BOOLEAN"))
    raise not_emulated("comparing a SUPER value with an expression: cast it first (payload.attribute::type)")


def _is_number(node: exp.Expr) -> bool:
    inner = node.this if isinstance(node, exp.Neg) else node
    return isinstance(inner, exp.Literal) and not inner.is_string


def _if_kind(node: exp.Expr, name: str, value: exp.Expr) -> exp.Expr:
    kind = call("json_type", *(argument.copy() for argument in node.expressions))
    return exp.Case().when(of_kind(kind, name), value)
