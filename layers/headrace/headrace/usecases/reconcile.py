"""Do landing, ledger, lake and warehouse say the same? Each difference is named, with what to do about it.

Nothing is changed. What is being loaded differs for a moment, and is right to: the warehouse of a dataset that does
not stand still while it is looked at is left for the next time, and said to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.domain.arrival import route
from headrace.domain.contract import Contract
from headrace.domain.lane import LaneState
from headrace.domain.ledger import LANES, BatchStatus, FileRecord, FileStatus
from headrace.domain.notice import Notice
from headrace.usecases import paths
from headrace.usecases.ports import Landing, Services

GRACE = timedelta(minutes=15)
"""An object this young may have an event that is still on its way."""
STILL = timedelta(hours=1)
"""A file that waits or runs for so long is helped by nobody."""
STAGED = {FileStatus.STAGED, FileStatus.MERGING}
OPEN = {FileStatus.PENDING, FileStatus.RUNNING} | STAGED
LISTED = 10
# All names below are the contract's, checked when it was compiled.
LOADS = "SELECT batch_id, status FROM etl.loads WHERE dataset = '{dataset}'"
ACCOUNTS = (
    "SELECT r.file_id, r.loaded, r.superseded FROM etl.file_rows AS r "
    "JOIN etl.loads AS l ON r.batch_id = l.batch_id WHERE l.dataset = '{dataset}'"
)
STAGE = "SELECT _file_id, COUNT(*) FROM {stage} GROUP BY _file_id"
ROWS = "SELECT _file_id, COUNT(*) FROM {target} GROUP BY _file_id"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two places that disagree about one thing, and what to do."""

    kind: str
    dataset: str
    what: str
    advice: str


@dataclass(slots=True)
class Reconciliation:
    """The differences, how much was looked at, and the datasets whose warehouse was not, because they were loading."""

    differences: list[Difference] = field(default_factory=list)
    objects: int = 0
    files: int = 0
    parts: int = 0
    rows: int = 0
    busy: list[str] = field(default_factory=list)


def reconcile(datasets: list[str], landing: Landing, services: Services, *, grace: timedelta = GRACE) -> Reconciliation:
    """Compare all places for each dataset."""
    found = Reconciliation()
    for dataset in datasets:
        contract = services.catalog.contract(dataset)
        before = _lanes(dataset, services)
        files = list(services.ledger.files_of(dataset))
        found.files += len(files)
        found.differences += _landing(contract, files, landing, services, found, datetime.now(UTC) - grace)
        merges = timedelta(seconds=contract.merge_seconds) if contract.staged else timedelta()
        found.differences += _standing_still(files, datetime.now(UTC) - STILL - merges)
        found.differences += _lake(dataset, files, services, found)
        differences = list(_warehouse(contract, files, services, found))
        if _at_rest(dataset, before, services):
            found.differences += differences
        else:
            found.busy.append(dataset)
    return found


def notice_of(found: Reconciliation) -> Notice:
    """What people are told of differences."""
    lines = [f"{item.dataset}: {item.what}: {item.advice}" for item in found.differences[:LISTED]]
    rest = len(found.differences) - LISTED
    more = [f"and {rest} more: `headrace reconcile` lists them"] if rest > 0 else []
    title = f"landing, ledger, lake and warehouse differ in {len(found.differences)} places"
    return Notice("error", title, (*lines, *more))


def _lanes(dataset: str, services: Services) -> list[LaneState]:
    return [services.ledger.lane_state(dataset, lane) for lane in LANES]


def _at_rest(dataset: str, before: list[LaneState], services: Services) -> bool:
    """Whether no batch was open, and none has come and gone, since `before`."""
    return _lanes(dataset, services) == before and not any(state.open_batch for state in before)


def _landing(
    contract: Contract,
    files: list[FileRecord],
    landing: Landing,
    services: Services,
    found: Reconciliation,
    until: datetime,
) -> Iterator[Difference]:
    known = {file.file_id for file in files}
    for version in landing.versions(contract.prefix):
        found.objects += 1
        settled = not version.latest or datetime.fromisoformat(version.at) > until
        if settled or version.file_id in known or services.ledger.knows(version.file_id):
            continue
        if route(version.arrival(), services.catalog.all()).dataset == contract.dataset:
            what = f"{version.key} has landed, the ledger does not know it"
            advice = f"`headrace backfill {contract.dataset} {version.key}`"
            yield Difference("unknown object", contract.dataset, what, advice)


def _standing_still(files: list[FileRecord], since: datetime) -> Iterator[Difference]:
    for file in files:
        moved = file.updated_at or file.arrived_at
        if file.status in OPEN and datetime.fromisoformat(moved) < since:
            what = f"{file.key} is {file.status} since {moved}"
            advice = f"`headrace trace {file.key}` shows where it stands, `headrace retry {file.key}` sends it again"
            yield Difference("standing still", file.dataset, what, advice)


