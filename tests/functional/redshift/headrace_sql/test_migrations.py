"""Migrations on the embedded Redshift: from nothing, and from every earlier state, to where the contracts want it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from headrace.domain.contract import LINEAGE_COLUMNS, Column, Contract, Kind, View
from headrace.domain.contracts import Contracts
from headrace.domain.ingest.load import load_statements, split_statements
from headrace.usecases.migrate import MigrationError, migrate, plan
from headrace_compiler import compile_folder
from headrace_compiler.sql.load import load_sql, table_sql
from tests.functional.redshift.client import Client, WarehouseOf
from tests.support.fakes import MemoryServices, MemorySql, contract

ROOT = Path(__file__).parents[4]
MIGRATIONS = [(path.name, path.read_text()) for path in sorted((ROOT / "sql" / "migrations").glob("*.sql"))]
SHIPPED = compile_folder(ROOT / "contracts")
CATALOGUE = (
    "SELECT table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision,"
    " numeric_scale, is_nullable FROM svv_columns WHERE table_schema IN ('etl', 'public')"
    " ORDER BY table_schema, table_name, column_name"
)


@dataclass
class Services(MemoryServices):
    """Services with the first few of the real migrations."""

    migrations: int = len(MIGRATIONS)

    @property
    def sql(self) -> FirstMigrations:
        return FirstMigrations(self.contracts, self.migrations)


class FirstMigrations(MemorySql):
    """The SQL of contracts, with the first few of the real migrations."""

    def __init__(self, contracts: Contracts, known: int) -> None:
        super().__init__(contracts)
        self._known = known

    def migrations(self) -> list[tuple[str, str]]:
        return MIGRATIONS[: self._known]


def services_on(client: Client, contracts: list[Contract], known: int = len(MIGRATIONS)) -> MemoryServices:
    services = Services(contracts=Contracts(contracts), migrations=known)
    services.warehouse = WarehouseOf(client)  # type: ignore[assignment]
    return services


def catalogue(client: Client) -> list[list[Any]]:
    return client.rows(CATALOGUE)


def with_unknown(*columns: Column) -> tuple[Column, ...]:
    return (*columns, Column("_unknown", "", Kind.SUPER, "SUPER", unknown=True))


NOTE = Column("note", "note", Kind.STRING, "VARCHAR(8)", max_bytes=8)
OLD = contract(columns=with_unknown(*contract().columns, NOTE))


@pytest.fixture
def fresh(client: Client) -> Client:
    """A warehouse that was migrated from nothing."""
    migrate(services_on(client, [*SHIPPED, OLD]), "headrace")
    return client


def test_from_nothing_to_now_and_then_nothing_more(client: Client) -> None:
    services = services_on(client, [*SHIPPED, OLD])
    applied = migrate(services, "headrace")
    assert applied[: 1 + len(MIGRATIONS)] == ["etl.migrations", *(name for name, _ in MIGRATIONS)]
    assert set(applied) >= {item.target for item in SHIPPED}
    assert plan(services, "headrace").changes == ()
    assert migrate(services, "headrace") == []
    assert client.value("COUNT(*) FROM etl.migrations WHERE name LIKE '%.sql'") == len(MIGRATIONS)


APPLIED = {
    "0001_etl.sql": "809ccc69b2becd5e",
    "0002_quality.sql": "092897a16c44722a",
    "0003_arrivals.sql": "15950aad87dc39c3",
    "0004_objects.sql": "4d60c7ced0b68752",
    "0005_snapshots.sql": "e8d40522f7bde8e4",
}
"""The first digits of the migrations' digests."""


def test_a_migration_is_not_edited_once_it_may_have_been_applied() -> None:
    """A deployment over an earlier version would be refused: write another migration instead."""
    digests = {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in MIGRATIONS}
    assert {name: digests[name] for name in APPLIED} == APPLIED
    assert set(digests) == set(APPLIED), "note the new migration's digest here"


@pytest.mark.parametrize("known", range(len(MIGRATIONS)))
def test_from_each_earlier_version_to_now(client: Client, known: int) -> None:
    migrate(services_on(client, [OLD], known), "headrace")
    migrate(services_on(client, [*SHIPPED, OLD]), "headrace")
    from_earlier = catalogue(client)
    client.run(*(f"DROP TABLE public.{item.table} CASCADE" for item in [*SHIPPED, OLD]))
    client.run("DROP SCHEMA etl CASCADE")
    migrate(services_on(client, [*SHIPPED, OLD]), "headrace")
    assert from_earlier == catalogue(client)


