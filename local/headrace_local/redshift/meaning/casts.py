"""Casts, as far as Redshift has them and where their results differ from DuckDB's.

Source: https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html#r_Type_conversion and
https://docs.aws.amazon.com/redshift/latest/dg/r_TRY_CAST.html
"""

from __future__ import annotations

import re

from sqlglot import exp

from headrace_local.redshift.catalog.macros import macro
from headrace_local.redshift.datatypes.datatypes import RedshiftType
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.meaning.kinds import is_string, kind_of
from headrace_local.redshift.syntax.nodes import call, cast, text

_WHOLE = {"smallint", "integer", "bigint"}
_FLOATS = {"real": "%.6g", "double precision": "%.15g"}
_NUMBERS = {*_WHOLE, *_FLOATS, "numeric"}
_TEXTS = {"character", "character varying"}
_MOMENTS = {"date", "timestamp without time zone", "timestamp with time zone"}
_TIME = "time without time zone"
_TARGETS: dict[str, set[str]] = {
    "boolean": {"boolean", *_WHOLE, "super"},
    **{name: {"boolean", *_NUMBERS, *_TEXTS, "super"} for name in _WHOLE},
    **{name: {*_NUMBERS, *_TEXTS, "super"} for name in ("numeric", *_FLOATS)},
    "date": {"date", "timestamp without time zone", "timestamp with time zone", *_TEXTS, "super"},
    **{name: {*_MOMENTS, _TIME, *_TEXTS, "super"} for name in _MOMENTS if name != "date"},
    _TIME: {_TIME, *_TEXTS, "super"},
}
_WHOLE_TEXT = re.compile(r"\s*[+-]?\d+\s*")
_BOOLEANS = {
    **dict.fromkeys(("t", "true", "y", "yes", "1"), True),
    **dict.fromkeys(("f", "false", "n", "no", "0"), False),
}
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?=\s|T|$)(.*)", re.DOTALL)
_MONTH_FIRST = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/](\d{4})(?=\s|$)(.*)", re.DOTALL)
_ISO = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}([ T].*)?", re.DOTALL)
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d{1,6})?)?")
_TOO_EXACT = re.compile(r":\d\d\.\d{7,}")


def check_cast(source: RedshiftType | None, target: RedshiftType) -> None:
    """SqlError for a cast that Redshift does not have."""
    allowed = None if source is None else _TARGETS.get(source.name)
    if source is not None and allowed is not None and target.name not in allowed:
        raise SqlError(f"cannot cast type {source.name} to {target.name}")


def as_text(value: exp.Expr) -> exp.Expr:
    """`value` as the text that Redshift makes of it."""
    kind = kind_of(value)
    if kind is not None and kind.name == "boolean":
        raise SqlError("cannot cast type boolean to character varying")
    if kind is None or kind.name not in _FLOATS:
        return value if kind is not None and kind.is_character else cast(value, "VARCHAR")
    shown = call("printf", text(_FLOATS[kind.name]), value)
    return exp.Case(default=shown).when(exp.Is(this=value.copy(), expression=exp.Null()), exp.Null())


def converted(value: exp.Expr, target: RedshiftType, *, attempt: bool) -> exp.Expr:
    """`value` cast to another type than text; with `attempt` NULL stands for what cannot be."""
    kind = kind_of(value)
    is_text = is_string(value) or (kind is not None and kind.is_character)
    node = exp.TryCast if attempt else exp.Cast
    to = exp.DataType.build(target.duckdb, dialect="duckdb")
    if not is_text:
        return node(this=value, to=to)
    if target.name in _WHOLE:
        value = _whole(value, attempt=attempt)
    elif target.name == "boolean":
        return _boolean(value, attempt=attempt)
    elif target.name == _TIME and is_string(value) and not attempt:
        value = text(clock_text(str(value.this)))
    elif target.name in _MOMENTS and is_string(value):
        value = text(moment_text(str(value.this), attempt=attempt))
    return node(this=value, to=to)


def _whole(value: exp.Expr, *, attempt: bool) -> exp.Expr:
    if not is_string(value):
        return macro("_try_integer" if attempt else "_integer", value)
    if _WHOLE_TEXT.fullmatch(str(value.this)):
        return value
    if attempt:
        return exp.Null()
    raise SqlError(f'invalid input syntax for integer: "{value.this}"')


def _boolean(value: exp.Expr, *, attempt: bool) -> exp.Expr:
    if not is_string(value):
        raise SqlError("cannot cast type character varying to boolean")
    known = _BOOLEANS.get(str(value.this).strip().lower())
    if known is None and not attempt:
        raise SqlError(f'invalid input syntax for type boolean: "{value.this}"')
    return exp.Null() if known is None else exp.Boolean(this=known)


def clock_text(written: str) -> str:
    """A literal of a time of day as DuckDB reads it; SqlError for a form that is not known here."""
    if _CLOCK.fullmatch(written.strip()) is None:
        raise not_emulated(f'the time "{written}" in another form than HH:MI:SS')
    return written


def moment_text(written: str, *, attempt: bool = False) -> str:
    """A date or timestamp literal as DuckDB reads it; SqlError for a form that is not known here."""
    stripped = written.strip()
    if _TOO_EXACT.search(stripped):
        raise not_emulated(f'the moment "{written}" with more than six digits of a second')
    if compact := _COMPACT.fullmatch(stripped):
        year, month, day, rest = compact.groups()
        return f"{year}-{month}-{day}{rest}"
    if month_first := _MONTH_FIRST.fullmatch(stripped):
        month, day, year, rest = month_first.groups()
        return f"{year}-{int(month):02}-{int(day):02}{rest}"
    if attempt or _ISO.fullmatch(stripped):
        return stripped
    raise not_emulated(f'the date "{written}" in another form than YYYY-MM-DD, YYYYMMDD or MM/DD/YYYY')
