"""Which column of a change log says what to do with a row, and what becomes of rows that are deleted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from open_data_contract_standard.model import SchemaObject

from headrace.domain.contract import Column, Kind
from headrace.domain.operations import OPERATIONS
from headrace.transform.rules.values import value_rules
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

OPERATION, DELETED_AT, WITHOUT = "operationColumn", "deletedAtColumn", "filesWithoutOperation"
TRUNCATES = "truncateOperations"
WORD = re.compile(r"[A-Za-z](?:[A-Za-z0-9_ -]{0,30}[A-Za-z0-9_-])?")
"""A word that SQL tells apart from others: Redshift ignores blanks at the end of texts that it compares."""
OF_ONE_ROW = {word.casefold() for word in OPERATIONS}
MOST_WORDS = 10


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
    operation, deleted_at, truncates = values.get(OPERATION), values.get(DELETED_AT), tuple(values.get(TRUNCATES, ()))
    known = {column.name: column for column in columns}
    for name, value, reason in (
        (OPERATION, operation, _unfit(operation, known, layout, truncates)),
        (TRUNCATES, values.get(TRUNCATES), _unfit_words(truncates, operation, known)),
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
        replace(column, enum=tuple(dict.fromkeys((*(column.enum or OPERATIONS), *truncates))))
        if column.name == operation
        else column
        for column in columns
    )
    _check_copies(table, values, operation, layout, where, problems)
    optional = _without_operation(table, values, operation, where, problems)
    return found, {
        "operation": operation,
        "deleted_at": deleted_at,
        "operation_optional": optional,
        "truncates": truncates,
    }


def _without_operation(
    table: SchemaObject, values: dict[str, Any], operation: str | None, where: Where, problems: Problems
) -> bool:
    """Whether the rows of a file without the operation are inserts."""
    place = custom.place_of(table.customProperties, WITHOUT, where)
    chosen = str(values.get(WITHOUT, "refuse"))
    if WITHOUT in values and operation is None:
        problems.add(place, f"{WITHOUT} belongs to {OPERATION}")
    if chosen not in {"refuse", "insert"}:
        problems.add(place, f"{WITHOUT} must be refuse or insert{suggestion(chosen, ('refuse', 'insert'))}")
    return chosen == "insert"


def _check_copies(
    table: SchemaObject,
    values: dict[str, Any],
    operation: str | None,
    layout: dict[str, Any],
    where: Where,
    problems: Problems,
) -> None:
    """By arrival alone, the same change after another one is a change again, and not a copy of the first."""
    if operation is None or layout["ordering"] or "onCopy" in values:
        return
    reason = "without orderingColumns a change log must say what a copy is: onCopy: load takes the same bytes under"
    advice = "another key as changes again, onCopy: skip passes over them, also where the states I, D, I come back"
    problems.add(custom.place_of(table.customProperties, OPERATION, where), f"{reason} {advice}")


def check_null_tokens(
    columns: Sequence[Column], table: SchemaObject, tokens: Sequence[str], where: Where, problems: Problems
) -> None:
    """A letter that is read as no value would be an insert."""
    place = custom.place_of(table.customProperties, OPERATION, where)
    operation = next((item.value for item in table.customProperties or [] if item.property == OPERATION), None)
    column = next((column for column in columns if column.name == operation), None)
    if column is None:
        return
    nulls = (*tokens, *(column.writing.nulls or ()))
    for letter in sorted(set(column.enum).intersection(nulls)):
        problems.add(place, f"{OPERATION}: {letter!r} is one of the nullTokens, so it would be read as an insert")


def _unfit(name: str | None, known: dict[str, Column], layout: dict[str, Any], truncates: Sequence[str]) -> str | None:
    if name not in known:
        return f"there is no column {name!r}{suggestion(str(name), known)}"
    if known[name].kind is not Kind.STRING:
        return f"the column {name!r} must be a string"
    if unknown := sorted(set(known[name].enum).difference(OPERATIONS, truncates)):
        return f"{unknown[0]!r} is not an operation: {', '.join(OPERATIONS)} are"
    if not layout["primary_key"]:
        return "changes need a primaryKey, which says what they change"
    return _taken(known[name], layout) or _changed(known[name]) or _excluded(known[name])


def _unfit_words(words: Sequence[str], operation: str | None, known: dict[str, Column]) -> str | None:
    """Why these cannot be the operations that delete all rows."""
    if operation is None:
        return f"only a change log is truncated: it needs {OPERATION}"
    if not 1 <= len(words) <= MOST_WORDS:
        return f"it names 1 to {MOST_WORDS} operations, such as t of Debezium"
    return next((reason for word in words if (reason := _unfit_word(word, known.get(operation)))), None)


def _unfit_word(word: str, column: Column | None) -> str | None:
    """Why a word cannot stand in the operation's column, None if it can, or there is none."""
    if word.rstrip().casefold() in OF_ONE_ROW:
        return f"{word!r} is the operation of one row, and would delete all"
    if not WORD.fullmatch(word):
        return f"{word!r} is no word: letters, digits, '_', '-' and blanks within, at most 32"
    if column is None or column.kind is not Kind.STRING:
        return None
    if len(word) > column.max_bytes:
        return f"{word!r} does not fit the column {column.name!r} of {column.max_bytes} bytes"
    broken = _broken(column, word)
    return f"{word!r} breaks a rule of the column {column.name!r}: it {broken}" if broken else None


def _taken(column: Column, layout: dict[str, Any]) -> str | None:
    """What else an operation is, which it cannot be."""
    if column.logic:
        return f"transformLogic of {column.name!r} would change what a row does"
    if column.name in layout["ordering"]:
        return f"{column.name!r} is an ordering column: its letters say nothing of what came later"
    return f"{column.name!r} is part of the primary key" if column.name in layout["primary_key"] else None


def _changed(column: Column) -> str | None:
    """What would make another operation of the one that is written, or of none."""
    if column.writing.default is not None:
        return f"{column.name!r} has a default, so that a row without an operation would not be an insert: leave it out"
    if column.writing.cut or column.writing.replaces:
        return f"{column.name!r} would be changed, and do something else: leave out tooLong and badBytes"
    return None


def _excluded(column: Column) -> str | None:
    """The operation that a column allows by its values, and excludes by another rule; its own enum is checked before.

    Without an enum, words that are longer than the column are none that it needs.
    """
    longest = min(column.max_bytes, column.max_length or column.max_bytes)
    for word in () if column.enum else OPERATIONS:
        if len(word) <= longest and (reason := _broken(column, word)):
            return f"{word!r} breaks a rule of {column.name!r}: it {reason}. Write what it may have as its enum"
    return None


def _broken(column: Column, word: str) -> str | None:
    """The rule of the column, its enum aside, that an operation breaks."""
    rules = (rule for name, rule in value_rules(column) if name != "enum")
    return next((reason for rule in rules if (reason := rule(word))), None)


def _unfit_time(
    name: str | None, operation: str | None, known: dict[str, Column], layout: dict[str, Any]
) -> str | None:
    if operation is None:
        return f"only rows of a change log are deleted: it needs {OPERATION}"
    if name not in known:
        return f"there is no column {name!r}{suggestion(str(name), known)}"
    if known[name].kind is not Kind.TIMESTAMP or known[name].required:
        return f"the column {name!r} must be a timestamp that is not required"
    if known[name].logic or known[name].origin:
        return f"the column {name!r} has the time of the load, no transformLogic and no value of the key"
    taken = {*layout["primary_key"], *layout["ordering"]}
    return f"{name!r} is a key or ordering column" if name in taken else None