@pytest.mark.parametrize("lacking", ["_unknown", "note", *LINEAGE_COLUMNS])
def test_an_older_table_gets_the_column_it_lacks(fresh: Client, lacking: str) -> None:
    before = {tuple(row[:-1]) for row in catalogue(fresh)}
    fresh.run("INSERT INTO public.readings VALUES ('m1', '2026-01-01', 5, 'n', NULL, 'f', 1, 'b')")
    fresh.run(f"ALTER TABLE public.readings DROP COLUMN {lacking}")
    services = services_on(fresh, [*SHIPPED, OLD])
    assert migrate(services, "headrace") == [f"public.readings.{lacking}"]
    assert {tuple(row[:-1]) for row in catalogue(fresh)} == before
    assert migrate(services, "headrace") == []
    load(fresh, OLD)
    assert fresh.value("COUNT(*) FROM public.readings") == 1


def load(client: Client, of: Contract) -> None:
    """A batch that replaces a file: it passes every statement of the load but COPY."""
    file_id = "0" * 24
    client.run(
        *load_statements(
            load_sql(of), batch="readings-1", manifest=None, iam_role="default",
            arrived={}, objects={}, replaced=[file_id], reloaded=[file_id],
        )
    )  # fmt: skip


def test_a_table_without_its_guard_gets_one(fresh: Client) -> None:
    fresh.run("DROP TABLE etl.guard_readings")
    assert migrate(services_on(fresh, [*SHIPPED, OLD]), "headrace") == ["etl.guard_readings"]
    load(fresh, OLD)


def changed(**changes: Any) -> Contract:
    return replace(OLD, columns=with_unknown(*contract().columns, replace(NOTE, **changes)))


def test_a_column_is_added_lengthened_and_kept(fresh: Client) -> None:
    fresh.run("INSERT INTO public.readings VALUES ('m1', '2026-01-01', 5, 'n', NULL, 'f', 1, 'b')")
    wider = changed(redshift_type="VARCHAR(32)")
    wider = replace(wider, columns=(*wider.columns, Column("unit", "unit", Kind.DECIMAL, "DECIMAL(5,2)")))
    assert migrate(services_on(fresh, [wider]), "headrace") == ["public.readings.note", "public.readings.unit"]
    fresh.run("UPDATE public.readings SET note = 'longer than eight bytes'")
    assert fresh.rows("SELECT note, unit FROM public.readings") == [["longer than eight bytes", None]]
    without = replace(wider, columns=with_unknown(*contract().columns))
    services = services_on(fresh, [without])
    assert len(plan(services, "headrace").kept) == 2
    assert migrate(services, "headrace") == []
    load(fresh, without)
    assert fresh.rows("SELECT note FROM public.readings") == [["longer than eight bytes"]]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (changed(name="remark"), "ALTER TABLE public.readings RENAME COLUMN note TO remark"),
        (changed(redshift_type="BIGINT"), "Redshift cannot change this type"),
        (changed(required=True, name="other", redshift_type="BIGINT"), "new and required"),
    ],
)
def test_what_could_lose_data_is_refused_before_anything_is_touched(fresh: Client, wanted: Contract, said: str) -> None:
    more = replace(wanted, columns=(*wanted.columns, Column("unit", "unit", Kind.DECIMAL, "DECIMAL(5,2)")))
    before = catalogue(fresh)
    with pytest.raises(MigrationError, match=said):
        migrate(services_on(fresh, [more]), "headrace")
    assert catalogue(fresh) == before


def test_a_column_that_was_lengthened_stays_when_the_deployment_is_rolled_back(fresh: Client) -> None:
    longer = changed(redshift_type="VARCHAR(64)")
    assert migrate(services_on(fresh, [longer]), "headrace") == ["public.readings.note"]
    shorter = changed(redshift_type="VARCHAR(8)")
    before = services_on(fresh, [shorter])
    assert list(plan(before, "headrace").kept) == [
        "public.readings.note: stays VARCHAR(64), no new value is longer than the contract's VARCHAR(8)"
    ]
    assert migrate(before, "headrace") == []
    load(fresh, shorter)


def test_a_rename_by_the_way_that_the_refusal_names(fresh: Client) -> None:
    fresh.run("INSERT INTO public.readings VALUES ('m1', '2026-01-01', 5, 'n', NULL, 'f', 1, 'b')")
    fresh.run("ALTER TABLE public.readings RENAME COLUMN note TO remark")
    assert migrate(services_on(fresh, [changed(name="remark")]), "headrace") == []
    assert fresh.rows("SELECT remark FROM public.readings") == [["n"]]


