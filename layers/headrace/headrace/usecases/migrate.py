"""The project's own migrations, then one table per contract: planned first, applied at deployment or by a person."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from headrace.domain.contract import GLUE, Contract
from headrace.domain.ingest.load import split_statements
from headrace.domain.lake_folders import CONTRACTS
from headrace.domain.migration import (
    Change,
    Existing,
    TablePlan,
    as_staged,
    described_type,
    longer_columns,
    plan_memory,
    plan_stage,
    plan_states,
    plan_table,
    why_fixed,
)
from headrace.domain.sql_text import SqlText
from headrace.errors import TerminalError
from headrace.usecases.ports import HasContracts, HasDeclaredExports, HasEngines, HasLake, HasSql, HasWarehouse

WORD = re.compile(r"\w+")
DEPLOYED_CONTRACTS = f"{CONTRACTS}/contracts.json"
DEPLOYED_EXPORTS = f"{CONTRACTS}/exports.json"
ETL_SCHEMA = "CREATE SCHEMA IF NOT EXISTS etl"
MIGRATIONS_TABLE = (
    "CREATE TABLE IF NOT EXISTS etl.migrations "
    "(name VARCHAR(128) NOT NULL, digest VARCHAR(64) NOT NULL, applied_at TIMESTAMP NOT NULL)"
)
ISOLATION = "SELECT database_isolation_level FROM svv_redshift_databases WHERE database_name = '{database}'"
COLLATION = "SELECT CASE WHEN 'a' = 'A' THEN 1 ELSE 0 END AS without_case"
VIEWS_THERE = "SELECT schema_name, name FROM svv_mv_info"
LOADED_FROM = "the lake that is loaded from"
"""The name under which the digest of the lake's name is noted. It outlives a ledger that is restored from a backup."""
TABLES_OF_ETL = "SELECT table_name FROM svv_tables WHERE table_schema = 'etl'"


class Services(HasContracts, HasDeclaredExports, HasEngines, HasLake, HasSql, HasWarehouse, Protocol):
    """The ports used here."""


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
    contracts = services.contracts.all()
    etl = {str(name) for (name,) in services.warehouse.query(TABLES_OF_ETL)}
    done = dict(services.warehouse.query("SELECT name, digest FROM etl.migrations")) if "migrations" in etl else {}
    refused = [*isolation_problem(services, database), *_collation_problem(contracts, database, services)]
    refused += _other_stack(database, done, services)
    refused += [reason for contract in contracts if (reason := _other_database(contract, database))]
    refused += [reason for contract in contracts if (reason := _no_job(contract, services))]
    refused += [reason for name, text in services.sql.migrations() if (reason := _edited(name, text, done))]
    changes = [] if "migrations" in etl else [Change("etl.migrations", "new", (ETL_SCHEMA, MIGRATIONS_TABLE))]
    changes += [_migration(name, text) for name, text in services.sql.migrations() if name not in done]
    if LOADED_FROM not in done:
        noted = "noted: only this stack loads into the database"
        changes.append(Change(LOADED_FROM, noted, _remembered(LOADED_FROM, services.lake.bucket)))
    tables = [_table(contract, etl, done, services) for contract in contracts]
    stages = [_stage(contract, etl, done, services) for contract in contracts]
    histories = [_history(contract, etl, done, services) for contract in contracts]
    dropped, made = _views(contracts, _lengthened(contracts, tables), done, services)
    planned = (*tables, *stages, *histories)
    return Plan(
        (*changes, *dropped, *(change for table in planned for change in table.changes), *made),
        tuple(line for table in planned for line in table.kept),
        (*refused, *(reason for table in planned for reason in table.refused)),
    )


def _no_job(contract: Contract, services: HasEngines) -> str | None:
    if contract.engine != GLUE or services.spark:
        return None
    return (
        f"the contract of {contract.dataset} says `engine: glue`, but the stack has no Glue job: deploy it with"
        " CreateGlue=true, or take `engine` out of the contract"
    )


