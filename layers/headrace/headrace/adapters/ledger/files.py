"""The files of the ledger: what arrived, what became of it, what waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from headrace.adapters.ledger.counting import change_counted, counted, note_backfilled, part_of
from headrace.adapters.ledger.items import (
    all_files,
    event,
    file_item,
    file_of,
    file_pk,
    known_files,
    listed_at,
    listing,
    record,
    waiting,
    waits_at,
)
from headrace.adapters.ledger.storms import counting
from headrace.adapters.table import MOST_READ, Table, Write
from headrace.domain.clock import now
from headrace.domain.ingest.ledger import BACKFILL, LIVE, FileRecord, FileStatus
from headrace.domain.ingest.storm import Group


def _is_delivered_again(file: FileRecord) -> bool:
    """Whether a call that records the file is repeated until it has ended: that of its event is, by its queue."""
    return file.lane == LIVE and file.status is FileStatus.PENDING and not file.is_deletion


class DynamoFiles:
    """Records of files."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._backfilled = set[str]()

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
        self._note_lane(file)
        writes = [put, listing(table, file)]
        writes += [waiting(table, file)] if file.status is FileStatus.PENDING else []
        writes += [counting(table, group, file)] if group else []
        writes += counted(table, [(None, file)], part_of(file))
        return file if table.transact(writes) else self._count_delivery(file.file_id)

    def _count_delivery(self, file_id: str) -> FileRecord:
        table, pk = self._table, file_pk(file_id)
        table.update(table.updating(pk, "FILE", "ADD deliveries :one", one=1))
        known = self.get(file_id)
        if known.status is FileStatus.PENDING:
            self.complete(known)
        table.put(event(table, pk, "Delivered again", {"status": known.status}, now()))
        return known

    def complete(self, known: FileRecord) -> bool:
        """Write what a call that died may have left out, if the file still waits as it was read. Returns whether."""
        values = {"pending": str(FileStatus.PENDING), "was": known.updated_at}
        same = "updated_at = :was" if known.updated_at else "attribute_not_exists(updated_at)"
        condition = f"#status = :pending AND {same}"
        record = self._table.updating(file_pk(known.file_id), "FILE", "REMOVE dataset_files", condition, **values)
        return self._table.transact([record, listing(self._table, known), waiting(self._table, known)])

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

    def unlisted(self, files: Iterable[FileRecord]) -> list[FileRecord]:
        """Those of the files that wait and that no batch will find: the call that recorded them died, or still runs.

        They are in no lane, or not among the versions of their key.
        """
        waits = {file.file_id: file for file in files if file.status is FileStatus.PENDING}
        there = self._table.read(place for file in waits.values() for place in (listed_at(file), waits_at(file)))
        lacking = [name for name, file in waits.items() if not {listed_at(file), waits_at(file)} <= there.keys()]
        known = known_files(self._table, lacking)  # one that has changed since was found
        same = {
            name for name, file in known.items() if file.waits_in(file.lane) and file.revision == waits[name].revision
        }
        return [waits[name] for name in lacking if name in same]

    def of_dataset(self, dataset: str, since: str = "", until: str = "") -> Iterator[FileRecord]:
        """A dataset's files that arrived since then (ISO 8601), by time of arrival; `UNROUTABLE` for those of none.

        `until` ends them, when it is given.

        The index may lag a moment.
        """
        condition = f"dataset_files = :dataset AND arrived_at {'BETWEEN :since AND :until' if until else '>= :since'}"
        values = {"dataset": dataset, "since": since or "0", "until": until or None}
        return self._listed(self._table.query(condition, values, IndexName="by_dataset"))

    def number(self, dataset: str, since: str = "") -> int:
        """How many files `of_dataset` lists. Their records are not read."""
        condition = "dataset_files = :dataset AND arrived_at >= :since"
        return self._table.number(condition, {"dataset": dataset, "since": since or "0"}, IndexName="by_dataset")

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
        return self._change(file, was, lambda becomes: self._moved(becomes, was))

    def requeue(self, file: FileRecord, was: FileRecord) -> bool:
        """Let a known file wait for a batch, in its lane and at its old place; a staged one for a merge.

        `file` is given as it is to be kept. False, and nothing changed, when it is no longer what it `was`, or has
        gone to another batch since.
        """
        kept = file if file.status is FileStatus.STAGED else replace(file, status=FileStatus.PENDING)
        self._note_lane(kept)
        return self._change(kept, was, lambda becomes: [waiting(self._table, becomes), *self._moved(becomes, was)])

    def _note_lane(self, file: FileRecord) -> None:
        """Once for each dataset, before a first file may wait in the lane."""
        if file.lane == BACKFILL and file.dataset and file.dataset not in self._backfilled:
            note_backfilled(self._table, file.dataset)
            self._backfilled.add(file.dataset)

    def _moved(self, file: FileRecord, was: FileRecord) -> list[Write]:
        return [listing(self._table, file)] if file.dataset != was.dataset else []

    def _change(self, file: FileRecord, was: FileRecord, beside: Callable[[FileRecord], list[Write]]) -> bool:
        def decide(known: FileRecord) -> FileRecord | None:
            if (known.status, known.batch, known.merge, known.group) != (was.status, was.batch, was.merge, was.group):
                return None
            if known.rows == was.rows:
                return replace(file, revision=known.revision)
            return replace(file, rows=known.rows, revision=known.revision) if file.rows == was.rows else None

        return bool(change_counted(self._table, {file.file_id: decide}, beside))

    def release_rows(self, origin: FileRecord, replay: str, rows: int) -> bool:
        """Count bad rows of a file as superseded by those of a replay, once. False when that was done, or it changed.

        Lanes may do that for one file at the same time, and earlier files lose rows meanwhile: so it adds.
        """

        def released(known: FileRecord) -> FileRecord:
            superseded = known.rows.superseded + rows
            counts = replace(known.rows, quarantined=known.rows.quarantined - rows, superseded=superseded)
            return replace(known, rows=counts, replayed=known.replayed + rows)

        return self._take_out(released, origin, replay)

    def discard_rows(self, file: FileRecord, listed: str, rows: int) -> bool:
        """Count bad rows of a file as discarded, once: `listed` names the list of them. Else as `release_rows`."""

        def discarded(known: FileRecord) -> FileRecord:
            counts = replace(
                known.rows, quarantined=known.rows.quarantined - rows, discarded=known.rows.discarded + rows
            )
            return replace(known, rows=counts)

        return self._take_out(discarded, file, listed)

    def _take_out(self, how: Callable[[FileRecord], FileRecord], file: FileRecord, listed: str) -> bool:
        def decide(known: FileRecord) -> FileRecord | None:
            if known.batch != file.batch or listed in known.replays:
                return None
            return replace(how(known), replays=(*known.replays, listed))

        return bool(change_counted(self._table, {file.file_id: decide}))

    def correct_rows(self, files: Iterable[FileRecord]) -> None:
        """Write which rows files have lost, where no later batch has counted more of them."""
        change_counted(self._table, {file.file_id: partial(_corrected, file) for file in files})


def _corrected(file: FileRecord, known: FileRecord) -> FileRecord | None:
    if known.batch != file.batch or known.rows.loaded <= file.rows.loaded:
        return None
    gone = known.replayed + file.rows.superseded - file.replayed
    return replace(known, rows=replace(known.rows, loaded=file.rows.loaded, superseded=gone))
