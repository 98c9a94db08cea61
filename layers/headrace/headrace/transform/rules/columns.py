"""The contract's rules on whole columns: which rows of a typed table break one. Why is the slow path's matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Column, Contract, Kind
from headrace.transform.rules.values import bound_values, enum_values, is_needed
from headrace.transform.schema import arrow_type
from headrace.transform.values.json_text import SUPER_BYTES, not_json, repeats_a_key

Check = Callable[[pa.Array], pa.Array]
"""From a column to a mask that is true where a row breaks the rule; null where there is no value."""
FALSE = pa.scalar(value=False)
LONGEST = (1 << 31) - 1


class ColumnChecks:
    """Every check that the contract asks for, ready to run over tables of its columns.

    `proven` gives the rules of a column that need no check.
    """

    def __init__(
        self, contract: Contract, proven: Callable[[Column], AbstractSet[str]] = lambda _: frozenset()
    ) -> None:
        self._required = [column.name for column in contract.columns if is_needed(column)]
        self._checks = [(column.name, column_checks(column, proven(column))) for column in contract.columns]

    def broken(self, table: pa.Table) -> list[int]:
        """The places of the rows that break a rule, in order."""
        masks = [pc.is_null(table[name]) for name in self._required if table[name].null_count]
        masks += [mask for name, checks in self._checks if (mask := broken_by(checks, table[name])) is not None]
        if not masks:
            return []
        places: list[int] = pc.indices_nonzero(reduce(pc.or_, masks)).to_pylist()
        return places


def broken_by(checks: Iterable[Check], array: pa.Array) -> pa.Array | None:
    """A mask of the values that break one of the rules; None if none does."""
    masks = [pc.fill_null(mask, FALSE) for check in checks if pc.any(mask := check(array)).as_py()]
    return reduce(pc.or_, masks) if masks else None


def column_checks(column: Column, proven: AbstractSet[str] = frozenset()) -> list[Check]:
    """The checks of one column, the required one and the proven ones left out."""
    checks: list[Check] = []
    if column.kind is Kind.STRING and column.max_bytes:
        checks.append(_longer(pc.binary_length, column.max_bytes))
    if column.unpadded:
        checks.append(lambda array: pc.ends_with(array, pattern=" "))
    if column.kind is Kind.SUPER:
        checks += [_longer(pc.binary_length, SUPER_BYTES), *_json_checks(proven)]
    if column.enum and "enum" not in proven:
        allowed = pa.array(enum_values(column), arrow_type(column))
        checks.append(lambda array: pc.and_(pc.is_valid(array), pc.invert(pc.is_in(array, allowed))))
    if column.pattern is not None and "pattern" not in proven:
        pattern = column.pattern
        checks.append(lambda array: pc.invert(pc.match_substring_regex(array, pattern)))
    return checks + _length_checks(column) + _bound_checks(column)


def _json_checks(proven: AbstractSet[str]) -> list[Check]:
    if "json" in proven:
        return []
    return [repeats_a_key] if "shallow" in proven else [not_json]


def _longer(measure: Callable[[pa.Array], pa.Array], limit: int) -> Check:
    longest = _length(limit)
    return lambda array: pc.greater(measure(array), longest)


def _length(limit: int) -> pa.Scalar:
    """As Arrow measures: with 32 bits."""
    return pa.scalar(min(limit, LONGEST), pa.int32())


def _length_checks(column: Column) -> list[Check]:
    checks: list[Check] = []
    if column.min_length is not None:
        shortest = _length(column.min_length)
        measure = pc.utf8_length if column.min_length > 1 else pc.binary_length  # empty is empty, and quicker to see
        checks.append(lambda array: pc.less(measure(array), shortest))
    if column.max_length is not None:
        checks.append(_longer(pc.utf8_length, column.max_length))
    return checks


def _bound_checks(column: Column) -> list[Check]:
    breaks: dict[str, Callable[[pa.Array, pa.Scalar], pa.Array]] = {
        "minimum": pc.less,
        "maximum": pc.greater,
        "exclusiveMinimum": pc.less_equal,
        "exclusiveMaximum": pc.greater_equal,
    }
    return [_bound_check(breaks[name], column, bound) for name, bound in bound_values(column).items()]


def _bound_check(breaks: Callable[[pa.Array, pa.Scalar], pa.Array], column: Column, bound: Any) -> Check:
    scalar = pa.scalar(bound, arrow_type(column))
    return lambda array: breaks(array, scalar)
