"""The bounds of a column as far as expressions express them simply; the checks still decide.

What is plainly beyond a bound is then with the bad rows from the start. A row that only a check finds must be cut out
of a table that is made already, which costs more than the check.
"""

from __future__ import annotations

import re

from headrace.domain.contract import Column

FIRST_YEAR, LAST_YEAR = 1000, 2999
WHOLE = re.compile("[0-9]+")


def between(low: str, high: str) -> str:
    """The expression for numbers from `low` to `high`, which have as many digits."""
    if set(low) <= {"0"} and set(high) <= {"9"}:
        return "[0-9]" * len(low)
    if low[0] == high[0]:
        return low[0] + between(low[1:], high[1:])
    rest = len(low) - 1
    forms = [low[0] + between(low[1:], "9" * rest), high[0] + between("0" * rest, high[1:])]
    if int(high[0]) - int(low[0]) > 1:
        forms.append(f"[{int(low[0]) + 1}-{int(high[0]) - 1}]" + "[0-9]" * rest)
    return f"(?:{'|'.join(forms)})"


def up_to(highest: int) -> str:
    """The expression for whole numbers from 0 to `highest`, written with no more digits than that."""
    digits = str(highest)
    shorter = f"|[0-9]{{1,{len(digits) - 1}}}" if len(digits) > 1 else ""
    return f"(?:{between('0' * len(digits), digits)}{shorter})"


def years(column: Column) -> str:
    """The expression for the years of the column's dates."""
    low, high = column.minimum or column.exclusive_minimum, column.maximum or column.exclusive_maximum
    first = max(FIRST_YEAR, int(low[:4])) if low else FIRST_YEAR
    last = min(LAST_YEAR, int(high[:4])) if high else LAST_YEAR
    return between(str(first), str(last)) if first <= last else between(str(FIRST_YEAR), str(LAST_YEAR))


def highest(column: Column, digits: int) -> int | None:
    """The column's maximum, where it is a whole number of up to this many digits."""
    bound = column.maximum or column.exclusive_maximum or ""
    return int(bound) if WHOLE.fullmatch(bound) and len(bound) <= digits else None


def fractions_up_to(highest: int, fraction: str) -> str:
    """The expression for numbers from 0 to `highest`; `fraction` is the one for what may follow the whole ones."""
    below = f"{up_to(highest - 1)}{fraction}|" if highest else ""
    return rf"(?:{below}{highest}(?:\.0{{1,15}})?)"
