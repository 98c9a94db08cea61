"""What a load is made of: its manifest, its SQL, and that the services take both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.domain.ingest.ledger import LIVE, BatchRecord
from headrace.domain.sql_text import size_of
from headrace.domain.statistics.checks import Check, Metric
from headrace.errors import LoadTooLargeError
from headrace.usecases import lake_paths
from headrace.usecases.ingest import prepare_load as module
from headrace.usecases.ingest.prepare_load import prepare_load
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.unit.transform import transform_unit
from tests.support.fakes import MemoryServices, contract, contracts_of, file

GOOD = b"meter,read_at,value\nm1,2026-01-01T00:00:00Z,1\nm2,2026-01-01T00:00:00Z,2\n"
BAD = b"meter,read_at,value\nm1,never,1\n"


def transformed(data: bytes = GOOD, **changes: Any) -> tuple[MemoryServices, BatchRecord]:
    services = MemoryServices(contracts=contracts_of(contract(**changes)))
    landed = file("a.csv", size=len(data))
    services.ledger.files.record_arrival(landed)
    services.lake.land(landed, data)
    record_batch("readings", LIVE, 1, "readings-1", services)
    batch = services.ledger.batches.get("readings-1")
    transform_unit(batch, 1, services)
    return services, batch


def test_the_manifest_has_each_part_with_its_size() -> None:
    services, batch = transformed()
    ready = prepare_load(batch, "default", services)
    key = lake_paths.manifest("readings-1")
    assert ready["manifest"] == f"s3://lake/{key}"
    (entry,) = services.lake.read_json(key)["entries"]
    part = entry["url"].removeprefix("s3://lake/")
    assert entry["meta"]["content_length"] == len(services.lake.objects[part])
    assert entry["mandatory"] is True
    assert any(key in statement for statement in ready["statements"])


def test_what_is_ready_to_load_is_in_the_story() -> None:
    services, batch = transformed()
    prepare_load(batch, "default", services)
    line = services.ledger.events.of_batch("readings-1")[-1]
    assert (line.step, line.detail) == ("Ready to load", {"parts": 1, "rows": 2, "replaced_files": 0})


@pytest.mark.parametrize(
    ("data", "checks", "measures"),
    [(GOOD, (Check(Metric.ROW_COUNT),), True), (GOOD, (), False), (BAD, (Check(Metric.ROW_COUNT),), False)],
)
def test_rows_are_measured_where_there_are_some_and_the_contract_has_checks(
    data: bytes, checks: tuple[Check, ...], measures: bool
) -> None:
    services, batch = transformed(data, checks=checks)
    ready = prepare_load(batch, "default", services)
    assert bool(ready["measure"]) is measures
    assert (ready["manifest"] is None) is (data == BAD)
    assert ready["rows"] == (2 if data == GOOD else 0)
    for statement in ready["measure"]:
        assert "${" not in statement


@pytest.mark.parametrize("limit", ["MOST_BYTES", "MOST_CARRIED"])
@pytest.mark.parametrize("checks", [(), (Check(Metric.ROW_COUNT), Check(Metric.DUPLICATE_KEYS))])
def test_a_load_may_be_just_as_large_as_the_services_take(
    limit: str, checks: tuple[Check, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    services, batch = transformed(checks=checks)
    ready = prepare_load(batch, "default", services)
    sql = max(size_of(ready["statements"]), size_of(ready["measure"]))
    exactly = {"MOST_BYTES": sql, "MOST_CARRIED": len(json.dumps(ready))}[limit]
    monkeypatch.setattr(module, limit, exactly)
    assert prepare_load(batch, "default", services) == ready
    monkeypatch.setattr(module, limit, exactly - 1)
    with pytest.raises(LoadTooLargeError, match="1 files of readings-1 replace 0 others"):
        prepare_load(batch, "default", services)
