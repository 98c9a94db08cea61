"""The SQL that a contract means: its table, and the one transaction that loads a batch into it.

The text is committed under `sql/datasets/`, so that a change of a contract is seen in review as a change of SQL.
`${…}` marks what only a batch knows; `headrace.domain.load` fills it in.
"""

from __future__ import annotations

from headrace.domain.contract import LINEAGE_COLUMNS, Column, Contract, Kind, View
from headrace.domain.migration import LINEAGE_TYPES, as_staged

Step = tuple[str, str]
"""A comment, or the condition under which it is left out, and a statement."""
COPY: Step = ("if parts", "COPY stage FROM '${manifest}' IAM_ROLE ${iam_role} FORMAT AS PARQUET MANIFEST")
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


def views_sql(contract: Contract) -> str:
    """The materialized views over the target, a statement each. They are refreshed by the workflow, after each load."""
    return HEADER + "\n".join(step("", _create_view(view)) for view in contract.views)


def _create_view(view: View) -> str:
    dist = f"\nDISTSTYLE KEY DISTKEY ({view.dist_key})" if view.dist_key else ""
    sort = f"\nSORTKEY ({', '.join(view.sort_key)})" if view.sort_key else ""
    return f"CREATE MATERIALIZED VIEW {view.name}{dist}{sort}\nAUTO REFRESH NO\nAS\n{view.query}"


def load_sql(contract: Contract) -> str:
    """The load transaction. Applying it twice for the same batch changes nothing the second time."""
    return rendered([*opening_steps(contract, COPY), *target_steps(contract)])


def opening_steps(contract: Contract, fill: Step) -> list[Step]:
    """The dataset's lock, and the load's own stage filled with the rows of the batch, none if it is known."""
    return [
        ("Loads of this dataset take turns; the guard, not the target, is locked, so that readers never wait.",
         f"LOCK TABLE {_guard(contract)}"),
        ("", create_stage(contract, "TEMP TABLE stage")),
        fill,
        ("A batch that is known already has nothing to load.",
         "DELETE FROM stage USING etl.loads\nWHERE stage._batch_id = etl.loads.batch_id"),
    ]  # fmt: skip


def target_steps(contract: Contract) -> list[Step]:
    """From the load's own stage into the target, and the account of it."""
    return [
        *_reload_steps(contract),
        ("if replaced", _count_replaced(contract)),
        ("if replaced", f"DELETE FROM {contract.target}\nWHERE\n  {_of_this_batch('_file_id', 'replaced')}"),
        *_arrival_steps(contract),
        ("", _create_winners(contract)),
        *_merge_steps(contract),
        ("What the warehouse itself counts, for the row balance.", _count_files(contract)),
        ("", record_load(contract, "loaded")),
        *([("", "DROP TABLE arrivals")] if contract.primary_key else []),
        ("", "DROP TABLE winners"),
        ("", "DROP TABLE stage"),
    ]


def rendered(steps: list[Step]) -> str:
    """Steps as a file of SQL."""
    return HEADER + "\n".join(step(comment, statement) for comment, statement in steps)


def step(comment: str, statement: str) -> str:
    """A statement of a SQL file, under its comment or condition."""
    return (f"-- {comment}\n" if comment else "") + statement + ";\n"


def _guard(contract: Contract) -> str:
    return f"etl.guard_{contract.dataset}"


def names_of(contract: Contract) -> list[str]:
    """All columns of a target, in order."""
    return [column.name for column in contract.columns] + list(LINEAGE_COLUMNS)


def _type(column: Column) -> str:
    return column.redshift_type.replace(",", ", ")


def _column_ddl(contract: Contract, column: Column) -> str:
    leads_sort = contract.sort_key[:1] == (column.name,)
    encode = "RAW" if leads_sort else (column.encode or "ZSTD").upper()
    return f"{column.name} {_type(column)}{' NOT NULL' if column.required else ''} ENCODE {encode}"


