"""Quality of `type: sql` at the table: what must hold for every row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from open_data_contract_standard.model import DataQuality

from headrace.domain.contract import Column, RowRule
from headrace.transform.rules.rows import evaluate
from headrace.transform.schema import arrow_type
from headrace_compiler.compile.expressions import ExpressionError, Tree, parse
from headrace_compiler.compile.metrics import is_statistic
from headrace_compiler.document.document import Problems, Where

COUNTED = re.compile(r"\s*select\s+count\s*\(\s*\*\s*\)\s+from\s+\S+\s+where\s+(.*?);?\s*", re.IGNORECASE | re.DOTALL)
"""The usual form of ODCS: how many rows are wrong, which must be 0."""
EXPECTATIONS = (
    "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
    "mustBeBetween", "mustNotBeBetween",
)  # fmt: skip


def row_rules(
    checks: Sequence[DataQuality], columns: Sequence[Column], where: Where, problems: Problems
) -> tuple[RowRule, ...]:
    """The rules between columns. All other quality of a table is refused by name."""
    rules: list[RowRule] = []
    for index, check in enumerate(checks):
        here = (*where, "quality", index)
        if check.type == "text" or is_statistic(check):
            continue
        reason = _refused(check) or (_twice(check, rules))
        if reason:
            problems.add(here, reason)
            continue
        rule = _rule(check, columns, here, problems)
        rules += [rule] if rule else []
    return tuple(rules)


def _refused(check: DataQuality) -> str | None:
    if check.type != "sql":
        return (
            "quality of the table is type: sql for rules between columns, type: custom with engine: headrace,"
            " rowCount or duplicateValues with bounds, or type: text"
        )
    if not check.name:
        return "a rule between columns needs a name: it stands beside the rows that break it"
    if not check.query:
        return "a rule between columns needs a query, such as: ended_at >= started_at"
    if any(getattr(check, name) is not None for name in EXPECTATIONS):
        return "the rule is checked row by row: leave the expectation out, or write mustBe: 0 for a count of wrong rows"
    if check.severity not in {None, "error"}:
        return f"severity {check.severity!r} is not supported: a row that breaks a rule is quarantined"
    return None


def _twice(check: DataQuality, rules: Sequence[RowRule]) -> str | None:
    return f"the rule {check.name!r} is there twice" if any(rule.name == check.name for rule in rules) else None


def _rule(check: DataQuality, columns: Sequence[Column], where: Where, problems: Problems) -> RowRule | None:
    query = str(check.query)
    counted = COUNTED.fullmatch(query)
    text = " ".join((counted[1] if counted else query).split())
    if bool(counted) != (check.mustBe is not None) or (counted and check.mustBe != 0):
        problems.add(where, "SELECT COUNT(*) … WHERE <a wrong row> goes with mustBe: 0, an expression without it")
        return None
    try:
        tree = parse(text, [column.name for column in columns])
        _check_types(tree, columns)
    except ExpressionError as error:
        problems.add((*where, "query"), f"the rule {check.name!r}: {error}")
        return None
    return RowRule(str(check.name), f"NOT ({text})" if counted else text, _frozen(["not", tree] if counted else tree))


def _frozen(tree: Any) -> Any:
    return tuple(map(_frozen, tree)) if isinstance(tree, list) else tree


def _check_types(tree: Tree, columns: Sequence[Column]) -> None:
    """Raises ExpressionError for an expression that these columns' types do not allow."""
    nothing = pa.table({column.name: pa.nulls(1, arrow_type(column)) for column in columns})
    try:
        kind = evaluate(tree, nothing).type
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise ExpressionError(f"its types do not fit each other ({error})") from error
    if not pa.types.is_boolean(kind):
        raise ExpressionError("it must be true or false for a row, such as a comparison")
