"""Functions of dates and times."""

from __future__ import annotations

import re

from sqlglot import exp

from headrace_local.redshift.catalog.macros import macro
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.meaning.casts import moment_text
from headrace_local.redshift.meaning.date_formats import shown_moment, step_of, strftime_format, unit_of
from headrace_local.redshift.meaning.kinds import is_string, kind_of
from headrace_local.redshift.meaning.number_formats import shown_number
from headrace_local.redshift.syntax.nodes import Arguments, Builder, Function, call, cast, literal_text, raw, text

_OFFSETS = {
    **dict.fromkeys(("UTC", "GMT", "UT", "Z"), "UTC"),
    "EST": "Etc/GMT+5", "EDT": "Etc/GMT+4", "CST": "Etc/GMT+6", "CDT": "Etc/GMT+5", "MST": "Etc/GMT+7",
    "MDT": "Etc/GMT+6", "PST": "Etc/GMT+8", "PDT": "Etc/GMT+7", "CET": "Etc/GMT-1", "CEST": "Etc/GMT-2",
}  # fmt: skip
_WEEKDAYS = ("m mo mon monday", "t tu tue tues tuesday", "w we wed weds wednesday", "th thu thur thurs thursday",
             "f fr fri friday", "sa sat saturday", "su sun sunday")  # fmt: skip
_MOMENTS = {"date", "timestamp without time zone", "timestamp with time zone"}
_WHOLE = {"smallint", "integer", "bigint"}
_SUBSECONDS = {"millisecond": 1000, "microsecond": 1_000_000}
_FROM_YEAR_ONE = {"century", "millennium"}
_STEPS = {"century": "to_centuries", "millennium": "to_millennia"}


def _now(arguments: Arguments) -> exp.Expr:
    del arguments
    return cast(raw("date_trunc('second', current_timestamp)"), "TIMESTAMP")


def _date_add(arguments: Arguments) -> exp.Expr:
    unit, amount, moment = arguments
    name = step_of(unit, "DATEADD")
    kind = kind_of(amount)
    if kind is not None and kind.name not in _WHOLE:
        raise not_emulated("DATEADD of what is not a whole number")
    if name == "year":
        return macro("_add_years", _as_timestamp(moment), cast(amount, "INTEGER"))
    step = call(_STEPS.get(name, f"to_{name}s"), cast(amount, "BIGINT"))
    start = moment if _is_time(moment) else _as_timestamp(moment)
    return exp.Paren(this=exp.Add(this=start, expression=step))


def _date_diff(arguments: Arguments) -> exp.Expr:
    """Boundaries between the two. DuckDB's centuries begin a year too early."""
    unit = step_of(arguments[0], "DATEDIFF")
    counted = text(unit), *map(_as_timestamp, arguments[1:])
    return macro("_part_diff", *counted) if unit in _FROM_YEAR_ONE else call("date_diff", *counted)


def _date_trunc(arguments: Arguments) -> exp.Expr:
    if _is_time(arguments[1]):
        raise SqlError("function date_trunc(time without time zone) does not exist")
    unit, moment = step_of(arguments[0], "DATE_TRUNC"), _as_timestamp(arguments[1])
    if unit not in _FROM_YEAR_ONE:
        return call("date_trunc", text(unit), moment)
    one = call("to_years", exp.Literal.number(1))
    start = call("date_trunc", text(unit), exp.Sub(this=moment, expression=one))
    return exp.Paren(this=exp.Add(this=start, expression=one.copy()))


def date_part(unit: str, moment: exp.Expr) -> exp.Expr:
    """A part of a moment, as Redshift counts it; of seconds with their fraction."""
    value = call("date_part", text(unit), moment if _is_time(moment) else _as_timestamp(moment))
    if unit == "decade":
        return exp.Paren(this=exp.Add(this=value, expression=exp.Literal.number(1)))
    if unit == "second":
        value = call("date_part", text("microseconds"), value.expressions[1])
        return exp.Paren(this=exp.Div(this=cast(value, "DOUBLE"), expression=raw("1e6")))
    if unit in _SUBSECONDS:
        return exp.Paren(this=exp.Mod(this=cast(value, "BIGINT"), expression=exp.Literal.number(_SUBSECONDS[unit])))
    return value


def extracted(unit: str, moment: exp.Expr) -> exp.Expr:
    """A whole part of a moment: Redshift's EXTRACT."""
    return cast(call("floor", date_part(unit, moment)), "BIGINT")


def _is_time(value: exp.Expr) -> bool:
    kind = kind_of(value)
    return kind is not None and kind.name == "time without time zone"


