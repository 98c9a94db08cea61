"""How an existing table follows a changed contract: where nothing can be lost it is altered, else refused with advice.

Redshift changes the type of a column only by lengthening a VARCHAR, outside of transactions, and not of a column that
is a primary key, has a DEFAULT or one of four encodings (https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html),
nor, which that page does not say, of one that is a sort or distribution key: "found unexpected dependency for column"
(https://github.com/estuary/connectors/issues/4893).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from headrace.domain.contract import LINEAGE_COLUMNS, Column, Contract, Kind

SUPER_AS_TEXT = "VARCHAR(65535)"
LINEAGE_TYPES = {"_file_id": "VARCHAR(32)", "_row_number": "BIGINT", "_batch_id": "VARCHAR(160)"}
BEFORE_HEADRACE = {"_file_id": "'none'", "_row_number": "0", "_batch_id": "'none'"}
"""The lineage of rows that were in a table before it was Headrace's."""
KEEPS_ITS_LENGTH = {"BYTEDICT", "RUNLENGTH", "TEXT255", "TEXT32K"}
MOST_STATEMENTS = 40
"""Of one call of the Data API (https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html)."""
MOST_COLUMNS = 1600
"""Of one table of Redshift (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html)."""
VARCHAR = re.compile(r"VARCHAR\((\d+)\)")
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


@dataclass(frozen=True, slots=True)
class Existing:
    """A column as the warehouse has it, its type in one spelling. `fixed` says why Redshift would not lengthen it."""

    type: str
    required: bool
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the warehouse. Its statements are one transaction, but for one that Redshift takes only `alone`."""

    name: str
    what: str
    statements: tuple[str, ...]
    alone: bool = False


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What is done to a table, what stays although the contract does not name it, and what is refused, with the way."""

    changes: tuple[Change, ...] = ()
    kept: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def plan_table(contract: Contract, there: Mapping[str, Existing]) -> TablePlan:
    """How a table that is there follows its contract."""
    known = {column.name: column for column in contract.columns}
    gone = {name: column for name, column in there.items() if name not in known and name not in LINEAGE_COLUMNS}
    new = [column for column in contract.columns if column.name not in there]
    both = [(column, there[column.name]) for column in contract.columns if column.name in there]
    refused = [reason for column, before in both if (reason := _refused(contract, column, before))]
    refused += [reason for column in new if (reason := _refused_new(contract, column, gone))]
    refused += [_still_required(contract, name) for name, column in gone.items() if column.required]
    refused += too_many_columns(contract.target, {*there, *known, *LINEAGE_COLUMNS})
    changes = [_lengthen(contract.target, column, before) for column, before in both if _longer(column, before)]
    changes += _adds(contract, new)
    changes += _add_lineage(contract, there)
    kept = [
        f"{contract.target}.{name}: no longer in the contract, its values stay, new rows have none" for name in gone
    ]
    kept += [_stays_long(contract, column, before) for column, before in both if _shorter(column, before)]
    return TablePlan(tuple(changes), tuple(kept), tuple(refused))


def plan_states(contract: Contract, there: Mapping[str, Existing]) -> TablePlan:
    """How a table of a history follows: as `plan_table`, but no column leaves the contract while it is there.

    Each load writes all states of its keys once more: those of before would lose the column's values, key by key.
    """
    planned = plan_table(contract, there)
    if planned.refused:
        return planned  # it may be the same column under another name
    known = {*(column.name for column in contract.columns), *LINEAGE_COLUMNS}
    refused = [_of_earlier_states(contract, name) for name in there if name not in known]
    return replace(planned, refused=tuple(refused))


def _of_earlier_states(contract: Contract, name: str) -> str:
    reason = (
        f"{contract.target}.{name} is gone from the contract, and each load would take it out of earlier states too"
    )
    advice = f"keep it, or give its values up first: ALTER TABLE {contract.target} DROP COLUMN {name}"
    return f"{reason}: {advice}, with no load under way until the deployment"


def too_many_columns(table: str, names: Collection[str]) -> list[str]:
    """The refusal of a table that would have more columns than Redshift allows."""
    if len(names) <= MOST_COLUMNS:
        return []
    reason = f"{table} would have {len(names)} columns, Redshift allows {MOST_COLUMNS}, those of the lineage included"
    return [f"{reason}: take columns out, or DROP COLUMN those that the contract no longer names"]


def longer_columns(columns: Iterable[Column], there: Mapping[str, Existing]) -> list[str]:
    """The names of the columns that the contract wants longer than they are."""
    return [column.name for column in columns if column.name in there and _longer(column, there[column.name])]


