"""Registers what is in the lake as tables that others can query, and says which of it counts.

Whatever wakes it, it writes what ledger and lake say at that moment, under names that derive from dataset and batch:
events may come twice, late or never. A night puts right what none has said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import Any, Protocol

from headrace.domain.clock import now, utc, written
from headrace.domain.contract import Contract
from headrace.domain.executions import order_of
from headrace.domain.ingest.ledger import BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.domain.ingest.load_plan import in_order_of_arrival, origins_of
from headrace.domain.lake_catalog import LakeTable, LakeTables, lake_tables
from headrace.usecases import lake_paths
from headrace.usecases.ingest.prepare_load import known_origins
from headrace.usecases.ports import HasBatches, HasContents, HasContracts, HasFiles, HasLake, HasLakeCatalog

READY_EVENT = "Data Ready"
ORDER: dict[str, type] = {"dataset": str}
UNDER_WAY = {FileStatus.PENDING, FileStatus.RUNNING, FileStatus.STAGED, FileStatus.MERGING, FileStatus.HELD}
READY = {BatchStatus.LOADED, BatchStatus.STAGED}
FILES_AT_ONCE = 50_000
"""Lines of one object of a dataset's files: some 5 MB, and 100 MB of memory."""
LAG = timedelta(minutes=1)
"""How far the ledger's index may lag behind the ledger, and S3's clock behind this one."""
State = dict[str, Any]
"""A line of `FILE_COLUMNS`."""


class Services(HasBatches, HasContents, HasContracts, HasFiles, HasLake, HasLakeCatalog, Protocol):
    """The ports used here."""


def handle(message: dict[str, Any], services: Services) -> dict[str, Any]:
    """Do what an event, or the order of a night, asks for. Returns what was done. Raises UnknownDatasetError."""
    if "repair" in message:
        return {"repaired": message["repair"], **repair(message["repair"], services)}
    detail = message["detail"]
    if message["detail-type"] == READY_EVENT:
        announce(detail["dataset"], detail["batch"], detail["replaced"], services)
        return {"ready": detail["batch"]}
    order = order_of(detail, ORDER)
    return {"settled": settle(order["dataset"], services, ended=detail["name"]) if order else []}


def announce(dataset: str, batch: str, replaced: Iterable[str], services: Services) -> None:
    """A batch's Parquet is in the lake: register it. Which of its files count is known once it has ended.

    Raises UnknownDatasetError for a dataset without a contract. What the ledger does not know as a batch of the dataset
    is passed over: whoever may put events on the bus can say anything.
    """
    tables = _defined(services.contracts.get(dataset), services)
    found = _find(batch, services)
    if found is None or found.dataset != dataset:
        return
    services.lake.write_json(lake_paths.announced(dataset, batch), {"replaced": list(replaced)})
    _register(found, tables, services)


def settle(dataset: str, services: Services, ended: str = "") -> list[str]:
    """Write which files count, of every announced batch that has ended. Returns these.

    `ended` is a batch that may never have been announced, since all its rows were bad.
    """
    contract = services.contracts.get(dataset)
    found = _find(ended, services)
    if found and found.rows.quarantined:
        _register(found, _defined(contract, services), services)
    settled = [batch for batch in _announced(dataset, services) if _settle(batch, contract, services)]
    if settled and contract.snapshot:
        _note_what_is_left(settled[-1], contract, services)
    return settled


def repair(dataset: str, services: Services) -> dict[str, int]:
    """Every night: what the events of the day have missed. Returns how many batches were missing, and all files."""
    contract = services.contracts.get(dataset)
    tables = _defined(contract, services)
    settle(dataset, services)
    missing = set()
    for table, prefix in ((tables.rows, tables.rows.folder), (tables.bad_rows, tables.bad_rows.folder)):
        known = services.lake_catalog.batches(table)
        missing |= _batches_below(prefix, services) - known
    for name in sorted(missing):
        batch = _find(name, services)
        if batch and batch.status in READY:
            _register(batch, tables, services)
    return {"missing": len(missing), "files": _rebuild(contract, services)}


def _defined(contract: Contract, services: Services) -> LakeTables:
    tables = lake_tables(contract)
    if services.lake_catalog.digest(tables.rows) != tables.digest:
        for table in tables.all:
            services.lake_catalog.define(table)
        services.lake_catalog.define_view(tables.view_name, tables.view)
        services.lake_catalog.note_digest(tables.rows, tables.digest)
    return tables


