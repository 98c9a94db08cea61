"""The SQL that a contract means: its table, and the one transaction that loads a batch into it.

The text is committed under `sql/datasets/`, so that a change of a contract is seen in review as a change of SQL.
`${…}` marks what only a batch knows; `headrace.domain.load` fills it in.
"""

from __future__ import annotations

from headrace.domain.contract import LINEAGE_COLUMNS, Column, Contract, Kind

LINEAGE_TYPES = {"_file_id": "VARCHAR(32)", "_row_number": "BIGINT", "_batch_id": "VARCHAR(160)"}
SUPER_AS_TEXT = "VARCHAR(65535)"
HEADER = "-- Made from the contract by `python -m headrace.contracts sql`: change the contract, not this file.\n\n"


def table_sql(contract: Contract) -> str:
    """The DDL of the target, and of the guard table whose lock makes loads of one dataset take turns."""
    columns = [_column_ddl(contract, column) for column in contract.columns]
    columns += [f"{name} {LINEAGE_TYPES[name]} NOT NULL ENCODE ZSTD" for name in LINEAGE_COLUMNS]
    if contract.primary_key:
        columns.append(f"PRIMARY KEY ({', '.join(contract.primary_key)})")
    body = ",\n".join(f"  {line}" for line in columns)
    return (
        f"{HEADER}CREATE TABLE IF NOT EXISTS {contract.target} (\n{body}\n){_distribution(contract)};\n\n"
        f"CREATE TABLE IF NOT EXISTS {_guard(contract)} (batch_id VARCHAR(160));\n"
    )


def load_sql(contract: Contract) -> str:
    """The load transaction. Applying it twice for the same batch changes nothing the second time."""
    steps = [
        ("Loads of this dataset take turns; the guard, not the target, is locked, so that readers never wait.",
         f"LOCK TABLE {_guard(contract)}"),
        ("", _create_stage(contract)),
        ("if parts", "COPY stage FROM '${manifest}' IAM_ROLE ${iam_role} FORMAT AS PARQUET MANIFEST"),
        ("A batch that is known already has nothing to load.",
         "DELETE FROM stage USING etl.loads WHERE stage._batch_id = etl.loads.batch_id"),
        *_reload_steps(contract),
        ("if replaced", _count_replaced(contract)),
        ("if replaced", f"DELETE FROM {contract.target} WHERE {_of_this_batch('_file_id', 'replaced')}"),
        *_arrival_steps(contract),
        ("", _create_winners(contract)),
        *_merge_steps(contract),
        ("What the warehouse itself counts, for the row balance.", _count_files(contract)),
        ("", _record_load(contract)),
        *([("", "DROP TABLE arrivals")] if contract.primary_key else []),
        ("", "DROP TABLE winners"),
        ("", "DROP TABLE stage"),
    ]  # fmt: skip
    return HEADER + "\n".join(_step(comment, statement) for comment, statement in steps)


def _step(comment: str, statement: str) -> str:
    return (f"-- {comment}\n" if comment else "") + statement + ";\n"


def _guard(contract: Contract) -> str:
    return f"etl.guard_{contract.dataset}"


def _names(contract: Contract) -> list[str]:
    return [column.name for column in contract.columns] + list(LINEAGE_COLUMNS)


def _column_ddl(contract: Contract, column: Column) -> str:
    leads_sort = contract.sort_key[:1] == (column.name,)
    encode = "RAW" if leads_sort else (column.encode or "ZSTD").upper()
    return f"{column.name} {column.redshift_type}{' NOT NULL' if column.required else ''} ENCODE {encode}"


def _distribution(contract: Contract) -> str:
    dist = f" DISTSTYLE KEY DISTKEY ({contract.dist_key})" if contract.dist_key else " DISTSTYLE EVEN"
    return dist + (f" COMPOUND SORTKEY ({', '.join(contract.sort_key)})" if contract.sort_key else "")


def _create_stage(contract: Contract) -> str:
    types = {c.name: SUPER_AS_TEXT if c.kind is Kind.SUPER else c.redshift_type for c in contract.columns}
    columns = ", ".join(f"{name} {type_}" for name, type_ in (types | LINEAGE_TYPES).items())
    dist = f" DISTKEY ({contract.dist_key})" if contract.dist_key else ""
    return f"CREATE TEMP TABLE stage ({columns}){dist}"


def _reload_steps(contract: Contract) -> list[tuple[str, str]]:
    """A file that is loaded again leaves no trace of its earlier load: no rows, and no account of them."""
    return [
        ("if reloaded", f"DELETE FROM {table} WHERE {_of_this_batch(column, 'reloaded')}")
        for table, column in (
            (contract.target, "_file_id"),
            ("etl.load_files", "file_id"),
            ("etl.superseded", "file_id"),
        )
    ]


def _of_this_batch(column: str, files: str) -> str:
    return f"{column} IN (${{{files}}}) AND NOT EXISTS (SELECT 1 FROM etl.loads WHERE batch_id = '${{batch}}')"


def _count_replaced(contract: Contract) -> str:
    return (
        "INSERT INTO etl.superseded (batch_id, file_id, row_count) "
        f"SELECT '${{batch}}', _file_id, COUNT(*) FROM {contract.target} "
        f"WHERE {_of_this_batch('_file_id', 'replaced')} GROUP BY _file_id"
    )


