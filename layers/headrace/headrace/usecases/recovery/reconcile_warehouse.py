"""Whether the warehouse has the rows that the ledger says, and accounts for them alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import BatchStatus, FileRecord, FileStatus
from headrace.usecases.ports import HasBatches, HasFiles, HasWarehouse
from headrace.usecases.recovery.reconcile_report import Difference

STAGED = {FileStatus.STAGED, FileStatus.MERGING}
IDS_AT_ONCE = 3_000
"""24 characters each: the Data API takes 100 kB of a statement."""
CLOCKS = timedelta(days=1)
"""A file is loaded after it arrived, by any clock."""
# All names below are the contract's, checked when it was compiled, or were made by Headrace.
LOADS = "SELECT batch_id, status FROM etl.loads WHERE dataset = '{dataset}' AND loaded_at >= '{since}'"
ACCOUNTS = "SELECT file_id, loaded, superseded FROM etl.file_rows WHERE {which}"
ROWS = "SELECT _file_id, COUNT(*) FROM {target} WHERE _file_id IN ({which}) GROUP BY _file_id"
OF_BATCHES = "batch_id IN ({names})"
FILES_OF_BATCHES = "SELECT file_id FROM etl.load_files WHERE batch_id IN ({names})"
OF_NO_LOAD = (
    "SELECT t._file_id, COUNT(*) FROM {target} AS t LEFT JOIN etl.load_files AS f ON t._file_id = f.file_id "
    "WHERE f.file_id IS NULL GROUP BY t._file_id LIMIT 1000"
)
STAGE = "SELECT _file_id, COUNT(*) FROM {stage} GROUP BY _file_id"

Counts = tuple[int, int, int]
"""Rows in the table, and the warehouse's account of loaded and superseded ones."""
NO_ROWS: Counts = (0, 0, 0)


class Services(HasBatches, HasFiles, HasWarehouse, Protocol):
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
        counts = self._of_batches({str(file.loaded_by) for file in files if file.loaded_by})
        self.rows += sum(counts.get(file_id, NO_ROWS)[0] for file_id in by_id)
        differing = [file for file in files if counts.get(file.file_id, NO_ROWS) != _expected(file)]
        for start in range(0, len(differing), IDS_AT_ONCE):
            yield from self._exactly(differing[start : start + IDS_AT_ONCE])
        yield from self._strays({file_id: counts[file_id][0] for file_id in counts.keys() - by_id.keys()})

    def of_all(self) -> Iterator[Difference]:
        """The loads, rows that came by none, and the stage table."""
        loads = LOADS.format(dataset=self._contract.dataset, since=self._loaded_since)
        yield from self._loads(dict(self._query(loads)))
        yield from self._strays(dict(self._query(OF_NO_LOAD.format(target=self._contract.target))))
        if self._contract.staged:
            yield from self._stage(dict(self._query(STAGE.format(stage=self._contract.stage))))

    def _query(self, sql: str) -> list[tuple[str, int]]:
        return [(str(name), value) for name, value in self._services.warehouse.query(sql)]

    def _of_batches(self, batches: set[str]) -> dict[str, Counts]:
        if not batches:
            return {}
        names = _quoted(batches)
        return self._counts(OF_BATCHES.format(names=names), FILES_OF_BATCHES.format(names=names))

    def _counts(self, accounts_of: str, rows_of: str) -> dict[str, Counts]:
        rows = dict(self._query(ROWS.format(target=self._contract.target, which=rows_of)))
        accounts = {
            str(file): (int(loaded), int(gone))
            for file, loaded, gone in self._services.warehouse.query(ACCOUNTS.format(which=accounts_of))
        }
        return {file: (int(rows.get(file, 0)), *accounts.get(file, (0, 0))) for file in rows.keys() | accounts.keys()}

    def _exactly(self, files: list[FileRecord]) -> Iterator[Difference]:
        ids = _quoted(file.file_id for file in files)
        counts = self._counts(f"file_id IN ({ids})", ids)
        fresh = self._services.files.known([file.file_id for file in files])  # the index may lag behind
        for file in fresh.values():
            yield from _file_rows(file, counts.get(file.file_id, NO_ROWS))

    def _strays(self, rows: dict[str, int]) -> Iterator[Difference]:
        """Rows of files that the ledger does not know. The others have their own slice, or arrived too long ago."""
        for file_id in sorted(rows.keys() - self._services.files.known(sorted(rows)).keys()):
            what = (
                f"{self._contract.target} has {rows[file_id]:,} rows of a file {file_id} that the ledger does not know"
            )
            yield Difference("stray rows", self._contract.dataset, what, "find out who wrote them; Headrace did not")

    def _loads(self, loads: dict[str, object]) -> Iterator[Difference]:
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
                advice = f"`headrace reload {file.key} --force` once it is merged"
                yield Difference("staged rows", self._contract.dataset, what, advice)


def _file_rows(file: FileRecord, counts: Counts) -> Iterator[Difference]:
    expected = _expected(file)
    if counts == expected:
        return
    rows, *account = counts
    loaded, _, superseded = expected
    advice = f"`headrace reload {file.key} --force` replaces its rows"
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


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))
