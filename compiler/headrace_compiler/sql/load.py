"""The SQL that a contract means: its table, and the one transaction that loads a batch into it.

The text is committed under `sql/datasets/`, so that a change of a contract is seen in review as a change of SQL.
`${…}` marks what only a batch knows; `headrace.domain.ingest.load` fills it in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.domain.contract import LINEAGE_COLUMNS, PARTITION, Column, Contract, Kind, View
from headrace.domain.migration import LINEAGE_TYPES, as_staged
from headrace.domain.operations import DELETES
from headrace_compiler.sql.history import seed, touched_keys, write_history
from headrace_compiler.sql.names import ARRIVED, is_wide, names_of, staged_names
from headrace_compiler.sql.order import equal, newer
from headrace_compiler.sql.snapshot import SCOPE, find_snapshots
from headrace_compiler.sql.steps import FIRST_IN, Step, listed, where
from headrace_compiler.sql.truncates import apply_truncates, is_no_truncate

FILES = [
    "_file VARCHAR(32)",
    "_place INTEGER DEFAULT -1",
    "_reloaded SMALLINT DEFAULT 0",
    "_replaced SMALLINT DEFAULT 1",
    "_arrival VARCHAR(128)",
    "_object VARCHAR(16)",
    "_version VARCHAR(128)",
]
COPY: Step = ("if parts", "COPY stage FROM '${manifest}' IAM_ROLE ${iam_role} FORMAT AS PARQUET MANIFEST")
HEADER = "-- Made from the contract by `python -m headrace_compiler sql`: change the contract, not this file.\n\n"


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
        f"{''.join(_memory_ddl(contract, table, names) for table, names in contract.memories.items())}"
    )


def history_sql(contract: Contract) -> str:
    """The DDL of a history and of its versions, then the statements that begin it with the rows of the table."""
    history, versions = contract.as_history(), contract.as_versions()
    columns = [_column_ddl(contract, column) for column in history.columns]
    columns += [f"{name} {LINEAGE_TYPES[name]} NOT NULL ENCODE ZSTD" for name in LINEAGE_COLUMNS]
    create = f"CREATE TABLE IF NOT EXISTS {history.target} (\n{listed(columns, 2)}\n){_distribution(contract)}"
    steps = [
        ("Loads of this dataset wait.", f"LOCK TABLE {_guard(contract)}"),
        ("Every row that was loaded.", create_stage(versions, f"TABLE IF NOT EXISTS {versions.target}")),
        ("When each state of a key held.", create),
    ]
    why = "What the table has is where the history begins."
    return rendered([*steps, *((why if at == 0 else "", statement) for at, statement in enumerate(seed(contract)))])


def _memory_ddl(contract: Contract, table: str, names: Sequence[str]) -> str:
    """Where deleted keys, or truncates, are remembered: an older row, which comes later, stays out."""
    types = {column.name: _type(column) for column in contract.columns} | LINEAGE_TYPES
    columns = listed([f"{name} {types[name]} NOT NULL ENCODE ZSTD" for name in names], 2)
    return f"\nCREATE TABLE IF NOT EXISTS {table} (\n{columns}\n) DISTSTYLE EVEN;\n"


def views_sql(contract: Contract) -> str:
    """The materialized views over the target, a statement each. They are refreshed by the workflow, after each load."""
    return HEADER + "\n".join(step("", _create_view(view)) for view in contract.views)


def _create_view(view: View) -> str:
    dist = f"\nDISTSTYLE KEY DISTKEY ({view.dist_key})" if view.dist_key else ""
    sort = f"\nSORTKEY ({', '.join(view.sort_key)})" if view.sort_key else ""
    return f"CREATE MATERIALIZED VIEW {view.name}{dist}{sort}\nAUTO REFRESH NO\nAS\n{view.query}"


def load_sql(contract: Contract) -> str:
    """The load transaction. Applying it twice for the same batch changes nothing the second time."""
    return rendered([*opening_steps(contract), *files_steps(contract), *target_steps(contract)])


def lock_step(contract: Contract) -> Step:
    """The dataset's lock, which must be the first statement: a snapshot of before it would not see other loads."""
    why = "Loads of this dataset take turns; the guard, not the target, is locked, so that readers never wait."
    return why, f"LOCK TABLE {_guard(contract)}"


