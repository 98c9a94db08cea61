"""Snapshots on the embedded Redshift, which refuses what Redshift refuses: loaded, measured, held."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.contract import PARTITION, TABLE, Contract
from headrace.domain.ingest.ledger import LIVE
from headrace.domain.ingest.load import split_statements
from headrace_compiler.compile.snapshots import size_checks
from headrace_compiler.sql.load import table_sql
from headrace_compiler.sql.names import is_wide
from tests.functional.redshift.client import Client, WarehouseOf
from tests.support.fakes import MemoryLake
from tests.support.pipeline import MIGRATIONS, Pipeline, Row
from tests.unit.stories.test_snapshots import MONDAY, TEN, TUESDAY, send, snapshots, table
from tests.unit.transform.kit import integer

WIDE = tuple(integer(f"column_with_a_long_name_{number}") for number in range(300))


@dataclass
class Mirrored(WarehouseOf):
    """A warehouse that reads the lake of a pipeline."""

    lake: MemoryLake

    def run(self, statements: list[str]) -> None:
        self.client.s3.objects |= {f"s3://lake/{key}": data for key, data in self.lake.objects.items()}
        super().run(statements)


def pipeline_of(client: Client, contract: Contract) -> Pipeline:
    pipeline = Pipeline(contract)
    pipeline.warehouse = Mirrored(client, pipeline.services.lake)  # type: ignore[assignment]  # as DuckWarehouse
    pipeline.services.warehouse = pipeline.warehouse  # type: ignore[assignment]  # the same
    client.run("CREATE SCHEMA IF NOT EXISTS etl")
    for path in MIGRATIONS:
        client.run(*split_statements(Path(path).read_text()))
    client.run(*split_statements(table_sql(contract)))
    return pipeline


def load(pipeline: Pipeline, key: str, rows: list[Row], at: str) -> bool:
    """Whether a snapshot was loaded, and not held."""
    send(pipeline, key, rows, at)
    pipeline.begin()
    goes_on = not pipeline.loading[LIVE].measure or pipeline.judge()
    pipeline.finish()
    return goes_on


@pytest.mark.parametrize("changes", [{}, {"primary_key": ()}, {"more": WIDE}], ids=["keyed", "appended", "wide"])
@pytest.mark.parametrize("of", [TABLE, PARTITION])
def test_snapshots_are_loaded_measured_and_held(client: Client, of: str, changes: dict[str, Any]) -> None:
    spec = snapshots(of, checks=size_checks(of, 0.2), **{k: v for k, v in changes.items() if k != "more"})
    spec = snapshots(of, columns=(*spec.columns, *changes["more"])) if "more" in changes else spec
    pipeline = pipeline_of(client, spec)
    assert is_wide(spec) is ("more" in changes)
    others = [50] if of == PARTITION else []
    if of == PARTITION:
        assert load(pipeline, "dt=2/a.csv", [("m1", 1, 50)], MONDAY)
    assert load(pipeline, "dt=1/a.csv", TEN, MONDAY)
    assert load(pipeline, "dt=1/b.csv", TEN[1:], TUESDAY)
    assert table(pipeline) == [*range(1, 10), *others]
    if spec.checks:
        assert not load(pipeline, "dt=1/c.csv", TEN[:2], TUESDAY.replace("08", "09"))
        assert table(pipeline) == [*range(1, 10), *others]
    assert load(pipeline, "dt=1/old.csv", TEN[:1], MONDAY.replace("08", "07")) is True
    assert table(pipeline) == [*range(1, 10), *others]
