"""The warehouse follows the contracts, as far as that loses nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.contract import Column, Kind
from headrace.usecases.migrate import DEPLOYED_CONTRACTS, MigrationError, migrate, plain_type
from tests.fakes import MemoryCatalog, MemoryServices, contract

THERE: list[list[Any]] = [
    ["meter", "character varying", 16, None, None, "NO"],
    ["read_at", "timestamp without time zone", None, None, None, "NO"],
    ["value", "bigint", None, 64, 0, "YES"],
]


def services_with(*columns: Column, there: list[list[Any]] = THERE) -> MemoryServices:
    changed = contract(columns=columns) if columns else contract()
    services = MemoryServices(catalog=MemoryCatalog(changed))
    services.warehouse.answers = {"svv_columns": there}
    return services


def test_an_empty_warehouse_gets_all() -> None:
    services = services_with(there=[])
    assert migrate(services, "headrace") == ["0001_x.sql", "public.readings"]
    assert [s for s in services.warehouse.ran if s.startswith("CREATE TABLE IF NOT EXISTS public.readings")]
    assert services.lake.read_json(DEPLOYED_CONTRACTS)[0]["dataset"] == "readings"


def test_what_is_there_already_stays() -> None:
    assert migrate(services_with(), "headrace") == ["0001_x.sql"]


def test_an_optional_column_is_added() -> None:
    unit = Column("unit", "unit", Kind.STRING, "VARCHAR(8)")
    services = services_with(*contract().columns, unit)
    assert migrate(services, "headrace")[-1] == "public.readings.unit"
    assert services.warehouse.ran[-1] == "ALTER TABLE public.readings ADD COLUMN unit VARCHAR(8)"


def change(**changes: Any) -> tuple[Column, ...]:
    meter, *rest = contract().columns
    return (replace(meter, **changes), *rest)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (change(redshift_type="VARCHAR(200)"), r"VARCHAR\(16\) in the warehouse and VARCHAR\(200\) in the contract"),
        (change(redshift_type="BIGINT"), "BIGINT in the contract"),
        (change(required=False), "NOT NULL in the warehouse and optional in the contract"),
        ((*contract().columns, Column("x", "x", Kind.STRING, "VARCHAR(8)", required=True)), "new and required"),
    ],
)
def test_a_change_that_the_table_cannot_follow_stops_the_deployment(columns: tuple[Column, ...], said: str) -> None:
    services = services_with(*columns)
    with pytest.raises(MigrationError, match=said):
        migrate(services, "headrace")
    assert not [s for s in services.warehouse.ran if s.startswith("ALTER")]


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