def opening_steps(contract: Contract) -> list[Step]:
    """The dataset's lock, and the load's own stage filled with the rows of the batch, none if it is known."""
    return [
        lock_step(contract),
        ("", create_stage(contract, "TEMP TABLE stage", staged_names(contract))),
        COPY,
        ("A batch that is known already has nothing to load.",
         "DELETE FROM stage USING etl.loads\nWHERE stage._batch_id = etl.loads.batch_id"),
    ]  # fmt: skip


def files_steps(contract: Contract) -> list[Step]:
    """The files of the batch, in the order in which they arrived, and the ones whose rows go; none if it is known."""
    return [
        *name_files(contract),
        ("Of each file its version of its object: the sequencer, and the file in which its rows came first.",
         f"UPDATE files\nSET _version = SUBSTRING(\n  {FIRST_IN},\n  STRPOS(_arrival, '-') + 1\n)"),
        ("if older", "INSERT INTO files (_file) VALUES ${older}"),
        ("A batch that is known already has nothing to take out.",
         "DELETE FROM files\nWHERE EXISTS (\n  SELECT 1 FROM etl.loads\n  WHERE batch_id = '${batch}'\n)"),
    ]  # fmt: skip


def name_files(contract: Contract) -> list[Step]:
    """The files of the batch, in the order in which they arrived."""
    called = ["_file", "_place", "_reloaded", "_replaced", "_arrival", "_object"]
    called += ["_scope"] if contract.snapshot == PARTITION else []
    columns = [*FILES, *([SCOPE] if contract.snapshot else [])]
    return [
        ("The batch's files in the order in which they arrived, and earlier ones (-1) whose rows go.",
         f"CREATE TEMP TABLE files (\n{listed(columns, 2)}\n)"),
        ("if files", f"INSERT INTO files ({', '.join(called)}) VALUES ${{files}}"),
    ]  # fmt: skip


def target_steps(contract: Contract) -> list[Step]:
    """From the load's own stage into the target, and the account of it."""
    return [
        *(_find_versions(contract) if contract.replace_versions else []),
        ("", _note_arrivals(contract)),
        ("if reloaded", _note_objects(contract)),
        *(find_snapshots(contract) if contract.snapshot else []),
        *([touched_keys(contract, files_that(_gone(contract)))] if contract.history else []),
        *_reload_steps(contract),
        *(_take_out_versions(contract) if contract.replace_versions else []),
        ("", _create_winners(contract)),
        *_merge_steps(contract),
        *(write_history(contract) if contract.history else []),
        ("What the warehouse itself counts, for the row balance.", _count_files(contract)),
        ("", record_load(contract, "loaded")),
        ("", f"DROP TABLE {', '.join(_temporary_tables(contract))}"),
    ]


def _temporary_tables(contract: Contract) -> list[str]:
    has = {"truncation": contract.truncates, "later": contract.primary_key, "touched": contract.history}
    return ["files", "winners", *(table for table, there in has.items() if there), "stage"]


def _gone(contract: Contract) -> str:
    """Of which of the batch's files the rows go that are there."""
    return "_replaced = 1 OR _reloaded = 1" if contract.replace_versions else "_reloaded = 1"


def files_that(condition: str) -> str:
    """The ids of some of the batch's files."""
    return f"(\n  SELECT _file FROM files\n  WHERE {condition}\n)"


def rendered(steps: list[Step]) -> str:
    """Steps as a file of SQL."""
    return HEADER + "\n".join(step(comment, statement) for comment, statement in steps)


def step(comment: str, statement: str) -> str:
    """A statement of a SQL file, under its comment or condition."""
    return (f"-- {comment}\n" if comment else "") + statement + ";\n"


def _guard(contract: Contract) -> str:
    return f"etl.guard_{contract.dataset}"


def _type(column: Column) -> str:
    return column.redshift_type.replace(",", ", ")


