"""The project's own migrations, then one table per contract: planned first, applied at deployment or by a person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from headrace.domain.contract import Column, Contract, Kind
from headrace.domain.lakefolders import CONTRACTS
from headrace.domain.load import split_statements
from headrace.domain.migration import Change, Existing, TablePlan, described_type, plan_table
from headrace.errors import TerminalError
from headrace.usecases.ports import Services

DEPLOYED_CONTRACTS = f"{CONTRACTS}/contracts.json"
DEPLOYED_EXPORTS = f"{CONTRACTS}/exports.json"
ETL_SCHEMA = "CREATE SCHEMA IF NOT EXISTS etl"
MIGRATIONS_TABLE = (
    "CREATE TABLE IF NOT EXISTS etl.migrations "
    "(name VARCHAR(128) NOT NULL, digest VARCHAR(64) NOT NULL, applied_at TIMESTAMP NOT NULL)"
)
TABLES_OF_ETL = "SELECT table_name FROM svv_tables WHERE table_schema = 'etl'"


class MigrationError(TerminalError):
    """The warehouse cannot follow the contracts without a person's decision."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done to the warehouse, what stays as it is, and what cannot be done; refused means none is done."""

    changes: tuple[Change, ...] = ()
    kept: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def plan(services: Services, database: str) -> Plan:
    """How the warehouse follows the contracts. Reads only."""
    contracts = services.catalog.all()
    etl = {str(name) for (name,) in services.warehouse.query(TABLES_OF_ETL)}
    done = dict(services.warehouse.query("SELECT name, digest FROM etl.migrations")) if "migrations" in etl else {}
    refused = [reason for contract in contracts if (reason := _other_database(contract, database))]
    refused += [reason for name, text in services.catalog.migrations() if (reason := _edited(name, text, done))]
    changes = [] if "migrations" in etl else [Change("etl.migrations", "new", (ETL_SCHEMA, MIGRATIONS_TABLE))]
    changes += [_migration(name, text) for name, text in services.catalog.migrations() if name not in done]
    tables = [_table(contract, etl, services) for contract in contracts]
    tables += [_stage(contract, etl, done, services) for contract in contracts]
    views = [change for contract in contracts for change in _views(contract, done, services)]
    return Plan(
        (*changes, *(change for table in tables for change in table.changes), *views),
        tuple(line for table in tables for line in table.kept),
        (*refused, *(reason for table in tables for reason in table.refused)),
    )


def apply(planned: Plan, services: Services) -> Iterator[Change]:
    """Do what was planned, change by change; yields each when it is done. Raises MigrationError if it was refused."""
    if planned.refused:
        raise MigrationError("; ".join(planned.refused))
    for change in planned.changes:
        if change.alone:
            for statement in change.statements:
                services.warehouse.run_alone(statement)
        else:
            services.warehouse.run(list(change.statements))
        yield change


def migrate(services: Services, database: str) -> list[str]:
    """Bring the warehouse to where the deployed contracts want it. Returns what was applied; again, nothing is.

    Raises MigrationError for a change that could lose data, before anything is touched.
    """
    applied = [change.name for change in apply(plan(services, database), services)]
    services.lake.write_json(DEPLOYED_CONTRACTS, [contract.to_json() for contract in services.catalog.all()])
    services.lake.write_json(DEPLOYED_EXPORTS, [export.to_json() for export in services.catalog.exports()])
    return applied


def _other_database(contract: Contract, database: str) -> str | None:
    named = contract.extra.get("database", database)
    if named == database:
        return None
    return (
        f"the contract of {contract.dataset} is for the database {named}, the stack loads into {database}:"
        " deploy with Database=… or change the contract"
    )


def _edited(name: str, text: str, done: dict[str, str]) -> str | None:
    if done.get(name, _digest(text)) == _digest(text):
        return None
    return f"{name} was changed after it had been applied: undo that, and write a new migration"


