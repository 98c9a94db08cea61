"""Functions of dates and times."""

from __future__ import annotations

from sqlglot import exp

from headrace_local.redshift.dateformats import strftime_format, unit_of
from headrace_local.redshift.nodes import Arguments, Builder, Function, call, cast, literal_text, raw, renamed, text


def _now(arguments: Arguments) -> exp.Expr:
    del arguments
    return cast(raw("date_trunc('second', current_timestamp)"), "TIMESTAMP")


def _date_add(arguments: Arguments) -> exp.Expr:
    unit, amount, moment = arguments
    step = call(f"to_{unit_of(unit)}s", cast(amount, "BIGINT"))
    return exp.Paren(this=exp.Add(this=_as_timestamp(moment), expression=step))


def _date_diff(arguments: Arguments) -> exp.Expr:
    unit, start, end = arguments
    return call("date_diff", text(unit_of(unit)), _as_timestamp(start), _as_timestamp(end))


def _date_trunc(arguments: Arguments) -> exp.Expr:
    return call("date_trunc", text(unit_of(arguments[0])), _as_timestamp(arguments[1]))


def date_part(unit: str, moment: exp.Expr) -> exp.Expr:
    """A whole part of a moment: Redshift's EXTRACT and DATE_PART."""
    return cast(call("floor", call("date_part", text(unit), _as_timestamp(moment))), "BIGINT")


def _as_timestamp(value: exp.Expr) -> exp.Expr:
    return cast(value, "TIMESTAMP")


def _date_part(arguments: Arguments) -> exp.Expr:
    return cast(date_part(unit_of(arguments[0]), arguments[1]), "DOUBLE")


def _to_char(arguments: Arguments) -> exp.Expr:
    moment, pattern = arguments
    return call("strftime", _as_timestamp(moment), text(strftime_format(literal_text(pattern, "TO_CHAR"))))


def _parsed_moment(name: str, duckdb_type: str) -> Builder:
    def build(arguments: Arguments) -> exp.Expr:
        pattern = strftime_format(literal_text(arguments[1], name))
        return cast(call("strptime", arguments[0], text(pattern)), duckdb_type)

    return build


def _convert_timezone(arguments: Arguments) -> exp.Expr:
    source = arguments[0] if len(arguments) == 3 else text("UTC")
    target, moment = arguments[-2:]
    return call("timezone", target, call("timezone", source, _as_timestamp(moment)))


DATE_FUNCTIONS = {
    "ADD_MONTHS": Function(2, 2, lambda a: _date_add([raw("month"), a[1], a[0]])),
    "CONVERT_TIMEZONE": Function(2, 3, _convert_timezone),
    **dict.fromkeys(("DATEADD", "DATE_ADD"), Function(3, 3, _date_add)),
    **dict.fromkeys(("DATEDIFF", "DATE_DIFF"), Function(3, 3, _date_diff)),
    "DATE_PART": Function(2, 2, _date_part),
    "DATE_TRUNC": Function(2, 2, _date_trunc),
    "GETDATE": Function(0, 0, _now),
    "LAST_DAY": Function(1, 1, renamed("last_day")),
    "TO_CHAR": Function(2, 2, _to_char),
    "TO_DATE": Function(2, 2, _parsed_moment("TO_DATE", "DATE")),
    "TO_TIMESTAMP": Function(2, 2, _parsed_moment("TO_TIMESTAMP", "TIMESTAMPTZ")),
}
