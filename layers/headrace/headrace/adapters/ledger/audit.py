"""What people did by hand, a partition for each month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from headrace.adapters.table import Table
from headrace.domain import clock
from headrace.domain.audit import AuditEntry

MOST_MONTHS = 1200
"""Partitions that are looked into: a hundred years."""


class DynamoAudit:
    """Entries of the audit. They go after the table's `keep_days`; 0 keeps them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def write(self, entry: AuditEntry) -> None:
        """Write an entry, or what has come of it since."""
        item = entry.bounded.to_json() | self._table.expiry()
        self._table.put(self._table.putting(f"AUDIT#{entry.at[:7]}", f"{entry.at}#{entry.id}", item))

    def since(self, since: str) -> Iterator[AuditEntry]:
        """The entries since a time, the oldest first."""
        for month in months(since, clock.now()):
            values = {"pk": f"AUDIT#{month}", "since": since}
            yield from map(AuditEntry.from_json, self._table.query("pk = :pk AND sk >= :since", values))


def months(since: str, until: str) -> Iterator[str]:
    """The months from a time to another, as `2026-01`; the last ones if they are too many. The end is included."""
    first, last = (datetime.fromisoformat(text) for text in (since, until))
    number, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    for month in range(max(number, end - MOST_MONTHS), end + 1):
        yield f"{month // 12:04}-{month % 12 + 1:02}"
