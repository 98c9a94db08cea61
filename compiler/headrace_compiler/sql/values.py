"""The SQL that compares the rows of a batch's Parquet with those of the table, value by value.

The Parquet is copied into the load's own stage again, so that the warehouse itself compares like with like.
"""

from __future__ import annotations

from headrace.domain.contract import Contract, Kind
from headrace_compiler.sql.load import COPY, create_stage
from headrace_compiler.sql.names import staged_names
from headrace_compiler.sql.steps import listed

COLUMNS_AT_ONCE = 40
"""Of one query: its text stays far below what the Data API takes, also of columns with long names."""


def compared_columns(contract: Contract) -> list[str]:
    """The columns that are compared: those that the file brought, not what the load itself writes."""
    return [column.name for column in contract.columns if column.name != contract.deleted_at]


def values_sql(contract: Contract) -> tuple[list[str], list[str]]:
    """What fills the stage, in one transaction with each of the queries, which have up to COLUMNS_AT_ONCE columns each.

    A query has a row for each file with a row that differs: the file's id, and the rows that differ in each column.
    Rows of the file that are not in the table any more have lost to newer ones. `${manifest}` and `${iam_role}` are
    to be filled in.
    """
    names = compared_columns(contract)
    parts = [names[start : start + COLUMNS_AT_ONCE] for start in range(0, len(names), COLUMNS_AT_ONCE)]
    _, copy = COPY
    return [create_stage(contract, called=staged_names(contract)), copy], [_query(contract, part) for part in parts]


def _query(contract: Contract, names: list[str]) -> str:
    called = staged_names(contract)
    differ = [_differs(contract, name, called[name]) for name in names]
    counts = listed(["t._file_id", *(f"SUM(CASE WHEN {each} THEN 1 ELSE 0 END)" for each in differ)], 2)
    same_row = f"t._file_id = s.{called['_file_id']} AND t._row_number = s.{called['_row_number']}"
    return (
        f"SELECT\n{counts}\nFROM {contract.target} AS t\nINNER JOIN stage AS s ON {same_row}\n"
        f"WHERE {' OR '.join(differ)}\nGROUP BY t._file_id"
    )


def _differs(contract: Contract, name: str, staged: str) -> str:
    (column,) = [column for column in contract.columns if column.name == name]
    mine, its = f"t.{name}", f"s.{staged}"
    if column.kind is Kind.SUPER:
        its = f"JSON_PARSE({its})"
        unequal = f"JSON_SERIALIZE({mine}) <> JSON_SERIALIZE({its})"
    else:
        unequal = f"{mine} <> {its}"
    return f"({unequal} OR ({mine} IS NULL AND {its} IS NOT NULL) OR ({mine} IS NOT NULL AND {its} IS NULL))"
