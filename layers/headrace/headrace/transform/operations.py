"""What a change log's rows must have: an operation somewhere, and a key unless they truncate the table.

Without an operation, deletes would be inserts. Of JSON any object may name it; of delimited files the header does, and
records of fixed width have all columns.
"""

from __future__ import annotations

import pyarrow as pa

from headrace.domain.contract import Contract, RowRule
from headrace.domain.ingest.replay import replay_of
from headrace.transform.outcome import FileRejected


def needs_key(contract: Contract) -> tuple[RowRule, ...]:
    """That a row has its key unless it truncates the table, as a rule between columns; none where columns say so."""
    if not contract.truncates:
        return ()
    operation, words = ("column", contract.operation), tuple(("text", word) for word in contract.truncates)
    truncates = ("and", ("not", ("is null", operation)), ("in", operation, *words))
    named = f"{contract.operation} IN ({', '.join(map(repr, contract.truncates))})"
    return tuple(
        RowRule("required", f"{name} IS NOT NULL OR {named}", ("or", ("not", ("is null", ("column", name))), truncates))
        for name in contract.primary_key
    )


def has_operations(contract: Contract, rows: pa.Table) -> bool:
    """Whether one of these rows names an operation."""
    needed = contract.needed_operation
    if needed is None:
        return False
    column = rows.column(contract.columns.index(needed))
    return bool(column.null_count < len(column))


def check_operations(contract: Contract, name: str, good: int, *, named: bool) -> None:
    """Raises FileRejected if none of a file's good rows names an operation, while the contract's files must.

    Rows that come back from quarantine are a few of their file's: they are passed over.
    """
    needed = contract.needed_operation
    if not needed or named or not good or not contract.format.traits.typed or replay_of(contract, name):
        return
    reason = f"no object of the file has a value for {needed.source!r}, its operation: a delete would be an insert"
    raise FileRejected("no_operation", f"{reason} (filesWithoutOperation: insert allows such files)")
