"""The account of rows: how many each file has in a table, and how many the account of its loads says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headrace.adapters.accounts.sql import LOCK, Statements, listed, numbers
from headrace.domain.contract import Contract
from headrace.domain.ingest.outcome import Counts

ACCOUNTS = "SELECT file_id, loaded, superseded FROM etl.file_rows WHERE {which}"
ROWS = "SELECT _file_id, COUNT(*) FROM {target} WHERE _file_id IN ({which}) GROUP BY _file_id"
FILES_OF_BATCHES = "SELECT file_id FROM etl.load_files WHERE batch_id IN ({names})"
OF_NO_LOAD = (
    "SELECT t._file_id, COUNT(*) FROM {target} AS t LEFT JOIN etl.load_files AS f ON t._file_id = f.file_id "
    "WHERE f.file_id IS NULL GROUP BY t._file_id LIMIT 1000"
)
IN_STAGE = "SELECT _file_id, COUNT(*) FROM {stage} GROUP BY _file_id"
COUNT = "SELECT COUNT(*) FROM {target} WHERE {which}"
ERASE = (
    LOCK,
    (
        "INSERT INTO etl.superseded (batch_id, file_id, row_count) "
        "SELECT '{batch}', _file_id, COUNT(*) FROM {target} WHERE {which} GROUP BY _file_id"
    ),
)
ERASE_FROM = "DELETE FROM {table} WHERE {which}"
FORGET_OBJECTS = "DELETE FROM etl.objects WHERE dataset = '{dataset}' AND object IN ({ids})"
ERASED_FILES = "SELECT DISTINCT file_id FROM etl.superseded WHERE batch_id LIKE 'erase-{dataset}-%'"


class WarehouseRows:
    """What a warehouse can be asked about the rows of its tables."""

    def __init__(self, warehouse: Statements) -> None:
        self._warehouse = warehouse

    def of_batches(self, target: str, batches: Iterable[str]) -> dict[str, Counts]:
        """Rows and account of each file of some batches."""
        names = listed(batches)
        return self._counts(target, f"batch_id IN ({names})", FILES_OF_BATCHES.format(names=names))

    def of_files(self, target: str, files: Iterable[str]) -> dict[str, Counts]:
        """Rows and account of each of some files."""
        ids = listed(files)
        return self._counts(target, f"file_id IN ({ids})", ids)

    def of_no_load(self, target: str) -> dict[str, int]:
        """Rows of the table, by file, that no load has brought."""
        return numbers(self._warehouse.query(OF_NO_LOAD.format(target=target)))

    def in_stage(self, stage: str) -> dict[str, int]:
        """The rows of the stage table, by file."""
        return numbers(self._warehouse.query(IN_STAGE.format(stage=stage)))

    def count(self, target: str, which: str) -> int:
        """How many rows of the table fulfil a condition."""
        ((rows,),) = self._warehouse.query(COUNT.format(target=target, which=which))
        return int(rows)

    def erase(self, contract: Contract, tables: Sequence[str], batch: str, which: str) -> None:
        """Delete the rows that fulfil a condition from the target and other tables; the account calls them superseded.

        It is done under the lock that loads take, in one transaction.
        """
        names = {"dataset": contract.dataset, "target": contract.target, "which": which, "batch": batch}
        deletes = [ERASE_FROM.format(table=table, which=which) for table in tables]
        self._warehouse.run([*(statement.format(**names) for statement in ERASE), *deletes])

    def forget_objects(self, dataset: str, objects: Iterable[str]) -> None:
        """Delete the keys of some objects; the rows that came in them stay."""
        self._warehouse.run([FORGET_OBJECTS.format(dataset=dataset, ids=listed(objects))])

    def erased_files(self, dataset: str) -> list[str]:
        """The files that lost rows to any erasure, by id."""
        return sorted(str(file_id) for (file_id,) in self._warehouse.query(ERASED_FILES.format(dataset=dataset)))

    def accounts(self, files: Iterable[str]) -> dict[str, tuple[int, int]]:
        """The loaded and superseded rows of each of some files, as the account has them."""
        return self._accounts(f"file_id IN ({listed(files)})")

    def _counts(self, target: str, accounts_of: str, rows_of: str) -> dict[str, Counts]:
        rows = numbers(self._warehouse.query(ROWS.format(target=target, which=rows_of)))
        accounts = self._accounts(accounts_of)
        return {file: (rows.get(file, 0), *accounts.get(file, (0, 0))) for file in rows.keys() | accounts.keys()}

    def _accounts(self, which: str) -> dict[str, tuple[int, int]]:
        rows = self._warehouse.query(ACCOUNTS.format(which=which))
        return {str(file): (int(loaded), int(gone)) for file, loaded, gone in rows}
