"""The warehouse follows the contracts, as far as that loses nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.contract import Column, Kind
from headrace.domain.migration import plain_type
from headrace.usecases.migrate import DEPLOYED_CONTRACTS, MigrationError, migrate, plan
from tests.fakes import MemoryCatalog, MemoryServices, contract

THERE: list[list[Any]] = [
    ["meter", "character varying", 16, None, None, "NO"],
    ["read_at", "timestamp without time zone", None, None, None, "NO"],
    ["value", "bigint", None, 64, 0, "YES"],
    ["note", "character varying", 8, None, None, "YES"],
    ["_file_id", "character varying", 32, None, None, "NO"],
    ["_row_number", "bigint", None, 64, 0, "NO"],
    ["_batch_id", "character varying", 160, None, None, "NO"],
]
NOTE = Column("note", "note", Kind.STRING, "VARCHAR(8)")
COLUMNS = (*contract().columns, NOTE)


def services_with(*columns: Column, there: list[list[Any]] = THERE) -> MemoryServices:
    services = MemoryServices(catalog=MemoryCatalog(contract(columns=columns or COLUMNS)))
    services.warehouse.answers = {"svv_columns": there, "svv_tables": [["migrations"], ["guard_readings"]]}
    return services


def test_an_empty_warehouse_gets_all() -> None:
    services = services_with(there=[])
    assert migrate(services, "headrace") == ["0001_x.sql", "public.readings"]
    assert [s for s in services.warehouse.ran if s.startswith("CREATE TABLE IF NOT EXISTS public.readings")]
    assert services.lake.read_json(DEPLOYED_CONTRACTS)[0]["dataset"] == "readings"


def test_what_is_there_already_stays() -> None:
    assert migrate(services_with(), "headrace") == ["0001_x.sql"]


def test_an_optional_column_is_added() -> None:
    unit = Column("unit", "unit", Kind.STRING, "VARCHAR(16)")
    services = services_with(*COLUMNS, unit)
    assert migrate(services, "headrace")[-1] == "public.readings.unit"
    assert services.warehouse.ran[-1] == "ALTER TABLE public.readings ADD COLUMN unit VARCHAR(16) ENCODE ZSTD"


def change(**changes: Any) -> tuple[Column, ...]:
    meter, *rest = COLUMNS
    return (replace(meter, **changes), *rest)


def noted(**changes: Any) -> tuple[Column, ...]:
    return (*contract().columns, replace(NOTE, **changes))


def test_a_longer_varchar_is_lengthened_alone() -> None:
    services = services_with(*noted(redshift_type="VARCHAR(64)"))
    (altered,) = [item for item in plan(services, "headrace").changes if "readings" in item.name]
    assert (altered.what, altered.alone) == ("VARCHAR(8) becomes VARCHAR(64)", True)
    migrate(services, "headrace")
    assert services.warehouse.ran[-1] == "ALTER TABLE public.readings ALTER COLUMN note TYPE VARCHAR(64)"


def test_a_column_that_left_the_contract_keeps_its_values() -> None:
    planned = plan(services_with(*contract().columns), "headrace")
    assert planned.kept == ("public.readings.note: no longer in the contract, its values stay, new rows have none",)
    assert not planned.refused


def test_a_table_that_was_there_before_headrace_gets_what_loads_need() -> None:
    services = services_with(there=[row for row in THERE if not row[0].startswith("_")])
    services.warehouse.answers["svv_tables"] = [["migrations"]]
    assert [item.name for item in plan(services, "headrace").changes] == [
        "0001_x.sql",
        "public.readings._file_id",
        "public.readings._row_number",
        "public.readings._batch_id",
        "etl.guard_readings",
    ]


def test_a_plan_changes_nothing() -> None:
    services = services_with(*noted(redshift_type="VARCHAR(64)"))
    assert plan(services, "headrace").changes
    assert services.warehouse.ran == []


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (change(redshift_type="VARCHAR(200)"), "Redshift lengthens no column that is a key"),
        (noted(redshift_type="VARCHAR(64)", encode="text255"), "Redshift lengthens no column that is a key"),
        (noted(redshift_type="VARCHAR(4)"), "values that are longer would be lost"),
        (noted(redshift_type="BIGINT"), "VARCHAR\\(8\\) in the warehouse and BIGINT in the contract"),
        (noted(name="remark"), "note of the same type is gone: if that is a new name"),
        (contract().columns[1:], "meter is gone from the contract but NOT NULL"),
        (change(required=False), "NOT NULL in the warehouse and optional in the contract"),
        ((*COLUMNS, Column("x", "x", Kind.STRING, "VARCHAR(8)", required=True)), "new and required"),
    ],
)
def test_a_change_that_the_table_cannot_follow_stops_the_deployment(columns: tuple[Column, ...], said: str) -> None:
    services = services_with(*columns)
    with pytest.raises(MigrationError, match=said):
        migrate(services, "headrace")
    assert services.warehouse.ran == []


def test_a_contract_for_another_database_stops_it() -> None:
    services = services_with()
    services.catalog = MemoryCatalog(contract(extra={"database": "other"}))
    with pytest.raises(MigrationError, match="the database other, the stack loads into headrace"):
        migrate(services, "headrace")


def test_an_applied_migration_is_never_edited() -> None:
    services = services_with()
    services.warehouse.answers["etl.migrations"] = [["0001_x.sql", "another digest"]]
    with pytest.raises(MigrationError, match="changed after it had been applied"):
        migrate(services, "headrace")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("double precision", "DOUBLE PRECISION"),
        ("numeric(12,2)", "DECIMAL(12, 2)"),
        ("timestamp without time zone", "TIMESTAMP"),
        ("integer", "INT"),
        ("super", "SUPER"),
    ],
)
def test_types_are_known_by_all_their_names(one: str, other: str) -> None:
    assert plain_type(one) == plain_type(other)
