"""The files of the ledger: what arrived, what became of it, what waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from headrace.adapters.ledger.items import (
    all_files,
    event,
    file_item,
    file_of,
    file_pk,
    known_files,
    listing,
    record,
    saving_if,
    waiting,
)
from headrace.adapters.ledger.storms import counting
from headrace.adapters.table import MOST_READ, Table
from headrace.domain.clock import now
from headrace.domain.ingest.ledger import LIVE, FileRecord, FileStatus
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


def _is_delivered_again(file: FileRecord) -> bool:
    """Whether a call that records the file is repeated until it has ended: that of its event is, by its queue."""
    return file.lane == LIVE and file.status is FileStatus.PENDING and not file.is_deletion


class DynamoFiles:
    """Records of files."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def record_arrival(self, file: FileRecord, group: Group | None = None) -> FileRecord:
        """Write a new file, or count one more delivery of a known one. Returns what the ledger holds.

        A new one is counted in the `group` whose objects are reported together.

        What an event announces is written without a transaction, its record first: a call that dies in between has
        its message delivered again, and the next call writes what is missing. Nothing else would do that for others.
        """
        table, file = self._table, replace(file, seen_at=now())
        put = table.putting(file_pk(file.file_id), "FILE", file_item(file), "attribute_not_exists(pk)")
        if _is_delivered_again(file) and not group:
            if not table.put(put):
                return self._count_delivery(file.file_id)
            table.put(listing(table, file))
            table.put(waiting(table, file))
            return file
        writes = [put, listing(table, file)]
        writes += [waiting(table, file)] if file.status is FileStatus.PENDING else []
        writes += [counting(table, group, file)] if group else []
        return file if table.transact(writes) else self._count_delivery(file.file_id)

    def _count_delivery(self, file_id: str) -> FileRecord:
        table, pk = self._table, file_pk(file_id)
        table.update(table.updating(pk, "FILE", "ADD deliveries :one", one=1))
        known = self.get(file_id)
        if known.status is FileStatus.PENDING:
            self._complete(known)
        table.put(event(table, pk, "Delivered again", {"status": known.status}, now()))
        return known

    def _complete(self, known: FileRecord) -> None:
        """Write what a call that died may have left out, if the file still waits as it was read."""
        values = {"pending": str(FileStatus.PENDING), "was": known.updated_at}
        same = "updated_at = :was" if known.updated_at else "attribute_not_exists(updated_at)"
        condition = f"#status = :pending AND {same}"
        record = self._table.updating(file_pk(known.file_id), "FILE", "REMOVE dataset_files", condition, **values)
        self._table.transact([record, listing(self._table, known), waiting(self._table, known)])

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
        return self._listed(self._table.query(condition, values, IndexName="by_dataset"))

    def newest(self, dataset: str, most: int) -> list[FileRecord]:
        """The files of a dataset that arrived last, at most this many, newest first. The index may lag a moment."""
        condition, values = "dataset_files = :dataset", {"dataset": dataset}
        return list(self._listed(self._table.last(condition, values, most, IndexName="by_dataset")))

    def _listed(self, entries: Iterable[dict[str, Any]]) -> Iterator[FileRecord]:
        """The records of the index's entries, in their order; some are those of versions before, which are whole."""
        entries = iter(entries)
        while some := list(islice(entries, MOST_READ)):
            ids = [entry["file_id"] for entry in some if "status" not in entry]
            known = known_files(self._table, ids, consistent=False) if ids else {}
            for entry in some:
                if "status" in entry:
                    yield file_of(entry)
                elif entry["file_id"] in known:
                    yield known[entry["file_id"]]

    def change(self, file: FileRecord, was: FileRecord) -> bool:
        """Write the file, if its status and batches are still what they were. Returns whether they were."""
        save = saving_if(self._table, file, was)
        if file.dataset == was.dataset:
            return self._table.update(save)
        return self._table.transact([save, listing(self._table, file)])

    def requeue(self, file: FileRecord, was: FileRecord) -> bool:
        """Let a known file wait for a batch, in its lane and at its old place; a staged one for a merge.

        `file` is given as it is to be kept. False, and nothing changed, when it is no longer what it `was`, or has
        gone to another batch since.
        """
        kept = file if file.status is FileStatus.STAGED else replace(file, status=FileStatus.PENDING)
        moved = [listing(self._table, kept)] if kept.dataset != was.dataset else []
        return self._table.transact([saving_if(self._table, kept, was), waiting(self._table, kept), *moved])

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
