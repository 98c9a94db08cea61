"""What a column of text could be, but for a few of its values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from headrace.domain.writing import Writing
from headrace.transform.values.inference import LEADING_ZERO, Guess, guess
from headrace.transform.values.times import date_reader, timestamp_reader
from headrace_compiler.draft.header import WORDS_OF_VALUES
from headrace_compiler.draft.shown import shown

FIRST, LAST = 150, 50
"""How many different values of a column's beginning and end are looked at: a footer is at the end."""
FEW, ENOUGH = 0.02, 3
SHOWN = 40
KINDS = {str: "texts", int: "numbers", float: "numbers", Decimal: "numbers", bool: "booleans"}
MOSTLY = 0.9
EARLIEST, LATEST = 978_307_200, 2_208_988_800
"""2001 and 2040."""
COMPACT = (
    ("date", "yyyyMMdd", date_reader(("yyyyMMdd",), Writing())),
    ("timestamp", "yyyyMMddHHmmss", timestamp_reader(("yyyyMMddHHmmss",), Writing())),
)
"""Times that are written as integers."""
FIRST_YEAR, LAST_YEAR = 1900, 2100
MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
DATE = re.compile(
    rf"(?:[0-9]{{1,4}}[-/. ][0-9]{{1,2}}[-/. ][0-9]{{2,4}}|{MONTH} [0-9]{{1,2}},? [0-9]{{2,4}}"
    rf"|[0-9]{{1,2}}[-. ]{{0,2}}{MONTH}[-, ]{{1,2}}[0-9]{{2,4}})(?:[T ,]+[0-9].{{0,20}})?",
    re.IGNORECASE,
)
"""How dates are written, whether or not a contract can say so."""
COMMA_NUMBER = re.compile(
    r"[+-]?[0-9]+,[0-9]+|[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+"
)


def doubt_of_json(values: Sequence[Any], found: Guess) -> str | None:
    """What people should know of a column that is SUPER because its values are of several types."""
    if found.logical != "object" or any(isinstance(value, dict | list) for value in values):
        return None
    kinds = sorted({KINDS[type(value)] for value in values})
    return f"it has {' and '.join(kinds)}: as an object, SQL sees texts in quotes; `string` would quarantine the others"


def doubt_of_time(values: Sequence[Any], found: Guess) -> str | None:
    """What people should know of texts that look like dates, and of numbers that may be times."""
    if found.logical not in {"string", "integer"}:
        return None
    looked_at = list(dict.fromkeys(values))[:FIRST]
    if found.logical == "string" and len(looked_at) >= ENOUGH:
        dates = sum(DATE.fullmatch(value.strip()) is not None for value in looked_at if isinstance(value, str))
        if dates > len(looked_at) * MOSTLY:
            return f"texts such as {shown(looked_at[0][:SHOWN])} look like dates: can a `format` read them?"
    if found.logical == "integer" and len(looked_at) >= ENOUGH:
        for unit, factor in (("seconds", 1), ("milliseconds", 1000)):
            if all(EARLIEST * factor <= int(value) < LATEST * factor for value in looked_at):
                return f"are these {unit} since 1970? A timestamp of `format: epoch{unit.title()}` reads them"
        for logical, written, reader in COMPACT:
            if _reads_all(looked_at, reader):
                return f"are these {logical}s? `logicalType: {logical}` with `format: {written}` reads them"
    return None


def _reads_all(values: Sequence[Any], reader: Callable[[str], datetime | date]) -> bool:
    """Whether all are times, of this century or the last."""
    try:
        return all(FIRST_YEAR <= reader(str(value)).year < LAST_YEAR for value in values)
    except ValueError:
        return False


def doubt_of_text(values: list[str]) -> str | None:
    """What people should know of a column that is text, None if nothing."""
    different = list(dict.fromkeys(values))
    looked_at = different if len(different) <= FIRST + LAST else different[:FIRST] + different[-LAST:]
    if looked_at and all(map(COMMA_NUMBER.fullmatch, looked_at)):
        return "numbers with commas in several ways: see decimalMark and groupingMark"
    odd = [value for value in looked_at if guess([value]).logical not in WORDS_OF_VALUES]
    typed = [value for value in looked_at if value not in set(odd)]
    if not odd or len(odd) > max(1, len(looked_at) * FEW) or len(typed) < ENOUGH or any(map(LEADING_ZERO.match, odd)):
        return None
    logical = guess(typed).logical
    where = "; is that line no row? See footerLines" if odd == [values[-1]] else ""
    where = "; are those units, and no row? See skipAfterHeader" if odd == [values[0]] else where
    return f"but for {shown(odd[0][:SHOWN])} it would be {logical}{where}" if logical in WORDS_OF_VALUES else None