def _distribution(contract: Contract) -> str:
    dist = f" DISTSTYLE KEY DISTKEY ({contract.dist_key})" if contract.dist_key else " DISTSTYLE EVEN"
    return dist + (f" COMPOUND SORTKEY ({', '.join(contract.sort_key)})" if contract.sort_key else "")


def listed(items: list[str], indent: int) -> str:
    """The items of a list, each on a line of its own."""
    return ",\n".join(" " * indent + item for item in items)


def create_stage(contract: Contract, what: str = "TEMP TABLE stage") -> str:
    """The DDL of a table that COPY fills: the columns of the Parquet parts, in their order; JSON is text."""
    types = {column.name: _type(as_staged(column)) for column in contract.columns}
    columns = listed([f"{name} {type_}" for name, type_ in (types | LINEAGE_TYPES).items()], 2)
    dist = f" DISTKEY ({contract.dist_key})" if contract.dist_key else ""
    return f"CREATE {what} (\n{columns}\n){dist}"


def _reload_steps(contract: Contract) -> list[tuple[str, str]]:
    """A file that is loaded again leaves no trace of its earlier load: no rows, and no account of them.

    Loads of all datasets write to the tables of `etl` in one order, so that no two of them wait for
    each other.
    """
    return [
        ("if reloaded", f"DELETE FROM {table}\nWHERE\n  {_of_this_batch(column, 'reloaded')}")
        for table, column in (
            (contract.target, "_file_id"),
            ("etl.superseded", "file_id"),
            ("etl.load_files", "file_id"),
        )
    ]


def _of_this_batch(column: str, files: str) -> str:
    return (
        f"{column} IN (${{{files}}})\n"
        "  AND NOT EXISTS (\n    SELECT 1 FROM etl.loads\n    WHERE batch_id = '${batch}'\n  )"
    )


def _count_replaced(contract: Contract) -> str:
    return (
        "INSERT INTO etl.superseded (batch_id, file_id, row_count)\n"
        f"SELECT\n  '${{batch}}',\n  _file_id,\n  COUNT(*)\nFROM {contract.target}\n"
        f"WHERE\n  {_of_this_batch('_file_id', 'replaced')}\nGROUP BY _file_id"
    )


def _arrival_steps(contract: Contract) -> list[tuple[str, str]]:
    """Among rows of one key that are equal by the contract's ordering, the later file has the last word."""
    if not contract.primary_key:
        return []
    return [
        ("The order in which the batch's files arrived.",
         "CREATE TEMP TABLE arrivals (file_id VARCHAR(32), _place INTEGER)"),
        ("if parts", "INSERT INTO arrivals (file_id, _place) VALUES ${arrivals}"),
    ]  # fmt: skip


def _create_winners(contract: Contract) -> str:
    """The stage's rows as the target takes them: of the newest files, and one per key."""
    parsed = {c.name for c in contract.columns if c.kind is Kind.SUPER}
    columns = listed([f"JSON_PARSE({n}) AS {n}" if n in parsed else n for n in names_of(contract)], 2)
    kept = "WHERE _file_id NOT IN (${replaced})"
    if not contract.primary_key:
        return f"CREATE TEMP TABLE winners AS\nSELECT\n{columns}\nFROM stage\n{kept}"
    order = ", ".join(f"{name} DESC" for name in (*contract.ordering, "_place", "_row_number"))
    keys = ", ".join(contract.primary_key)
    return (
        f"CREATE TEMP TABLE winners AS\nSELECT\n{columns}\n"
        "FROM (\n  SELECT\n    stage.*,\n"
        f"    ROW_NUMBER() OVER (\n      PARTITION BY {keys}\n      ORDER BY {order}\n    ) AS _rank\n"
        f"  FROM stage INNER JOIN arrivals ON stage._file_id = arrivals.file_id\n  {kept}\n) AS ranked\n"
        "WHERE _rank = 1"
    )


