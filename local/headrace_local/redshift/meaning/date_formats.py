"""Redshift's date parts and its patterns for TO_CHAR, TO_DATE and TO_TIMESTAMP."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from sqlglot import exp

from headrace_local.redshift.catalog.macros import macro
from headrace_local.redshift.errors import SqlError, not_emulated
from headrace_local.redshift.syntax.nodes import call, cast, text

_UNIT_SPELLINGS = {
    "microsecond": "microsecond microseconds microsec microsecs usecond useconds usec usecs us",
    "millisecond": "millisecond milliseconds millisec millisecs millisecon msecond mseconds msec msecs ms",
    "second": "second seconds sec secs s",
    "minute": "minute minutes min mins m",
    "hour": "hour hours hr hrs h",
    "day": "day days d",
    "week": "week weeks w",
    "month": "month months mon mons",
    "quarter": "quarter quarters qtr qtrs",
    "year": "year years yr yrs y",
    "dow": "dow dayofweek dw weekday",
    "doy": "doy dayofyear dy yearday",
    "epoch": "epoch",
    "decade": "decade decades dec decs",
    "century": "century centuries c cent cents",
    "millennium": "millennium millennia mil mils",
}
_ONLY_PARTS = frozenset({"dow", "doy", "epoch"})
"""Parts of a moment, in which nothing is counted, added or cut."""
_UNITS = {spelling: unit for unit, spellings in _UNIT_SPELLINGS.items() for spelling in spellings.split()}

_PATTERN_PARTS = {
    "YYYY": "%Y", "YY": "%y", "MM": "%m", "Mon": "%b", "Month": "%B", "DDD": "%j", "DD": "%d",
    "HH24": "%H", "HH12": "%I", "HH": "%I", "MI": "%M", "SS": "%S", "MS": "%g", "US": "%f",
    "AM": "%p", "PM": "%p", "Day": "%A", "Dy": "%a", "IW": "%V",
}  # fmt: skip
_CASE_MATTERS = {"Mon", "Month", "Day", "Dy"}
_LONGEST_FIRST = sorted(_PATTERN_PARTS, key=len, reverse=True)


def unit_of(argument: exp.Expr) -> str:
    """The date part an argument names, in DuckDB's spelling; SqlError if Redshift has no such part."""
    written = argument.name.lower()
    unit = _UNITS.get(written)
    if written.startswith("timezone"):
        raise not_emulated(f"the date part {written}")
    if unit is None:
        raise SqlError(f'date part "{written}" is not recognized')
    return unit


def step_of(argument: exp.Expr, of: str) -> str:
    """The date part an argument names, for a function that counts in it; SqlError for a part that is no step."""
    unit = unit_of(argument)
    if unit in _ONLY_PARTS:
        raise SqlError(f'date part "{argument.name.lower()}" is not supported by {of}')
    return unit


def shown_moment(moment: exp.Expr, pattern: str) -> exp.Expr:
    """TO_CHAR: `moment` as `pattern` shows it; names of months and days are padded to nine characters."""
    parts: list[exp.Expr] = []
    rest = pattern
    _check_pattern(pattern)
    while rest:
        if quoted := _QUOTED.match(rest):
            parts.append(text(quoted[1]))
            rest = rest[quoted.end() :]
            continue
        name = next((name for name in _SHOWN_LONGEST_FIRST if rest.startswith(name)), None)
        folded = next((name for name in _SHOWN_IN_ANY_CASE if rest.upper().startswith(name)), None)
        if name is not None and (folded is None or len(name) >= len(folded)):
            parts.append(_NAMES[name](moment.copy()))
            rest = rest[len(name) :]
        elif folded is not None and folded in _NUMBERS:
            parts.append(cast(_NUMBERS[folded](moment.copy()), "VARCHAR"))
            rest = rest[len(folded) :]
        else:
            size = len(folded) if folded else 1
            if folded in {"AM", "PM"} and not rest[:2].isupper():
                raise not_emulated(f'the date pattern "{pattern}" at "{rest}"')
            parts.append(call("strftime", moment.copy(), text(strftime_format(rest[:size]))))
            rest = rest[size:]
    return call("concat", *parts)


def _check_pattern(pattern: str) -> None:
    """SqlError for letters that PostgreSQL's patterns take for something else than the parts known here."""
    if unsure := _UNSURE.search(_QUOTED.sub("", pattern)):
        raise not_emulated(f'the date pattern "{pattern}" at "{unsure[0]}"')


def _named(form: str, change: str | None, width: int) -> Callable[[exp.Expr], exp.Expr]:
    def build(moment: exp.Expr) -> exp.Expr:
        name = call("strftime", moment, text(form))
        name = name if change is None else call(change, name)
        return call("rpad", name, exp.Literal.number(width), text(" "))

    return build


def _part(unit: str, more: int = 0) -> Callable[[exp.Expr], exp.Expr]:
    def build(moment: exp.Expr) -> exp.Expr:
        return exp.Paren(this=exp.Add(this=call("date_part", text(unit), moment), expression=exp.Literal.number(more)))

    return build


def _half_of_day(moment: exp.Expr) -> exp.Expr:
    return call("lower", call("strftime", moment, text("%p")))


_NAMES: dict[str, Callable[[exp.Expr], exp.Expr]] = {
    spelling: _named(form, change, width)
    for form, width, spellings in (
        ("%B", 9, "MONTH Month month"), ("%A", 9, "DAY Day day"), ("%b", 3, "MON Mon mon"), ("%a", 3, "DY Dy dy"),
    )
    for spelling, change in zip(spellings.split(), ("upper", None, "lower"), strict=True)
}  # fmt: skip
_NAMES |= dict.fromkeys(("am", "pm"), _half_of_day)
_QUOTED = re.compile(r'"([^"]*)"')
_UNSURE = re.compile(r"S{4,}|D{4,}|M{4,}|H{3,}|Y{5,}|W{2,}|(?<!I)IDD(?!D)|IDDDD|\"", re.IGNORECASE)
_NUMBERS: dict[str, Callable[[exp.Expr], exp.Expr]] = {
    "CC": _part("century"), "D": _part("dow", 1), "ID": _part("isodow"), "Q": _part("quarter"),
    "IYYY": _part("isoyear"), "IDDD": partial(macro, "_iso_day_of_year"), "J": partial(macro, "_julian_day"),
    "W": partial(macro, "_week_of_month"),
}  # fmt: skip
_SHOWN_LONGEST_FIRST = sorted(_NAMES, key=len, reverse=True)
_SHOWN_IN_ANY_CASE = sorted({*(part.upper() for part in _PATTERN_PARTS), *_NUMBERS}, key=len, reverse=True)


def strftime_format(pattern: str) -> str:
    """A Redshift date pattern as a strftime format; SqlError for a part that is not known here."""
    parts: list[str] = []
    rest = pattern
    _check_pattern(pattern)
    while rest:
        if quoted := _QUOTED.match(rest):
            parts.append(quoted[1].replace("%", "%%"))
            rest = rest[quoted.end() :]
            continue
        name = next((name for name in _LONGEST_FIRST if _starts_with(rest, name)), None)
        if name is None and rest[0].isalpha():
            raise not_emulated(f'the date pattern "{pattern}" at "{rest}"')
        parts.append(_PATTERN_PARTS[name] if name else rest[0].replace("%", "%%"))
        rest = rest[len(name) if name else 1 :]
    return "".join(parts)


def _starts_with(rest: str, name: str) -> bool:
    return rest.startswith(name) if name in _CASE_MATTERS else rest.upper().startswith(name)
