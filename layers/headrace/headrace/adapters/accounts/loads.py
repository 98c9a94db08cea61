"""The account of loads: whether a batch has committed, what it brought, and who decided about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.adapters.accounts.sql import LOCK, LONGEST_NAME, LONGEST_SENTENCE, Statements, listed, numbers
from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import FileRecord
from headrace.domain.ingest.outcome import Account, WarehouseRows
from headrace.domain.sql_text import quoted

TOMBSTONE = (
    "INSERT INTO etl.loads (batch_id, dataset, status, loaded_at) SELECT '{batch}', '{dataset}', '{status}', GETDATE() "
    "WHERE NOT EXISTS (SELECT 1 FROM etl.loads WHERE batch_id = '{batch}')"
)
BATCH_STATUS = "SELECT status FROM etl.loads WHERE batch_id = '{batch}'"
COMMITTED = ([["loaded"]], [["staged"]])
UNSTAGE = "DELETE FROM {stage} WHERE _file_id = '{file}'"
DECISION = (
    "INSERT INTO etl.holds (batch_id, dataset, decision, decided_by, reason, decided_at)"
    " VALUES ('{batch}', '{dataset}', '{decision}', {who}, {reason}, GETDATE())"
)

# The next two ask for the account of a few files: `etl.file_rows` would add up that of all that ever were.
OWN = (
    "SELECT f.file_id, f.batch_id, f.staged, f.loaded - COALESCE(SUM(s.row_count), 0),"
    " f.superseded + COALESCE(SUM(s.row_count), 0) FROM etl.load_files AS f"
    " LEFT JOIN etl.superseded AS s ON s.file_id = f.file_id WHERE f.batch_id = '{batch}'"
    " GROUP BY f.file_id, f.batch_id, f.staged, f.loaded, f.superseded"
)
TOUCHED = (
    "SELECT t.file_id, f.batch_id, f.staged, f.loaded - SUM(s.row_count), f.superseded + SUM(s.row_count) FROM ("
    "SELECT DISTINCT file_id FROM etl.superseded WHERE batch_id = '{batch}' AND file_id > '{after}'"
    " ORDER BY file_id LIMIT {most}) AS t INNER JOIN etl.superseded AS s ON s.file_id = t.file_id"
    " LEFT JOIN etl.load_files AS f ON f.file_id = t.file_id"
    " GROUP BY t.file_id, f.batch_id, f.staged, f.loaded, f.superseded ORDER BY t.file_id"
)
STAGED = (
    "SELECT s._file_id, COUNT(*) FROM etl.loads AS l INNER JOIN {stage} AS s ON l.batch_id = s._batch_id "
    "WHERE l.batch_id = '{batch}' AND l.status = 'staged' GROUP BY s._file_id"
)
KNOWN_OBJECTS = (
    "SELECT object, COUNT(*) FROM etl.objects WHERE dataset = '{dataset}' AND object IN ({ids}) GROUP BY object"
)
NAME_OBJECTS = "INSERT INTO etl.objects (dataset, object, bucket, object_key) VALUES "
SUM = "#sum-{dataset}"
"""Where the rows of all settled batches of a dataset are counted together. No batch can be named so."""
UNSUMMED = (
    "SELECT DISTINCT s.batch_id FROM etl.superseded AS s INNER JOIN etl.loads AS l ON s.batch_id = l.batch_id"
    " WHERE l.dataset = '{dataset}' AND l.loaded_at < '{before}' AND s.batch_id > '{after}' ORDER BY 1 LIMIT {most}"
)
SUM_UP = (
    LOCK,
    "CREATE TEMP TABLE settled AS SELECT batch_id FROM etl.loads WHERE batch_id IN ({batches})",
    (
        "CREATE TEMP TABLE sums AS SELECT file_id, CAST(SUM(row_count) AS BIGINT) AS row_count FROM etl.superseded"
        " WHERE batch_id IN (SELECT batch_id FROM settled) OR (batch_id = '{sum}' AND file_id IN ("
        "SELECT s.file_id FROM etl.superseded AS s INNER JOIN settled AS b ON s.batch_id = b.batch_id))"
        " GROUP BY file_id"
    ),
    (
        "DELETE FROM etl.superseded WHERE batch_id IN (SELECT batch_id FROM settled)"
        " OR (batch_id = '{sum}' AND file_id IN (SELECT file_id FROM sums))"
    ),
    (
        "INSERT INTO etl.superseded (batch_id, file_id, row_count)"
        " SELECT CAST('{sum}' AS VARCHAR(160)), file_id, row_count FROM sums"
    ),
    "DROP TABLE settled",
    "DROP TABLE sums",
)
LOADS = "SELECT batch_id, status FROM etl.loads WHERE dataset = '{dataset}' AND loaded_at >= '{since}'"

LONGEST_KEY, LONGEST_BUCKET = 1024, 63
"""Bytes, as S3 has them (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html)."""
OBJECTS_AT_ONCE = 40
"""So that a statement with keys all of quotation marks is shorter than the Data API's 100 kB."""