def isolation_problem(services: HasWarehouse, database: str) -> list[str]:
    """Why loads of two datasets would disturb each other in this database; nothing when they would not.

    Under SERIALIZABLE two loads that both read and write the tables of `etl` are a cycle, which Redshift ends with
    error 1023 (https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html). STV_DB_ISOLATION_LEVEL is not
    asked: users who are not superusers may be denied it, while all may read SVV_REDSHIFT_DATABASES
    (https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_REDSHIFT_DATABASES.html).
    """
    found = services.warehouse.query(ISOLATION.format(database=database.replace("'", "''")))
    if not any(str(level).strip().lower().startswith("serializable") for (level,) in found):
        return []
    reason = f"the database {database} is SERIALIZABLE: loads of two datasets would fail each other with error 1023"
    return [f"{reason}. As its owner, with nobody else connected: ALTER DATABASE {database} ISOLATION LEVEL SNAPSHOT"]


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
    services.lake.write_json(DEPLOYED_CONTRACTS, [contract.to_json() for contract in services.contracts.all()])
    services.lake.write_json(DEPLOYED_EXPORTS, [export.to_json() for export in services.declared_exports.all()])
    return applied


def _collation_problem(contracts: list[Contract], database: str, services: Services) -> list[str]:
    """Keys that differ in case only are one where the database compares without it (CREATE DATABASE … COLLATE)."""
    keyed = [each.dataset for each in contracts for column in each.columns if column.unpadded]
    if not keyed or services.warehouse.query(COLLATION) != [[1]]:
        return []
    reason = f"the database {database} compares texts without case: keys of {', '.join(dict.fromkeys(keyed))} such as"
    return [f"{reason} 'a' and 'A' would be one. Load into a database made with COLLATE CASE_SENSITIVE"]


def _other_database(contract: Contract, database: str) -> str | None:
    named = contract.extra.get("database", database)
    if named == database:
        return None
    return (
        f"the contract of {contract.dataset} is for the database {named}, the stack loads into {database}:"
        " deploy with Database=… or change the contract"
    )


def _other_stack(database: str, done: dict[str, str], services: HasLake) -> list[str]:
    """Batches of two stacks have the same names, so that a load would take the other's for its own and do nothing."""
    if done.get(LOADED_FROM, _digest(services.lake.bucket)) == _digest(services.lake.bucket):
        return []
    reason = f"another stack loads into the database {database}, or did before it was deleted"
    why = "the batches of both have the same names, and rows would be missing"
    return [f"{reason}: {why}. Deploy with Database=… of another one (docs/operations.md, Uninstalling)"]


def _edited(name: str, text: str, done: dict[str, str]) -> str | None:
    if done.get(name, _digest(text)) == _digest(text):
        return None
    return f"{name} was changed after it had been applied: undo that, and write a new migration"


def _migration(name: str, text: str) -> Change:
    record = f"INSERT INTO etl.migrations (name, digest, applied_at) VALUES ('{name}', '{_digest(text)}', GETDATE())"  # noqa: S608
    return Change(name, "migration", (*split_statements(text), record))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _table(contract: Contract, etl: set[str], done: dict[str, str], services: Services) -> TablePlan:
    """The table as the contract has it: made, or changed by what it lacks."""
    there = _columns(services, contract, contract.target)
    deletes = _deletes(contract, set(there), etl, done, services)
    schema = f"CREATE SCHEMA IF NOT EXISTS {contract.schema}"
    made = (schema, *split_statements(services.sql.text(contract.dataset, SqlText.TABLE)))
    if not there:
        new = Change(contract.target, "new table", made)
        return TablePlan((new, *deletes.changes), refused=deletes.refused)
    planned = plan_table(contract, there)
    beside = {f"etl.guard_{contract.dataset}": "new, lets loads take turns"}
    beside |= dict.fromkeys(contract.memories, "new, remembers what was deleted")
    missing = [Change(name, what, made) for name, what in beside.items() if name.removeprefix("etl.") not in etl]
    changes = (*planned.changes, *missing, *deletes.changes)
    return TablePlan(changes, planned.kept, (*planned.refused, *deletes.refused))