def _as_timestamp(value: exp.Expr) -> exp.Expr:
    if is_string(value):
        return cast(text(moment_text(str(value.this))), "TIMESTAMP")
    if _is_time(value):
        return exp.Paren(this=exp.Add(this=cast(text("1970-01-01"), "DATE"), expression=value))
    return cast(value, "TIMESTAMP")


def _date_part(arguments: Arguments) -> exp.Expr:
    unit = unit_of(arguments[0])
    build = date_part if unit == "second" else extracted
    return cast(build(unit, arguments[1]), "DOUBLE")


def _next_day(arguments: Arguments) -> exp.Expr:
    name = literal_text(arguments[1], "NEXT_DAY").lower()
    found = [number for number, names in enumerate(_WEEKDAYS, 1) if name in names.split()]
    if not found:
        raise SqlError(f'"{name}" is not a valid day of the week')
    return macro("next_day", _as_timestamp(arguments[0]), exp.Literal.number(found[0]))


def time_zone(zone: exp.Expr) -> exp.Expr:
    """A time zone as DuckDB knows it: abbreviations are fixed offsets in Redshift, without daylight saving time."""
    name = literal_text(zone, "a time zone").strip()
    if name.upper() in _OFFSETS:
        return text(_OFFSETS[name.upper()])
    if re.fullmatch(r"[A-Za-z_]+/[A-Za-z_/-]+", name) is None:
        raise not_emulated(f'the time zone "{name}"')
    return text(name)


def _compared(arguments: Arguments) -> exp.Expr:
    return macro("_compare", *map(_as_timestamp, arguments))


def _to_char(arguments: Arguments) -> exp.Expr:
    moment, pattern = arguments
    kind = kind_of(moment)
    if is_string(moment) or (kind is not None and kind.name not in _MOMENTS):
        return shown_number(moment, kind, literal_text(pattern, "TO_CHAR"))
    return shown_moment(_as_timestamp(moment), literal_text(pattern, "TO_CHAR"))


def _parsed_moment(name: str, duckdb_type: str) -> Builder:
    def build(arguments: Arguments) -> exp.Expr:
        value, pattern = arguments[0], strftime_format(literal_text(arguments[1], name))
        if len(arguments) > 2 and not isinstance(arguments[2], exp.Boolean):
            raise not_emulated(f"{name} with a strictness that is not TRUE or FALSE")
        parsed = call("try_strptime", value, text(pattern))
        message = f"{name} of a text that does not follow its format exactly is not supported by the embedded Redshift"
        unreadable = exp.And(
            this=exp.Is(this=parsed, expression=exp.Null()),
            expression=exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())),
        )
        return cast(exp.Case(default=parsed.copy()).when(unreadable, call("error", text(message))), duckdb_type)

    return build


def _convert_timezone(arguments: Arguments) -> exp.Expr:
    source = time_zone(arguments[0]) if len(arguments) == 3 else text("UTC")
    target, moment = arguments[-2:]
    return call("timezone", time_zone(target), call("timezone", source, _as_timestamp(moment)))


DATE_FUNCTIONS = {
    "ADD_MONTHS": Function(2, 2, lambda a: macro("add_months", _as_timestamp(a[0]), cast(a[1], "INTEGER"))),
    **dict.fromkeys(
        ("DATE_CMP", "TIMESTAMP_CMP", "DATE_CMP_TIMESTAMP", "TIMESTAMP_CMP_DATE"), Function(2, 2, _compared)
    ),
    "DATE_PART_YEAR": Function(1, 1, lambda a: call("year", _as_timestamp(a[0]))),
    "MONTHS_BETWEEN": Function(2, 2, lambda a: macro("months_between", *map(_as_timestamp, a))),
    "NEXT_DAY": Function(2, 2, _next_day),
    "CONVERT_TIMEZONE": Function(2, 3, _convert_timezone),
    **dict.fromkeys(("DATEADD", "DATE_ADD"), Function(3, 3, _date_add)),
    **dict.fromkeys(("DATEDIFF", "DATE_DIFF"), Function(3, 3, _date_diff)),
    "DATE_PART": Function(2, 2, _date_part),
    "DATE_TRUNC": Function(2, 2, _date_trunc),
    "GETDATE": Function(0, 0, _now),
    "LAST_DAY": Function(1, 1, lambda a: call("last_day", _as_timestamp(a[0]))),
    "TO_CHAR": Function(2, 2, _to_char),
    "TO_DATE": Function(2, 3, _parsed_moment("TO_DATE", "DATE")),
    "TO_TIMESTAMP": Function(2, 3, _parsed_moment("TO_TIMESTAMP", "TIMESTAMPTZ")),
}
