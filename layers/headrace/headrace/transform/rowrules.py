"""Rules between the columns of a row, on whole tables: which rows break which.

As in SQL, a comparison with nothing is neither true nor false, and only what is false breaks a rule. A row for which
the rule cannot be computed (a number too large, a division by zero) breaks it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Contract, RowRule
from headrace.transform.outcome import BadRow, RowError
from headrace.transform.parsed import Parsed, without
from headrace.transform.values import SHOWN

Value = Any
"""A column of Arrow, or a scalar that stands for all rows."""
Tree = Sequence[Any]


class RowRules:
    """The row rules of a contract."""

    def __init__(self, contract: Contract) -> None:
        self._rules = contract.rules

    def broken(self, table: pa.Table) -> dict[int, tuple[RowError, ...]]:
        """The rows that break a rule, by their place in the table, each with every rule that it breaks."""
        found: dict[int, list[RowError]] = defaultdict(list)
        for rule in self._rules if table.num_rows else ():
            for place, reason in _breaking(rule, table, 0):
                found[place].append(RowError(None, rule.name, reason))
        return {place: tuple(errors) for place, errors in sorted(found.items())}


def apart(parsed: Parsed, rules: RowRules, raw: Callable[[int], bytes]) -> Parsed:
    """The stretch with the rows that break a rule among the bad ones. `raw` gives the bytes of a row by its number."""
    broken = rules.broken(parsed.table)
    if not broken:
        return parsed
    bad = [BadRow(number, raw(number), broken[place]) for place in broken for number in [parsed.numbers[place].as_py()]]
    kept = without(parsed, broken)
    return Parsed(kept.table, kept.numbers, sorted(kept.bad + bad, key=lambda row: row.row_number))


def _breaking(rule: RowRule, table: pa.Table, first: int) -> list[tuple[int, str]]:
    try:
        holds = evaluate(rule.tree, table)
    except pa.ArrowInvalid as error:
        return _halved(rule, table, first, error)
    if isinstance(holds, pa.Scalar):
        holds = pa.repeat(holds, table.num_rows)
    places = pc.indices_nonzero(pc.fill_null(pc.invert(holds), pa.scalar(value=False))).to_pylist()
    return [(first + place, f"{_said(rule, table, place)} breaks {rule.text}") for place in places]


def _halved(rule: RowRule, table: pa.Table, first: int, error: pa.ArrowInvalid) -> list[tuple[int, str]]:
    """Finds the rows that cannot be computed."""
    if table.num_rows == 1:
        return [(first, f"{_said(rule, table, 0)}: {rule.text} cannot be computed ({error})")]
    half = table.num_rows // 2
    return _breaking(rule, table[:half], first) + _breaking(rule, table[half:], first + half)


def _said(rule: RowRule, table: pa.Table, place: int) -> str:
    names = dict.fromkeys(columns_of(rule.tree))
    return ", ".join(f"{name} {_cut(table[name][place].as_py())}" for name in names)


def _cut(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def columns_of(tree: Tree) -> list[str]:
    """The columns that an expression names."""
    if tree[0] == "column":
        return [tree[1]]
    return [name for part in tree[1:] if isinstance(part, list | tuple) for name in columns_of(part)]


def evaluate(tree: Tree, table: pa.Table) -> Value:
    """The value of an expression for every row. Raises ArrowInvalid where one cannot be computed."""
    operator, *operands = tree
    if operator in LEAVES:
        return LEAVES[operator](operands, table)
    if operator == "in":
        return _in(evaluate(operands[0], table), [evaluate(item, table) for item in operands[1:]])
    values = [evaluate(operand, table) for operand in operands]
    if operator in COMPARE:
        return COMPARE[operator](*_alike(*values))
    return COMPUTE[operator](*values)


def _number(text: str) -> pa.Scalar:
    return pa.scalar(int(text), pa.int64()) if text.isdecimal() else pa.scalar(Decimal(text))


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Times may be written as texts."""
    for text, other in ((left, right), (right, left)):
        if isinstance(text, pa.Scalar) and pa.types.is_string(text.type) and pa.types.is_temporal(other.type):
            read = text.cast(other.type)
            return (read, right) if text is left else (left, read)
    return left, right


def _in(value: Value, items: list[pa.Scalar]) -> Value:
    matches = [COMPARE["="](*_alike(value, item)) for item in items]
    found = matches[0]
    for match in matches[1:]:
        found = pc.or_kleene(found, match)
    return found


def _divided(left: Value, right: Value) -> Value:
    return pc.divide_checked(left.cast(pa.float64()), right.cast(pa.float64()))


LEAVES: dict[str, Callable[[Sequence[Any], pa.Table], Value]] = {
    "column": lambda operands, table: table[operands[0]],
    "number": lambda operands, _: _number(operands[0]),
    "text": lambda operands, _: pa.scalar(operands[0]),
    "boolean": lambda operands, _: pa.scalar(bool(operands[0])),
}
COMPARE: dict[str, Callable[[Value, Value], Value]] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
COMPUTE: dict[str, Callable[..., Value]] = {
    "and": pc.and_kleene,
    "or": pc.or_kleene,
    "not": pc.invert,
    "is null": pc.is_null,
    "like": lambda value, pattern: pc.match_like(value, pattern.as_py()),
    "+": pc.add_checked,
    "-": pc.subtract_checked,
    "*": pc.multiply_checked,
    "/": _divided,
    "negative": pc.negate_checked,
    "length": pc.utf8_length,
    "lower": pc.utf8_lower,
    "upper": pc.utf8_upper,
    "abs": pc.abs_checked,
    "coalesce": pc.coalesce,
}
