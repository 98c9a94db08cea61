"""The ledger's files, added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from headrace.domain.contract import Contract
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import RUN, FileRecord, FileStatus, RowCounts
from headrace_cli.output.formatting import PASSING, moment
from headrace_cli.stack.lateness import is_late

COUNTED = tuple(status for status in FileStatus if status is not FileStatus.UNROUTABLE)
FINAL = {FileStatus.LOADED, FileStatus.GROUPED, FileStatus.DUPLICATE, FileStatus.FAILED, FileStatus.UNROUTABLE}
AT_REST = FINAL | {FileStatus.HELD, FileStatus.WAITING}
"""Statuses that a file does not leave by itself."""


def dataset_account(contract: Contract, files: Iterable[FileRecord], lane: LaneState, now: datetime) -> dict[str, Any]:
    """One dataset's files, those that are late, rows, last load, and the seconds since then (None before the first).

    `glue` only if runs of the Glue job transformed any of these files, `paused` only while its live `lane` is.
    """
    late = 0
    statuses: Counter[FileStatus] = Counter()
    rows, last_load = RowCounts(), ""
    runs: dict[str, int] = {}
    last_run, at_most = ("", ""), False
    for file in files:
        statuses[file.status] += 1
        late += is_late(file, contract, lane, now)
        rows += file.rows
        if run := file.detected.get(RUN):
            runs[run["run"]] = int(run["dpu_seconds"])
            at_most |= bool(run.get("at_most"))
            last_run = max(last_run, (file.updated_at or "", run["run"]))
        if file.status is FileStatus.LOADED:
            last_load = max(last_load, file.updated_at or "")
        glue = {"runs": len(runs), "dpu_seconds": sum(runs.values()), "at_most": at_most, "last_run": last_run[1]}
    return (
        ({"glue": glue} if runs else {})
        | pause_account(lane)
        | {
            "dataset": contract.dataset,
            "late": late,
            "files": {str(status): statuses[status] for status in COUNTED},
            "rows": row_counts(rows),
            **freshness(last_load, now),
        }
    )


def pause_account(lane: LaneState) -> dict[str, Any]:
    """`{"paused": …}` while the dataset, whose live lane this is, is paused."""
    return {"paused": asdict(lane.pause)} if lane.pause else {}


def freshness(last_load: str, now: datetime) -> dict[str, Any]:
    """The last load, and the seconds since then; None before the first."""
    seconds = round((now - moment(last_load)).total_seconds(), 1) if last_load else None
    return {"last_load": last_load or None, "freshness_seconds": seconds}


def row_counts(rows: RowCounts) -> dict[str, int]:
    """The counts by kind; those of `PASSING` only while there are any."""
    return {kind: count for kind, count in asdict(rows).items() if count or kind not in PASSING}


def file_account(file: FileRecord) -> dict[str, Any]:
    """One file in short, with its rows."""
    return {
        "dataset": file.dataset,
        "key": file.key,
        "version": file.version,
        "file_id": file.file_id,
        "arrived_at": file.arrived_at,
        "status": str(file.status),
        "batch": file.batch,
        "rows": row_counts(file.rows),
        "reason": file.reason,
    }