def _merge_steps(contract: Contract) -> list[tuple[str, str]]:
    names = names_of(contract)
    if not contract.primary_key:
        columns = listed(names, 2)
        statement = f"INSERT INTO {contract.target} (\n{columns}\n)\nSELECT\n{columns}\nFROM winners"
        return [("", statement)]
    same_key = [f"{contract.target}.{key} = winners.{key}" for key in contract.primary_key]
    return [
        *_drop_older(contract, same_key),
        ("Rows of earlier files that this batch replaces.", _count_superseded(contract)),
        ("", _merge(contract, names, same_key)),
    ]


def _drop_older(contract: Contract, same_key: list[str]) -> list[tuple[str, str]]:
    """A row that is older than what the target has, by the contract's ordering columns, loses to it."""
    if not contract.ordering:
        return []
    conditions = "\n  AND ".join([*same_key, _newer(contract, contract.target, "winners")])
    statement = f"DELETE FROM winners USING {contract.target}\nWHERE\n  {conditions}"
    return [("A row older than the one in the target loses to it.", statement)]


def _newer(contract: Contract, one: str, other: str) -> str:
    """Whether a row of `one` is later than a row of `other`, by all ordering columns in turn."""
    later, equal = [], ""
    for name in contract.ordering:
        later.append(f"{equal}{one}.{name} > {other}.{name}")
        equal += f"{one}.{name} = {other}.{name} AND "
    return later[0] if len(later) == 1 else "(" + " OR ".join(f"({condition})" for condition in later) + ")"


def _count_superseded(contract: Contract) -> str:
    keys = "\n    AND ".join(f"t.{key} = w.{key}" for key in contract.primary_key)
    return (
        "INSERT INTO etl.superseded (batch_id, file_id, row_count)\n"
        f"SELECT\n  '${{batch}}',\n  t._file_id,\n  COUNT(*)\nFROM {contract.target} AS t\n"
        f"INNER JOIN winners AS w\n  ON\n    {keys}\nGROUP BY t._file_id"
    )


def _merge(contract: Contract, names: list[str], same_key: list[str]) -> str:
    updates = listed([f"{name} = winners.{name}" for name in names if name not in contract.primary_key], 6)
    on = "\n    AND ".join(same_key)
    return (
        f"MERGE INTO {contract.target} USING\n  winners\n  ON\n    {on}\n"
        f"WHEN MATCHED THEN\n  UPDATE\n    SET\n{updates}\n"
        f"WHEN NOT MATCHED THEN\n  INSERT\n    (\n{listed(names, 6)}\n    )\n"
        f"  VALUES (\n{listed([f'winners.{name}' for name in names], 4)}\n  )"
    )


def _count_files(contract: Contract) -> str:
    return (
        "INSERT INTO etl.load_files (batch_id, file_id, staged, loaded, superseded)\n"
        "SELECT\n  '${batch}',\n  s._file_id,\n  s.staged,\n"
        "  COALESCE(t.loaded, 0),\n  s.staged - COALESCE(w.won, 0)\n"
        f"FROM {_counted('staged', 'stage')} AS s\n"
        f"LEFT JOIN {_counted('won', 'winners')} AS w ON s._file_id = w._file_id\n"
        f"LEFT JOIN {_counted('loaded', contract.target, only_batch=True)} AS t ON s._file_id = t._file_id"
    )


def _counted(name: str, table: str, *, only_batch: bool = False) -> str:
    where = "  WHERE _batch_id = '${batch}'\n" if only_batch else ""
    return f"(\n  SELECT\n    _file_id,\n    COUNT(*) AS {name}\n  FROM {table}\n{where}  GROUP BY _file_id\n)"


def record_load(contract: Contract, status: str) -> str:
    """The batch as known from now on."""
    return (
        "INSERT INTO etl.loads (batch_id, dataset, status, loaded_at)\n"
        f"SELECT\n  '${{batch}}',\n  '{contract.dataset}',\n  '{status}',\n  GETDATE()\n"
        "WHERE NOT EXISTS (\n  SELECT 1 FROM etl.loads\n  WHERE batch_id = '${batch}'\n)"
    )
