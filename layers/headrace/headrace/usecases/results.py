"""The transform's results as JSON in the lake: written by each unit, read when the batch is put together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from headrace.domain.ledger import BatchRecord
from headrace.domain.load import Part
from headrace.domain.outcome import FileResult
from headrace.usecases import paths
from headrace.usecases.ports import Lake


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What one unit of work wrote, and what it found out about each file."""

    unit: int
    parts: list[Part]
    files: list[FileResult]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        parts = [asdict(part) for part in self.parts]
        return {"unit": self.unit, "parts": parts, "files": [file.to_json() for file in self.files]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> UnitResult:
        """The inverse of `to_json`."""
        parts = [Part(**part) for part in value["parts"]]
        return cls(value["unit"], parts, [FileResult.from_json(file) for file in value["files"]])


def unit_results(lake: Lake, batch: BatchRecord) -> list[UnitResult]:
    """The results of all units of a batch, in order."""
    return [UnitResult.from_json(lake.read_json(paths.result(batch.batch, n))) for n in range(1, batch.units + 1)]
