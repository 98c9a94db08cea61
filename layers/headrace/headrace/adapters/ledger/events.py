"""The history of files and batches, line by line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.adapters.ledger.items import batch_pk, event, file_of, file_pk
from headrace.adapters.table import Table
from headrace.domain.clock import now
from headrace.domain.ingest.ledger import Event, texts

ERASED = "erased"


class DynamoEvents:
    """Events of files and batches."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def note_file(self, file_id: str, step: str, detail: dict[str, Any] | None = None) -> None:
        """Add a line to a file's history."""
        self._table.put(event(self._table, file_pk(file_id), step, detail or {}, now()))

    def note_batch(self, batch: str, step: str, detail: dict[str, Any] | None = None) -> None:
        """Add a line to a batch's history."""
        self._table.put(event(self._table, batch_pk(batch), step, detail or {}, now()))

    def of_file(self, file_id: str) -> list[Event]:
        """A file's history, the oldest line first. How it begins is in the file's record."""
        record = self._table.get(file_pk(file_id), "FILE")
        return [*(file_of(record).first_lines if record else ()), *self._events(file_pk(file_id))]

    def last_of_file(self, file_id: str) -> Event | None:
        """The newest line of a file's history. A consistent read."""
        found = self._table.last("pk = :pk AND begins_with(sk, :event)", {"pk": file_pk(file_id), "event": "EVENT#"}, 1)
        return next((Event(line["at"], line["step"], line["detail"]) for line in found), None)

    def of_batch(self, batch: str) -> list[Event]:
        """A batch's history, the oldest line first."""
        return self._events(batch_pk(batch))

    def scrub_file(self, file_id: str, goes: Callable[[str], bool], *, dry_run: bool) -> int:
        """Empty the lines of a file's history with a text that goes, and what its record says of it in such words.

        Returns how many those are, or would be. The record's counts are not touched: others change them meanwhile.
        """
        lines = self._scrub(file_pk(file_id), goes, dry_run=dry_run)
        return lines + self._scrub_record(file_pk(file_id), goes, dry_run=dry_run)

    def scrub_batch(self, batch: str, goes: Callable[[str], bool], *, dry_run: bool) -> int:
        """Empty the lines of a batch's history with a text that goes. Returns how many those are, or would be."""
        return self._scrub(batch_pk(batch), goes, dry_run=dry_run)

    def _scrub(self, pk: str, goes: Callable[[str], bool], *, dry_run: bool) -> int:
        found = [line for line in self._events(pk) if any(map(goes, texts(line.detail)))]
        for line in found if not dry_run else ():
            self._table.put(event(self._table, pk, line.step, {"detail": ERASED}, line.at))
        return len(found)

    def _scrub_record(self, pk: str, goes: Callable[[str], bool], *, dry_run: bool) -> bool:
        record = self._table.get(pk, "FILE")
        reason, detected = record.get("reason"), record.get("detected", {})
        found = any(map(goes, texts([reason, detected])))
        if found and not dry_run:
            values = {"none": dict[str, Any](), "erased": ERASED if reason else None}
            expression = "SET detected = :none" + (", reason = :erased" if reason else "")
            self._table.update(self._table.updating(pk, "FILE", expression, "attribute_exists(pk)", **values))
        return found

    def _events(self, pk: str) -> list[Event]:
        lines = self._table.partition(pk, "EVENT#")
        return [Event(line["at"], line["step"], line["detail"]) for line in lines]
