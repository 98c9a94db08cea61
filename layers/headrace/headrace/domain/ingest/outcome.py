"""What became of a batch's files: from the transform's results and the warehouse's counts to the ledger's truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from headrace.domain.ingest.ledger import FileRecord, FileStatus, RowCounts

NOT_AGAIN = "its rows are as they were, it could not be loaded again"


class Verdict(StrEnum):
    """What the transform made of a file. HELD: it waits for a person, the others of its batch do not."""

    GOOD = "good"
    DUPLICATE = "duplicate"
    HELD = "held"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileResult:
    """The transform's account of one file. `broken` counts rows per broken rule, as `column: rule`."""

    file_id: str
    verdict: Verdict
    rows_read: int = 0
    rows_good: int = 0
    rows_bad: int = 0
    sha256: str | None = None
    reason: str | None = None
    duplicate_of: str | None = None
    contract_version: str | None = None
    detected: dict[str, Any] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> FileResult:
        """The inverse of `to_json`."""
        return cls(**value | {"verdict": Verdict(value["verdict"])})


@dataclass(frozen=True, slots=True)
class WarehouseRows:
    """The warehouse's own counts for one file: rows staged by COPY, in the target now, and superseded."""

    staged: int = 0
    loaded: int = 0
    superseded: int = 0


Account = tuple[str, str | None, WarehouseRows | None]
"""A file, the batch that brought its rows, and its rows; None for a file that no load has accounted for."""
Counts = tuple[int, int, int]
"""Rows in the table, and the account of loaded and superseded ones."""
Result = tuple[str | float | None, ...]
"""What a check found: column, metric, verdict, figure, expected, lowest, highest, sentence."""


def settle(file: FileRecord, result: FileResult, rows: WarehouseRows) -> FileRecord:
    """The file as the ledger keeps it once its batch is loaded."""
    if result.verdict is Verdict.FAILED:
        looked_at = replace(file, contract_version=result.contract_version, detected=result.detected)
        return failed(looked_at, str(result.reason), _withheld(result))
    if result.verdict is Verdict.HELD:
        return held(file, result)
    known = replace(
        file,
        sha256=result.sha256,
        contract_version=result.contract_version,
        detected=result.detected,
        reason=result.reason,
        duplicate_of=result.duplicate_of,
        reload=False,
        suspects=None,
        failing_since=None,
        apart_since=None,
        released=None,
        replayed=0,
        replays=(),
    )
    if result.verdict is Verdict.DUPLICATE:
        counts = RowCounts(read=result.rows_read, duplicate=result.rows_read)
        return replace(known, status=FileStatus.DUPLICATE, rows=counts)
    counts = RowCounts(result.rows_read, rows.loaded, rows.superseded, result.rows_bad)
    return replace(known, status=FileStatus.LOADED, rows=counts, reason=imbalance(counts))


def staged(file: FileRecord, result: FileResult, count: int) -> FileRecord:
    """The file once `count` rows of it are in the stage table. What the target has of it already is not touched."""
    counts = RowCounts(read=result.rows_read, quarantined=result.rows_bad, staged=count)
    again = bool(file.rows.loaded or file.rows.superseded)
    return replace(
        file,
        status=FileStatus.STAGED,
        sha256=result.sha256,
        contract_version=result.contract_version,
        detected=result.detected,
        suspects=None,
        failing_since=None,
        apart_since=None,
        rows=file.rows if again else counts,
    )


def held(file: FileRecord, result: FileResult) -> FileRecord:
    """The file once it waits for a person, while the others of its batch are loaded."""
    return replace(
        file.cleared,
        status=FileStatus.HELD,
        sha256=result.sha256,
        contract_version=result.contract_version,
        detected=result.detected,
        reason=result.reason,
        rows=_withheld(result),
    )


def _withheld(result: FileResult) -> RowCounts:
    """The rows of a file of which none is loaded: those that are bad, and the others."""
    good = max(0, result.rows_read - result.rows_bad)
    return RowCounts(read=result.rows_read, quarantined=result.rows_bad, withheld=good)


def failed(file: FileRecord, reason: str, rows: RowCounts | None = None) -> FileRecord:
    """The file once it could not be loaded, with what was counted. One that has rows by an earlier load keeps them."""
    known = replace(file.cleared, reload=False)
    if file.rows.loaded or file.rows.superseded:
        return replace(known, status=FileStatus.LOADED, reason=f"{NOT_AGAIN}: {reason}")
    return replace(known, status=FileStatus.FAILED, reason=reason, rows=rows or RowCounts())


def imbalance(rows: RowCounts) -> str | None:
    """A sentence when the rows read are not all accounted for, else None."""
    if rows.balanced:
        return None
    return (
        f"the rows do not balance: {rows.read} read, but {rows.loaded} loaded + {rows.superseded} superseded"
        f" + {rows.quarantined} quarantined + {rows.duplicate} duplicate"
    )


def total(files: Iterable[FileRecord]) -> RowCounts:
    """The row counts of several files, summed."""
    return sum((file.rows for file in files), RowCounts())
