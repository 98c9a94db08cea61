"""Expressions over bytes, run by RE2: compiled once a process, for many files have the same contract."""

from __future__ import annotations

from functools import lru_cache

import re2
from re2 import _re2

AT_START = _re2.RE2.Anchor.ANCHOR_START
MOST_MEMORY = 64 << 20
"""For one compiled expression, in bytes; it grows as it is needed."""


@lru_cache
def compiled(pattern: str) -> _re2.RE2 | None:
    """An expression over bytes; None for one that is too large for RE2."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    options.log_errors = False
    options.max_mem = MOST_MEMORY
    expression = _re2.RE2(pattern.encode("latin-1"), options)
    return expression if expression.ok() else None


def match_end(expression: _re2.RE2, data: bytes, start: int, stop: int) -> int:
    """Where the match at `start` ends, -1 if there is none.

    The binding is called as it is: what `re2.match` does around it takes longer than to match a line.
    """
    end: int = expression.Match(AT_START, data, start, stop)[0][1]
    return end
