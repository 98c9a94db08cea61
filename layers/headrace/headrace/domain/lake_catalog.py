"""A dataset's tables in Glue's catalogue, as Athena, Spectrum and Spark read them: pure, from its contract.

Types are those of https://docs.aws.amazon.com/athena/latest/ug/data-types.html. Columns are found in Parquet by their
names (https://docs.aws.amazon.com/athena/latest/ug/updates-and-partitions.html), so what a contract gains is NULL in
older parts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from headrace.domain.contract import LINEAGE_COLUMNS, Column, Contract, Kind
from headrace.domain.lake_folders import QUARANTINE, TABLES
from headrace.domain.operations import DELETES

BAD_ROWS, FILES, CURRENT = "_quarantine", "_files", "_current"
"""What the names of a dataset's other tables and of its view end in."""
LOAD_DATE, BATCH = "_load_date", "_batch"
"""The keys of partitions: the day on which a batch began, and the batch. No column of a contract begins with `_`."""
PARTITIONS = {LOAD_DATE: "string", BATCH: "string"}
"""Text, also for the day: https://docs.aws.amazon.com/athena/latest/ug/data-types-timestamps.html"""
LONGEST_COMMENT = 255
"""Characters of a column's comment: https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html"""
LONGEST_PURPOSE = 1500
"""Characters of a contract's purpose: a table's description has 2,048 in all."""
INTEGERS = {16: "smallint", 32: "int", 64: "bigint"}
PLAIN = {
    Kind.STRING: "string",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp",
    Kind.SUPER: "string",
}
LINEAGE = {"_file_id": "string", "_row_number": "bigint", "_batch_id": "string"}
LINEAGE_COMMENTS = {
    "_file_id": "The landed file that the row came in",
    "_row_number": "The row's number in that file, from 1; the header does not count",
    "_batch_id": "The batch that brought the row",
}
QUARANTINE_COLUMNS = {
    "dataset": "string",
    "file_id": "string",
    "key": "string",
    "row_number": "bigint",
    "raw": "binary",
    "errors": "array<struct<column:string,rule:string,reason:string>>",
    "contract_version": "string",
    "batch_id": "string",
}
FILE_COLUMNS = {
    "file_id": "string",
    "batch_id": "string",
    "current": "boolean",
    "status": "string",
    "rows_loaded": "bigint",
    "rows_superseded": "bigint",
    "arrival": "string",
    "as_of": "string",
}
FILE_COMMENTS = {
    "batch_id": "The batch whose rows of the file count",
    "current": "Whether rows of the file are in the warehouse's table",
    "arrival": "Where the file stands among those of its dataset, by arrival",
    "as_of": "When the ledger said so; of several lines for a file the latest counts",
}
DIGEST = "headrace_definition"
"""The parameter of a table that says which definition it was made from."""


@dataclass(frozen=True, slots=True)
class LakeTable:
    """One table: Parquet below `folder` of the lake, with a partition for each batch if it is `partitioned`."""

    name: str
    folder: str
    columns: Mapping[str, str]
    description: str
    comments: Mapping[str, str] = field(default_factory=dict)
    partitioned: bool = True


@dataclass(frozen=True, slots=True)
class LakeTables:
    """What the catalogue has of a dataset. `view` is the SELECT of the view of current rows."""

    rows: LakeTable
    bad_rows: LakeTable
    files: LakeTable
    view_name: str
    view: str

    @property
    def all(self) -> tuple[LakeTable, ...]:
        """The tables."""
        return self.rows, self.bad_rows, self.files

    @property
    def digest(self) -> str:
        """Another one for another definition."""
        text = json.dumps([asdict(table) for table in self.all] + [self.view], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def lake_tables(contract: Contract) -> LakeTables:
    """The tables of a dataset, and its view."""
    name, version = contract.dataset, contract.version
    about = (contract.description or f"The dataset {name}.")[:LONGEST_PURPOSE]
    rows = LakeTable(
        name=name,
        folder=f"{name}/",
        columns={column.name: athena_type(column) for column in contract.columns} | LINEAGE,
        description=f"{about} Version {version}. All rows that ever came; {name}{CURRENT}: those that count.",
        comments=_comments(contract) | LINEAGE_COMMENTS,
    )
    bad_rows = LakeTable(
        name=f"{name}{BAD_ROWS}",
        folder=f"{QUARANTINE}/{name}/",
        columns=QUARANTINE_COLUMNS,
        description=f"The bad rows of {name}, with their bytes and the reasons.",
    )
    files = LakeTable(
        name=f"{name}{FILES}",
        folder=f"{TABLES}/{name}/",
        columns=FILE_COLUMNS,
        description=f"The files of {name}, as the ledger has them.",
        comments=FILE_COMMENTS,
        partitioned=False,
    )
    return LakeTables(rows, bad_rows, files, f"{name}{CURRENT}", current_rows(contract))


def lake_relations(contract: Contract) -> set[str]:
    """The names in the catalogue that a dataset takes."""
    return {contract.dataset, *(f"{contract.dataset}{end}" for end in (BAD_ROWS, FILES, CURRENT))}


def athena_type(column: Column) -> str:
    """The type with which Athena reads the column's Parquet. SUPER is JSON text there."""
    if column.kind is Kind.INTEGER:
        return INTEGERS[column.bits]
    if column.kind is Kind.FLOAT:
        return "float" if column.bits == 32 else "double"
    if column.kind is Kind.DECIMAL:
        return f"decimal({column.precision},{column.scale})"
    return PLAIN[column.kind]


def current_rows(contract: Contract) -> str:
    """The SELECT of the rows that count: of files that do, one for each key, by the order that the load goes by.

    Of a file that a later batch brought again, the rows of that batch count. Of a change log, keys whose last row
    deletes them are left out, unless such rows stay in the table.
    """
    columns = [column.name for column in contract.columns] + list(LINEAGE_COLUMNS)
    chosen = ", ".join([*map(_quoted, columns), _quoted(LOAD_DATE), _quoted(BATCH)])
    rows = (
        f"SELECT r.*, f.arrival AS _arrival FROM {_quoted(contract.dataset)} r INNER JOIN ("
        "SELECT file_id, max_by(batch_id, as_of) AS batch_id, max_by(current, as_of) AS current,"
        f" max_by(arrival, as_of) AS arrival FROM {_quoted(contract.dataset + FILES)} GROUP BY file_id"
        f") f ON r._file_id = f.file_id AND r.{BATCH} = f.batch_id WHERE f.current"
    )
    if not contract.primary_key:
        return f"SELECT {chosen} FROM ({rows})"
    keys = ", ".join(map(_quoted, contract.primary_key))
    # Redshift puts NULL first in descending order.
    ordering = [*map(_quoted, contract.ordering), "_arrival", "_row_number"]
    order = ", ".join(f"{item} DESC NULLS FIRST" for item in ordering)
    ranked = f"SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY {order}) AS _rank FROM ({rows})"
    return f"SELECT {chosen} FROM ({ranked}) WHERE _rank = 1{_not_deleted(contract)}"


def _not_deleted(contract: Contract) -> str:
    if contract.operation is None or contract.deleted_at:
        return ""
    name, deletes = _quoted(contract.operation), ", ".join(f"'{word}'" for word in DELETES)
    return f" AND ({name} IS NULL OR {name} NOT IN ({deletes}))"


def _comments(contract: Contract) -> dict[str, str]:
    return {column.name: column.description[:LONGEST_COMMENT] for column in contract.columns if column.description}


def _quoted(name: str) -> str:
    return f'"{name}"'
