"""The column labels Redshift gives to a query's results."""

from __future__ import annotations

from sqlglot import exp

UNNAMED = "?column?"


def column_labels(tree: exp.Expr, names: list[str]) -> list[str]:
    """Redshift's labels for a query whose columns DuckDB calls `names`."""
    projections = _projections(tree)
    stars = [index for index, projection in enumerate(projections) if _is_star(projection)]
    if len(stars) > 1:
        return names
    before = stars[0] if stars else len(projections)
    after = projections[before + 1 :]
    middle = names[before : len(names) - len(after)]
    return [*map(label_of, projections[:before]), *middle, *map(label_of, after)]


def label_of(projection: exp.Expr) -> str:
    """The label of one expression of a SELECT list."""
    if projection.alias:
        return projection.alias.lower()
    if isinstance(projection, exp.Cast | exp.Window | exp.WithinGroup | exp.Paren | exp.Bracket):
        return label_of(projection.this)
    if isinstance(projection, exp.Dot):
        return label_of(projection.expression)
    if isinstance(projection, exp.Trim):
        return _TRIMS.get(str(projection.args.get("position") or "").upper(), "btrim")
    return _LABELS.get(type(projection)) or projection.name.lower() if _has_name(projection) else UNNAMED


_LABELS: dict[type[exp.Expr], str] = {
    exp.Case: "case",
    exp.Extract: "date_part",
    exp.CurrentTimestamp: "timestamp",
    exp.CurrentDate: "date",
    exp.CurrentUser: "current_user",
    exp.StrPosition: "position",
    exp.Substring: "substring",
}
_TRIMS = {"LEADING": "ltrim", "TRAILING": "rtrim"}


def _has_name(projection: exp.Expr) -> bool:
    return isinstance(projection, exp.Column | exp.Anonymous | exp.Identifier) or type(projection) in _LABELS


def _projections(tree: exp.Expr) -> list[exp.Expr]:
    while isinstance(tree, exp.SetOperation | exp.Subquery):
        tree = tree.this
    return list(tree.expressions)


def _is_star(projection: exp.Expr) -> bool:
    return isinstance(projection, exp.Star) or (
        isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star)
    )
