"""Which files are late: they have come, and their rows were not in the table in the time that the contract promises."""

from __future__ import annotations

from datetime import datetime, timedelta

from headrace.domain.contract import Contract
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import BACKFILL, FileRecord, FileStatus
from headrace_cli.output.formatting import moment

UNDER_WAY = {FileStatus.PENDING, FileStatus.RUNNING, FileStatus.STAGED, FileStatus.MERGING}


def is_late(file: FileRecord, contract: Contract, lane: LaneState, now: datetime) -> bool:
    """As the notifications of broken promises have it: not of backfills, reloads, or what a person has held up.

    `lane` is the dataset's live one, whose pause is every lane's.
    """
    if contract.freshness_seconds is None or lane.pause or file.status not in UNDER_WAY:
        return False
    if file.lane == BACKFILL or file.reload or file.released is not None:
        return False
    return moment(lane.waits_since(file.arrived_at)) + timedelta(seconds=contract.freshness_seconds) < now