def test_each_tables_ddl_is_what_the_contract_says(fresh: Client) -> None:
    for item in SHIPPED:
        fresh.run(*split_statements(table_sql(item)))  # IF NOT EXISTS: again is harmless


def with_view(query: str) -> Contract:
    return replace(OLD, views=(View("public.readings_by_meter", query, "meter", ("meter",)),))


def test_a_materialized_view_is_made_and_made_anew_when_its_definition_changes(fresh: Client) -> None:
    fresh.run("INSERT INTO public.readings VALUES ('m1', '2026-01-01', 5, 'n', NULL, 'f', 1, 'b')")
    first = with_view("SELECT meter, COUNT(*) AS readings FROM public.readings GROUP BY meter")
    assert migrate(services_on(fresh, [first]), "headrace") == ["public.readings_by_meter"]
    assert migrate(services_on(fresh, [first]), "headrace") == []
    assert fresh.rows("SELECT * FROM public.readings_by_meter") == [["m1", 1]]
    second = with_view("SELECT meter, SUM(value) AS total FROM public.readings GROUP BY meter")
    (change,) = plan(services_on(fresh, [second]), "headrace").changes
    assert change.what == "recreated, its definition changed"
    migrate(services_on(fresh, [second]), "headrace")
    assert fresh.rows("SELECT total FROM public.readings_by_meter") == [["5"]]
    assert migrate(services_on(fresh, [second]), "headrace") == []


def test_a_longer_column_that_a_view_reads_leaves_a_view_that_can_be_refreshed(fresh: Client) -> None:
    query = "SELECT note, COUNT(*) AS readings FROM public.readings GROUP BY note"
    view = (View("public.readings_by_note", query),)
    migrate(services_on(fresh, [replace(OLD, views=view)]), "headrace")
    longer = replace(changed(redshift_type="VARCHAR(64)"), views=view)
    assert migrate(services_on(fresh, [longer]), "headrace") == [
        "public.readings_by_note",
        "public.readings.note",
        "public.readings_by_note",
    ]
    fresh.run(f"INSERT INTO public.readings VALUES ('m', '2026-01-01', 5, '{'n' * 64}', NULL, 'f', 1, 'b')")
    fresh.execute("REFRESH MATERIALIZED VIEW public.readings_by_note")
    assert fresh.rows("SELECT * FROM public.readings_by_note") == [["n" * 64, 1]]
    assert migrate(services_on(fresh, [longer]), "headrace") == []


def test_a_sort_key_that_redshift_would_not_lengthen_is_refused_before_anything_is_touched(client: Client) -> None:
    sorted_by_note = replace(OLD, sort_key=("note",))
    migrate(services_on(client, [sorted_by_note]), "headrace")
    before = catalogue(client)
    longer = replace(changed(redshift_type="VARCHAR(64)"), sort_key=("read_at",))  # the contract no longer says so
    with pytest.raises(MigrationError, match="it is a sort key: Redshift lengthens no such column"):
        migrate(services_on(client, [longer]), "headrace")
    assert catalogue(client) == before
    said = client.error("ALTER TABLE public.readings ALTER COLUMN note TYPE VARCHAR(64)")
    assert "found unexpected dependency for column" in said


def test_a_history_is_made_once_and_follows_its_contract(client: Client) -> None:
    kept = replace(OLD, history=True)
    for contracts in ([OLD], [kept]):
        migrate(services_on(client, contracts), "headrace")
    assert not plan(services_on(client, [kept]), "headrace").changes
    longer = replace(kept, columns=with_unknown(*contract().columns, replace(NOTE, redshift_type="VARCHAR(16)"), MORE))
    migrate(services_on(client, [longer]), "headrace")
    assert not plan(services_on(client, [longer]), "headrace").changes
    for table in ("readings", "versions_readings", "readings_history"):
        query = f"SELECT column_name FROM svv_columns WHERE table_name = '{table}' AND column_name IN ('more', 'note')"
        assert client.rows(f"{query} ORDER BY 1") == [["more"], ["note"]]
    migrate(services_on(client, [replace(longer, history=False)]), "headrace")
    with pytest.raises(MigrationError, match=r"versions_readings lacks what was loaded"):
        migrate(services_on(client, [longer]), "headrace")


MORE = Column("more", "more", Kind.INTEGER, "BIGINT")
