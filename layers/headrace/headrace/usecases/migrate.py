"""At deployment: the project's own migrations, then one table per contract, then the list of what is deployed."""

from __future__ import annotations

import hashlib

from headrace.domain.contract import Contract
from headrace.domain.load import split_statements
from headrace.errors import TerminalError
from headrace.usecases.ports import Services

DEPLOYED_CONTRACTS = "contracts/contracts.json"
ETL_SCHEMA = "CREATE SCHEMA IF NOT EXISTS etl"
MIGRATIONS_TABLE = (
    "CREATE TABLE IF NOT EXISTS etl.migrations "
    "(name VARCHAR(128) NOT NULL, digest VARCHAR(64) NOT NULL, applied_at TIMESTAMP NOT NULL)"
)


class MigrationError(TerminalError):
    """The warehouse cannot follow the contracts without a person's decision."""


def migrate(services: Services) -> list[str]:
    """Bring the warehouse to where the deployed contracts want it. Returns what was applied; again, nothing is.

    Raises MigrationError for a change that could lose data, before anything of that contract is touched.
    """
    services.warehouse.run([ETL_SCHEMA, MIGRATIONS_TABLE])
    done = dict(services.warehouse.query("SELECT name, digest FROM etl.migrations"))
    applied = [name for name, text in services.catalog.migrations() if _apply(name, text, done, services)]
    for contract in services.catalog.all():
        applied += _follow(contract, services)
    services.lake.write_json(DEPLOYED_CONTRACTS, [contract.to_json() for contract in services.catalog.all()])
    return applied


def _apply(name: str, text: str, done: dict[str, str], services: Services) -> bool:
    digest = hashlib.sha256(text.encode()).hexdigest()
    if name not in done:
        record = f"INSERT INTO etl.migrations (name, digest, applied_at) VALUES ('{name}', '{digest}', GETDATE())"  # noqa: S608
        services.warehouse.run([*split_statements(text), record])
        return True
    if done[name] != digest:
        raise MigrationError(f"{name} was changed after it had been applied: undo that, and write a new migration")
    return False


def _follow(contract: Contract, services: Services) -> list[str]:
    """The table as the contract has it: made, or widened by the columns that it lacks."""
    there = _columns(contract, services)
    if not there:
        schema = f"CREATE SCHEMA IF NOT EXISTS {contract.schema}"
        services.warehouse.run([schema, *split_statements(services.catalog.table_sql(contract.dataset))])
        return [contract.target]
    missing = [column for column in contract.columns if column.name not in there]
    for column in missing:
        if column.required:
            raise MigrationError(
                f"{contract.target} has rows that would lack the new column {column.name}, which the contract"
                f" requires: make it optional, or load into a new table"
            )
        services.warehouse.run([f"ALTER TABLE {contract.target} ADD COLUMN {column.name} {column.redshift_type}"])
    return [f"{contract.target}.{column.name}" for column in missing]


def _columns(contract: Contract, services: Services) -> set[str]:
    query = (
        "SELECT column_name FROM information_schema.columns "  # noqa: S608 - both names are the contract's, checked
        f"WHERE table_schema = '{contract.schema}' AND table_name = '{contract.table}'"
    )
    return {row[0] for row in services.warehouse.query(query)}
