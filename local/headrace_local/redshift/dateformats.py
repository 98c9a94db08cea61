"""Redshift's date parts and its patterns for TO_CHAR, TO_DATE and TO_TIMESTAMP."""

from __future__ import annotations

from sqlglot import exp

from headrace_local.redshift.errors import SqlError, not_emulated

_UNIT_SPELLINGS = {
    "microsecond": "microsecond microseconds microsec microsecs usec usecs us",
    "millisecond": "millisecond milliseconds millisec millisecs msec msecs ms",
    "second": "second seconds sec secs s",
    "minute": "minute minutes min mins m",
    "hour": "hour hours hr hrs h",
    "day": "day days d",
    "week": "week weeks w",
    "month": "month months mon mons",
    "quarter": "quarter quarters qtr qtrs",
    "year": "year years yr yrs y",
    "dow": "dow dayofweek weekday",
    "doy": "doy dayofyear yearday",
    "epoch": "epoch",
}
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
    if unit is None:
        raise SqlError(f'date part "{written}" is not recognized')
    return unit


def strftime_format(pattern: str) -> str:
    """A Redshift date pattern as a strftime format; SqlError for a part that is not known here."""
    parts: list[str] = []
    rest = pattern
    while rest:
        name = next((name for name in _LONGEST_FIRST if _starts_with(rest, name)), None)
        if name is None and rest[0].isalpha() and rest[0] != "T":
            raise not_emulated(f'the date pattern "{pattern}" at "{rest}"')
        parts.append(_PATTERN_PARTS[name] if name else rest[0].replace("%", "%%"))
        rest = rest[len(name) if name else 1 :]
    return "".join(parts)


def _starts_with(rest: str, name: str) -> bool:
    return rest.startswith(name) if name in _CASE_MATTERS else rest.upper().startswith(name)
