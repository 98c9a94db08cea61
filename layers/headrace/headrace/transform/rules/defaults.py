"""What stands in a column where a row has no value."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from headrace.domain.contract import Contract
from headrace.transform.rules.values import without_formats
from headrace.transform.schema import arrow_type
from headrace.transform.values.values import text_reader


def defaults_of(contract: Contract) -> dict[str, pa.Scalar]:
    """The columns that have one."""
    return {
        column.name: pa.scalar(text_reader(without_formats(column))(column.writing.default), arrow_type(column))
        for column in contract.columns
        if column.writing.default is not None
    }


def with_defaults(table: pa.Table, defaults: Mapping[str, pa.Scalar]) -> pa.Table:
    """The table with each default where its column has no value."""
    for name, default in defaults.items():
        if table[name].null_count:
            place = table.schema.get_field_index(name)
            table = table.set_column(place, table.schema.field(place), pc.fill_null(table[name], default))
    return table
