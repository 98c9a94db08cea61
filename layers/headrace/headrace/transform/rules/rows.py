"""Rules between the columns of a row, on whole tables: which rows break which.

As in SQL, a comparison with nothing is neither true nor false, and only what is false breaks a rule. A row for which
the rule cannot be computed (a number too large, a division by zero) breaks it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Contract, RowRule
from headrace.transform.key_columns import KeyColumns
from headrace.transform.outcome import BadRow, RowError
from headrace.transform.rules.defaults import defaults_of, with_defaults
from headrace.transform.rules.parsed import Parsed, without
from headrace.transform.values.values import SHOWN

Value = Any
"""A column of Arrow, or a scalar that stands for all rows."""
Tree = Sequence[Any]
DIVIDED_BY_ZERO = "divide by zero"
Operation = Callable[..., Value]
Compute = Callable[[Operation, Sequence[Value]], Value]


class RowRules:
    """The row rules of a contract, and that no row contradicts the key of its file.

    Rows have the columns' defaults first, where they have no value.
    """

    def __init__(self, contract: Contract, key: KeyColumns | None = None) -> None:
        self._rules = contract.rules
        self._key = key
        self._defaults = defaults_of(contract)

    def applied(self, table: pa.Table) -> tuple[pa.Table, dict[int, tuple[RowError, ...]]]:
        """The table with what stands in the file's key, and its rows that contradict that or break a rule."""
        if self._key is None or not table.num_rows:
            table = with_defaults(table, self._defaults)
            return table, self.broken(table)
        whole = with_defaults(self._key.filled(table), self._defaults)
        found = self._key.contradictions(table)
        for place, errors in self.broken(whole).items():
            found[place] = found.get(place, ()) + errors
        return whole, dict(sorted(found.items()))

    def broken(self, table: pa.Table) -> dict[int, tuple[RowError, ...]]:
        """The rows that break a rule, by their place in the table, each with every rule that it breaks."""
        found: dict[int, list[RowError]] = defaultdict(list)
        for rule in self._rules if table.num_rows else ():
            for place, reason in _breaking(rule, table):
                found[place].append(RowError(None, rule.name, reason))
        return {place: tuple(errors) for place, errors in sorted(found.items())}


def apart(parsed: Parsed, rules: RowRules, raw: Callable[[int], bytes]) -> Parsed:
    """The stretch with what stands in the key, and the rows that break a rule among the bad ones.

    `raw` gives the bytes of a row by its number.
    """
    table, broken = rules.applied(parsed.table)
    parsed = Parsed(table, parsed.numbers, parsed.bad, parsed.changes)
    if not broken:
        return parsed
    bad = [BadRow(number, raw(number), broken[place]) for place in broken for number in [parsed.numbers[place].as_py()]]
    kept = without(parsed, broken)
    return Parsed(kept.table, kept.numbers, sorted(kept.bad + bad, key=lambda row: row.row_number), kept.changes)


def _breaking(rule: RowRule, table: pa.Table) -> list[tuple[int, str]]:
    """The places of the rows that break a rule, with the reasons."""
    places, failed = _Computation(table).false(rule.tree)
    said = _said(rule, table, places)
    return [
        (
            place,
            f"{values}: {rule.text} cannot be computed ({failed[place]})"
            if place in failed
            else f"{values} breaks {rule.text}",
        )
        for place, values in zip(places, said, strict=True)
    ]


def _said(rule: RowRule, table: pa.Table, places: list[int]) -> list[str]:
    """What the rows at these places have in the columns that the rule names."""
    names = list(dict.fromkeys(columns_of(rule.tree)))
    columns = [table[name].take(pa.array(places, pa.int64())).to_pylist() for name in names]
    rows = zip(*columns, strict=True) if columns else [()] * len(places)
    return [", ".join(f"{name} {_cut(value)}" for name, value in zip(names, values, strict=True)) for values in rows]


class _NoneComputedError(Exception):
    """There is no row for which an operation can be computed."""