def _column_ddl(contract: Contract, column: Column) -> str:
    leads_sort = contract.sort_key[:1] == (column.name,)
    encode = "RAW" if leads_sort else (column.encode or "ZSTD").upper()
    return f"{column.name} {_type(column)}{' NOT NULL' if column.required else ''} ENCODE {encode}"


def _distribution(contract: Contract) -> str:
    dist = f" DISTSTYLE KEY DISTKEY ({contract.dist_key})" if contract.dist_key else " DISTSTYLE EVEN"
    return dist + (f" COMPOUND SORTKEY ({', '.join(contract.sort_key)})" if contract.sort_key else "")


def create_stage(contract: Contract, what: str = "TEMP TABLE stage", called: Mapping[str, str] | None = None) -> str:
    """The DDL of a table that COPY fills: the columns of the Parquet parts, in their order; JSON is text."""
    called = called or {name: name for name in names_of(contract)}
    types = {column.name: _type(as_staged(column)) for column in contract.columns}
    columns = listed([f"{called[name]} {type_}" for name, type_ in (types | LINEAGE_TYPES).items()], 2)
    dist = f" DISTKEY ({called[contract.dist_key]})" if contract.dist_key else ""
    return f"CREATE {what} (\n{columns}\n){dist}"


def _reload_steps(contract: Contract) -> list[Step]:
    """A file that is loaded again leaves no trace of its earlier load: no rows, no deletes, no account of them.

    Loads of all datasets write to the tables of `etl` in one order, so that no two of them wait for
    each other. Where versions replace each other, rows and deletes go with those of replaced files.
    """
    own = () if contract.replace_versions else contract.of_files
    emptied = (*((table, "_file_id") for table in own), ("etl.superseded", "file_id"), ("etl.load_files", "file_id"))
    deletes = (f"DELETE FROM {table}\nWHERE {column} IN {files_that('_reloaded = 1')}" for table, column in emptied)
    return [("if reloaded", statement) for statement in deletes]


def _find_versions(contract: Contract) -> list[Step]:
    """Which versions of the batch's objects are not the newest, whatever was known when the load was planned.

    Another lane may have loaded one since. Of the versions in the table only the last one has rows, and those that came
    back from its quarantine: each load takes out the one before it. Redshift refuses an UPDATE that finds a row twice
    (https://docs.aws.amazon.com/redshift/latest/dg/r_error_on_nondeterministic_update.html).
    """
    newer = (
        "UPDATE files SET _replaced = 1\nFROM (\n  SELECT\n    object,\n    MAX(version) AS version\n"
        f"  FROM etl.arrivals\n  WHERE\n    dataset = '{contract.dataset}'\n"
        "    AND object IN (\n      SELECT _object FROM files\n    )\n  GROUP BY object\n) AS a\n"
        "WHERE\n  a.object = files._object\n  AND a.version > files._version"
    )
    older = (
        "INSERT INTO files (_file)\nSELECT a.file_id\nFROM etl.arrivals AS a, files AS f\n"
        f"WHERE\n  a.dataset = '{contract.dataset}'\n  AND a.object = f._object\n  AND a.version < f._version\n"
        "  AND f._replaced = 0\n"
        "  AND a.file_id NOT IN (\n    SELECT _file FROM files\n  )\n"
        "QUALIFY RANK() OVER (PARTITION BY a.object ORDER BY a.version DESC) = 1"
    )
    return [
        ("Rows of a version never come where a newer one is in already.", newer),
        ("The version before goes, which may have come since the load was planned.", older),
    ]


def _note_arrivals(contract: Contract) -> str:
    """The place of each file that is loaded, and its object, written once: both stay when the file is loaded again."""
    return (
        "INSERT INTO etl.arrivals (file_id, dataset, arrival, object, version)\n"
        f"SELECT\n  _file,\n  '{contract.dataset}',\n  {ARRIVED},\n  _object,\n  _version\nFROM files\n"
        f"WHERE\n  _object <> ''\n  AND _file NOT IN (\n    SELECT file_id FROM etl.arrivals\n"
        f"    WHERE dataset = '{contract.dataset}'\n  )"
    )


