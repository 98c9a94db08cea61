"""The warehouse's accounts: verbs over the tables of the schema `etl`, and all SQL that asks or writes them.

Every name and id below is the contract's, checked when it was compiled, or Headrace's own; free text is quoted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from headrace.domain.contract import Contract
from headrace.domain.ingest.outcome import Account, Counts, Result, WarehouseRows
from headrace.domain.sql_text import quoted

LOCK = "LOCK TABLE etl.guard_{dataset}"
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

LOADS = "SELECT batch_id, status FROM etl.loads WHERE dataset = '{dataset}' AND loaded_at >= '{since}'"
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
    "DELETE FROM {target} WHERE {which}",
    "DELETE FROM etl.quality_figures WHERE dataset = '{dataset}' AND category = {value}",
    "DELETE FROM etl.quality_results WHERE dataset = '{dataset}' AND POSITION({value} IN sentence) > 0",
)
ERASED_FILES = "SELECT DISTINCT file_id FROM etl.superseded WHERE batch_id LIKE 'erase-{dataset}-%'"

FIGURES = "day, metric, column_name, category, figure, row_count, deviation"
NOW = (
    "SELECT {columns} FROM (SELECT {columns}, RANK() OVER (ORDER BY measured_at DESC) AS place"
    " FROM etl.quality_figures WHERE dataset = '{dataset}' AND scope = '{scope}' AND point = '{point}') AS ranked"
    " WHERE place = 1"
)
PAST = (
    "SELECT day, metric, column_name, category, AVG(figure), AVG(CAST(row_count AS DOUBLE PRECISION)), AVG(deviation)"
    " FROM etl.quality_figures WHERE dataset = '{dataset}' AND scope = '{scope}'"
    " AND day >= CAST('{first}' AS DATE) AND day < CAST('{day}' AS DATE)"
    " AND (scope = 'day' OR point IN (SELECT batch_id FROM etl.loads WHERE status = 'loaded'))"
    " GROUP BY day, metric, column_name, category"
)
RESULTS = (
    "INSERT INTO etl.quality_results (dataset, scope, point, column_name, metric, verdict, figure, expected, lowest,"
    " highest, sentence, judged_at) VALUES "
)
LONGEST_SENTENCE = 2000
LONGEST_NAME = 256
"""Bytes, as the columns have them."""


class Accounts(ABC):
    """What a warehouse that can `run` and `query` can be asked about its loads. `batch` is a batch's name."""

    @abstractmethod
    def run(self, statements: list[str]) -> None:
        """Run statements as one transaction."""

    @abstractmethod
    def query(self, sql: str) -> list[list[Any]]:
        """Run one query and return its rows."""

    def bury(self, batch: str, dataset: str, status: str) -> bool:
        """Put up a tombstone, so that the batch can never be loaded. False if it is loaded already, and stays so.

        It is written under the lock that loads take: a late load finds it and does nothing.
        """
        names = {"batch": batch, "dataset": dataset, "status": status}
        self.run([statement.format(**names) for statement in (LOCK, TOMBSTONE)])
        return not self.has_committed(batch)

    def has_committed(self, batch: str) -> bool:
        """Whether the batch's load has committed, into the target or the stage table."""
        return self.query(BATCH_STATUS.format(batch=batch)) in COMMITTED

    def unstage(self, contract: Contract, file_id: str) -> None:
        """Delete a file's rows from the stage table."""
        unstage = UNSTAGE.format(stage=contract.stage, file=file_id)
        self.run([LOCK.format(dataset=contract.dataset), unstage])

    def record_decision(self, batch: str, dataset: str, decision: str, who: str, reason: str) -> None:
        """Write down who held, released or rejected a batch, and why."""
        said = {"who": quoted(who, LONGEST_NAME), "reason": quoted(reason, LONGEST_SENTENCE)}
        self.run([DECISION.format(batch=batch, dataset=dataset, decision=decision, **said)])

    def counts_of(self, batch: str) -> dict[str, WarehouseRows]:
        """The rows of each file of a loaded batch; nothing when its load did nothing."""
        rows = map(_account, self.query(OWN.format(batch=batch)))
        return {file_id: counts for file_id, by, counts in rows if by == batch and counts}

    def counts_of_earlier(self, batch: str, after: str, most: int) -> list[Account]:
        """The next `most` files that lost rows to the batch, by id, from the one `after` another on."""
        return [_account(row) for row in self.query(TOUCHED.format(batch=batch, after=after, most=most))]

    def staged_counts(self, batch: str, stage: str) -> dict[str, int]:
        """The rows of each file of a staged batch that are in the stage table; nothing when it was never staged."""
        return _numbers(self.query(STAGED.format(stage=stage, batch=batch)))

    def loads_since(self, dataset: str, since: str) -> dict[str, str]:
        """The status of each load of a dataset since a time."""
        return {str(batch): str(status) for batch, status in self.query(LOADS.format(dataset=dataset, since=since))}

    def rows_of_batches(self, target: str, batches: Iterable[str]) -> dict[str, Counts]:
        """Rows and account of each file of some batches."""
        names = _listed(batches)
        return self._counts(target, f"batch_id IN ({names})", FILES_OF_BATCHES.format(names=names))

    def rows_of_files(self, target: str, files: Iterable[str]) -> dict[str, Counts]:
        """Rows and account of each of some files."""
        ids = _listed(files)
        return self._counts(target, f"file_id IN ({ids})", ids)

    def _counts(self, target: str, accounts_of: str, rows_of: str) -> dict[str, Counts]:
        rows = _numbers(self.query(ROWS.format(target=target, which=rows_of)))
        accounts = self._accounts(accounts_of)
        return {file: (rows.get(file, 0), *accounts.get(file, (0, 0))) for file in rows.keys() | accounts.keys()}

    def _accounts(self, which: str) -> dict[str, tuple[int, int]]:
        rows = self.query(ACCOUNTS.format(which=which))
        return {str(file): (int(loaded), int(gone)) for file, loaded, gone in rows}

    def rows_of_no_load(self, target: str) -> dict[str, int]:
        """Rows of the table, by file, that no load has brought."""
        return _numbers(self.query(OF_NO_LOAD.format(target=target)))

    def rows_in_stage(self, stage: str) -> dict[str, int]:
        """The rows of the stage table, by file."""
        return _numbers(self.query(IN_STAGE.format(stage=stage)))

    def count(self, target: str, which: str) -> int:
        """How many rows of the table fulfil a condition."""
        ((rows,),) = self.query(COUNT.format(target=target, which=which))
        return int(rows)

    def erase(self, contract: Contract, batch: str, which: str, value: str) -> None:
        """Delete the rows that fulfil a condition, and a value from the figures; the account calls the rows superseded.

        It is done under the lock that loads take, in one transaction.
        """
        names = {"dataset": contract.dataset, "target": contract.target, "which": which}
        names |= {"batch": batch, "value": quoted(value, LONGEST_SENTENCE)}
        self.run([statement.format(**names) for statement in ERASE])

    def erased_files(self, dataset: str) -> list[str]:
        """The files that lost rows to any erasure, by id."""
        return sorted(str(file_id) for (file_id,) in self.query(ERASED_FILES.format(dataset=dataset)))

    def accounts_of(self, files: Iterable[str]) -> dict[str, tuple[int, int]]:
        """The loaded and superseded rows of each of some files, as the account has them."""
        return self._accounts(f"file_id IN ({_listed(files)})")

    def figures(self, dataset: str, scope: str, point: str) -> list[list[Any]]:
        """What was measured of a batch or a day, the last time it was: rows of `FIGURES`."""
        return self.query(NOW.format(columns=FIGURES, dataset=dataset, scope=scope, point=point))

    def past_figures(self, dataset: str, scope: str, first: date, day: date) -> list[list[Any]]:
        """The same of the days from `first` to the one before `day`: of batches the average of the loaded ones."""
        return self.query(PAST.format(dataset=dataset, scope=scope, first=first, day=day))

    def keep_findings(self, dataset: str, scope: str, point: str, results: Sequence[Result]) -> None:
        """Keep what the checks found of a batch or a day, one at least."""
        rows = (", ".join(map(_literal, (dataset, scope, point, *result))) for result in results)
        self.run([RESULTS + ", ".join(f"({row}, GETDATE())" for row in rows)])


def _account(row: list[Any]) -> Account:
    file_id, by, staged, loaded, gone = row
    if by is None:
        return str(file_id), None, None
    return str(file_id), str(by), WarehouseRows(int(staged), int(loaded), int(gone))


def _numbers(rows: Iterable[list[Any]]) -> dict[str, int]:
    return {str(name): int(number) for name, number in rows}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def _literal(value: str | float | None) -> str:
    if value is None:
        return "NULL"
    return quoted(value, LONGEST_SENTENCE) if isinstance(value, str) else repr(float(value))
