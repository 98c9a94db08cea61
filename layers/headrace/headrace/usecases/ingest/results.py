"""The transform's results as JSON in the lake: written by each unit, read when the batch is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from headrace.domain.ingest.counts import FIRST
from headrace.domain.ingest.ledger import MERGE, RUN, BatchRecord
from headrace.domain.ingest.load import Part
from headrace.domain.ingest.outcome import FileResult
from headrace.usecases import lake_paths
from headrace.usecases.ports import HasBatches, HasFiles, HasLake, Lake


class Services(HasBatches, HasFiles, HasLake, Protocol):
    """The ports used here."""


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What one unit of work wrote, by the contract of which digest, and what it found out about each file."""

    unit: int
    contract: str
    parts: list[Part]
    files: list[FileResult]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        parts = [asdict(part) for part in self.parts]
        files = [file.to_json() for file in self.files]
        return {"unit": self.unit, "contract": self.contract, "parts": parts, "files": files}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> UnitResult:
        """The inverse of `to_json`, each file with the Glue run that `note_run` has added, if any."""
        parts = [Part(**part) for part in value["parts"]]
        files = [FileResult.from_json(file) for file in value["files"]]
        if run := value.get(RUN):
            noted = [run, *[run | {FIRST: False}] * len(files)]
            files = [replace(file, detected=file.detected | {RUN: of}) for file, of in zip(files, noted, strict=False)]
        return cls(value["unit"], value["contract"], parts, files)


def note_run(lake: Lake, batch: str, run: Mapping[str, Any]) -> None:
    """Add the Glue run of a unit to its result: what a run has cost is only known after it."""
    path = lake_paths.result(batch, int(run["unit"]))
    noted: dict[str, Any] = {"run": str(run["run"]), "dpu_seconds": round(run["dpu_seconds"])}
    noted |= {"at_most": True} if run.get("at_most") else {}
    lake.write_json(path, lake.read_json(path) | {RUN: noted})


def file_results(batch: BatchRecord, services: Services) -> list[FileResult]:
    """What is known of each file of a batch; of a merge's from the batches that staged them."""
    if batch.lane != MERGE:
        return [file for unit in unit_results(services.lake, batch) for file in unit.files]
    staged = sorted({str(file.batch) for file in services.files.get_all(batch.file_ids)})
    found = [file for name in staged for file in file_results(services.batches.get(name), services)]
    return [file for file in found if file.file_id in set(batch.file_ids)]


def unit_results(lake: Lake, batch: BatchRecord) -> list[UnitResult]:
    """The results of all units of a batch, in order."""
    return [UnitResult.from_json(lake.read_json(lake_paths.result(batch.batch, n))) for n in range(1, batch.units + 1)]
