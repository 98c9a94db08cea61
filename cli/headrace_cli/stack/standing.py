"""How datasets stand, by their counters, what waits in their lanes, and the batches that are open.

What it reads grows with the datasets and with what is under way, not with the files that there have ever been.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from headrace.domain.clock import written
from headrace.domain.ingest.counts import RUN_SECONDS, RUNS, RUNS_AT_MOST, Tally
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE, RUN, FileRecord, FileStatus
from headrace_cli.stack.lateness import is_late
from headrace_cli.stack.totals import COUNTED, freshness, pause_account, row_counts

if TYPE_CHECKING:
    from headrace.adapters.ledger import DynamoLedger
    from headrace.domain.contract import Contract

PARALLEL_READS = 16
NEWEST = 20
"""Files among which the last run of the Glue job is looked for."""


@dataclass(slots=True)
class UnderWay:
    """What of a dataset waits or is worked on: files by status, and how many of them are late."""

    files: Counter[FileStatus] = field(default_factory=Counter)
    late: int = 0


def standing(
    ledger: DynamoLedger, contracts: Iterable[Contract], tallies: dict[str, Tally], now: datetime
) -> list[dict[str, Any]]:
    """The account of each dataset, as `totals.dataset_account` has it; all of them must be counted as a whole."""
    chosen = list(contracts)
    lanes = {contract.dataset: lanes_of(contract, tallies[contract.dataset]) for contract in chosen}
    states = ledger.lanes.states((name, lane) for name, own in lanes.items() for lane in own)

    def account(contract: Contract) -> dict[str, Any]:
        own = {lane: states[contract.dataset, lane] for lane in lanes[contract.dataset]}
        found = _account(contract, tallies[contract.dataset], own, _under_way(ledger, contract, own, now), now)
        return found | {"glue": found["glue"] | _last_run(ledger, contract.dataset)} if "glue" in found else found

    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        return list(pool.map(account, chosen))


def files_in(
    ledger: DynamoLedger, dataset: str, tally: Tally | None, statuses: Collection[FileStatus], since: str = ""
) -> Iterator[FileRecord]:
    """The files of a dataset in these statuses, none of which a file leaves by itself, in the order of arrival.

    Only days are read on which the counters have such files; all, where the counters do not have all files.
    """
    if tally is None or not tally.whole:
        files: Iterable[FileRecord] = ledger.files.of_dataset(dataset, since)
    elif not any(tally.files(status) for status in statuses):
        files = ()
    else:
        days = sorted(ledger.counters.days(dataset, since[:10]).items())
        chosen = [day for day, of_day in days if any(of_day.files(status) for status in statuses)]
        files = chain.from_iterable(_of_day(ledger, dataset, max(day, since)) for day in chosen)
    return (file for file in files if file.status in statuses)


def _of_day(ledger: DynamoLedger, dataset: str, since: str) -> Iterator[FileRecord]:
    return ledger.files.of_dataset(dataset, since, f"{since[:10]}U")  # times have a T behind the day


def lanes_of(contract: Contract, tally: Tally) -> list[str]:
    """The lanes in which files of the dataset may be."""
    return [LIVE, *([BACKFILL] if tally.backfilled else []), *([MERGE] if contract.staged else [])]


def _under_way(ledger: DynamoLedger, contract: Contract, states: dict[str, LaneState], now: datetime) -> UnderWay:
    found = UnderWay()
    for lane, state in states.items():
        waiting = ledger.lanes.waiting(contract.dataset, lane)
        if lane != MERGE:
            found.files[FileStatus.PENDING] += waiting
        late_before = _late_before(contract, states[LIVE], now)
        if waiting and late_before and lane != BACKFILL:
            found.late += ledger.lanes.waiting(contract.dataset, lane, late_before, promised=True)
        for file in _open_files(ledger, lane, state):
            found.files[file.status] += 1
            found.late += is_late(file, contract, states[LIVE], now)
    return found


def _late_before(contract: Contract, live: LaneState, now: datetime) -> str:
    """Files that arrived before then are late; nothing where none can be."""
    if contract.freshness_seconds is None or live.pause:
        return ""
    before = written(now - timedelta(seconds=contract.freshness_seconds))
    return before if before > (live.resumed_at or "") else ""


def _open_files(ledger: DynamoLedger, lane: str, state: LaneState) -> list[FileRecord]:
    if not state.open_batch:
        return []
    files = ledger.files.known(ledger.batches.get(state.open_batch).file_ids).values()
    worked_on = FileStatus.MERGING if lane == MERGE else FileStatus.RUNNING
    return [file for file in files if file.status is worked_on]


def _last_run(ledger: DynamoLedger, dataset: str) -> dict[str, str]:
    """The last run of the Glue job, if one of the newest files went through it."""
    newest = (file for file in ledger.files.newest(dataset, NEWEST) if RUN in file.detected)
    runs = [(file.updated_at or "", str(file.detected[RUN]["run"])) for file in newest]
    return {"last_run": max(runs)[1]} if runs else {}


def _account(
    contract: Contract, tally: Tally, states: dict[str, LaneState], under_way: UnderWay, now: datetime
) -> dict[str, Any]:
    files = Counter({status: tally.files(status) for status in COUNTED}) + under_way.files
    files[FileStatus.STAGED] -= under_way.files[FileStatus.MERGING]  # a file in a merge is counted as staged
    loads = {lane: state.loaded_at or "" for lane, state in states.items() if lane == MERGE or not contract.staged}
    numbers = tally.numbers
    glue = {"runs": numbers[RUNS], "dpu_seconds": numbers[RUN_SECONDS], "at_most": bool(numbers[RUNS_AT_MOST])}
    return (
        ({"glue": glue} if numbers[RUNS] else {})
        | pause_account(states[LIVE])
        | {
            "dataset": contract.dataset,
            "late": under_way.late,
            "files": {str(status): max(0, files[status]) for status in COUNTED},
            "rows": row_counts(tally.rows),
            **freshness(max(loads.values()), now),
        }
    )
