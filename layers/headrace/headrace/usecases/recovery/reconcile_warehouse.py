"""Whether the warehouse has the rows that the ledger says, and accounts for them alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import BatchStatus, FileRecord, FileStatus
from headrace.domain.ingest.outcome import Counts
from headrace.usecases.ports import HasBatches, HasContents, HasContracts, HasFiles, HasLoads, HasRows
from headrace.usecases.recovery.reconcile_report import Difference
from headrace.usecases.recovery.requeue import advice_to_reload

STAGED = {FileStatus.STAGED, FileStatus.MERGING}
IDS_AT_ONCE = 3_000
"""24 characters each: the Data API takes 100 kB of a statement."""
CLOCKS = timedelta(days=1)
"""A file is loaded after it arrived, by any clock."""

NO_ROWS: Counts = (0, 0, 0)


class Services(HasBatches, HasContents, HasContracts, HasFiles, HasLoads, HasRows, Protocol):
    """The ports used here."""


class WarehouseRows:
    """Of one dataset: first `of` each slice of its files, then `of_all`. `rows` is how many were counted."""

    def __init__(self, contract: Contract, services: Services, since: str) -> None:
        self._contract = contract
        self._services = services
        self._loaded_since = f"{datetime.fromisoformat(since or '1970-01-02') - CLOCKS:%Y-%m-%d %H:%M:%S}"
        self._brought: set[str] = set()
        self._staged: set[str] = set()
        self.rows = 0

    def of(self, files: list[FileRecord]) -> Iterator[Difference]:
        """Each file's rows. They are asked for by batch, and exactly, by file, where they seem to differ."""
        by_id = {file.file_id: file for file in files}
        self._staged |= {file.file_id for file in files if file.status in STAGED}
        self._brought |= {str(file.loaded_by) for file in files if file.status is FileStatus.LOADED and _brought(file)}
        batches = {str(file.loaded_by) for file in files if file.loaded_by}
        counts = self._services.rows.of_batches(self._contract.target, batches) if batches else {}
        self.rows += sum(counts.get(file_id, NO_ROWS)[0] for file_id in by_id)
        differing = [file for file in files if counts.get(file.file_id, NO_ROWS) != _expected(file)]
        for start in range(0, len(differing), IDS_AT_ONCE):
            yield from self._exactly(differing[start : start + IDS_AT_ONCE])
        yield from self._strays({file_id: counts[file_id][0] for file_id in counts.keys() - by_id.keys()})

    def of_all(self) -> Iterator[Difference]:
        """The loads, rows that came by none, and the stage table."""
        rows = self._services.rows
        yield from self._loads(self._services.loads.since(self._contract.dataset, self._loaded_since))
        yield from self._strays(rows.of_no_load(self._contract.target))
        if self._contract.staged:
            yield from self._stage(rows.in_stage(self._contract.stage))

    def _exactly(self, files: list[FileRecord]) -> Iterator[Difference]:
        ids = [file.file_id for file in files]
        counts = self._services.rows.of_files(self._contract.target, ids)
        fresh = self._services.files.known(ids)  # the index may lag behind
        for file in fresh.values():
            found = counts.get(file.file_id, NO_ROWS)
            if found != _expected(file):
                yield from _file_rows(file, found, advice_to_reload(file, self._services))

    def _strays(self, rows: dict[str, int]) -> Iterator[Difference]:
        """Rows of files that the ledger does not know. The others have their own slice, or arrived too long ago."""
        for file_id in sorted(rows.keys() - self._services.files.known(sorted(rows)).keys()):
            what = (
                f"{self._contract.target} has {rows[file_id]:,} rows of a file {file_id} that the ledger does not know"
            )
            yield Difference("stray rows", self._contract.dataset, what, "find out who wrote them; Headrace did not")

    def _loads(self, loads: dict[str, str]) -> Iterator[Difference]:
        dataset = self._contract.dataset
        for batch in sorted(name for name in self._brought if loads.get(name) != "loaded"):
            what = f"{batch} is loaded by the ledger, {loads.get(batch, 'unknown')} in etl.loads"
            yield Difference("load", dataset, what, f"`headrace reload` its files: `headrace trace` lists {batch}'s")
        for batch in sorted(name for name, status in loads.items() if status == "loaded" and name not in self._brought):
            if not self._recorded(batch):
                what = f"{batch} is loaded in the warehouse, the ledger has not recorded that"
                yield Difference(
                    "outcome", dataset, what, "its lane's next execution records it; the sweeper starts one"
                )

    def _recorded(self, batch: str) -> bool:
        try:
            return self._services.batches.get(batch).status is BatchStatus.LOADED
        except KeyError:
            return False

    def _stage(self, rows: dict[str, int]) -> Iterator[Difference]:
        """The stage table has the rows of the files that wait for a merge, and no others."""
        files = self._services.files.known(sorted(rows.keys() | self._staged))
        waiting = {file_id for file_id, file in files.items() if file.status in STAGED}
        for file_id in sorted(rows.keys() - waiting):
            key = files[file_id].key if file_id in files else f"a file {file_id} that the ledger does not know"
            what = f"{self._contract.stage} has {int(rows[file_id]):,} rows of {key}, which waits for no merge"
            advice = "nothing merges them: delete them from the stage table"
            yield Difference("stray rows", self._contract.dataset, what, advice)
        for file in (files[file_id] for file_id in sorted(waiting)):
            if file.rows.staged != int(rows.get(file.file_id, 0)) and not file.reload:
                what = f"{file.key} has {rows.get(file.file_id, 0):,} rows staged, {file.rows.staged:,} by the ledger"
                advice = f"`headrace reload {file.file_id} --force` once it is merged"
                yield Difference("staged rows", self._contract.dataset, what, advice)


def _file_rows(file: FileRecord, counts: Counts, advice: str) -> Iterator[Difference]:
    rows, *account = counts
    loaded, _, superseded = _expected(file)
    if rows != loaded:
        what = f"{file.key} has {rows:,} rows in the table, {loaded:,} by the ledger"
        yield Difference("rows", file.dataset, what, advice)
    else:
        what = (
            f"{file.key} has {loaded:,} rows and lost {superseded:,} by the ledger, by etl.file_rows {tuple(account)}"
        )
        yield Difference("account", file.dataset, what, advice)
    if not file.rows.balanced:
        yield Difference("balance", file.dataset, f"{file.key}: {file.reason}", advice)


def _expected(file: FileRecord) -> Counts:
    """The counts that the ledger has."""
    return file.rows.loaded, file.rows.loaded, file.rows.superseded - file.replayed


def _brought(file: FileRecord) -> bool:
    return file.rows.loaded + file.rows.superseded - file.replayed > 0
