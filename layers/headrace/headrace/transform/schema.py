"""The Parquet schema that a contract means: exact types, for a COPY that goes by position."""

from __future__ import annotations

import pyarrow as pa

from headrace.domain.contract import Column, Contract, Kind

ONE_TEXT = pa.dictionary(pa.int32(), pa.string())
"""The same text in many rows. Parquet has it as plain text, encoded with a dictionary like any that repeats."""
LINEAGE = (
    pa.field("_file_id", ONE_TEXT, nullable=False),
    pa.field("_row_number", pa.int64(), nullable=False),
    pa.field("_batch_id", ONE_TEXT, nullable=False),
)
INTEGERS = {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
FLOATS = {32: pa.float32(), 64: pa.float64()}
PLAIN = {
    Kind.STRING: pa.string(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us"),
    Kind.SUPER: pa.string(),
}


def arrow_type(column: Column) -> pa.DataType:
    """The column's type in Parquet. Timestamps are microseconds in UTC without a zone; SUPER travels as JSON text."""
    if column.kind is Kind.INTEGER:
        return INTEGERS[column.bits]
    if column.kind is Kind.FLOAT:
        return FLOATS[column.bits]
    if column.kind is Kind.DECIMAL:
        return pa.decimal128(column.precision, column.scale)
    return PLAIN[column.kind]


def data_schema(contract: Contract) -> pa.Schema:
    """The contract's own columns, in its order."""
    return pa.schema([pa.field(c.name, arrow_type(c), nullable=not contract.is_filled(c)) for c in contract.columns])


def arrow_schema(contract: Contract) -> pa.Schema:
    """The contract's columns in its order, then the lineage columns: the order of the stage that COPY fills."""
    return pa.schema([*data_schema(contract), *LINEAGE])


def one_text(text: str, rows: int) -> pa.DictionaryArray:
    """A column that says the same in every row."""
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([text]))