def _register(batch: BatchRecord, tables: LakeTables, services: Services) -> None:
    """Add the partitions of a batch; one without objects would only be looked into."""
    places: tuple[tuple[LakeTable, str], ...] = (
        (tables.rows, lake_paths.batch_folder(batch.dataset, batch.batch)),
        (tables.bad_rows, lake_paths.quarantine_folder(batch.dataset, batch.batch)),
    )
    for table, folder in places:
        if next(iter(services.lake.listing(folder)), None):
            services.lake_catalog.add_batch(table, batch.started_at[:10], batch.batch, folder)


def _announced(dataset: str, services: Services) -> list[str]:
    prefix = lake_paths.announced(dataset)
    return [key.removeprefix(prefix).removesuffix(".json") for key, _ in services.lake.listing(prefix)]


def _settle(name: str, contract: Contract, services: Services) -> bool:
    """Whether the batch has ended, as have its files, and that is written now."""
    as_of = now()
    batch = _find(name, services)
    files = services.files.get_all(batch.file_ids) if batch else []
    mine = [file for file in files if file.batch == name]
    if batch and (batch.status is BatchStatus.RUNNING or any(file.status in UNDER_WAY for file in mine)):
        return False
    marker = lake_paths.announced(contract.dataset, name)
    note = services.lake.find_json(marker) or {"replaced": []}
    earlier = services.files.known(note["replaced"]).values()
    states = _states([*mine, *(file for file in earlier if file.status not in UNDER_WAY)], contract, as_of, services)
    services.lake_catalog.write_files(lake_paths.file_states(contract.dataset, name), states)
    services.lake.remove(marker)
    return True


def _note_what_is_left(batch: str, contract: Contract, services: Services) -> None:
    """Write all files that are loaded: a snapshot takes rows from files that no event names.

    The index, which may lag, only says which they are; the ledger says what they have now.
    """
    listed = services.files.of_dataset(contract.dataset)
    loaded = (file.file_id for file in listed if file.status is FileStatus.LOADED)
    for number in count():
        as_of, some = now(), services.files.known(list(islice(loaded, FILES_AT_ONCE))).values()
        if not some:
            return
        key = lake_paths.file_states(contract.dataset, f"{batch}-left-{number:04}")
        services.lake_catalog.write_files(key, _states(some, contract, as_of, services))


def _rebuild(contract: Contract, services: Services) -> int:
    """Write all files of the ledger that have rows, and remove what was written before. Returns how many there are.

    What a batch wrote while the index may have lagged stays, and counts more.
    """
    began, total = utc() - LAG, 0
    loaded = (file for file in services.files.of_dataset(contract.dataset) if file.status is FileStatus.LOADED)
    rebuilt: set[str] = set()
    while some := list(islice(loaded, FILES_AT_ONCE)):
        key = lake_paths.file_states(contract.dataset, f"all-{len(rebuilt):04}")
        services.lake_catalog.write_files(key, _states(some, contract, written(began), services))
        rebuilt.add(key)
        total += len(some)
    for key, at in list(services.lake.written(lake_paths.file_states(contract.dataset))):
        if key not in rebuilt and _aware(at) < began:
            services.lake.remove(key)
    return total


def _states(files: Iterable[FileRecord], contract: Contract, as_of: str, services: Services) -> list[State]:
    files = list(files)
    replayed = set(origins_of(files, contract).values())
    places = in_order_of_arrival(files, known_origins(replayed, contract, services.files), contract)
    deleting = _deleting(files, services) if contract.operation else set()
    return [
        {
            "file_id": file.file_id,
            "batch_id": file.batch,
            "current": file.status is FileStatus.LOADED and (file.rows.loaded > 0 or file.file_id in deleting),
            "status": str(file.status),
            "rows_loaded": file.rows.loaded,
            "rows_superseded": file.rows.superseded,
            "arrival": f"{places[file.file_id]}#{file.file_id}",
            "as_of": as_of,
        }
        for file in files
    ]


def _deleting(files: list[FileRecord], services: Services) -> set[str]:
    """The files without a row in the table whose deletes count all the same: no newer version has replaced them."""
    empty = [file for file in files if file.status is FileStatus.LOADED and not file.rows.loaded]
    versions = services.contents.loaded_versions({file.place for file in empty}) if empty else {}
    newest = {place: found[-1].order for place, found in versions.items() if found}
    return {file.file_id for file in empty if file.order >= newest.get(file.place, file.order)}


def _batches_below(prefix: str, services: Services) -> set[str]:
    return set(_batches_of(key for key, _ in services.lake.listing(f"{prefix}batch=")))


def _batches_of(keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        yield key.partition("/batch=")[2].partition("/")[0]


def _find(batch: str, services: Services) -> BatchRecord | None:
    try:
        return services.batches.get(batch)
    except KeyError:
        return None


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
