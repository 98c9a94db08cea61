"""How many rows of a file may be bad, or missing beside its previous version, before people must look at it first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileRecord
from headrace.domain.ingest.replay import replay_of

LISTED = 5
ROUNDED = 6
"""Decimals of a share of rows: 43 % fewer than 100 are 57, not 57.00000000000001."""
MOST_BAD_ROWS = 5_000_000
"""A file with more is given up even if its contract allows them: it is not the file that was agreed."""
FEWEST_ROWS = 5
"""What becomes of the rows of a smaller version says nothing."""


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


def is_judged(file: FileRecord, contract: Contract) -> bool:
    """Whether a file would replace rows, and nobody has decided that it may."""
    decided = file.reload or file.released or replay_of(contract, file.key)
    return contract.replace_versions and contract.max_shrink is not None and not decided


def too_few(file: FileRecord, good: int, versions: Iterable[FileRecord], contract: Contract) -> str | None:
    """Why a version with `good` good rows is held, beside the `versions` of its key that have rows; None if it is not.

    Only the version before it counts. One that has not been read yet, in the same batch or another lane, has no rows.
    """
    earlier = [version for version in versions if version.order < file.order]
    if not earlier or contract.max_shrink is None:
        return None
    before = max(earlier, key=lambda version: version.order)
    then = before.good_rows + before.rows.staged
    if then < FEWEST_ROWS or good >= round(then * (1 - contract.max_shrink), ROUNDED):
        return None
    decide = " or ".join(f"`headrace {verb} {file.file_id}`" for verb in ("release", "reject"))
    allowed = f"{100 * contract.max_shrink:g}%"
    return (
        f"it has {good:,} good rows, its previous version had {then:,}: more than the {allowed} fewer that the contract"
        f" allows (shrinkLimit): {decide} decides"
    )


def _listed(broken: Mapping[str, int]) -> str:
    return ", ".join(f"{rule} x{count:,}" for rule, count in Counter(broken).most_common(LISTED))


def _exceeded(contract: Contract, rows_read: int, rows_bad: int) -> str | None:
    """Which limit the file is over. One without a good row is, unless the contract allows 100 % of them to be bad."""
    if contract.max_bad_rows is not None and rows_bad > contract.max_bad_rows:
        return f"the contract allows {contract.max_bad_rows:,}"
    if rows_bad > MOST_BAD_ROWS:
        return f"no file may have more than {MOST_BAD_ROWS:,}"
    if contract.max_bad_share is not None and rows_bad > round(contract.max_bad_share * rows_read, ROUNDED):
        return f"the contract allows {contract.max_bad_share * 100:g}%"
    if rows_bad and rows_bad == rows_read and contract.max_bad_share is None:
        return "without a good row it fails, unless its contract says badRowLimit: 100%"
    return None