def _note_objects(contract: Contract) -> str:
    """The object of reloaded files whose place was noted before objects were.

    Only for them: an UPDATE lets loads of different datasets wait for each other, even if it finds nothing.
    """
    return (
        "UPDATE etl.arrivals SET object = files._object, version = files._version\nFROM files\n"
        f"WHERE\n  etl.arrivals.dataset = '{contract.dataset}'\n  AND etl.arrivals.file_id = files._file\n"
        "  AND etl.arrivals.object IS NULL\n  AND files._object <> ''"
    )


def _take_out_versions(contract: Contract) -> list[Step]:
    gone = files_that(_gone(contract))
    replaced = files_that("_replaced = 1 AND _reloaded = 0").replace("\n", "\n  ")
    count = (
        "INSERT INTO etl.superseded (batch_id, file_id, row_count)\n"
        f"SELECT\n  '${{batch}}',\n  _file_id,\n  COUNT(*)\nFROM {contract.target}\n"
        f"WHERE\n  _file_id IN {replaced}\nGROUP BY _file_id"
    )
    deletes = (f"DELETE FROM {table}\nWHERE _file_id IN {gone}" for table in contract.of_files)
    return [("", count), *(("", statement) for statement in deletes)]


def _create_winners(contract: Contract) -> str:
    """The stage's rows as the target takes them: of the newest files, and one per key.

    Among rows of one key that are equal by the contract's ordering, the later file has the last word.
    """
    called = staged_names(contract)
    columns = "  *" if is_wide(contract) else listed(_parsed(contract), 2)
    create = f"CREATE TEMP TABLE winners AS\nSELECT\n{columns}\n"
    if not contract.primary_key:
        return f"{create}FROM stage\nWHERE _file_id NOT IN {files_that('_replaced = 1')}"
    order = ", ".join(f"{name} DESC" for name in (*(called[n] for n in contract.ordering), "_place", "_row_number"))
    keys = ", ".join(called[name] for name in contract.primary_key)
    taken = ["files._replaced = 0", *is_no_truncate(contract)]
    if is_wide(contract):  # a separate rank would be one column more than Redshift allows
        return (
            "CREATE TEMP TABLE winners AS\nSELECT stage.*\n"
            f"FROM stage INNER JOIN files ON stage._file_id = files._file\n{where(taken)}\n"
            f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {order}) = 1"
        )
    return (
        f"{create}FROM (\n  SELECT\n    stage.*,\n"
        f"    ROW_NUMBER() OVER (\n      PARTITION BY {keys}\n      ORDER BY {order}\n    ) AS _rank\n"
        f"  FROM stage INNER JOIN files ON stage._file_id = files._file\n{where(taken, 2)}\n) AS ranked\n"
        "WHERE _rank = 1"
    )


def _parsed(contract: Contract) -> list[str]:
    """The values of a target's columns, out of the load's own stage."""
    called = staged_names(contract)
    json = {column.name for column in contract.columns if column.kind is Kind.SUPER}
    values = {name: f"JSON_PARSE({called[name]})" if name in json else called[name] for name in called}
    if contract.deleted_at:
        values[contract.deleted_at] = f"CASE WHEN {_deletes(contract)} THEN GETDATE() END"
    computed = json | ({contract.deleted_at} if contract.deleted_at else set())
    wide = is_wide(contract)
    return [f"{value} AS {name}" if name in computed and not wide else value for name, value in values.items()]


def _deletes(contract: Contract) -> str:
    """Whether a row of the load's own stage, or of the winners, deletes its key."""
    letters = ", ".join(f"'{letter}'" for letter in DELETES)
    return f"{staged_names(contract)[str(contract.operation)]} IN ({letters})"


def _merge_steps(contract: Contract) -> list[Step]:
    same_key = _same_key(contract, contract.target)
    taken_in = [("", _merge(contract, same_key))]
    if is_wide(contract) or not contract.primary_key:
        taken_in = [*_take_out(contract, same_key), ("", _insert(contract))]
    if not contract.primary_key:
        return taken_in
    superseded = ("Rows of earlier files that this batch replaces.", _count_superseded(contract))
    later = ("The files that arrived after the first one of the batch.", _create_later(contract))
    older = [*_drop_older(contract, contract.target), *_drop_older(contract, contract.deleted_keys)]
    return [later, *apply_truncates(contract), *older, superseded, *_bury(contract), *taken_in]