def why_fixed(*, distkey: bool, sortkey: bool, encoding: str, default: str | None) -> str:
    """Why Redshift lengthens no column with these properties, empty when it would."""
    if distkey:
        return "is the distribution key"
    if sortkey:
        return "is a sort key"
    if default is not None:
        return "has a DEFAULT"
    return f"is encoded as {encoding.upper()}" if encoding.upper() in KEEPS_ITS_LENGTH else ""


def plan_stage(contract: Contract, there: Mapping[str, Existing]) -> TablePlan:
    """How the stage table of a staged dataset follows: its columns are the contract's, JSON as text."""
    changes, refused = [], too_many_columns(contract.stage, {*there, *(column.name for column in contract.columns)})
    for column in map(as_staged, contract.columns):
        before = there.get(column.name)
        if before is None:
            add = f"ALTER TABLE {contract.stage} ADD COLUMN {column.name} {column.redshift_type}"
            changes.append(Change(f"{contract.stage}.{column.name}", "new column", (add,)))
        elif _longer(column, before) and not before.fixed:
            changes.append(_lengthen(contract.stage, column, before))
        elif _narrower(column, before):
            refused.append(_unlike_stage(contract, column, before))
    return TablePlan(tuple(changes), refused=tuple(refused))


def plan_memory(contract: Contract, table: str, there: Mapping[str, Existing]) -> TablePlan:
    """How a table that remembers deletes follows: its columns are of the contract's key and ordering, and lineage."""
    names, columns = contract.memories[table], {column.name: column for column in contract.columns}
    both = [(columns[name], there[name]) for name in names if name in columns and name in there]
    other = [
        f"{table}.{column.name} is {before.type} and {plain_type(column.redshift_type)} in the contract"
        for column, before in both
        if _narrower(column, before) and not _longer(column, before)
    ]
    if set(there) != set(names):
        other = [f"{table} remembers deletes by another key or other orderingColumns"]
    advice = f"keep them, or DROP TABLE {table}: older rows of deleted keys may then come back"
    changes = [_lengthen(table, column, before) for column, before in both if _longer(column, before)]
    return TablePlan(tuple(changes), refused=tuple(f"{reason}: {advice}" for reason in other))


def as_staged(column: Column) -> Column:
    """The column as COPY brings it: JSON is text until it is parsed."""
    return replace(column, redshift_type=SUPER_AS_TEXT) if column.kind is Kind.SUPER else column


def _narrower(column: Column, there: Existing) -> bool:
    return not _shorter(column, there) and there.type != plain_type(column.redshift_type)


def _unlike_stage(contract: Contract, column: Column, there: Existing) -> str:
    fixed = f" and {there.fixed}" if there.fixed else ""
    return (
        f"{contract.stage}.{column.name} is {there.type}{fixed} in the warehouse and {plain_type(column.redshift_type)}"
        f" in the contract: wait until its rows are merged (`headrace wait`), DROP TABLE {contract.stage}, deploy again"
    )


def plain_type(text: str) -> str:
    """One spelling for the types that SQL spells in several ways."""
    name, bracket, rest = text.upper().partition("(")
    spelled = SPELLINGS.get(name.strip(), name.strip())
    return spelled + bracket + rest.replace(" ", "")


def described_type(kind: str, length: int | None, precision: int | None, scale: int | None) -> str:
    """A type of the catalogue as DDL writes it, in one spelling."""
    name = plain_type(kind)
    if name in {"VARCHAR", "CHAR"} and length:
        return f"{name}({length})"
    return f"{name}({precision},{scale})" if name == "DECIMAL" else name


def _refused(contract: Contract, column: Column, there: Existing) -> str | None:
    name, wanted = f"{contract.target}.{column.name}", plain_type(column.redshift_type)
    if there.required and not column.required:
        return (
            f"{name} is NOT NULL in the warehouse and optional in the contract: rows without it could not be loaded."
            " Load into a new table, or keep it required"
        )
    if there.type == wanted or _shorter(column, there):
        return None
    if not _longer(column, there):
        return (
            f"{name} is {there.type} in the warehouse and {wanted} in the contract: Redshift cannot change this type."
            " Keep it, or give the new one another physicalName, or another table, and `headrace reload` the files that"
            " shall fill it"
        )
    if fixed := _why_fixed(contract, column, there):
        return (
            f"{name} is {there.type} in the warehouse and {wanted} in the contract, and it {fixed}: Redshift lengthens"
            " no such column. Give the contract a new table, and `headrace reload` the files that shall fill it"
            + (f"; or first ALTER TABLE {contract.target} ALTER SORTKEY NONE" if fixed == "is a sort key" else "")
        )
    return None