def _lake(dataset: str, files: list[FileRecord], services: Services, found: Reconciliation) -> Iterator[Difference]:
    there = dict(services.lake.listing(f"{dataset}/batch="))
    found.parts += len(there)
    brought = {FileStatus.LOADED, *STAGED}
    loaded = {file.batch: file.key for file in files if file.status in brought and file.batch}
    for batch, key in loaded.items():
        for part, size in _promised(batch, services).items():
            if there.get(part) != size:
                state = "is missing" if part not in there else f"has {there[part]:,} bytes, not {size:,}"
                advice = f"the table is not affected; `headrace reload {key} --force` writes its rows anew"
                yield Difference("lake part", dataset, f"{part} of {batch} {state}", advice)
    for part in there:
        batch = part.split("/")[1].removeprefix("batch=")
        if batch not in loaded and not _known(batch, services):
            advice = "nothing of Headrace's wrote it: find out who did, then delete it"
            yield Difference("stray part", dataset, f"{part} is of a batch that the ledger does not know", advice)


def _promised(batch: str, services: Services) -> dict[str, int]:
    """The parts of a batch and their sizes, by its manifest. None once the manifest has expired."""
    manifest: dict[str, Any] = services.lake.find_json(paths.manifest(batch)) or {"entries": []}
    start = len(f"s3://{services.lake.bucket}/")
    return {entry["url"][start:]: entry["meta"]["content_length"] for entry in manifest["entries"]}


def _known(batch: str, services: Services) -> bool:
    try:
        services.ledger.batch(batch)
    except KeyError:
        return False
    return True


def _warehouse(
    contract: Contract, files: list[FileRecord], services: Services, found: Reconciliation
) -> Iterator[Difference]:
    names = {"dataset": contract.dataset, "target": contract.target}
    query = services.warehouse.query
    loads = {str(batch): str(status) for batch, status in query(LOADS.format(**names))}
    accounts = {str(file): (int(loaded), int(gone)) for file, loaded, gone in query(ACCOUNTS.format(**names))}
    rows = {str(file): int(count) for file, count in query(ROWS.format(**names))}
    found.rows += sum(rows.values())
    for file in files:
        yield from _file_rows(file, rows.get(file.file_id, 0), accounts.get(file.file_id, (0, 0)), services)
    for file_id in sorted(set(rows) - {file.file_id for file in files}):
        what = f"{contract.target} has {rows[file_id]:,} rows of a file {file_id} that the ledger does not know"
        yield Difference("stray rows", contract.dataset, what, "find out who wrote them; Headrace did not")
    yield from _loads(contract.dataset, files, loads, services)
    if contract.staged:
        yield from _stage(contract, files, dict(query(STAGE.format(stage=contract.stage))))


def _stage(contract: Contract, files: list[FileRecord], rows: dict[str, int]) -> Iterator[Difference]:
    """The stage table has the rows of the files that wait for a merge, and no others."""
    by_id = {file.file_id: file for file in files}
    for file_id in sorted(rows.keys() - {file.file_id for file in files if file.status in STAGED}):
        key = by_id[file_id].key if file_id in by_id else f"a file {file_id} that the ledger does not know"
        what = f"{contract.stage} has {int(rows[file_id]):,} rows of {key}, which waits for no merge"
        yield Difference("stray rows", contract.dataset, what, "nothing merges them: delete them from the stage table")
    for file in files:
        if file.status in STAGED and file.rows.staged != int(rows.get(file.file_id, 0)) and not file.reload:
            what = f"{file.key} has {rows.get(file.file_id, 0):,} rows staged, {file.rows.staged:,} by the ledger"
            advice = f"`headrace reload {file.key} --force` once it is merged"
            yield Difference("staged rows", contract.dataset, what, advice)


def _file_rows(file: FileRecord, rows: int, account: tuple[int, int], services: Services) -> Iterator[Difference]:
    if (rows, *account) == _expected(file):
        return
    file = services.ledger.file(file.file_id)  # the index that listed it may lag behind
    loaded, _, superseded = _expected(file)
    advice = f"`headrace reload {file.key} --force` replaces its rows"
    if rows != loaded:
        what = f"{file.key} has {rows:,} rows in the table, {loaded:,} by the ledger"
        yield Difference("rows", file.dataset, what, advice)
    elif account != (loaded, superseded):
        what = f"{file.key} has {loaded:,} rows and lost {superseded:,} by the ledger, by etl.file_rows {account}"
        yield Difference("account", file.dataset, what, advice)
    if not file.rows.balanced:
        yield Difference("balance", file.dataset, f"{file.key}: {file.reason}", advice)


def _expected(file: FileRecord) -> tuple[int, int, int]:
    """Rows in the table, and the warehouse's account of loaded and superseded, as the ledger has it."""
    return file.rows.loaded, file.rows.loaded, file.rows.superseded - file.replayed


def _loads(dataset: str, files: list[FileRecord], loads: dict[str, str], services: Services) -> Iterator[Difference]:
    brought = {
        str(file.loaded_by)
        for file in files
        if file.loaded_by and file.rows.loaded + file.rows.superseded - file.replayed
    }
    for batch in sorted(brought):
        if loads.get(batch) != "loaded":
            what = f"{batch} is loaded by the ledger, {loads.get(batch, 'unknown')} in etl.loads"
            yield Difference("load", dataset, what, f"`headrace reload` its files: `headrace trace` lists {batch}'s")
    for batch in sorted(name for name, status in loads.items() if status == "loaded" and name not in brought):
        if not _recorded(batch, services):
            what = f"{batch} is loaded in the warehouse, the ledger has not recorded that"
            yield Difference("outcome", dataset, what, "its lane's next execution records it; the sweeper starts one")


def _recorded(batch: str, services: Services) -> bool:
    return _known(batch, services) and services.ledger.batch(batch).status is BatchStatus.LOADED