def _same_key(contract: Contract, table: str) -> list[str]:
    called = staged_names(contract)
    return [f"{table}.{key} = winners.{called[key]}" for key in contract.primary_key]


def _bury(contract: Contract) -> list[Step]:
    """Deletes are remembered in the place of older ones of the same keys; their rows go."""
    if not contract.deleted_keys:
        return []
    called, names = staged_names(contract), list(contract.deleted_key_columns)
    kept = listed([called[name] for name in names], 2)

    def taken(table: str, *conditions: str) -> str:
        return f"DELETE FROM {table} USING winners\nWHERE\n  " + "\n  AND ".join(
            (*_same_key(contract, table), *conditions)
        )

    insert = f"INSERT INTO {contract.deleted_keys} (\n{listed(names, 2)}\n)\nSELECT\n{kept}\nFROM winners\nWHERE {{}}"
    deletes = _deletes(contract)
    return [
        ("What is deleted, and what comes back.", taken(contract.deleted_keys)),
        ("", insert.format(deletes)),
        ("", taken(contract.target, *([] if is_wide(contract) else [f"winners.{deletes}"]))),
        ("", f"DELETE FROM winners\nWHERE {deletes}"),
    ]


def _insert(contract: Contract) -> str:
    names = names_of(contract)
    values = _parsed(contract) if is_wide(contract) else names
    return f"INSERT INTO {contract.target} (\n{listed(names, 2)}\n)\nSELECT\n{listed(values, 2)}\nFROM winners"


def _take_out(contract: Contract, same_key: list[str]) -> list[Step]:
    if not contract.primary_key or contract.deleted_keys:
        return []  # with what is deleted, all rows of its keys go
    conditions = "\n  AND ".join(same_key)
    statement = f"DELETE FROM {contract.target} USING winners\nWHERE\n  {conditions}"
    return [("The table is too wide for a MERGE: a row of the same key goes, and the new one comes.", statement)]


def _drop_older(contract: Contract, table: str | None) -> list[Step]:
    """A row that is older than what the table has loses to it: by the ordering columns, then by its file's arrival.

    Rows of files whose arrival is not known, from before arrivals were kept, are older than all others.
    """
    if not table:
        return []
    same_key, called = _same_key(contract, table), staged_names(contract)
    pairs = [(f"{table}.{name}", f"winners.{called[name]}") for name in contract.ordering]
    arrived_later = [
        f"{table}._file_id = later.file_id",
        "winners._file_id = files._file",
        f"later.arrival > {ARRIVED}",
    ]
    earlier = _delete_winners(f"{table}, later, files", [*same_key, *equal(pairs), *arrived_later])
    loses = f"A row older than the one in {table} loses to it."
    return [
        *([(loses, _delete_winners(table, [*same_key, newer(pairs)]))] if pairs else []),
        ("Whatever the order of loading, a row loses to one of a file that arrived later.", earlier),
    ]


def _delete_winners(using: str, conditions: list[str]) -> str:
    return f"DELETE FROM winners USING {using}\nWHERE\n  " + "\n  AND ".join(conditions)


def _create_later(contract: Contract) -> str:
    return (
        "CREATE TEMP TABLE later AS\nSELECT\n  file_id,\n  arrival\nFROM etl.arrivals\n"
        f"WHERE\n  dataset = '{contract.dataset}'\n"
        "  AND arrival > (\n    SELECT MIN(_arrival) FROM files\n    WHERE _place >= 0\n  )"
    )


def _count_superseded(contract: Contract) -> str:
    called = staged_names(contract)
    keys = "\n    AND ".join(f"t.{key} = w.{called[key]}" for key in contract.primary_key)
    return (
        "INSERT INTO etl.superseded (batch_id, file_id, row_count)\n"
        f"SELECT\n  '${{batch}}',\n  t._file_id,\n  COUNT(*)\nFROM {contract.target} AS t\n"
        f"INNER JOIN winners AS w\n  ON\n    {keys}\nGROUP BY t._file_id"
    )


def _merge(contract: Contract, same_key: list[str]) -> str:
    names = names_of(contract)
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
