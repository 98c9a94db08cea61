"""The files of the ledger: what arrived, what became of it, what waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from headrace.adapters.ledger.items import (
    all_files,
    event,
    file_item,
    file_of,
    file_pk,
    known_files,
    order_sk,
    record,
    saving_if,
    waiting,
)
from headrace.adapters.ledger.storms import counting
from headrace.adapters.table import Table
from headrace.domain.clock import now
from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace.domain.ingest.storm import Group

LOSE = "SET #rows.loaded = :loaded, #rows.superseded = replayed + :gone"
RELEASE = (
    "SET #rows.quarantined = #rows.quarantined - :rows, #rows.superseded = #rows.superseded + :rows,"
    " replayed = if_not_exists(replayed, :zero) + :rows, replays = list_append(if_not_exists(replays, :none), :one)"
)
DISCARD = (
    "SET #rows.quarantined = #rows.quarantined - :rows,"
    " #rows.discarded = if_not_exists(#rows.discarded, :zero) + :rows,"
    " replays = list_append(if_not_exists(replays, :none), :one)"
)


class DynamoFiles:
    """Records of files."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def record_arrival(self, file: FileRecord, group: Group | None = None) -> FileRecord:
        """Write a new file, or count one more delivery of a known one. Returns what the ledger holds.

        A new one is counted in the `group` whose objects are reported together.
        """
        table, pk = self._table, file_pk(file.file_id)
        detail = {"key": file.key, "size": file.size, "version": file.version}
        writes = [
            table.putting(pk, "FILE", file_item(file), "attribute_not_exists(pk)"),
            table.putting(f"KEY#{file.bucket}/{file.key}", order_sk(file), {"file_id": file.file_id}),
            event(table, pk, "Arrived", detail, file.arrived_at),
            event(table, pk, "Seen by the starter", {}, now()),
        ]
        writes += [waiting(table, file)] if file.status is FileStatus.PENDING else []
        writes += [counting(table, group, file)] if group else []
        return file if table.transact(writes) else self._count_delivery(pk, file.file_id)

    def _count_delivery(self, pk: str, file_id: str) -> FileRecord:
        self._table.update(self._table.updating(pk, "FILE", "ADD deliveries :one", one=1))
        known = self.get(file_id)
        self._table.put(event(self._table, pk, "Delivered again", {"status": known.status}, now()))
        return known

    def knows(self, file_id: str) -> bool:
        """Whether the object was written down before."""
        return bool(self._table.get(file_pk(file_id), "FILE"))

    def get(self, file_id: str) -> FileRecord:
        """One file. Raises KeyError when the ledger does not know it."""
        return file_of(record(self._table, file_pk(file_id), "FILE"))

    def get_all(self, file_ids: Iterable[str]) -> list[FileRecord]:
        """Several files by id, in the order asked. Raises KeyError when the ledger does not know one."""
        return all_files(self._table, file_ids)

    def known(self, file_ids: Iterable[str]) -> dict[str, FileRecord]:
        """Those of the files that the ledger knows, by id."""
        return known_files(self._table, file_ids)

    def of_dataset(self, dataset: str, since: str = "") -> Iterator[FileRecord]:
        """A dataset's files that arrived since then (ISO 8601), by time of arrival; `UNROUTABLE` for those of none.

        The index may lag a moment.
        """
        condition = "dataset_files = :dataset AND arrived_at >= :since"
        values = {"dataset": dataset, "since": since or "0"}
        return map(file_of, self._table.query(condition, values, IndexName="by_dataset"))

    def newest(self, dataset: str, most: int) -> list[FileRecord]:
        """The files of a dataset that arrived last, at most this many, newest first. The index may lag a moment."""
        condition, values = "dataset_files = :dataset", {"dataset": dataset}
        return [file_of(item) for item in self._table.last(condition, values, most, IndexName="by_dataset")]

    def change(self, file: FileRecord, was: FileRecord) -> bool:
        """Write the file, if its status and batches are still what they were. Returns whether they were."""
        return self._table.update(saving_if(self._table, file, was))

    def requeue(self, file: FileRecord, was: FileRecord) -> bool:
        """Let a known file wait for a batch, in its lane and at its old place; a staged one for a merge.

        `file` is given as it is to be kept. False, and nothing changed, when it is no longer what it `was`, or has
        gone to another batch since.
        """
        kept = file if file.status is FileStatus.STAGED else replace(file, status=FileStatus.PENDING)
        return self._table.transact([saving_if(self._table, kept, was), waiting(self._table, kept)])

    def release_rows(self, origin: FileRecord, replay: str, rows: int) -> bool:
        """Count bad rows of a file as superseded by those of a replay, once. False when that was done, or it changed.

        Lanes may do that for one file at the same time, and earlier files lose rows meanwhile: so it adds.
        """
        return self._take_out(RELEASE, origin, replay, rows)

    def discard_rows(self, file: FileRecord, listed: str, rows: int) -> bool:
        """Count bad rows of a file as discarded, once: `listed` names the list of them. Else as `release_rows`."""
        return self._take_out(DISCARD, file, listed, rows)

    def _take_out(self, how: str, file: FileRecord, listed: str, rows: int) -> bool:
        values = {"rows": rows, "name": listed, "one": [listed], "none": [], "zero": 0, "batch": file.batch}
        condition = "#batch = :batch AND NOT contains(replays, :name)"
        return self._table.update(self._table.updating(file_pk(file.file_id), "FILE", how, condition, **values))

    def correct_rows(self, files: Iterable[FileRecord]) -> None:
        """Write which rows files have lost, where no later batch has counted more of them."""
        self._table.in_parallel(self._correct_rows, files)

    def _correct_rows(self, file: FileRecord) -> None:
        values = {"loaded": file.rows.loaded, "gone": file.rows.superseded - file.replayed, "batch": file.batch}
        same = "#batch = :batch" if file.batch else "attribute_not_exists(#batch)"
        condition = f"{same} AND #rows.loaded > :loaded"
        self._table.update(self._table.updating(file_pk(file.file_id), "FILE", LOSE, condition, **values))
