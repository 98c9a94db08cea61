"""Redshift's compression encodings: which types each takes, and which one a column gets by itself."""

from __future__ import annotations

from headrace_local.redshift.datatypes.datatypes import RedshiftType
from headrace_local.redshift.errors import SqlError

_WHOLE = {"smallint", "integer", "bigint", "numeric"}
_MOMENTS = {"date", "timestamp without time zone", "timestamp with time zone"}
_TEXT = {"character", "character varying"}
_FLOATS = {"real", "double precision"}
_EVERYTHING = _WHOLE | _MOMENTS | _TEXT | _FLOATS | {"boolean", "super", "time without time zone"}

_TYPES_OF = {
    "raw": _EVERYTHING,
    "zstd": _EVERYTHING,
    "az64": _WHOLE | _MOMENTS | {"time without time zone"},
    "bytedict": _WHOLE | _MOMENTS | _TEXT | _FLOATS,
    "delta": _WHOLE | {"date", "timestamp without time zone"},
    "delta32k": _WHOLE - {"smallint"} | {"date", "timestamp without time zone"},
    "lzo": _WHOLE | _MOMENTS | _TEXT | {"super"},
    "mostly8": _WHOLE,
    "mostly16": _WHOLE - {"smallint"},
    "mostly32": {"bigint", "numeric"},
    "runlength": _EVERYTHING - {"super"},
    "text255": {"character varying"},
    "text32k": {"character varying"},
}


def check_encoding(column: str, encoding: str, kind: RedshiftType) -> None:
    """Raise SqlError unless columns of this type can have this encoding."""
    if encoding not in _TYPES_OF:
        raise SqlError(f'unsupported encoding "{encoding}" for column "{column}"')
    if kind.name not in _TYPES_OF[encoding]:
        raise SqlError(f'invalid encoding type {encoding} specified for column "{column}" of type {kind}')


def default_encoding(kind: RedshiftType, *, is_sortkey: bool) -> str:
    """The encoding Redshift gives to a column that names none."""
    if is_sortkey or kind.name in _FLOATS | {"boolean"}:
        return "none"
    if kind.name in _TEXT:
        return "lzo"
    return "zstd" if kind.name == "super" else "az64"