def _arrival_steps(contract: Contract) -> list[tuple[str, str]]:
    """Among rows of one key that are equal by the contract's ordering, the later file has the last word."""
    if not contract.primary_key:
        return []
    return [
        ("The order in which the batch's files arrived.",
         "CREATE TEMP TABLE arrivals (file_id VARCHAR(32), place INTEGER)"),
        ("if parts", "INSERT INTO arrivals (file_id, place) VALUES ${arrivals}"),
    ]  # fmt: skip


def _create_winners(contract: Contract) -> str:
    """The stage's rows as the target takes them: of the newest files, and one per key."""
    parsed = {c.name for c in contract.columns if c.kind is Kind.SUPER}
    columns = ", ".join(f"JSON_PARSE({n}) AS {n}" if n in parsed else n for n in _names(contract))
    kept = "WHERE _file_id NOT IN (${replaced})"
    if not contract.primary_key:
        return f"CREATE TEMP TABLE winners AS SELECT {columns} FROM stage {kept}"
    order = [f"{name} DESC" for name in (*contract.ordering, "place", "_row_number")]
    rank = f"ROW_NUMBER() OVER (PARTITION BY {', '.join(contract.primary_key)} ORDER BY {', '.join(order)}) AS _rank"
    return (
        f"CREATE TEMP TABLE winners AS SELECT {columns} "
        f"FROM (SELECT stage.*, {rank} FROM stage JOIN arrivals ON stage._file_id = arrivals.file_id {kept}) AS ranked "
        "WHERE _rank = 1"
    )


def _merge_steps(contract: Contract) -> list[tuple[str, str]]:
    names = _names(contract)
    if not contract.primary_key:
        listed = ", ".join(names)
        return [("", f"INSERT INTO {contract.target} ({listed}) SELECT {listed} FROM winners")]
    same_key = " AND ".join(f"{contract.target}.{key} = winners.{key}" for key in contract.primary_key)
    return [
        *_drop_older(contract, same_key),
        ("if revived", _drop_equal_of_revived(contract, same_key)),
        ("Rows of earlier files that this batch replaces.", _count_superseded(contract)),
        ("", _merge(contract, names, same_key)),
    ]


def _drop_older(contract: Contract, same_key: str) -> list[tuple[str, str]]:
    """A row that is older than what the target has, by the contract's ordering columns, loses to it."""
    if not contract.ordering:
        return []
    newer = _newer(contract, contract.target, "winners")
    statement = f"DELETE FROM winners USING {contract.target} WHERE {same_key} AND {newer}"
    return [("A row older than the one in the target loses to it.", statement)]


def _drop_equal_of_revived(contract: Contract, same_key: str) -> str:
    """A copy that is loaded after all came before what is in the target now, so it needs to be newer to win."""
    not_newer = f" AND NOT {_newer(contract, 'winners', contract.target)}" if contract.ordering else ""
    revived = f"{same_key} AND winners._file_id IN (${{revived}})"
    return f"DELETE FROM winners USING {contract.target} WHERE {revived}{not_newer}"


def _newer(contract: Contract, one: str, other: str) -> str:
    """Whether a row of `one` is later than a row of `other`, by all ordering columns in turn."""
    later, equal = [], ""
    for name in contract.ordering:
        later.append(f"({equal}{one}.{name} > {other}.{name})")
        equal += f"{one}.{name} = {other}.{name} AND "
    return f"({' OR '.join(later)})"


def _count_superseded(contract: Contract) -> str:
    keys = " AND ".join(f"t.{key} = w.{key}" for key in contract.primary_key)
    return (
        "INSERT INTO etl.superseded (batch_id, file_id, row_count) "
        f"SELECT '${{batch}}', t._file_id, COUNT(*) FROM {contract.target} AS t "
        f"JOIN winners AS w ON {keys} GROUP BY t._file_id"
    )


def _merge(contract: Contract, names: list[str], same_key: str) -> str:
    updates = ", ".join(f"{n} = winners.{n}" for n in names if n not in contract.primary_key)
    return (
        f"MERGE INTO {contract.target} USING winners ON {same_key} "
        f"WHEN MATCHED THEN UPDATE SET {updates} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(names)}) VALUES ({', '.join(f'winners.{n}' for n in names)})"
    )


def _count_files(contract: Contract) -> str:
    return (
        "INSERT INTO etl.load_files (batch_id, file_id, staged, loaded, superseded) "
        "SELECT '${batch}', s._file_id, s.staged, COALESCE(t.loaded, 0), s.staged - COALESCE(w.won, 0) "
        "FROM (SELECT _file_id, COUNT(*) AS staged FROM stage GROUP BY _file_id) AS s "
        "LEFT JOIN (SELECT _file_id, COUNT(*) AS won FROM winners GROUP BY _file_id) AS w ON s._file_id = w._file_id "
        f"LEFT JOIN (SELECT _file_id, COUNT(*) AS loaded FROM {contract.target} "
        "WHERE _batch_id = '${batch}' GROUP BY _file_id) AS t ON s._file_id = t._file_id"
    )


def _record_load(contract: Contract) -> str:
    return (
        "INSERT INTO etl.loads (batch_id, dataset, status, loaded_at) "
        f"SELECT '${{batch}}', '{contract.dataset}', 'loaded', GETDATE() "
        "WHERE NOT EXISTS (SELECT 1 FROM etl.loads WHERE batch_id = '${batch}')"
    )
