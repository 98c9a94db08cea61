"""SQL as text: quoted values, blanks that mean nothing, the size that the statements of one transaction may have."""

from __future__ import annotations

import re
from collections.abc import Iterable

QUOTED_OR_BLANK = re.compile(r"('(?:[^'\\]|''|\\.)*'|\"[^\"]*\")|\s+", re.DOTALL)
MOST_BYTES = 100_000
"""Of the statements of one call of the Data API, all together.

Its documentation says that a statement has at most 100 KB, and of batchExecuteStatement, which takes 40 of them, not
whether it means each or their sum (https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html). So the sum it is,
and a KB has 1,000 bytes.
"""


def one_line(sql: str) -> str:
    """The statement with single blanks; what is quoted stays as it is. It must not hold comments."""
    return QUOTED_OR_BLANK.sub(lambda found: found[1] or " ", sql).strip()


def size_of(statements: Iterable[str]) -> int:
    """The bytes of all statements of a transaction."""
    return sum(len(statement.encode()) for statement in statements)


def quoted(text: str, most: int) -> str:
    """At most this many bytes of text, as a Redshift literal, in which a backslash is an escape too."""
    cut = text.encode()[:most].decode(errors="ignore")
    escaped = cut.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