class WarehouseLoads:
    """What a warehouse can be asked about its loads. `batch` is a batch's name."""

    def __init__(self, warehouse: Statements) -> None:
        self._warehouse = warehouse

    def bury(self, batch: str, dataset: str, status: str) -> bool:
        """Put up a tombstone, so that the batch can never be loaded. False if it is loaded already, and stays so.

        It is written under the lock that loads take: a late load finds it and does nothing.
        """
        names = {"batch": batch, "dataset": dataset, "status": status}
        self._warehouse.run([statement.format(**names) for statement in (LOCK, TOMBSTONE)])
        return not self.has_committed(batch)

    def has_committed(self, batch: str) -> bool:
        """Whether the batch's load has committed, into the target or the stage table."""
        return self._warehouse.query(BATCH_STATUS.format(batch=batch)) in COMMITTED

    def unstage(self, contract: Contract, file_id: str) -> None:
        """Delete a file's rows from the stage table."""
        unstage = UNSTAGE.format(stage=contract.stage, file=file_id)
        self._warehouse.run([LOCK.format(dataset=contract.dataset), unstage])

    def record_decision(self, batch: str, dataset: str, decision: str, who: str, reason: str) -> None:
        """Write down who held, released or rejected a batch, and why."""
        said = {"who": quoted(who, LONGEST_NAME), "reason": quoted(reason, LONGEST_SENTENCE)}
        self._warehouse.run([DECISION.format(batch=batch, dataset=dataset, decision=decision, **said)])

    def counts_of(self, batch: str) -> dict[str, WarehouseRows]:
        """The rows of each file of a loaded batch; nothing when its load did nothing."""
        rows = map(_account, self._warehouse.query(OWN.format(batch=batch)))
        return {file_id: counts for file_id, by, counts in rows if by == batch and counts}

    def counts_of_earlier(self, batch: str, after: str, most: int) -> list[Account]:
        """The next `most` files that lost rows to the batch, by id, from the one `after` another on."""
        return [_account(row) for row in self._warehouse.query(TOUCHED.format(batch=batch, after=after, most=most))]

    def unsummed(self, dataset: str, before: str, after: str, most: int) -> list[str]:
        """Batches loaded `before` a time that have rows of their own in the account of superseded ones, by name.

        The next `most` behind the one `after` which to go on.
        """
        sql = UNSUMMED.format(dataset=dataset, before=before, after=after, most=most)
        return [str(batch) for (batch,) in self._warehouse.query(sql)]

    def sum_up(self, dataset: str, batches: Iterable[str]) -> None:
        """Let one row for each file stand for what these batches took from it, and for those that were summed before.

        It is done under the lock that loads take, in one transaction: every sum stays as it was.
        """
        names = {"dataset": dataset, "batches": listed(batches), "sum": SUM.format(dataset=dataset)}
        self._warehouse.run([statement.format(**names) for statement in SUM_UP])

    def staged_counts(self, batch: str, stage: str) -> dict[str, int]:
        """The rows of each file of a staged batch that are in the stage table; nothing when it was never staged."""
        return numbers(self._warehouse.query(STAGED.format(stage=stage, batch=batch)))

    def name_objects(self, files: Iterable[FileRecord]) -> None:
        """Write down the keys of files of one dataset, for `etl.files`; one that is known is not written again."""
        wanted = {file.object_id: file for file in files}
        if not wanted:
            return
        (dataset,) = {file.dataset for file in wanted.values()}
        known = numbers(self._warehouse.query(KNOWN_OBJECTS.format(dataset=dataset, ids=listed(wanted))))
        rows = [_object_row(file) for name, file in wanted.items() if name not in known]
        for start in range(0, len(rows), OBJECTS_AT_ONCE):
            self._warehouse.run([NAME_OBJECTS + ", ".join(rows[start : start + OBJECTS_AT_ONCE])])

    def since(self, dataset: str, since: str) -> dict[str, str]:
        """The status of each load of a dataset since a time."""
        return {
            str(batch): str(status)
            for batch, status in self._warehouse.query(LOADS.format(dataset=dataset, since=since))
        }


def _object_row(file: FileRecord) -> str:
    key = quoted(file.key, LONGEST_KEY)
    return f"('{file.dataset}', '{file.object_id}', {quoted(file.bucket, LONGEST_BUCKET)}, {key})"


def _account(row: list[Any]) -> Account:
    file_id, by, staged, loaded, gone = row
    if by is None:
        return str(file_id), None, None
    return str(file_id), str(by), WarehouseRows(int(staged), int(loaded), int(gone))
