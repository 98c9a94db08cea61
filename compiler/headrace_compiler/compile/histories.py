"""Datasets that keep the earlier states of their keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from open_data_contract_standard.model import SchemaObject

from headrace.domain.contract import VALIDITY, Column
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

HISTORY = "history"
KINDS = ("scd2",)
AGAINST = {
    "snapshot": "a snapshot has no row that says when a key went",
    "truncateOperations": "its load would have more statements than Redshift's Data API takes",
}
LONGEST_NAME = 127 - len("_history")
"""Bytes of a table's name whose history has a name too (https://docs.aws.amazon.com/redshift/latest/dg/r_names.html)."""


def keeps_history(
    table: SchemaObject,
    values: dict[str, Any],
    columns: Sequence[Column],
    layout: dict[str, Any],
    where: Where,
    problems: Problems,
) -> bool:
    """Whether a table has a history; notes why it cannot. `where` is the table."""
    if HISTORY not in values:
        return False
    place = custom.place_of(table.customProperties, HISTORY, where)
    chosen = str(values[HISTORY])
    if chosen not in KINDS:
        problems.add(place, f"history must be scd2{suggestion(chosen, KINDS)}")
    for reason in _reasons(str(table.physicalName or table.name), values, columns, layout):
        problems.add(place, f"history: {reason}")
    return True


def _reasons(table: str, values: dict[str, Any], columns: Sequence[Column], layout: dict[str, Any]) -> list[str]:
    reasons = [f"it does not go with {name}: {reason}" for name, reason in AGAINST.items() if name in values]
    if not layout["primary_key"]:
        reasons.append("it needs a primaryKey, which says whose states follow each other")
    elif not layout["ordering"]:
        reasons.append("it needs orderingColumns, of which the first says from when a state holds")
    taken = [column.name for column in columns if column.name in VALIDITY]
    reasons += [f"it adds a column {name!r}, which the contract has already" for name in taken]
    views = [view.get("name") for view in values.get("materializedViews", []) if isinstance(view, dict)]
    if f"{table}_history" in views:
        reasons.append(f"its table is {table}_history, the name of a view of the contract")
    if len(table) > LONGEST_NAME:
        reasons.append(f"{table}_history would be longer than Redshift's 127 bytes")
    return reasons
