"""Which column of a change log says what to do with a row, and what becomes of rows that are deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from open_data_contract_standard.model import SchemaObject

from headrace.domain.contract import Column, Kind
from headrace.domain.operations import OPERATIONS
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

OPERATION, DELETED_AT = "operationColumn", "deletedAtColumn"


def with_operations(
    columns: Sequence[Column],
    table: SchemaObject,
    values: dict[str, Any],
    layout: dict[str, Any],
    where: Where,
    problems: Problems,
) -> tuple[tuple[Column, ...], dict[str, Any]]:
    """The columns, the operation's with the letters it may have, and the fields of a Contract that are set.

    A delete may bring its key and nothing else, so no other column can be required.
    """
    operation, deleted_at = values.get(OPERATION), values.get(DELETED_AT)
    known = {column.name: column for column in columns}
    for name, value, reason in (
        (OPERATION, operation, _unfit(operation, known, layout)),
        (DELETED_AT, deleted_at, _unfit_time(deleted_at, operation, known, layout)),
    ):
        if value is not None and reason:
            problems.add(custom.place_of(table.customProperties, name, where), f"{name}: {reason}")
    needed = {*layout["primary_key"], *layout["ordering"], operation}
    for index, column in enumerate(columns if operation else ()):
        if column.required and column.name not in needed:
            advice = f"write a rule between columns, such as {operation} = 'D' OR {column.name} IS NOT NULL"
            reason = f"{column.name!r} cannot be required, since a row that deletes may lack it: {advice}"
            problems.add((*where, "properties", index, "required"), reason)
    found = tuple(
        replace(column, enum=OPERATIONS) if column.name == operation and not column.enum else column
        for column in columns
    )
    return found, {"operation": operation, "deleted_at": deleted_at}


def _unfit(name: str | None, known: dict[str, Column], layout: dict[str, Any]) -> str | None:
    if name not in known:
        return f"there is no column {name!r}{suggestion(str(name), known)}"
    if known[name].kind is not Kind.STRING:
        return f"the column {name!r} must be a string"
    if unknown := sorted(set(known[name].enum).difference(OPERATIONS)):
        return f"{unknown[0]!r} is not an operation: {', '.join(OPERATIONS)} are"
    if not layout["primary_key"]:
        return "changes need a primaryKey, which says what they change"
    return f"{name!r} is part of the primary key" if name in layout["primary_key"] else None


def _unfit_time(
    name: str | None, operation: str | None, known: dict[str, Column], layout: dict[str, Any]
) -> str | None:
    if operation is None:
        return f"only rows of a change log are deleted: it needs {OPERATION}"
    if name not in known:
        return f"there is no column {name!r}{suggestion(str(name), known)}"
    if known[name].kind is not Kind.TIMESTAMP or known[name].required:
        return f"the column {name!r} must be a timestamp that is not required"
    taken = {*layout["primary_key"], *layout["ordering"]}
    return f"{name!r} is a key or ordering column" if name in taken else None