class _Computation:
    """An expression over a table. An operation that fails is computed again for parts of the rows, and of no other.

    So a row that cannot be computed costs a few operations, and not the whole expression as often.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._failed: dict[int, str] = {}

    def false(self, tree: Tree) -> tuple[list[int], dict[int, str]]:
        """The places of the rows for which it is false or cannot be computed, and why those cannot."""
        try:
            holds = evaluate(tree, self._table, self._by_rows)
        except _NoneComputedError:
            return sorted(self._failed), self._failed
        holds = pa.repeat(holds, self._table.num_rows) if isinstance(holds, pa.Scalar) else holds
        false = pc.indices_nonzero(pc.fill_null(pc.invert(holds), pa.scalar(value=False))).to_pylist()
        return sorted(self._failed.keys() | false), self._failed

    def _by_rows(self, operation: Operation, values: Sequence[Value]) -> Value:
        """What the operation gives, null for the rows for which it cannot be computed."""
        try:
            return operation(*values)
        except pa.ArrowInvalid as error:
            rows = self._table.num_rows
            if all(isinstance(value, pa.Scalar) for value in values):
                self._failed |= dict.fromkeys(range(rows), str(error))
                raise _NoneComputedError from error
            whole = [value.combine_chunks() if isinstance(value, pa.ChunkedArray) else value for value in values]
            if operation is _divided and DIVIDED_BY_ZERO in str(error) and not isinstance(whole[1], pa.Scalar):
                whole[1] = self._without_zeros(whole[0], whole[1], str(error))
                return self._by_rows(operation, whole)
            return self._joined(list(self._halves(operation, whole, 0, rows, str(error))))

    def _without_zeros(self, dividends: Value, divisors: pa.Array, error: str) -> pa.Array:
        """The divisors, null where something is divided by zero: a column may be full of zeros."""
        zero = pc.and_(pc.fill_null(pc.equal(divisors, 0), pa.scalar(value=False)), pc.is_valid(dividends))
        for place in pc.indices_nonzero(zero).to_pylist():
            self._failed.setdefault(place, error)
        return pc.if_else(zero, pa.scalar(None, divisors.type), divisors)

    def _halves(
        self, operation: Operation, values: Sequence[Value], first: int, rows: int, error: str
    ) -> Iterator[Value | None]:
        """The results of both halves of some rows, for which together it failed; None for a row that is at fault."""
        if rows == 1:
            self._failed.setdefault(first, error)
            yield None
            return
        for start, count in ((first, rows // 2), (first + rows // 2, rows - rows // 2)):
            part = [value if isinstance(value, pa.Scalar) else value.slice(start, count) for value in values]
            try:
                yield operation(*part)
            except pa.ArrowInvalid as failed:
                yield from self._halves(operation, values, start, count, str(failed))

    @staticmethod
    def _joined(parts: list[Value | None]) -> Value:
        known = next((part for part in parts if part is not None), None)
        if known is None:
            raise _NoneComputedError
        null = pa.nulls(1, known.type)
        return pa.concat_arrays([null if part is None else part for part in parts])


def _cut(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def columns_of(tree: Tree) -> list[str]:
    """The columns that an expression names."""
    if tree[0] == "column":
        return [tree[1]]
    return [name for part in tree[1:] if isinstance(part, list | tuple) for name in columns_of(part)]


def at_once(operation: Operation, values: Sequence[Value]) -> Value:
    """The operation for all rows together. Raises ArrowInvalid if it cannot be computed for one of them."""
    return operation(*values)


def evaluate(tree: Tree, table: pa.Table, compute: Compute = at_once) -> Value:
    """The value of an expression for every row. `compute` applies an operation to values."""
    operator, *operands = tree
    if operator in LEAVES:
        return LEAVES[operator](operands, table)
    values = [evaluate(operand, table, compute) for operand in operands]
    return compute(OPERATIONS[operator], values)


def _number(text: str) -> pa.Scalar:
    return pa.scalar(int(text), pa.int64()) if text.isdecimal() else pa.scalar(Decimal(text))


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Times may be written as texts."""
    for text, other in ((left, right), (right, left)):
        if isinstance(text, pa.Scalar) and pa.types.is_string(text.type) and pa.types.is_temporal(other.type):
            read = text.cast(other.type)
            return (read, right) if text is left else (left, read)
    return left, right


def _compared(compare: Operation) -> Operation:
    return lambda left, right: compare(*_alike(left, right))


def _in(value: Value, *items: pa.Scalar) -> Value:
    matches = [pc.equal(*_alike(value, item)) for item in items]
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
OPERATIONS: dict[str, Operation] = {
    "=": _compared(pc.equal),
    "!=": _compared(pc.not_equal),
    "<": _compared(pc.less),
    "<=": _compared(pc.less_equal),
    ">": _compared(pc.greater),
    ">=": _compared(pc.greater_equal),
    "in": _in,
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
