"""The first work of an execution: take up the batch that was left open, or make one of the files that wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from headrace.domain import clock
from headrace.domain.clock import now
from headrace.domain.contract import Contract
from headrace.domain.executions import execution_name
from headrace.domain.ingest.lane import LaneState, limits_of
from headrace.domain.ingest.ledger import MERGE, BatchRecord, BatchStatus, FileRecord
from headrace.domain.ingest.packing import NEVER, first_batch, is_heavy, units, waiting_in
from headrace.usecases import lake_paths
from headrace.usecases.ingest.bisect_batch import allowed_for, give_up
from headrace.usecases.ingest.finished_units import is_finished
from headrace.usecases.ingest.gather import gather
from headrace.usecases.ingest.starter import take_along
from headrace.usecases.ports import (
    HasBatches,
    HasContents,
    HasContracts,
    HasEvents,
    HasFiles,
    HasLake,
    HasLanding,
    HasLanes,
    HasLoads,
    HasSleepers,
    HasTopic,
    HasWakeUps,
    HasWorkflow,
)

MOST_LOOKS = 10
"""How often a batch's files are looked for, if all that was found does not wait. The next execution goes on."""
NO_BATCH: dict[str, Any] = {"batch": None, "files": 0, "bytes": 0, "units": [], "heavy": []}


class Services(
    HasBatches, HasContents, HasContracts, HasEvents, HasFiles, HasLake, HasLanding, HasLanes, HasLoads, HasSleepers,
    HasTopic, HasWakeUps, HasWorkflow, Protocol,
):  # fmt: skip
    """The ports used here."""


def record_batch(
    dataset: str,
    lane: str,
    generation: int,
    execution: str,
    services: Services,
    heavy_above: int = NEVER,
) -> dict[str, Any]:
    """The batch that this execution loads, its files running, its units written for the transform.

    Doing it again gives the same batch. Returns `{"batch", "files", "bytes", "units": [1, 2, …], "heavy": [2]}`: the
    units of files with more than `heavy_above` bytes are for Spark. Heavy units that an earlier execution has finished
    are in neither list.
    """
    state = services.lanes.state(dataset, lane)
    if state.generation != generation:
        return NO_BATCH  # an execution out of its turn, redriven by hand for example
    batch = _left_open(state.open_batch, execution, services)
    if batch and (batch.condemned or batch.attempts > allowed_for(batch, services)):
        unsaid = f"ExecutionEnded: it did not get through in {batch.attempts - 1} attempts, and none of them said why"
        reason = batch.reason or unsaid
        give_up(batch, reason, services)
        batch = None
    if batch is None and replace(state, open_batch=None).blocked(services.contracts.get(dataset)):
        return NO_BATCH
    batch = batch or _begun(dataset, lane, generation, execution, state, services)
    if batch is None:
        return NO_BATCH
    files = services.batches.take(batch)
    packed = dict(enumerate(_packed(lane, files), start=1))
    contract = services.contracts.get(dataset)
    heavy = {number for number, unit in packed.items() if is_heavy(unit, contract, heavy_above)}
    finished = _with_units_written(batch, packed, heavy, services)
    story = {"files": len(files), "units": len(packed), "attempt": batch.attempts}
    services.events.note_batch(batch.batch, "Recorded", story | ({"finished": len(finished)} if finished else {}))
    return {
        "batch": batch.batch,
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "units": [number for number in packed if number not in finished],
        "heavy": sorted(heavy - finished),
    }


def _with_units_written(
    batch: BatchRecord, packed: dict[int, list[FileRecord]], heavy: set[int], services: Services
) -> set[int]:
    """The heavy units that an earlier execution has finished; the lists of all others are written."""
    finished = set()
    for number, unit in packed.items():
        references = [_reference(file) for file in unit if file.batch == batch.batch]
        if number in heavy and is_finished(batch, number, references, services):
            finished.add(number)
        else:
            services.lake.write_json(lake_paths.unit(batch.batch, number), references)
    return finished


def _left_open(name: str | None, execution: str, services: Services) -> BatchRecord | None:
    """The open batch. Another execution than the last one counts as another attempt, a retry within one does not."""
    if name is None:
        return None
    batch = services.batches.get(name)
    if batch.execution != execution:
        batch = services.batches.take_up(batch, execution)
    return batch if batch.status is BatchStatus.RUNNING else None


def _begun(
    dataset: str, lane: str, generation: int, execution: str, state: LaneState, services: Services
) -> BatchRecord | None:
    """A new batch of files that wait, which others begin with. One that was left open is tried again without them."""
    batch = _of_pending_files(dataset, lane, generation, execution, state.loaded_at, services)
    if batch:
        take_along(state.last_turn, services)
    return batch


def _of_pending_files(
    dataset: str, lane: str, generation: int, execution: str, loaded_at: str | None, services: Services
) -> BatchRecord | None:
    contract = services.contracts.get(dataset)
    limits = limits_of(contract, lane)
    files = _next_files(contract, lane, loaded_at, services)
    name = execution_name(dataset, lane, generation)
    if contract.grouped and lane != MERGE:
        files = gather(files, name, limits, services)
    if not files:
        return None
    batch = BatchRecord(
        batch=name,
        dataset=dataset,
        lane=lane,
        generation=generation,
        status=BatchStatus.RUNNING,
        file_ids=tuple(file.file_id for file in files),
        started_at=now(),
        execution=execution,
        units=len(_packed(lane, files)),
        failed_at=min((file.failing_since for file in files if file.suspects and file.failing_since), default=None),
    )
    opened = services.batches.open(batch)
    return opened if opened and opened.status is BatchStatus.RUNNING else None


def _next_files(contract: Contract, lane: str, loaded_at: str | None, services: Services) -> list[FileRecord]:
    """The files of the next batch. What only seems to wait is no longer listed as waiting.

    Two deliveries of an event may write so, the slower one after a batch has taken the file.
    """
    limits = limits_of(contract, lane)
    for _ in range(MOST_LOOKS):
        waiting = waiting_in(lane, contract, loaded_at, services.lanes.pending)
        listed = first_batch(waiting, limits, loaded_at, clock.seconds())
        known = services.files.known(file.file_id for file in listed)
        files = [file for file in listed if file.file_id in known and known[file.file_id].waits_in(lane)]
        for file in listed if len(files) < len(listed) else ():
            if file not in files:
                services.lanes.drop_marker(file, lane)
        if files or not listed:
            return files
    return []


def _packed(lane: str, files: list[FileRecord]) -> list[list[FileRecord]]:
    """The files as units of work for the transform, which has nothing to do for a merge."""
    return [] if lane == MERGE else units(files)


def _reference(file: FileRecord) -> dict[str, Any]:
    return {"file_id": file.file_id, "bucket": file.bucket, "key": file.key, "version": file.version, "size": file.size}
