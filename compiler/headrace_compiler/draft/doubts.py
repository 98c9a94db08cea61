"""What a column of text could be, but for a few of its values."""

from __future__ import annotations

import re

from headrace.transform.values.inference import LEADING_ZERO, guess
from headrace_compiler.draft.header import WORDS_OF_VALUES

FIRST, LAST = 150, 50
"""How many different values of a column's beginning and end are looked at: a footer is at the end."""
FEW, ENOUGH = 0.02, 3
SHOWN = 40
COMMA_NUMBER = re.compile(
    r"[+-]?[0-9]+,[0-9]+|[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+"
)


def doubt_of_text(values: list[str]) -> str | None:
    """What people should know of a column that is text, None if nothing."""
    different = list(dict.fromkeys(values))
    looked_at = different if len(different) <= FIRST + LAST else different[:FIRST] + different[-LAST:]
    if looked_at and all(map(COMMA_NUMBER.fullmatch, looked_at)):
        return "numbers with a comma stay text; the contract's numbers have a point alone"
    odd = [value for value in looked_at if guess([value]).logical not in WORDS_OF_VALUES]
    typed = [value for value in looked_at if value not in set(odd)]
    if not odd or len(odd) > max(1, len(looked_at) * FEW) or len(typed) < ENOUGH or any(map(LEADING_ZERO.match, odd)):
        return None
    logical = guess(typed).logical
    return f"but for {odd[0][:SHOWN]!r} it would be {logical}" if logical in WORDS_OF_VALUES else None