def _why_fixed(contract: Contract, column: Column, there: Existing) -> str:
    if column.name in contract.primary_key:
        return "is part of the primary key"
    return there.fixed or why_fixed(
        distkey=column.name == contract.dist_key,
        sortkey=column.name in contract.sort_key,
        encoding=column.encode or "",
        default=None,
    )


def _longer(column: Column, there: Existing) -> bool:
    before, after = VARCHAR.fullmatch(there.type), VARCHAR.fullmatch(plain_type(column.redshift_type))
    return bool(before and after and int(after[1]) > int(before[1]))


def _shorter(column: Column, there: Existing) -> bool:
    before, after = VARCHAR.fullmatch(there.type), VARCHAR.fullmatch(plain_type(column.redshift_type))
    return bool(before and after and int(after[1]) < int(before[1]))


def _stays_long(contract: Contract, column: Column, there: Existing) -> str:
    """Nothing is lost by it, and a deployment that lengthened it can be rolled back."""
    wanted = plain_type(column.redshift_type)
    return f"{contract.target}.{column.name}: stays {there.type}, no new value is longer than the contract's {wanted}"


def _refused_new(contract: Contract, column: Column, gone: Mapping[str, Existing]) -> str | None:
    name = f"{contract.target}.{column.name}"
    if twin := _renamed_from(column, gone):
        return (
            f"{name} is new and {twin} of the same type is gone: if that is a new name for the same values, rename it"
            f" first: ALTER TABLE {contract.target} RENAME COLUMN {twin} TO {column.name} (or keep `physicalName:"
            f" {twin}`); if not, take {twin} out in one deployment and add {column.name} in the next with another type"
            f" or after ALTER TABLE {contract.target} DROP COLUMN {twin}"
        )
    if column.required:
        return (
            f"{name} is new and required, but the rows that are there lack it: make it optional in the contract,"
            " or load into a new table"
        )
    return None


def _renamed_from(column: Column, gone: Mapping[str, Existing]) -> str | None:
    wanted = plain_type(column.redshift_type)
    return next((name for name, before in gone.items() if before.type == wanted and not column.unknown), None)


def _still_required(contract: Contract, name: str) -> str:
    return (
        f"{contract.target}.{name} is gone from the contract but NOT NULL in the warehouse: no row could be loaded"
        f" without it. Keep it in the contract, or give its values up: ALTER TABLE {contract.target} DROP COLUMN {name}"
    )


def _lengthen(table: str, column: Column, there: Existing) -> Change:
    wanted = plain_type(column.redshift_type)
    statement = f"ALTER TABLE {table} ALTER COLUMN {column.name} TYPE {wanted}"
    return Change(f"{table}.{column.name}", f"{there.type} becomes {wanted}", (statement,), alone=True)


def _add(contract: Contract, column: Column) -> Change:
    encode = f" ENCODE {(column.encode or 'ZSTD').upper()}"
    statement = f"ALTER TABLE {contract.target} ADD COLUMN {column.name} {column.redshift_type}{encode}"
    what = f"new, {plain_type(column.redshift_type)}; the rows that are there have no value"
    return Change(f"{contract.target}.{column.name}", what, (statement,))


def _adds(contract: Contract, new: list[Column]) -> Iterator[Change]:
    """Columns one by one, so that each is reported; very many in transactions of as many as the Data API takes."""
    if len(new) <= MOST_STATEMENTS:
        yield from (_add(contract, column) for column in new)
        return
    for start in range(0, len(new), MOST_STATEMENTS):
        adds = [_add(contract, column) for column in new[start : start + MOST_STATEMENTS]]
        name = f"{adds[0].name} to {new[start + len(adds) - 1].name}"
        yield Change(name, f"{len(adds)} new columns", tuple(statement for add in adds for statement in add.statements))


def _add_lineage(contract: Contract, there: Iterable[str]) -> Iterator[Change]:
    for name in LINEAGE_COLUMNS:
        if name not in there:
            default = BEFORE_HEADRACE[name]
            column = f"{name} {LINEAGE_TYPES[name]} DEFAULT {default} NOT NULL"
            statement = f"ALTER TABLE {contract.target} ADD COLUMN {column}"
            what = f"new, lineage; the rows that are there have {default}"
            yield Change(f"{contract.target}.{name}", what, (statement,))
