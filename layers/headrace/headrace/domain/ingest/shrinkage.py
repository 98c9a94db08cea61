"""How many rows a new version of a key may lack before people must look at it first: it may be half a file."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileRecord
from headrace.domain.ingest.replay import replay_of

FEWEST_ROWS = 5
"""What becomes of the rows of a smaller version says nothing."""


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
    if then < FEWEST_ROWS or good >= then * (1 - contract.max_shrink):
        return None
    decide = " or ".join(f"`headrace {verb} {file.file_id}`" for verb in ("release", "reject"))
    allowed = f"{100 * contract.max_shrink:g}%"
    return (
        f"it has {good:,} good rows, its previous version had {then:,}: more than the {allowed} fewer that the contract"
        f" allows (shrinkLimit): {decide} decides"
    )
