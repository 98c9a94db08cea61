"""The SQL of datasets that keep their history: from when until when each state of a key held.

`etl.versions_<dataset>` has every row that was loaded, and `<table>_history` is what they say: of each key its states
in their order. A load writes the history of the keys that it is about once more, out of all their versions, so that the
order of loading decides nothing. Rows of replaced and reloaded files are no versions any more.
"""

from __future__ import annotations

from headrace.domain.contract import LINEAGE_COLUMNS, VALIDITY, Contract, Kind
from headrace.domain.operations import DELETES
from headrace_compiler.sql.names import staged_names
from headrace_compiler.sql.steps import Step, listed, selected, where

FROM, TO, CURRENT = VALIDITY


def touched_keys(contract: Contract, gone: str) -> Step:
    """The keys of the batch's rows, and of those that go, which are of the `gone` files."""
    keys = selected(contract.primary_key)
    both = f"SELECT{keys}\nFROM stage\nUNION ALL\nSELECT{keys}\nFROM {contract.versions}\nWHERE _file_id IN {gone}"
    create = f"CREATE TEMP TABLE touched AS\nSELECT DISTINCT{keys}\nFROM (\n{_indented(both)}\n) AS keys"
    return "The keys whose history this batch is about.", create


def write_history(contract: Contract) -> list[Step]:
    """Keeps the batch's versions, and writes the history of their keys once more."""
    same_key = [f"{contract.history_table}.{key} = touched.{key}" for key in contract.primary_key]
    return [
        ("", _keep_versions(contract)),
        ("", f"DELETE FROM {contract.history_table} USING touched\n{where(same_key)}"),
        ("The states of each key in their order: none is followed by itself.", insert_history(contract)),
    ]


def seed(contract: Contract) -> list[str]:
    """The statements with which the history of a table begins: its rows are the first versions, and deletes of keys.

    A delete that is remembered brings no state; an older row that comes late must end with it.
    """
    names = [*_kept(contract), *LINEAGE_COLUMNS]
    json = {column.name for column in contract.columns if column.kind is Kind.SUPER}
    values = [f"JSON_SERIALIZE({name})" if name in json else name for name in names]
    keys = selected(contract.primary_key)
    into = f"INSERT INTO {contract.versions} (\n{listed(names, 2)}\n)"
    return [
        f"{into}\nSELECT\n{listed(values, 2)}\nFROM {contract.target}",
        *([_seed_deletes(contract)] if contract.deleted_keys else []),
        f"CREATE TEMP TABLE touched AS\nSELECT DISTINCT{keys}\nFROM {contract.target}",
        insert_history(contract),
        "DROP TABLE touched",
    ]


def _seed_deletes(contract: Contract) -> str:
    names = list(contract.deleted_key_columns)
    into = listed([*names, str(contract.operation)], 2)
    values = listed([*names, f"'{DELETES[0]}'"], 2)
    return f"INSERT INTO {contract.versions} (\n{into}\n)\nSELECT\n{values}\nFROM {contract.deleted_keys}"


def _kept(contract: Contract) -> list[str]:
    """The columns of a version, without its lineage: when a row was marked as deleted is the table's matter."""
    return [column.name for column in contract.columns if column.name != contract.deleted_at]


def _keep_versions(contract: Contract) -> str:
    names, called = [*_kept(contract), *LINEAGE_COLUMNS], staged_names(contract)
    return (
        f"INSERT INTO {contract.versions} (\n{listed(names, 2)}\n)\n"
        f"SELECT\n{listed([called[name] for name in names], 2)}\n"
        "FROM stage INNER JOIN files ON stage._file_id = files._file\nWHERE files._replaced = 0"
    )


