"""How many bad rows a file may have before people must look at it first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from headrace.domain.contract import Contract

LISTED = 5


def too_many_bad(contract: Contract, rows_read: int, rows_bad: int, broken: Mapping[str, int]) -> str | None:
    """Why the file is held back, in a sentence with the rules that were broken; None if it is within the limit."""
    limit = _exceeded(contract, rows_read, rows_bad)
    if limit is None:
        return None
    why = ", ".join(f"{rule} x{count:,}" for rule, count in Counter(broken).most_common(LISTED))
    return (
        f"held back: {rows_bad:,} of {rows_read:,} rows are bad, the contract allows {limit} ({why});"
        " nothing of it is loaded, its bad rows are in quarantine"
    )


def _exceeded(contract: Contract, rows_read: int, rows_bad: int) -> str | None:
    if contract.max_bad_rows is not None and rows_bad > contract.max_bad_rows:
        return f"{contract.max_bad_rows:,}"
    if contract.max_bad_share is not None and rows_bad > contract.max_bad_share * rows_read:
        return f"{contract.max_bad_share * 100:g}%"
    return None
