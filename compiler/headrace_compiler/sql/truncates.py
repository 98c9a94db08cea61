"""The SQL of change logs that truncate their table: what is earlier than the latest truncate is gone, in any order.

`etl.truncates_<dataset>` has the latest truncate of each file that was loaded. Of these the latest one counts: rows of
the batch that are earlier never come, and if this batch brought it, earlier rows of the target go. With a column that
marks deleted rows, they are marked instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from headrace.domain.contract import Contract
from headrace_compiler.sql.names import ARRIVED, staged_names
from headrace_compiler.sql.order import Pair, earlier
from headrace_compiler.sql.steps import Step, listed


def is_truncate(contract: Contract) -> str:
    """Whether a row of the load's own stage truncates the table."""
    return f"{staged_names(contract)[str(contract.operation)]} IN ({_words(contract)})"


def is_no_truncate(contract: Contract) -> list[str]:
    """The condition under which a row of the load's own stage is about its key; none where all are."""
    if not contract.truncates:
        return []
    operation = staged_names(contract)[str(contract.operation)]
    return [f"({operation} IS NULL OR {operation} NOT IN ({_words(contract)}))"]


def apply_truncates(contract: Contract) -> list[Step]:
    """Notes the batch's truncates, and takes out what is earlier than the latest one."""
    if not contract.truncates:
        return []
    return [
        ("", _note(contract)),
        ("The latest truncate of all, whichever load brought it.", _latest(contract)),
        *(_mark(contract) if contract.deleted_at else _take_out(contract)),
    ]


def _mark(contract: Contract) -> list[Step]:
    there, gone_at = contract.target, contract.deleted_at
    mark = f"SET {gone_at} = GETDATE()\nFROM truncation"
    own = f"UPDATE winners {mark}, files\nWHERE\n  winners.{gone_at} IS NULL\n  AND {_lost(contract)}"
    earlier_ones = f"UPDATE {there} {mark}\nWHERE\n  {there}.{gone_at} IS NULL\n  AND {_gone(contract, there)}"
    return [("What is earlier than it is deleted.", own), ("", earlier_ones)]


def _take_out(contract: Contract) -> list[Step]:
    there = contract.target
    own = f"DELETE FROM winners USING truncation, files\nWHERE\n  {_lost(contract)}"
    count = (
        "INSERT INTO etl.superseded (batch_id, file_id, row_count)\n"
        f"SELECT\n  '${{batch}}',\n  {there}._file_id,\n  COUNT(*)\nFROM {there}, truncation\n"
        f"WHERE\n  {_gone(contract, there)}\nGROUP BY {there}._file_id"
    )
    tables = [table for table in (there, contract.deleted_keys) if table]
    deletes = [f"DELETE FROM {table} USING truncation\nWHERE\n  {_gone(contract, table)}" for table in tables]
    return [("What is earlier than it is gone.", own), ("", count), *(("", statement) for statement in deletes)]


def _lost(contract: Contract) -> str:
    """Whether a row of the winners is earlier than the truncate; `files` says where its file has arrived."""
    called = staged_names(contract)
    pairs = _pairs(contract, "winners", [called[name] for name in contract.ordering])
    before = "(truncation._file_id = files._file AND truncation._row_number > winners._row_number)"
    order = earlier(pairs, ["(", f"  truncation.arrival > {ARRIVED}", f"  OR {before}", ")"])
    return f"winners._file_id = files._file\n  AND {order}"


def _gone(contract: Contract, table: str) -> str:
    """Whether a row that is there is earlier than the truncate. One of an earlier batch is applied already.

    So is one of a batch that is known: it has no files any more, and nothing says which rows came after them.
    """
    not_late = [
        f"{table}._file_id <> truncation._file_id",
        f"AND {table}._file_id NOT IN (",
        "  SELECT l.file_id FROM later AS l, truncation AS t",
        "  WHERE l.arrival >= t.arrival",
        ")",
    ]
    order = earlier(_pairs(contract, table, contract.ordering), not_late)
    own = "truncation._batch_id = '${batch}'\n  AND truncation._file_id IN (SELECT _file FROM files)"
    return f"{own}\n  AND {order}"


def _words(contract: Contract) -> str:
    return ", ".join(f"'{word}'" for word in contract.truncates)


def _pairs(contract: Contract, table: str, names: Iterable[str]) -> list[Pair]:
    """The ordering columns of the truncate and of a table's row."""
    return [(f"truncation.{own}", f"{table}.{name}") for own, name in zip(contract.ordering, names, strict=True)]


def _note(contract: Contract) -> str:
    called, names = staged_names(contract), contract.truncate_columns
    order = ", ".join(f"stage.{called[name]} DESC" for name in (*contract.ordering, "_row_number"))
    return (
        f"INSERT INTO {contract.truncated} (\n{listed(list(names), 2)}\n)\n"
        f"SELECT\n{listed([f'stage.{called[name]}' for name in names], 2)}\n"
        "FROM stage INNER JOIN files ON stage._file_id = files._file\n"
        f"WHERE\n  files._replaced = 0\n  AND stage.{is_truncate(contract)}\n"
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY stage._file_id ORDER BY {order}) = 1"
    )


def _latest(contract: Contract) -> str:
    columns = [f"t.{name}" for name in contract.truncate_columns]
    order = ", ".join(f"{name} DESC" for name in (*(f"t.{n}" for n in contract.ordering), "a.arrival", "t._row_number"))
    return (
        f"CREATE TEMP TABLE truncation AS\nSELECT\n{listed([*columns, 'a.arrival'], 2)}\n"
        f"FROM {contract.truncated} AS t\nINNER JOIN etl.arrivals AS a ON t._file_id = a.file_id\n"
        f"WHERE a.dataset = '{contract.dataset}'\nORDER BY {order}\nLIMIT 1"
    )
