"""The SQL of a dataset that is staged: batches append to its stage table, a merge takes them to the target.

The merge is the same transaction as a load, only that its rows come out of the stage table, each value transformed by
the `transformLogic` of its property.
"""

from __future__ import annotations

import re

from headrace.domain.contract import Column, Contract
from headrace.domain.migration import as_staged
from headrace_compiler.sql.load import (
    create_stage,
    files_steps,
    files_that,
    lock_step,
    opening_steps,
    record_load,
    rendered,
    target_steps,
)
from headrace_compiler.sql.names import staged_names
from headrace_compiler.sql.steps import listed

TOKEN = re.compile(
    r"""\s*(?:'(?:[^'\\\r\n]|''|\\[^'\r\n])*' | "[^"\r\n]+" | [A-Za-z_][A-Za-z0-9_]* | \d+(?:\.\d*)? | \.\d+
    | \|\| | :: | <= | >= | <> | != | -(?!-) | /(?!\*) | [+*%()=<>,])""",
    re.VERBOSE,
)
"""What an expression is made of. A semicolon, a comment and a dollar sign are no part of one."""
STATEMENTS = {"select", "insert", "update", "delete", "drop", "create", "alter", "copy", "unload", "over"}


def logic_problem(text: str) -> str | None:
    """Why a text cannot be the SQL expression of one value, None when it can. Redshift has the last word."""
    place, depth = 0, 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if match is None:
            return f"{text[place:].strip()[:20]!r} is not part of an SQL expression"
        part = match[0].strip().lower()
        depth += (part == "(") - (part == ")")
        if part in STATEMENTS or depth < 0:
            return f"{match[0].strip()!r} is not expected there: write the expression of one value"
        place = match.end()
    return None if place and not depth else "a bracket is open" if depth else "it is empty"


def stage_sql(contract: Contract) -> str:
    """The DDL of the stage table, then a query without rows, with which a deployment tries the transformation."""
    return rendered(
        [
            ("", create_stage(contract, f"TABLE IF NOT EXISTS {contract.stage}")),
            ("Does the warehouse understand the transformation?",
             f"SELECT\n{_transformed(contract)}\nFROM {contract.stage}\nWHERE 1 = 0"),
        ]
    )  # fmt: skip


def append_sql(contract: Contract) -> str:
    """The transaction that appends a batch to the stage table. What an earlier attempt left of its files goes."""
    called = staged_names(contract)
    into, values = listed(list(called), 2), listed(list(called.values()), 2)
    return rendered(
        [
            *opening_steps(contract),
            ("A file that comes again is staged once.",
             f"DELETE FROM {contract.stage}\nWHERE _file_id IN (SELECT _file_id FROM stage)"),
            ("", f"INSERT INTO {contract.stage} (\n{into}\n)\nSELECT\n{values}\nFROM stage"),
            ("", record_load(contract, "staged")),
            ("", "DROP TABLE stage"),
        ]
    )  # fmt: skip


def merge_sql(contract: Contract) -> str:
    """The transaction that merges staged files into the target. Their rows name the merge as their batch."""
    done = f"DELETE FROM {contract.stage}\nWHERE _file_id IN (SELECT _file_id FROM stage)"
    *steps, drop_stage = target_steps(contract)
    return rendered(
        [
            lock_step(contract),
            *files_steps(contract),
            ("", _create_from_stage(contract)),
            *steps,
            ("", done),
            drop_stage,
        ]
    )


def _create_from_stage(contract: Contract) -> str:
    """The load's own stage, out of the stage table: each value transformed, under the name that it has there."""
    called = staged_names(contract)
    values = [_value(column, called[column.name]) for column in contract.columns]
    columns = listed([*values, "_file_id", "_row_number", "CAST('${batch}' AS VARCHAR(160)) AS _batch_id"], 2)
    dist = f" DISTKEY ({called[contract.dist_key]})" if contract.dist_key else ""
    return (
        f"CREATE TEMP TABLE stage{dist} AS\nSELECT\n{columns}\nFROM {contract.stage}\n"
        f"WHERE _file_id IN {files_that('_place >= 0')}"
    )


def _transformed(contract: Contract) -> str:
    return listed([_value(column, column.name, "$") for column in contract.columns], 2)


def _value(column: Column, called: str, dollar: str = "$$") -> str:
    """The value that a merge takes from the stage table; a file that is a template has its dollars twice."""
    if not column.logic:
        return column.name if called == column.name else f"{column.name} AS {called}"
    type_ = as_staged(column).redshift_type.replace(",", ", ")
    return f"CAST({column.logic.replace('$', dollar)} AS {type_}) AS {called}"
