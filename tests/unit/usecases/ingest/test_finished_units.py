"""A batch that is tried again runs those heavy units again that an earlier execution has not finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from headrace.domain import clock
from headrace.domain.contracts import Contracts
from headrace.domain.ingest.ledger import LIVE
from headrace.usecases import lake_paths
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.unit.spread import Item, Result, transform_spread
from headrace.usecases.unit.spread_tasks import FileWork
from headrace.usecases.unit.transform import Services
from tests.support.fakes import MemoryServices, contract, file

GOOD = b"meter,read_at,value\nm%d,2026-01-01T00:00:00Z,1\n"
ABOVE = 10
LARGE = 1 << 20


@dataclass
class Here:
    """A cluster of this process."""

    services: Services

    def map(
        self, task: Callable[[FileWork, Item, Services], Result], work: FileWork, items: Sequence[Item]
    ) -> list[Result]:
        return [task(work, item, self.services) for item in items]


@pytest.fixture
def services() -> MemoryServices:
    """Two large files, each in a separate unit; the first is transformed, then the execution dies."""
    made = MemoryServices()
    for number in range(2):
        each = file(f"{number}.csv", size=LARGE << 6, sequencer=f"0{number}")
        made.files.record_arrival(each)
        made.lake.land(each, GOOD % number)
    assert again(made, "first")["heavy"] == [1, 2]
    finish(made, 1)
    return made


def again(services: MemoryServices, execution: str, above: int = ABOVE) -> dict[str, list[int]]:
    recorded = record_batch("readings", LIVE, 1, execution, services, above)
    return {"units": recorded["units"], "heavy": recorded["heavy"]}


def finish(services: MemoryServices, number: int) -> None:
    transform_spread(services.batches.get("readings-1"), number, services, Here(services))


def test_only_what_is_not_finished_is_run_again(services: MemoryServices) -> None:
    assert again(services, "second") == {"units": [2], "heavy": [2]}
    finish(services, 2)
    assert again(services, "third") == {"units": [], "heavy": []}


def test_units_for_functions_are_run_again(services: MemoryServices) -> None:
    assert again(services, "second", LARGE << 8) == {"units": [1, 2], "heavy": []}


def test_a_unit_is_run_again_by_another_contract(services: MemoryServices) -> None:
    services.contracts = Contracts([contract(digest="1" * 64)])
    assert again(services, "second")["heavy"] == [1, 2]


def test_a_unit_of_other_files_is_run_again(services: MemoryServices) -> None:
    path = lake_paths.unit("readings-1", 1)
    (reference,) = services.lake.read_json(path)
    services.lake.write_json(path, [reference | {"version": "v0"}])
    assert again(services, "second")["heavy"] == [1, 2]
    assert services.lake.read_json(path) == [reference]


def test_a_unit_whose_parts_are_gone_is_run_again(services: MemoryServices) -> None:
    (part,) = (key for key in services.lake.objects if key.startswith("readings/batch="))
    services.lake.remove(part)
    assert again(services, "second")["heavy"] == [1, 2]


def test_a_unit_that_a_later_run_has_begun_to_write_again_is_run_again(services: MemoryServices) -> None:
    (part,) = (key for key in services.lake.objects if key.startswith("readings/batch="))
    services.lake.times[part] = clock.utc() + timedelta(minutes=1)
    assert again(services, "second")["heavy"] == [1, 2]


def test_a_file_that_does_not_count_is_looked_at_again(services: MemoryServices) -> None:
    path = lake_paths.result("readings-1", 1)
    result = services.lake.read_json(path)
    result["files"][0]["verdict"] = "duplicate"
    services.lake.write_json(path, result)
    assert again(services, "second")["heavy"] == [1, 2]
