"""What files contain: who has which content, which versions a key has, and which of them have rows."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.adapters.ledger.items import all_files, file_pk, known_files, loaded_pk, order_sk, place_sk
from headrace.adapters.table import Table
from headrace.domain.ingest.ledger import FileRecord, FileStatus

MOST_VERSIONS = 100
"""Versions of a key that are looked at, the newest ones: behind them are those that nothing hangs on."""
MOST_LOADED = 700
"""Versions of a key that have rows at once, as far as one batch takes them out: with `onNewVersion: add` all have."""
MOST_COPIES = 100
"""Duplicates of a file that are looked at."""


class DynamoContents:
    """Contents and versions."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, dataset: str, sha256: str, file_id: str, instead_of: str | None = None) -> str:
        """Claim a content for a file. Returns the file that holds the claim: `file_id` itself, or an earlier one.

        `instead_of` names a holder that has lost its right, a failed file for example; the claim then moves.
        """
        pk, item = f"CONTENT#{dataset}#{sha256}", {"file_id": file_id}
        condition = "attribute_not_exists(pk) OR file_id = :me" + (" OR file_id = :other" if instead_of else "")
        if self._table.put(self._table.putting(pk, "CLAIM", item, condition, me=file_id, other=instead_of)):
            return file_id
        return str(self._table.get(pk, "CLAIM")["file_id"])

    def note(self, file: FileRecord, sha256: str) -> None:
        """Write which content a file has, while its batch still works on it."""
        values = {"sha256": sha256, "mine": file.batch, "running": str(FileStatus.RUNNING)}
        condition = "#batch = :mine AND #status = :running"
        pk = file_pk(file.file_id)
        self._table.update(self._table.updating(pk, "FILE", "SET sha256 = :sha256", condition, **values))

    def note_copy(self, holder: str, copy: FileRecord) -> None:
        """Remember that `copy` is a duplicate of `holder`: of the copies under one key the newest version."""
        item = {"file_id": copy.file_id, "version": order_sk(copy), **self._table.expiry()}
        condition = "attribute_not_exists(pk) OR #version < :version"
        pk, version = f"COPIES#{holder}", order_sk(copy)
        self._table.put(self._table.putting(pk, place_sk(copy), item, condition, version=version))

    def copies(self, holder: str) -> list[FileRecord]:
        """The newest duplicate of `holder` under each other key, as it is now; of very many the first `MOST_COPIES`."""
        return all_files(self._table, self._last(f"COPIES#{holder}", MOST_COPIES))

    def versions(self, bucket: str, key: str, before: FileRecord | None = None) -> list[FileRecord]:
        """The newest versions of a key, or those before one of them, the oldest first by S3's own order.

        No more than `MOST_VERSIONS`: what a batch costs does not grow with how often its keys were written.
        """
        newest = self._last(f"KEY#{bucket}/{key}", MOST_VERSIONS, order_sk(before) if before else None)
        known = known_files(self._table, newest)
        return [known[file_id] for file_id in reversed(newest) if file_id in known]

    def loaded_versions(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[FileRecord]]:
        """Of each bucket and key the versions whose rows the target has, and the last two that it had rows of.

        The oldest first; no more than the newest `MOST_LOADED` of one key.
        """
        wanted = list(dict.fromkeys(places))
        found = dict(zip(wanted, self._table.in_parallel(self._loaded, wanted), strict=True))
        known = known_files(self._table, (file_id for ids in found.values() for file_id in ids))
        return {place: [known[name] for name in ids if name in known and known[name].has_rows]
                for place, ids in found.items()}  # fmt: skip

    def _loaded(self, place: tuple[str, str]) -> list[str]:
        return self._last(loaded_pk(place), MOST_LOADED)[::-1]

    def forget_loaded(self, files: Iterable[FileRecord]) -> None:
        """List versions no more that have lost all their rows; one that is loaded again meanwhile stays."""
        self._table.in_parallel(self._forget_loaded, files)

    def _forget_loaded(self, file: FileRecord) -> None:
        condition = "#status = :loaded AND #rows.loaded = :none"
        values = {"loaded": str(FileStatus.LOADED), "none": 0}
        empty = self._table.checking(file_pk(file.file_id), "FILE", condition, **values)
        self._table.transact([empty, self._table.deleting(loaded_pk(file.place), order_sk(file))])

    def _last(self, pk: str, most: int, before: str | None = None) -> list[str]:
        """The files that the last items of a partition name, or those before a sort key: the last one first."""
        condition = "pk = :pk" + (" AND sk < :before" if before else "")
        return [str(item["file_id"]) for item in self._table.last(condition, {"pk": pk, "before": before}, most)]
