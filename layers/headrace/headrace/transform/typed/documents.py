"""A typed row as a JSON document, which means the same to the contract, also when it comes back from quarantine."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from headrace.domain.contract import UNKNOWN_COLUMN, Column, Contract, FileFormat, Kind
from headrace.domain.kind import TIMES
from headrace.transform.outcome import RowError
from headrace.transform.typed.json_lines import clock_json, is_text, json_texts, number_texts
from headrace.transform.values.times import ISO
from headrace.transform.values.values import shown

MIDNIGHT = r"T00:00:00Z?$"
NOT_JSON = b"not JSON: "
"""What spoils the document of a row whose text for a SUPER is not JSON."""


def as_documents(contract: Contract) -> Contract:
    """The contract of the documents that rows are: JSON Lines, with times in ISO 8601 whatever texts have.

    Where all values of a format are texts, they are read for what they say.
    """
    of_texts = contract.format.traits.of_texts
    columns = tuple(_loose(column) if of_texts else _with_iso(column) for column in contract.columns)
    usual = FileFormat("jsonl", null_tokens=contract.format.null_tokens, nan_is_null=contract.format.nan_is_null)
    return replace(contract, columns=columns, format=usual)


def _with_iso(column: Column) -> Column:
    if column.kind not in TIMES or not column.formats or ISO in column.formats:
        return column
    return replace(column, formats=(*column.formats, ISO))


def _loose(column: Column) -> Column:
    return column if column.kind is Kind.SUPER else replace(column, writing=replace(column.writing, loose=True))


def in_replays(contract: Contract) -> Contract:
    """The contract of the rows that come back from quarantine: those of a file that is no text are documents."""
    return as_documents(contract) if contract.format.traits.binary else contract


def member(array: pa.Array, column: Column | None) -> pa.Array:
    """The values of a field as JSON, as the column takes them that the field is."""
    kind = array.type
    if column is None:
        return json_texts(array)
    if column.kind is Kind.SUPER and is_text(kind):
        return pa.array([None if text is None else _json_in(text) for text in array.to_pylist()], pa.binary())
    if column.kind is Kind.DATE and kinds.is_timestamp(kind):
        return clock_json(array, lambda texts: pc.replace_substring_regex(texts, MIDNIGHT, ""))
    if column.kind is Kind.TIMESTAMP and kinds.is_date(kind):
        return clock_json(array, lambda texts: pc.binary_join_element_wise(texts, "T00:00:00", ""))
    if column.kind is Kind.INTEGER and kinds.is_decimal(kind):
        return pc.replace_substring_regex(number_texts(array), r"\.0+$", "").cast(pa.binary())
    return json_texts(array.cast(pa.float64()) if column.kind is Kind.FLOAT and kinds.is_floating(kind) else array)


def spoiling(value: Any, column: Column | None) -> RowError | None:
    """Why a value of a field cannot stand in a document; None if it can, or it is within others."""
    name = column.name if column is not None else UNKNOWN_COLUMN
    if isinstance(value, float) and not isfinite(value):
        return RowError(name, "logicalType", f"{value} is no number that can be stored; nanIsNull takes it for nothing")
    if not isinstance(value, bytes):
        return None
    try:
        value.decode()
        if column is not None and column.kind is Kind.SUPER:
            orjson.loads(value)
    except UnicodeDecodeError as error:
        byte = f"byte 0x{value[error.start]:02x} at place {error.start + 1}"
        return RowError(name, "encoding", f"{byte} is not UTF-8")
    except orjson.JSONDecodeError as error:
        return RowError(name, "logicalType", f"{shown(value.decode())} is not JSON: {error}")
    return None


def _json_in(text: bytes) -> bytes:
    """The JSON that a text holds, on one line. What is none must not be taken for more members of the document."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return NOT_JSON + orjson.dumps(text.decode("utf-8", "replace"))
    return text.replace(b"\n", b" ").replace(b"\r", b" ")
