"""How often our transactions wake the warehouse, and for how long, as metrics.

Redshift Serverless is billed for a minute at least whenever it wakes, so what begins within a minute of the end of what
ran before wakes nothing: https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-billing.html
"""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.domain import clock
from headrace.domain.ingest.reported import Reported
from headrace.domain.statement import StatementState
from headrace.observability import emit, logger
from headrace.usecases.ports import Watches

WAREHOUSE = "#warehouse"
"""No dataset can be named so."""
AWAKE = "AWAKE"
"""What is remembered of the warehouse: when the last of our transactions ended."""
IDLE_SECONDS = 60.0
TRIES = 3
"""Transactions that end at the same time write one after the other; one that comes too late often is not counted."""


def measure_awake(state: StatementState, watches: Watches) -> None:
    """Count a transaction that has ended. No load fails because it could not be counted."""
    if state.ended_at is None:
        return
    try:
        counted = any(_counted(state.ended_at, state.seconds, watches) for _ in range(TRIES))
    except Exception:
        logger.exception("the time awake could not be counted")
        return
    if not counted:
        logger.warning("the time awake was not counted: others were faster")


def _counted(ended: float, seconds: float, watches: Watches) -> bool:
    """Whether it is written down; not where another transaction was in the meantime."""
    known = watches.reported(WAREHOUSE, AWAKE)
    last = datetime.fromisoformat(known.since).timestamp() if known.since else None
    woke, awake = added(last, ended - seconds, ended)
    until = max(ended, last or ended)
    becomes = Reported(clock.written(datetime.fromtimestamp(until, UTC)))
    if not watches.note_reported(WAREHOUSE, AWAKE, known, becomes):
        return False
    emit({"WarehouseWakeUps": float(woke), "WarehouseAwakeSeconds": round(awake, 3)})
    return True


def added(last: float | None, began: float, ended: float) -> tuple[bool, float]:
    """Whether a transaction woke the warehouse, and the seconds that it added to the time awake.

    `last` is the end of the latest transaction so far. All times are in seconds since 1970.
    """
    if last is None or began > last + IDLE_SECONDS:
        return True, ended - began + IDLE_SECONDS
    return False, max(0.0, ended - last)
