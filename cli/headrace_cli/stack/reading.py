"""Whether a statement only reads, so that it may run as the tables' owner without a question."""

from __future__ import annotations

import re

READS = {"SELECT", "WITH", "SHOW", "EXPLAIN", "VALUES"}
QUOTED = re.compile(r"""'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|\$([A-Za-z_]*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/""", re.DOTALL)
WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
STOPS = {"PG_TERMINATE_BACKEND", "PG_CANCEL_BACKEND"}
"""Functions that end what others run."""


def only_reads(statement: str) -> bool:
    """Whether a statement begins like a query, and makes no table (`SELECT … INTO`).

    In Redshift no part of a WITH clause changes anything: each is a SELECT
    (https://docs.aws.amazon.com/redshift/latest/dg/r_WITH_clause.html). EXPLAIN runs nothing
    (https://docs.aws.amazon.com/redshift/latest/dg/r_EXPLAIN.html).
    """
    words = [word.upper() for word in WORD.findall(QUOTED.sub(" ", statement))]
    explained = words[:1] == ["EXPLAIN"]
    return bool(words) and words[0] in READS and STOPS.isdisjoint(words) and (explained or "INTO" not in words)