def _migration(name: str, text: str) -> Change:
    record = f"INSERT INTO etl.migrations (name, digest, applied_at) VALUES ('{name}', '{_digest(text)}', GETDATE())"  # noqa: S608
    return Change(name, "migration", (*split_statements(text), record))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _table(contract: Contract, etl: set[str], services: Services) -> TablePlan:
    """The table as the contract has it: made, or changed by what it lacks."""
    there = _columns(services, contract.target)
    schema = f"CREATE SCHEMA IF NOT EXISTS {contract.schema}"
    made = (schema, *split_statements(services.catalog.table_sql(contract.dataset)))
    if not there:
        return TablePlan((Change(contract.target, "new table", made),))
    planned = plan_table(contract, there)
    if f"guard_{contract.dataset}" in etl:
        return planned
    guard = Change(f"etl.guard_{contract.dataset}", "new, lets loads take turns", made)
    return TablePlan((*planned.changes, guard), planned.kept, planned.refused)


def _stage(contract: Contract, etl: set[str], done: dict[str, str], services: Services) -> TablePlan:
    """The stage table of a staged dataset, whose transformation the warehouse tries; for others, none with rows."""
    there = _columns(services, contract.stage) if f"staged_{contract.dataset}" in etl else {}
    if not contract.staged:
        return TablePlan(refused=_still_staged(contract, services) if there else ())
    create, attempt = split_statements(services.catalog.stage_sql(contract.dataset))
    missing = [column for column in contract.columns if there and column.name not in there]
    changes = [] if there else [Change(contract.stage, "new stage table", (create,))]
    for column in missing:
        add = f"ALTER TABLE {contract.stage} ADD COLUMN {column.name} {_staged_type(column)}"
        changes.append(Change(f"{contract.stage}.{column.name}", "new column", (add,)))
    name = f"transformation of {contract.dataset}"
    if done.get(name) != _digest(attempt):
        changes.append(Change(name, "tried", (attempt, *_remembered(name, attempt))))
    return TablePlan(tuple(changes))


def _still_staged(contract: Contract, services: Services) -> tuple[str, ...]:
    ((waiting,),) = services.warehouse.query(f"SELECT COUNT(*) FROM {contract.stage}")  # noqa: S608
    if not int(waiting):
        return ()
    reason = f"{waiting} rows wait in {contract.stage} for a merge, and the contract is no longer staged"
    return (f"{reason}: wait until they are merged (`headrace wait`), then deploy again",)


def _staged_type(column: Column) -> str:
    return "VARCHAR(65535)" if column.kind is Kind.SUPER else column.redshift_type


def _remembered(name: str, text: str) -> tuple[str, str]:
    """Statements that note what was made of a text, in place of an earlier one."""
    forget = f"DELETE FROM etl.migrations WHERE name = '{name}'"  # noqa: S608
    values = f"'{name}', '{_digest(text)}', GETDATE()"
    return forget, f"INSERT INTO etl.migrations (name, digest, applied_at) VALUES ({values})"  # noqa: S608


def _views(contract: Contract, done: dict[str, str], services: Services) -> Iterator[Change]:
    """Materialized views that are new or whose definition is: they hold nothing of their own, so they are made anew."""
    texts = split_statements(services.catalog.views_sql(contract.dataset)) if contract.views else []
    for view, text in zip(contract.views, texts, strict=True):
        name = f"view {view.name}"
        if done.get(name) != _digest(text):
            drop = f"DROP MATERIALIZED VIEW IF EXISTS {view.name}"
            what = "made anew, its definition changed" if name in done else "new materialized view"
            yield Change(view.name, what, (drop, text, *_remembered(name, text)), alone=True)


def _columns(services: Services, table: str) -> dict[str, Existing]:
    schema, _, name = table.partition(".")
    query = (
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable "  # noqa: S608 - both names are the contract's, checked
        f"FROM svv_columns WHERE table_schema = '{schema}' AND table_name = '{name}'"
    )
    return {
        str(name): Existing(described_type(str(kind), length, precision, scale), nullable == "NO")
        for name, kind, length, precision, scale, nullable in services.warehouse.query(query)
    }