def insert_history(contract: Contract) -> str:
    """Writes the history of the touched keys, of which the table has none."""
    json = {column.name for column in contract.columns if column.kind is Kind.SUPER}
    values = [f"JSON_PARSE({name}) AS {name}" if name in json else name for name in _kept(contract)]
    into = [*_kept(contract), *VALIDITY, *LINEAGE_COLUMNS]
    taken = [*values, FROM, TO, f"{TO} IS NULL AS {CURRENT}", *LINEAGE_COLUMNS]
    return (
        f"INSERT INTO {contract.history_table} (\n{listed(into, 2)}\n)\nSELECT\n{listed(taken, 2)}\n"
        f"FROM (\n{_indented(_intervals(contract))}\n) AS states\nWHERE _gone = 0"
    )


def _intervals(contract: Contract) -> str:
    """The states, deletes among them, each with the time of the next one."""
    names = [*_kept(contract), *LINEAGE_COLUMNS]
    same = [f"COALESCE({name} = {was}, {name} IS NULL AND {was} IS NULL)" for name, was in _compared(contract)]
    changed = "\n    AND ".join(["_before IS NOT NULL", "_gone = _was_gone", *same])
    lead = f"LEAD({FROM}) OVER (PARTITION BY {_keys(contract)} ORDER BY {FROM}) AS {TO}"
    return (
        f"SELECT\n{listed([*names, '_gone', FROM, lead], 2)}\nFROM (\n{_indented(_beside(contract))}\n) AS compared\n"
        f"WHERE\n  NOT (\n    {changed}\n  )"
    )


def _beside(contract: Contract) -> str:
    """The last version of each key and time, beside the values of the one before."""
    names = [*_kept(contract), *LINEAGE_COLUMNS]
    before = f"OVER (PARTITION BY {_keys(contract)} ORDER BY {FROM})"
    beside = [f"LAG({name}) {before} AS {called}" for name, called in _compared(contract)]
    lags = [f"LAG(_file_id) {before} AS _before", f"LAG(_gone) {before} AS _was_gone", *beside]
    return (
        f"SELECT\n{listed([*names, FROM, '_gone', *lags], 2)}\n"
        f"FROM (\n{_indented(_ranked(contract))}\n) AS ranked\nWHERE _rank = 1"
    )


def _ranked(contract: Contract) -> str:
    first, *rest = contract.ordering
    names = [f"v.{name}" for name in (*_kept(contract), *LINEAGE_COLUMNS)]
    order = ", ".join([*(f"v.{name} DESC" for name in rest), "COALESCE(a.arrival, '') DESC", "v._row_number DESC"])
    keys = ", ".join(f"v.{key}" for key in contract.primary_key)
    same_key = "\n    AND ".join(f"v.{key} = k.{key}" for key in contract.primary_key)
    columns = [
        *names,
        f"v.{first} AS {FROM}",
        f"{_gone(contract)} AS _gone",
        f"ROW_NUMBER() OVER (\n    PARTITION BY {keys}, v.{first}\n    ORDER BY {order}\n  ) AS _rank",
    ]
    return (
        f"SELECT\n{listed(columns, 2)}\nFROM {contract.versions} AS v\n"
        f"INNER JOIN touched AS k\n  ON\n    {same_key}\n"
        f"LEFT JOIN etl.arrivals AS a\n  ON\n    v._file_id = a.file_id\n    AND a.dataset = '{contract.dataset}'"
    )


def _gone(contract: Contract) -> str:
    """1 for a version that deletes its key."""
    if not contract.operation:
        return "0"
    letters = ", ".join(f"'{letter}'" for letter in DELETES)
    return f"CASE WHEN v.{contract.operation} IN ({letters}) THEN 1 ELSE 0 END"


def _keys(contract: Contract) -> str:
    return ", ".join(contract.primary_key)


def _compared(contract: Contract) -> list[tuple[str, str]]:
    """The columns that make a state, each with the name of the value before."""
    apart = {*contract.primary_key, *contract.ordering, contract.operation, contract.deleted_at}
    names = [column.name for column in contract.columns if column.name not in apart and not column.unknown]
    return [(name, f"_p{number}") for number, name in enumerate(names, start=1)]


def _indented(text: str) -> str:
    return "  " + text.replace("\n", "\n  ")
