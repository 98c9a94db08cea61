"""What is remembered between two looks at a dataset: what people know, and how far the nights have come."""

from __future__ import annotations

from dataclasses import asdict

from headrace.adapters.table import Table
from headrace.domain.ingest.coverage import Coverage
from headrace.domain.ingest.reported import Reported


class DynamoWatches:
    """Notes of the functions that watch over datasets."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def reported(self, dataset: str, matter: str) -> Reported:
        """What people know of a lasting trouble of the dataset."""
        item = self._table.get(f"PROMISE#{dataset}", matter)
        return Reported(item.get("since"), item.get("what", ""), item.get("quiet_since"))

    def note_reported(self, dataset: str, matter: str, was: Reported, becomes: Reported) -> bool:
        """Write down what people were notified of last, unless that is no longer what it `was`. Returns whether."""
        values = {name: value for name, value in asdict(becomes).items() if value}
        kept = ", ".join(f"#{name} = :{name}" for name in values)
        gone = ", ".join(f"#{name}" for name in asdict(becomes) if name not in values)
        expression = " ".join(f"{verb} {what}" for verb, what in (("SET", kept), ("REMOVE", gone)) if what)
        condition = "#since = :was" if was.since else "attribute_not_exists(#since)"
        return self._table.update(
            self._table.updating(f"PROMISE#{dataset}", matter, expression, condition, **values, was=was.since)
        )

    def coverage(self, dataset: str) -> Coverage:
        """How far the nights have come with comparing a dataset's objects."""
        item = self._table.get(f"COVERAGE#{dataset}", "COVERAGE")
        return Coverage.from_json({name: value for name, value in item.items() if name not in {"pk", "sk"}})

    def note_coverage(self, dataset: str, coverage: Coverage) -> bool:
        """Write that down. False, and nothing written, when it was changed since it was read."""
        item = coverage.to_json() | {"turn": coverage.turn + 1}
        condition = "attribute_not_exists(pk) OR turn = :turn"
        put = self._table.putting(f"COVERAGE#{dataset}", "COVERAGE", item, condition, turn=coverage.turn)
        return self._table.put(put)
