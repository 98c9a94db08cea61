"""SQL as text: quoted values, blanks that mean nothing, the size that the statements of one transaction may have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from headrace.errors import TerminalError

QUOTED_OR_BLANK = re.compile(r"('(?:[^'\\]|''|\\.)*'|\"[^\"]*\")|\s+", re.DOTALL)
ROLE = re.compile(r"default|arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
"""What the template takes as its CopyRole."""
MOST_BYTES = 100_000
"""Of the statements of one call of the Data API, all together.

Its documentation says that a statement has at most 100 KB, and of batchExecuteStatement, which takes 40 of them, not
whether it means each or their sum (https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html). So the sum it is,
and a KB has 1,000 bytes.
"""


class SqlText(StrEnum):
    """What SQL a contract has, as its files are called. Some contracts have no stage, views, history or checks."""

    TABLE = "table"
    """The DDL of its tables."""
    LOAD = "load"
    """The template of its load transaction."""
    STAGE = "stage"
    """The DDL of a staged dataset's stage table, then a query that tries its transformation."""
    MERGE = "merge"
    """The template of the transaction that merges a staged dataset's stage table into its target."""
    VIEWS = "views"
    """The DDL of its materialized views."""
    HISTORY = "history"
    """The DDL of its history, and the statements with which that begins."""
    MEASURE_BATCH = "measure_batch"
    """The template that measures a batch, for its checks."""
    MEASURE_DAY = "measure_day"
    """The template that measures a day."""


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


def role_in_sql(role: str) -> str:
    """What follows IAM_ROLE in COPY and UNLOAD: the word `default`, or an ARN as a literal.

    Raises TerminalError for anything else. See https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-authorization.html.
    """
    if not ROLE.fullmatch(role):
        raise TerminalError(f"CopyRole is neither `default` nor the ARN of a role: {role[:80]!r}")
    return role if role == "default" else f"'{role}'"
