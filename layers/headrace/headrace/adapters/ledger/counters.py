"""The counters of datasets: what they say, and their repair."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.adapters.ledger.counting import TOGETHER, TOTALS, adding, days_pk, note_backfilled
from headrace.adapters.table import Table
from headrace.domain.clock import now
from headrace.domain.ingest.counts import COUNTED, Tally


class DynamoCounters:
    """Counters. Those of a dataset are `whole` once all of its files have been counted."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def totals(self) -> dict[str, Tally]:
        """The counters of each dataset that has any, all days together. One partition, some items a read unit."""
        return _summed(self._table.query("pk = :pk", {"pk": TOTALS}, ConsistentRead=False))

    def total(self, dataset: str) -> Tally:
        """Those of one dataset. A consistent read."""
        return _summed(self._table.partition(TOTALS, f"{dataset}#")).get(dataset, Tally())

    def days(self, dataset: str, since: str = "") -> dict[str, Tally]:
        """The counters of a dataset's days, by day, from one on. A consistent read."""
        condition, values = "pk = :pk AND sk >= :since", {"pk": days_pk(dataset), "since": since or "0"}
        return _summed(self._table.query(condition, values))

    def correct(self, dataset: str, day: str, numbers: dict[str, int], was: Tally) -> bool:
        """Add to the counters of a day what they lack. False, and nothing added, when another has corrected them since.

        They may have changed otherwise: what is added is right all the same.
        """
        key, at = (days_pk(dataset), f"{day}#{TOGETHER}"), now()
        same = "corrected = :was" if was.corrected else "attribute_not_exists(corrected)"
        first = adding(self._table, key, numbers | {"corrected": 1}, at, same, was=was.corrected or None)
        return self._table.transact([first, adding(self._table, (TOTALS, f"{dataset}#{TOGETHER}"), numbers, at)])

    def note_whole(self, dataset: str) -> None:
        """Write that the counters of a dataset have all of its files."""
        expression = "SET whole = :yes, began = if_not_exists(began, :at)"
        self._table.update(self._table.updating(TOTALS, f"{dataset}#{TOGETHER}", expression, yes=True, at=now()))

    def note_backfilled(self, dataset: str) -> None:
        """Write that the dataset has files in the lane `backfill`."""
        note_backfilled(self._table, dataset)


def _summed(items: Iterable[dict[str, Any]]) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for item in items:
        name = item["sk"].rpartition("#")[0]
        tally = found.setdefault(name, Tally())
        tally.numbers.update({key: value for key, value in item.items() if key.startswith(COUNTED)})
        tally.corrected += item.get("corrected", 0)
        tally.whole |= item.get("whole", False)
        tally.backfilled |= item.get("backfilled", False)
        tally.began = min(filter(None, (tally.began, item.get("began", ""))), default="")
        tally.changed_at = max(tally.changed_at, item.get("changed_at", ""))
    return found
