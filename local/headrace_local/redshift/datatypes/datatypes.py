"""Redshift's column types: how they are spelled, limited, stored in DuckDB and shown to a client."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from headrace_local.redshift.errors import SqlError, not_emulated

MAX_VARCHAR_BYTES = 65535
MAX_CHAR_BYTES = 4096
MAX_DECIMAL_PRECISION = 38


@dataclass(frozen=True)
class RedshiftType:
    """A column type; `length` in bytes (character types), `precision` and `scale` in digits (numeric)."""

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None

    def __str__(self) -> str:
        if self.length is not None:
            return f"{self.name}({self.length})"
        if self.precision is not None:
            return f"{self.name}({self.precision},{self.scale})"
        return self.name

    @property
    def duckdb(self) -> str:
        """The DuckDB type that holds the values."""
        if self.precision is not None:
            return f"DECIMAL({self.precision},{self.scale})"
        return _DUCKDB_TYPES[self.name]

    @property
    def is_character(self) -> bool:
        """Whether a byte length limits the values."""
        return self.length is not None

    @property
    def wire_name(self) -> str:
        """The type name in a result's column metadata."""
        return _WIRE_NAMES[self.name]


_DUCKDB_TYPES = {
    "boolean": "BOOLEAN",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "character": "VARCHAR",
    "character varying": "VARCHAR",
    "date": "DATE",
    "time without time zone": "TIME",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
    "super": "JSON",
}

_WIRE_NAMES = {
    "boolean": "bool",
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "numeric": "numeric",
    "real": "float4",
    "double precision": "float8",
    "character": "bpchar",
    "character varying": "varchar",
    "date": "date",
    "time without time zone": "time",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "super": "super",
}

_SPELLINGS = {
    "BOOL": "boolean",
    "BOOLEAN": "boolean",
    "SMALLINT": "smallint",
    "INT2": "smallint",
    "INT": "integer",
    "INTEGER": "integer",
    "INT4": "integer",
    "BIGINT": "bigint",
    "INT8": "bigint",
    "REAL": "real",
    "FLOAT4": "real",
    "FLOAT": "double precision",
    "FLOAT8": "double precision",
    "DOUBLE PRECISION": "double precision",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIME WITHOUT TIME ZONE": "time without time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITHOUT TIME ZONE": "timestamp without time zone",
    "TIMESTAMPTZ": "timestamp with time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "SUPER": "super",
}
_CHARACTER_SPELLINGS = {
    "VARCHAR": ("character varying", 256),
    "CHARACTER VARYING": ("character varying", 256),
    "NVARCHAR": ("character varying", 256),
    "TEXT": ("character varying", 256),
    "CHAR": ("character", 1),
    "CHARACTER": ("character", 1),
    "NCHAR": ("character", 1),
    "BPCHAR": ("character", 256),
}
_FIXED_LENGTH_SPELLINGS = {"TEXT", "BPCHAR"}
_NUMERIC_SPELLINGS = {"NUMERIC", "DECIMAL"}
_TYPE_TEXT = re.compile(r"^\s*([A-Za-z][A-Za-z0-9_ ]*?)\s*(?:\(\s*([^)]*?)\s*\))?\s*$")
_DIGITS = re.compile(r"(\d{1,4})(?:\s*,\s*(\d{1,4}))?")

TYPE_WORDS = frozenset(
    word for name in (*_SPELLINGS, *_CHARACTER_SPELLINGS, *_NUMERIC_SPELLINGS) for word in name.split()
)

_NOT_EMULATED = frozenset({
    "VARBYTE", "VARBINARY", "BINARY VARYING", "TIMETZ", "TIME WITH TIME ZONE", "GEOMETRY", "GEOGRAPHY", "HLLSKETCH",
})  # fmt: skip
"""Types that Redshift has: https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html"""


@lru_cache(maxsize=256)
def parse_type(text: str) -> RedshiftType:
    """`text` as a Redshift type, e.g. `VARCHAR(64)`; SqlError if Redshift has no such type."""
    found = _TYPE_TEXT.match(text)
    name = " ".join(found.group(1).upper().split()) if found else text
    arguments = found.group(2) if found else None
    if name in _NUMERIC_SPELLINGS:
        return _numeric(arguments)
    if name in _CHARACTER_SPELLINGS:
        return _character(name, arguments)
    if name in _SPELLINGS and arguments is None:
        return RedshiftType(_SPELLINGS[name])
    if name in _NOT_EMULATED:
        raise not_emulated(f"the type {name}")
    raise SqlError(f'type "{text.strip().lower()}" does not exist')


def _numeric(arguments: str | None) -> RedshiftType:
    digits = _DIGITS.fullmatch(arguments or "18")
    if digits is None:
        raise SqlError(f"invalid precision or scale of a NUMERIC: {arguments}")
    precision, scale = int(digits.group(1)), int(digits.group(2) or 0)
    if not 1 <= precision <= MAX_DECIMAL_PRECISION:
        raise SqlError(f"NUMERIC precision {precision} must be between 1 and {MAX_DECIMAL_PRECISION}")
    if not 0 <= scale <= precision:
        raise SqlError(f"NUMERIC scale {scale} must be between 0 and precision {precision}")
    return RedshiftType("numeric", precision=precision, scale=scale)


def _character(spelling: str, argument: str | None) -> RedshiftType:
    name, default = _CHARACTER_SPELLINGS[spelling]
    longest = MAX_VARCHAR_BYTES if name == "character varying" else MAX_CHAR_BYTES
    if argument is None or spelling in _FIXED_LENGTH_SPELLINGS:
        return RedshiftType(name, length=default)
    length = longest if argument.upper() == "MAX" else _length(argument, name)
    if not 1 <= length <= longest:
        raise SqlError(f"length for type {name} cannot exceed {longest}")
    return RedshiftType(name, length=length)


def _length(argument: str, name: str) -> int:
    if not argument.isdigit() or int(argument) == 0:
        raise SqlError(f"length for type {name} must be at least 1")
    return int(argument)


_FROM_DUCKDB = {
    **{duckdb: name for name, duckdb in _DUCKDB_TYPES.items() if name != "character"},
    "TINYINT": "smallint",
    "INTEGER_LITERAL": "integer",
    '"NULL"': "character varying",
}


def from_duckdb(text: str) -> RedshiftType:
    """The Redshift type of a DuckDB result column; SqlError for a type that Redshift does not have."""
    upper = text.upper()
    if upper == "HUGEINT":
        return RedshiftType("numeric", precision=38, scale=0)
    if upper.startswith("DECIMAL"):
        return _numeric(upper[upper.index("(") + 1 : -1])
    if upper == "TIMESTAMP WITH TIME ZONE":
        return RedshiftType("timestamp with time zone")
    name = _FROM_DUCKDB.get(upper)
    if name is None:
        raise SqlError(f'a value of type "{text.lower()}" is not supported by the embedded Redshift')
    if name == "character varying":
        return RedshiftType(name, length=MAX_VARCHAR_BYTES)
    return RedshiftType(name)
