"""Interval literals: `3 hours, 35 minutes`, `0.5 days`, `1w, 1h, 1m, 1s`.

Source: https://docs.aws.amazon.com/redshift/latest/dg/r_interval_literals.html
"""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import exp

from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.syntax.nodes import call

_PART = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*,?")
_MICROSECONDS = {"us": 1, "ms": 1000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6}
_DAYS = {"d": 1, "w": 7}
_MONTHS = {"mon": 1, "q": 3, "y": 12}
_SPELLINGS = {
    "us": "us usec usecs microsec microsecs microsecond microseconds",
    "ms": "ms msec msecs millisec millisecs millisecond milliseconds",
    "s": "s sec secs second seconds",
    "m": "m min mins minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days",
    "w": "w week weeks",
    "mon": "mon mons month months",
    "q": "qtr qtrs quarter quarters",
    "y": "y yr yrs year years",
}
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()} | {"": "s"}


def interval(written: str) -> exp.Expr:
    """DuckDB's interval of a literal; SqlError if it is none."""
    months, days, microseconds, position = 0, 0, Decimal(0), 0
    while position < len(written.rstrip()):
        part = _PART.match(written, position)
        unit = _UNITS.get(part.group(2).lower()) if part else None
        if part is None or unit is None or (unit in _MONTHS and "." in part.group(1)):
            raise SqlError(f'invalid input syntax for type interval: "{written}"')
        amount, position = Decimal(part.group(1)), part.end()
        if unit in _MONTHS:
            months += int(amount) * _MONTHS[unit]
        elif unit in _DAYS:
            whole = int(amount * _DAYS[unit])
            days += whole
            microseconds += (amount * _DAYS[unit] - whole) * 24 * _MICROSECONDS["h"]
        else:
            microseconds += amount * _MICROSECONDS[unit]
    steps = (("to_months", months), ("to_days", days), ("to_microseconds", int(microseconds)))
    parts = [call(name, exp.Literal.number(amount)) for name, amount in steps if amount]
    total = parts[0] if parts else call("to_days", exp.Literal.number(0))
    for part_call in parts[1:]:
        total = exp.Add(this=total, expression=part_call)
    return exp.Paren(this=total)
