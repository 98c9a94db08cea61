"""SQL as text: blanks that mean nothing, and the sizes that one statement and one transaction may have."""

from __future__ import annotations

import re

QUOTED_OR_BLANK = re.compile(r"('(?:[^'\\]|''|\\.)*'|\"[^\"]*\")|\s+", re.DOTALL)


def one_line(sql: str) -> str:
    """The statement with single blanks; what is quoted stays as it is. It must not hold comments."""
    return QUOTED_OR_BLANK.sub(lambda found: found[1] or " ", sql).strip()