def _deletes(contract: Contract, there: set[str], etl: set[str], done: dict[str, str], services: Services) -> TablePlan:
    """How what knows of deletes follows: a table of their keys, or a column of the target that marks them."""
    marks, refused = f"marked rows of {contract.dataset}", list[str]()
    before = next((name for name in there if _digest(name) == done.get(marks)), None)
    if before and before != contract.deleted_at:
        refused = list(_shown_again(contract, before, services))
    changes: tuple[Change, ...] = ()
    if contract.deleted_at and done.get(marks) != _digest(contract.deleted_at):
        changes = (Change(marks, f"noted, {contract.deleted_at} has them", _remembered(marks, contract.deleted_at)),)
    for table in (f"etl.{name}_{contract.dataset}" for name in ("deleted", "truncates")):
        if table.removeprefix("etl.") not in etl:
            continue
        if table not in contract.memories:
            refused += _no_longer_remembered(table, services)
            continue
        planned = plan_memory(contract, table, _columns(services, contract, table))
        changes, refused = (*changes, *planned.changes), [*refused, *planned.refused]
    return TablePlan(changes, refused=tuple(refused))


def _shown_again(contract: Contract, before: str, services: Services) -> Iterator[str]:
    """The refusal to take rows for living ones that are marked as deleted."""
    marked = f"{contract.target} WHERE {before} IS NOT NULL"
    ((rows,),) = services.warehouse.query(f"SELECT COUNT(*) FROM {marked}")  # noqa: S608 - the contract's, checked
    if int(rows):
        reason = f"{rows} rows of {contract.target} are marked as deleted in {before}, no longer the deletedAtColumn"
        yield f"{reason}: keep it, or remove them (where {before} is not null): older rows of their keys may come back"


