"""From logicalType and physicalType to the column's kind and its type in Redshift."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from headrace.domain.contract import Kind
from headrace_compiler.document.shape import suggestion

PHYSICAL = re.compile(r"([a-z][a-z0-9_ ]*?)\s*(?:\(\s*([0-9]+|max)\s*(?:,\s*([0-9]+)\s*)?\))?")
MAX_VARCHAR = 65535
DEFAULT_VARCHAR = 256
BYTES_PER_CHARACTER = 4


class TypeProblem(ValueError):  # noqa: N818 - it becomes one of the ContractErrors
    """A type that cannot be used; the text says why and what to write instead."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's kind and its type in Redshift, with the numbers that bound its values."""

    kind: Kind
    redshift_type: str
    bits: int = 64
    precision: int = 0
    scale: int = 0
    max_bytes: int = 0


SIMPLE = {
    "smallint": ColumnType(Kind.INTEGER, "SMALLINT", bits=16),
    "int2": ColumnType(Kind.INTEGER, "SMALLINT", bits=16),
    "integer": ColumnType(Kind.INTEGER, "INTEGER", bits=32),
    "int": ColumnType(Kind.INTEGER, "INTEGER", bits=32),
    "int4": ColumnType(Kind.INTEGER, "INTEGER", bits=32),
    "bigint": ColumnType(Kind.INTEGER, "BIGINT"),
    "int8": ColumnType(Kind.INTEGER, "BIGINT"),
    "real": ColumnType(Kind.FLOAT, "REAL", bits=32),
    "float4": ColumnType(Kind.FLOAT, "REAL", bits=32),
    "double precision": ColumnType(Kind.FLOAT, "DOUBLE PRECISION"),
    "float8": ColumnType(Kind.FLOAT, "DOUBLE PRECISION"),
    "float": ColumnType(Kind.FLOAT, "DOUBLE PRECISION"),
    "boolean": ColumnType(Kind.BOOLEAN, "BOOLEAN"),
    "bool": ColumnType(Kind.BOOLEAN, "BOOLEAN"),
    "date": ColumnType(Kind.DATE, "DATE"),
    "timestamp": ColumnType(Kind.TIMESTAMP, "TIMESTAMP"),
    "timestamp without time zone": ColumnType(Kind.TIMESTAMP, "TIMESTAMP"),
    "super": ColumnType(Kind.SUPER, "SUPER"),
    "text": ColumnType(Kind.STRING, "VARCHAR(256)", max_bytes=256),
}
REFUSED = {
    "timestamptz": "write TIMESTAMP: values are converted to UTC",
    "timestamp with time zone": "write TIMESTAMP: values are converted to UTC",
    "char": "write VARCHAR(n)",
    "character": "write VARCHAR(n)",
    "bpchar": "write VARCHAR(n)",
    "nchar": "write VARCHAR(n)",
    "string": "write VARCHAR(n), where n is the longest value in bytes",
    "double": "write DOUBLE PRECISION",
}
KINDS = {
    "string": {Kind.STRING},
    "integer": {Kind.INTEGER},
    "number": {Kind.FLOAT, Kind.DECIMAL},
    "boolean": {Kind.BOOLEAN},
    "date": {Kind.DATE},
    "timestamp": {Kind.TIMESTAMP},
    "object": {Kind.SUPER},
    "array": {Kind.SUPER},
    "map": {Kind.SUPER},
}
DEFAULTS = {
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "object": "super",
    "array": "super",
    "map": "super",
}
BY_FORMAT = {
    "integer": {"i16": "smallint", "i32": "integer", "i64": "bigint"},
    "number": {"f32": "real", "f64": "double precision"},
}


def physical_type(text: str) -> ColumnType:
    """The type that `physicalType` names, in Redshift's words. Raises TypeProblem."""
    match = PHYSICAL.fullmatch(" ".join(text.lower().split()))
    name = match[1] if match else text.lower()
    if name in REFUSED:
        raise TypeProblem(f"physicalType {text!r} is not supported: {REFUSED[name]}")
    numbers = (match[2], match[3]) if match else (None, None)
    if name in PARAMETRIC:
        return PARAMETRIC[name](text, *numbers)
    if name not in SIMPLE or numbers != (None, None):
        hint = suggestion(name, [*SIMPLE, *PARAMETRIC])
        raise TypeProblem(f"physicalType {text!r} is not a type that Headrace can load into Redshift{hint}")
    return SIMPLE[name]


def default_type(logical: str, value_format: object, max_length: int | None) -> ColumnType:
    """The type for a logicalType without physicalType. Raises TypeProblem."""
    if logical == "string":
        wanted = BYTES_PER_CHARACTER * max_length if max_length is not None else DEFAULT_VARCHAR
        return _varchar_of(min(max(wanted, 1), MAX_VARCHAR))
    formats = BY_FORMAT.get(logical, {})
    if not formats or value_format is None:
        return SIMPLE[DEFAULTS[logical]]
    if not isinstance(value_format, str) or value_format not in formats:
        raise TypeProblem(f"format {value_format!r} is not supported here: use one of {', '.join(formats)}")
    return SIMPLE[formats[value_format]]


def check_width(logical: str, value_format: object, column_type: ColumnType) -> None:
    """Raises TypeProblem where the `format` of a number says another width than its physicalType."""
    if value_format is None or logical not in BY_FORMAT:
        return
    wanted = default_type(logical, value_format, None)
    if wanted != column_type:
        meant, written = wanted.redshift_type, column_type.redshift_type
        raise TypeProblem(f"format {value_format} means {meant}, which is not {written}")


def _varchar_of(size: int) -> ColumnType:
    return ColumnType(Kind.STRING, f"VARCHAR({size})", max_bytes=size)


def _varchar(text: str, size: str | None, more: str | None) -> ColumnType:
    if size is None or more is not None:
        raise TypeProblem(f"physicalType {text!r} needs one length, in bytes: VARCHAR(64)")
    length = MAX_VARCHAR if size == "max" else int(size)
    if not 1 <= length <= MAX_VARCHAR:
        raise TypeProblem(f"physicalType {text!r}: the length goes from 1 to {MAX_VARCHAR} bytes")
    return _varchar_of(length)


def _decimal(text: str, precision: str | None, scale: str | None) -> ColumnType:
    if precision is None or scale is None or precision == "max":
        raise TypeProblem(f"physicalType {text!r} needs precision and scale: DECIMAL(12,2)")
    digits, decimals = int(precision), int(scale)
    if not 1 <= digits <= 38 or decimals > min(digits, 37):
        raise TypeProblem(f"physicalType {text!r}: the precision goes from 1 to 38, the scale up to the precision")
    return ColumnType(Kind.DECIMAL, f"DECIMAL({digits},{decimals})", precision=digits, scale=decimals)


PARAMETRIC: dict[str, Callable[[str, str | None, str | None], ColumnType]] = {
    "varchar": _varchar,
    "character varying": _varchar,
    "nvarchar": _varchar,
    "decimal": _decimal,
    "numeric": _decimal,
}
