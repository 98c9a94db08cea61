"""Which units of a batch that is tried again have been transformed already: a heavy one is not run a second time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from headrace.domain.ingest.ledger import BatchRecord
from headrace.domain.ingest.outcome import Verdict
from headrace.usecases import lake_paths
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.ports import HasContracts, HasLake, Lake


class Services(HasContracts, HasLake, Protocol):
    """The ports used here."""


def is_finished(batch: BatchRecord, number: int, references: Sequence[dict[str, Any]], services: Services) -> bool:
    """Whether a unit's result is that of these files by the contract of today, and all of its parts are there.

    A result is written after its parts, so one that a later try has begun to write again is younger. A file that does
    not count is tried again: what it is a copy of, for one, may have gone since.
    """
    lake = services.lake
    found = lake.find_json(lake_paths.result(batch.batch, number))
    if found is None or lake.find_json(lake_paths.unit(batch.batch, number)) != list(references):
        return False
    result = UnitResult.from_json(found)
    if result.contract != services.contracts.get(batch.dataset).digest:
        return False
    if any(file.verdict is not Verdict.GOOD for file in result.files):
        return False
    return _is_whole(batch, number, result, lake)


def _is_whole(batch: BatchRecord, number: int, result: UnitResult, lake: Lake) -> bool:
    path = lake_paths.result(batch.batch, number)
    at = next(at for key, at in lake.written(path) if key == path)
    there: dict[str, datetime] = {}
    for folder in (lake_paths.part, lake_paths.quarantine):
        prefix = folder(batch.dataset, batch.batch, f"{number:04}-").removesuffix(lake_paths.PARQUET)
        there |= dict(lake.written(prefix))
    return all(part.key in there for part in result.parts) and all(time <= at for time in there.values())