def _no_longer_remembered(table: str, services: Services) -> Iterator[str]:
    """The refusal to forget deletes whose rows went, where a contract marks rows from now on, or deletes none."""
    ((keys,),) = services.warehouse.query(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - the dataset's, checked
    if int(keys):
        reason = f"{table} remembers {keys} deletes, which loads by this contract would not look at"
        yield f"{reason}: keep deleting, or DROP TABLE {table}: older rows of deleted keys may then come back"


def _history(contract: Contract, etl: set[str], done: dict[str, str], services: Services) -> TablePlan:
    """The table of the history and its versions: begun, changed by what they lack, or no longer kept.

    Versions that were not kept for a while lack what was loaded in the meantime: a history of them would be wrong.
    """
    name = f"history of {contract.dataset}"
    if not contract.history:
        left = Change(name, f"no longer kept, {contract.history_table} stays as it is", (_forgotten(name),))
        return TablePlan((left,) if name in done else ())
    if name not in done and contract.versions.removeprefix("etl.") in etl:
        tables = f"{contract.versions}, {contract.history_table}"
        reason = f"{contract.versions} lacks what was loaded while the contract had no history"
        return TablePlan(refused=(f"{reason}: keep a copy if it is wanted, DROP TABLE {tables}, deploy again",))
    order = f"{contract.primary_key} {contract.ordering}"
    if name not in done:
        text = split_statements(services.sql.text(contract.dataset, SqlText.HISTORY))
        made = (*text, *_remembered(name, order))
        return TablePlan((Change(contract.history_table, "new history, begins with the rows that are there", made),))
    if done[name] != _digest(order):
        return TablePlan(refused=(f"{contract.history_table} is by another key or other orderingColumns: keep them",))
    versions = contract.as_versions()
    versions = replace(versions, columns=tuple(map(as_staged, versions.columns)))
    both = (versions, contract.as_history())
    plans = [plan_states(table, _columns(services, table, table.target)) for table in both]
    return TablePlan(
        tuple(change for each in plans for change in each.changes),
        tuple(line for each in plans for line in each.kept),
        tuple(reason for each in plans for reason in each.refused),
    )


def _stage(contract: Contract, etl: set[str], done: dict[str, str], services: Services) -> TablePlan:
    """The stage table of a staged dataset, whose transformation the warehouse tries; for others, none with rows."""
    there = _columns(services, contract, contract.stage) if f"staged_{contract.dataset}" in etl else {}
    if not contract.staged:
        return TablePlan(refused=_still_staged(contract, services) if there else ())
    create, attempt = split_statements(services.sql.text(contract.dataset, SqlText.STAGE))
    planned = (
        plan_stage(contract, there) if there else TablePlan((Change(contract.stage, "new stage table", (create,)),))
    )
    changes = list(planned.changes)
    name = f"transformation of {contract.dataset}"
    if done.get(name) != _digest(attempt):
        changes.append(Change(name, "tried", (attempt, *_remembered(name, attempt))))
    return TablePlan(tuple(changes), refused=planned.refused)


def _still_staged(contract: Contract, services: Services) -> tuple[str, ...]:
    ((waiting,),) = services.warehouse.query(f"SELECT COUNT(*) FROM {contract.stage}")  # noqa: S608
    if not int(waiting):
        return ()
    reason = f"{waiting} rows wait in {contract.stage} for a merge, and the contract is no longer staged"
    return (f"{reason}: wait until they are merged (`headrace wait`), then deploy again",)


def _remembered(name: str, text: str) -> tuple[str, str]:
    """Statements that note what was made of a text, in place of an earlier one."""
    values = f"'{name}', '{_digest(text)}', GETDATE()"
    return _forgotten(name), f"INSERT INTO etl.migrations (name, digest, applied_at) VALUES ({values})"  # noqa: S608


def _forgotten(name: str) -> str:
    return f"DELETE FROM etl.migrations WHERE name = '{name}'"  # noqa: S608


def _lengthened(contracts: list[Contract], tables: list[TablePlan]) -> set[str]:
    """The names of the tables of which a column becomes longer."""
    planned = zip(contracts, tables, strict=True)
    return {contract.table for contract, table in planned if any(change.alone for change in table.changes)}


def _views(
    contracts: list[Contract], lengthened: set[str], done: dict[str, str], services: Services
) -> tuple[list[Change], list[Change]]:
    """Materialized views that are dropped before anything else is changed, and those that are made in the end.

    They hold no data themselves, so one whose definition changed is made again. One that reads a table of which a
    column becomes longer could never be refreshed again
    (https://docs.aws.amazon.com/redshift/latest/dg/materialized-view-create-sql-command.html): it is forgotten and
    dropped first, so that a plan that ends half-way makes it the next time.
    """
    wanted = any(contract.views for contract in contracts)
    there = (
        {f"{schema}.{name}".replace(" ", "") for schema, name in services.warehouse.query(VIEWS_THERE)}
        if wanted
        else set()
    )
    dropped, made = [], []
    for contract in contracts:
        texts = split_statements(services.sql.text(contract.dataset, SqlText.VIEWS)) if contract.views else []
        for view, text in zip(contract.views, texts, strict=True):
            name, drop = f"view {view.name}", f"DROP MATERIALIZED VIEW IF EXISTS {view.name}"
            reads = {word.lower() for word in WORD.findall(view.query)}
            if view.name in there and reads & lengthened:
                what = "dropped, a column that it may read becomes longer"
                dropped.append(Change(view.name, what, (_forgotten(name), drop), alone=True))
            elif done.get(name) == _digest(text) and view.name in there:
                continue
            what = "new materialized view"
            if name in done:
                what = "recreated" if done[name] == _digest(text) else "recreated, its definition changed"
            made.append(Change(view.name, what, (drop, text, *_remembered(name, text)), alone=True))
    return dropped, made


def _columns(services: Services, contract: Contract, table: str) -> dict[str, Existing]:
    """What is there; of a table with a column that becomes longer also what keeps columns from it."""
    schema, _, name = table.partition(".")
    query = (
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable "  # noqa: S608 - both names are the contract's, checked
        f"FROM svv_columns WHERE table_schema = '{schema}' AND table_name = '{name}'"
    )
    there = {
        str(name): Existing(described_type(str(kind), length, precision, scale), nullable == "NO")
        for name, kind, length, precision, scale, nullable in services.warehouse.query(query)
    }
    if not longer_columns(map(as_staged, contract.columns), there):
        return there
    query = (
        "SELECT column_name, distkey, sortkey, encoding, column_default FROM svv_redshift_columns "  # noqa: S608 - the same
        f"WHERE schema_name = '{schema}' AND table_name = '{name}'"
    )
    fixed = {
        str(name): why_fixed(distkey=bool(dist), sortkey=bool(sort), encoding=str(encoding), default=default)
        for name, dist, sort, encoding, default in services.warehouse.query(query)
    }
    return {name: replace(column, fixed=fixed.get(name, "")) for name, column in there.items()}
