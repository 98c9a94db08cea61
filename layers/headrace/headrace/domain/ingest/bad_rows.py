"""How many bad rows a file may have before people must look at it first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from headrace.domain.contract import Contract

LISTED = 5
MOST_BAD_ROWS = 5_000_000
"""A file with more is given up even if its contract allows them: it is not the file that was agreed."""


def most_bad_rows(contract: Contract) -> int:
    """How many bad rows a file may have, whatever their share."""
    return MOST_BAD_ROWS if contract.max_bad_rows is None else min(contract.max_bad_rows, MOST_BAD_ROWS)


def hopeless(contract: Contract, rows_read: int, rows_bad: int, broken: Mapping[str, int]) -> str | None:
    """Why reading ends here, `rows_read` rows into a file: more are bad already than may be; None if they are not."""
    most = most_bad_rows(contract)
    if rows_bad <= most:
        return None
    whose = "the contract allows" if most == contract.max_bad_rows else "no file may have more than"
    return (
        f"held back: {rows_bad:,} of its first {rows_read:,} rows are bad, {whose} {most:,} ({_listed(broken)});"
        " the rest was not read, nothing of it is loaded, the bad rows up to there are in quarantine"
    )


def too_many_bad(contract: Contract, rows_read: int, rows_bad: int, broken: Mapping[str, int]) -> str | None:
    """Why the file is held back, in a sentence with the rules that were broken; None if it is within the limit."""
    limit = _exceeded(contract, rows_read, rows_bad)
    if limit is None:
        return None
    return (
        f"held back: {rows_bad:,} of {rows_read:,} rows are bad, {limit} ({_listed(broken)});"
        " nothing of it is loaded, its bad rows are in quarantine"
    )


def _listed(broken: Mapping[str, int]) -> str:
    return ", ".join(f"{rule} x{count:,}" for rule, count in Counter(broken).most_common(LISTED))


def _exceeded(contract: Contract, rows_read: int, rows_bad: int) -> str | None:
    """Which limit the file is over. One without a good row is, unless the contract allows 100 % of them to be bad."""
    if contract.max_bad_rows is not None and rows_bad > contract.max_bad_rows:
        return f"the contract allows {contract.max_bad_rows:,}"
    if rows_bad > MOST_BAD_ROWS:
        return f"no file may have more than {MOST_BAD_ROWS:,}"
    if contract.max_bad_share is not None and rows_bad > contract.max_bad_share * rows_read:
        return f"the contract allows {contract.max_bad_share * 100:g}%"
    if rows_bad and rows_bad == rows_read and contract.max_bad_share is None:
        return "without a good row it fails, unless its contract says badRowLimit: 100%"
    return None
