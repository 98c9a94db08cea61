"""At deployment: the project's own migrations, then one table per contract, then the list of what is deployed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from headrace.domain.contract import Column, Contract, Kind
from headrace.domain.load import split_statements
from headrace.errors import TerminalError
from headrace.usecases.ports import Services

DEPLOYED_CONTRACTS = "contracts/contracts.json"
ETL_SCHEMA = "CREATE SCHEMA IF NOT EXISTS etl"
MIGRATIONS_TABLE = (
    "CREATE TABLE IF NOT EXISTS etl.migrations "
    "(name VARCHAR(128) NOT NULL, digest VARCHAR(64) NOT NULL, applied_at TIMESTAMP NOT NULL)"
)


SPELLINGS = {
    "CHARACTER VARYING": "VARCHAR",
    "CHARACTER": "CHAR",
    "NUMERIC": "DECIMAL",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
    "DOUBLE PRECISION": "FLOAT8",
    "FLOAT": "FLOAT8",
    "REAL": "FLOAT4",
    "INT": "INTEGER",
    "INT4": "INTEGER",
    "INT8": "BIGINT",
    "INT2": "SMALLINT",
    "BOOL": "BOOLEAN",
}


class MigrationError(TerminalError):
    """The warehouse cannot follow the contracts without a person's decision."""


def migrate(services: Services, database: str) -> list[str]:
    """Bring the warehouse to where the deployed contracts want it. Returns what was applied; again, nothing is.

    Raises MigrationError for a change that could lose data, before anything of that contract is touched.
    """
    for contract in services.catalog.all():
        _check_database(contract, database)
    services.warehouse.run([ETL_SCHEMA, MIGRATIONS_TABLE])
    done = dict(services.warehouse.query("SELECT name, digest FROM etl.migrations"))
    applied = [name for name, text in services.catalog.migrations() if _apply(name, text, done, services)]
    for contract in services.catalog.all():
        applied += _follow(contract, services)
        applied += _stage(contract, services)
    services.lake.write_json(DEPLOYED_CONTRACTS, [contract.to_json() for contract in services.catalog.all()])
    return applied


def _check_database(contract: Contract, database: str) -> None:
    named = contract.extra.get("database", database)
    if named != database:
        raise MigrationError(
            f"the contract of {contract.dataset} is for the database {named}, the stack loads into {database}:"
            " deploy with Database=… or change the contract"
        )


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
    there = _columns(services, contract.target)
    if not there:
        schema = f"CREATE SCHEMA IF NOT EXISTS {contract.schema}"
        services.warehouse.run([schema, *split_statements(services.catalog.table_sql(contract.dataset))])
        return [contract.target]
    for column in contract.columns:
        _check_unchanged(contract, column, there.get(column.name))
    missing = [column for column in contract.columns if column.name not in there]
    for column in missing:
        services.warehouse.run([f"ALTER TABLE {contract.target} ADD COLUMN {column.name} {column.redshift_type}"])
    return [f"{contract.target}.{column.name}" for column in missing]


def _stage(contract: Contract, services: Services) -> list[str]:
    """The stage table of a staged dataset; none with rows in it for another. The warehouse tries the transformation."""
    there = _columns(services, contract.stage)
    if not contract.staged:
        counted = services.warehouse.query(f"SELECT COUNT(*) FROM {contract.stage}") if there else []  # noqa: S608
        waiting = sum(int(count) for (count,) in counted)
        if waiting:
            raise MigrationError(
                f"{waiting} rows wait in {contract.stage} for a merge, and the contract is no longer staged:"
                " wait until they are merged (`headrace wait`), then deploy again"
            )
        return []
    create, attempt = split_statements(services.catalog.stage_sql(contract.dataset))
    missing = [column for column in contract.columns if there and column.name not in there]
    widened = [f"ALTER TABLE {contract.stage} ADD COLUMN {column.name} {_staged_type(column)}" for column in missing]
    for statement in [create, *widened]:
        services.warehouse.run([statement])
    services.warehouse.query(attempt)
    return [f"{contract.stage}.{column.name}" for column in missing] if there else [contract.stage]


def _staged_type(column: Column) -> str:
    return "VARCHAR(65535)" if column.kind is Kind.SUPER else column.redshift_type


def _check_unchanged(contract: Contract, column: Column, there: _Column | None) -> None:
    """A change that a table cannot follow by itself is a person's to make. Raises MigrationError."""
    name = f"{contract.target}.{column.name}"
    if there is None:
        if column.required:
            raise MigrationError(
                f"{name} is new and required, but the rows that are there lack it: make it optional in the contract,"
                " or load into a new table"
            )
        return
    if there.type != plain_type(column.redshift_type):
        raise MigrationError(
            f"{name} is {there.type} in the warehouse and {column.redshift_type} in the contract: change the table"
            " (a longer VARCHAR: ALTER TABLE … ALTER COLUMN … TYPE …), or give the contract another column or table"
        )
    if there.required and not column.required:
        raise MigrationError(
            f"{name} is NOT NULL in the warehouse and optional in the contract: rows without it could not be loaded."
            " Load into a new table, or keep it required"
        )


@dataclass(frozen=True, slots=True)
class _Column:
    type: str
    required: bool


def _columns(services: Services, table: str) -> dict[str, _Column]:
    schema, _, name = table.partition(".")
    query = (
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable "  # noqa: S608 - both names are the contract's, checked
        f"FROM svv_columns WHERE table_schema = '{schema}' AND table_name = '{name}'"
    )
    return {
        str(name): _Column(_described_type(str(kind), length, precision, scale), nullable == "NO")
        for name, kind, length, precision, scale, nullable in services.warehouse.query(query)
    }


def _described_type(kind: str, length: int | None, precision: int | None, scale: int | None) -> str:
    """A type of the catalogue as DDL writes it."""
    name = plain_type(kind)
    if name in {"VARCHAR", "CHAR"} and length:
        return f"{name}({length})"
    return f"{name}({precision},{scale})" if name == "DECIMAL" else name


def plain_type(text: str) -> str:
    """One spelling for the types that SQL spells in several ways."""
    name, bracket, rest = text.upper().partition("(")
    spelled = SPELLINGS.get(name.strip(), name.strip())
    return spelled + bracket + rest.replace(" ", "")
