"""The columns of a file whose values stand in its key: the same in every row, and validated like any other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Column, Contract
from headrace.domain.files.key_values import FOLDERS, KEY, NAME, Values, folder_values, name_values
from headrace.transform.operations import needs_key
from headrace.transform.outcome import FileRejected, RowError
from headrace.transform.rules.values import ColumnReader
from headrace.transform.schema import arrow_type
from headrace.transform.values.values import shown, text_reader

RULE = "path"
"""What a row breaks that says something else than its file's key."""


@dataclass(frozen=True, slots=True)
class KeyColumns:
    """Each of the columns, its place in the contract, and its value."""

    values: Sequence[tuple[int, Column, Any]]

    @property
    def text(self) -> str:
        """The values as one text, the same for the same values."""
        return json.dumps([[column.name, None if value is None else str(value)] for _, column, value in self.values])

    def filled(self, table: pa.Table) -> pa.Table:
        """The table with the values in all rows."""
        for place, column, value in self.values:
            array = pa.repeat(pa.scalar(value, arrow_type(column)), table.num_rows)
            table = table.set_column(place, pa.field(column.name, array.type, nullable=value is None), array)
        return table

    def contradictions(self, table: pa.Table) -> dict[int, tuple[RowError, ...]]:
        """The rows that have another value in such a column, by their place in the table."""
        found: dict[int, tuple[RowError, ...]] = {}
        for place, column, value in self.values:
            array = table.column(place)
            if array.null_count == len(array):
                continue
            other = pc.is_valid(array) if value is None else pc.not_equal(array, pa.scalar(value, array.type))
            for row in pc.indices_nonzero(pc.fill_null(other, pa.scalar(value=False))).to_pylist():
                has = "none" if value is None else shown(value)
                reason = f"the row has {shown(array[row].as_py())}, the key of its file {has}"
                found[row] = (*found.get(row, ()), RowError(column.name, RULE, reason))
        return found


def in_rows(contract: Contract) -> Contract:
    """The contract as rows must keep it: they may lack what stands in the key, or truncate the table."""
    if not contract.key_columns and not contract.truncates:
        return contract
    columns = tuple(
        replace(column, required=contract.is_filled(column) and not column.origin) for column in contract.columns
    )
    return replace(contract, columns=columns, rules=(*needs_key(contract), *contract.rules))


def key_columns(contract: Contract, key: str) -> KeyColumns | None:
    """The columns and values of a file's key; None for a contract without such columns.

    Raises FileRejected for a key that is not as the contract says, or a value that breaks a rule of its column.
    """
    wanted = [(place, column) for place, column in enumerate(contract.columns) if column.origin]
    if not wanted:
        return None
    texts = _texts(contract, key)
    return KeyColumns(
        [(place, column, _value(column, texts[column.origin][column.source])) for place, column in wanted]
    )


def _texts(contract: Contract, key: str) -> dict[str, Values]:
    """By the column's origin and the name of its field."""
    below = key.removeprefix(contract.prefix)
    name = below.rpartition("/")[2]
    in_folders = folder_values(contract.folder_templates, below)
    if in_folders is None:
        wanted = f"{contract.prefix}{'/'.join(contract.folder_templates)}/"
        raise FileRejected("key", f"its key is not as the contract's location says: {shown(below)} is not in {wanted}")
    whole = {column.source: column.origin for column in contract.columns}
    return {
        FOLDERS: in_folders | name_values(contract.name_templates, name),
        NAME: dict.fromkeys((field for field in whole if whole[field] == NAME), name),
        KEY: dict.fromkeys((field for field in whole if whole[field] == KEY), key),
    }


def _value(column: Column, text: str | None) -> Any:
    reader = ColumnReader(column, text_reader(column))
    if text is None:
        errors = list(reader.missing)
        value = None
    else:
        errors = list[RowError]()
        value = reader.value(text, errors)
    if errors:
        broken = f"{column.source}: {errors[0].reason} ({errors[0].rule})"
        raise FileRejected("key", f"its key breaks the contract, {broken}")
    return value
