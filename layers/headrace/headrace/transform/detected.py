"""What a file shows of itself, and brings beyond its contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import pyarrow as pa

from headrace.domain.bounds import LONGEST_NAME
from headrace.domain.contract import Contract
from headrace.transform.drift import LISTED, Drift, is_name
from headrace.transform.values.meaning import Change

UNKNOWN = "unknown_columns"
CHANGED = "changed_values"


class Detected:
    """Gathers it while a file is read; `values` is what is known by now."""

    def __init__(self, contract: Contract) -> None:
        self.values: dict[str, Any] = {}
        self._drift = Drift(typed=contract.format.traits.typed)
        self._keeps = any(column.unknown for column in contract.columns)
        self._unnamed: set[str] = set()
        self._changed: Counter[tuple[str, str]] = Counter()

    def change(self, changes: Iterable[Change], bad: Collection[int]) -> None:
        """Counts texts that were changed, by column, but those of bad rows."""
        self.add(counted(changes, bad))

    def add(self, changed: Counter[tuple[str, str]]) -> None:
        """Counts texts that were changed, by column and how."""
        self._changed += changed
        for (name, how), rows in list(self._changed.items())[:LISTED]:
            self.values.setdefault(CHANGED, {}).setdefault(name, {})[how] = rows

    def see(self, unknown: pa.ChunkedArray) -> None:
        """Takes note of some rows' unknown fields."""
        self._drift.see(unknown)

    def tell(self, detected: dict[str, Any]) -> None:
        """What a text showed of itself, and the drift up to here."""
        known = self.values.get(UNKNOWN, [])
        self.values.update(detected)
        unknown = list(dict.fromkeys([*known, *detected.get(UNKNOWN, [])]))
        if not unknown:
            return
        named = [name for name in unknown if len(name) <= LONGEST_NAME and is_name(name)][:LISTED]
        self._unnamed |= {name for name in unknown if not is_name(name)}
        self.values[UNKNOWN] = named
        if self._keeps:
            self.values["drift"] = self._drift.reported(named, len(self._unnamed))


def counted(changes: Iterable[Change], bad: Collection[int]) -> Counter[tuple[str, str]]:
    """How many texts were changed, by column and how; those of bad rows don't count."""
    return Counter((name, how) for number, name, how in changes if number not in bad)
