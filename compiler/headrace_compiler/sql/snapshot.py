"""The SQL of datasets whose files are each the whole table, or the whole of a partition.

Of each partition the newest snapshot by arrival counts, whatever the order of loading: its rows are in the table,
those of older ones go or never come. `etl.snapshots` has a row for each file that was loaded: its partition (`scope`,
the same for all files of a table) and its place in the order of arrival. Rows that come back from quarantine belong to
the snapshot that they were first in: they have its place, and are not `whole`.
"""

from __future__ import annotations

from headrace.domain.contract import PARTITION, TABLE, Contract
from headrace.domain.ingest.row_limits import FEWEST_ROWS
from headrace_compiler.sql.steps import FIRST_IN, Step

SCOPE = "_scope VARCHAR(16) DEFAULT ''"
IN_FILES = "SELECT _file FROM files"


def find_snapshots(contract: Contract) -> list[Step]:
    """Notes the batch's snapshots, and adds the files of older ones to those whose rows go."""
    own = "UPDATE files SET _replaced = 1\nFROM newest\nWHERE\n  files._object <> ''\n"
    return [
        ("", _note(contract)),
        ("The newest snapshot of each partition that the batch is about.", _newest(contract)),
        ("Rows of an older snapshot never come.",
         f"{own}  AND files._scope = newest.scope\n  AND {FIRST_IN} < newest.place"),
        ("What is not in the newest snapshot goes.", _older(contract)),
        ("", "DROP TABLE newest"),
    ]  # fmt: skip


def _note(contract: Contract) -> str:
    return (
        "INSERT INTO etl.snapshots (dataset, scope, file_id, place, whole)\n"
        f"SELECT\n  '{contract.dataset}',\n  _scope,\n  _file,\n  {FIRST_IN},\n"
        "  CASE WHEN STRPOS(_arrival, '#') = 0 THEN 1 ELSE 0 END\nFROM files\n"
        "WHERE\n  _object <> ''\n  AND _file NOT IN (\n    SELECT file_id FROM etl.snapshots\n"
        f"    WHERE dataset = '{contract.dataset}'\n  )"
    )


def _newest(contract: Contract) -> str:
    return (
        "CREATE TEMP TABLE newest AS\nSELECT\n  scope,\n  MAX(place) AS place\nFROM etl.snapshots\n"
        f"WHERE\n  dataset = '{contract.dataset}'\n  AND whole = 1\n"
        "  AND scope IN (\n    SELECT _scope FROM files\n    WHERE _object <> ''\n  )\nGROUP BY scope"
    )


def _older(contract: Contract) -> str:
    """Of a whole table, all rows that are not of its newest snapshot, wherever they are from."""
    of_dataset = f"WHERE\n  s.dataset = '{contract.dataset}'"
    snapshots = f"etl.snapshots AS s\nINNER JOIN newest AS n ON s.scope = n.scope\n{of_dataset}"
    if contract.snapshot == PARTITION:
        unknown = f"  AND s.file_id NOT IN (\n    {IN_FILES}\n  )"
        return f"INSERT INTO files (_file)\nSELECT s.file_id\nFROM {snapshots}\n  AND s.place < n.place\n{unknown}"
    current = f"SELECT s.file_id FROM {snapshots}\n  AND s.place >= n.place".replace("\n", "\n    ")
    return (
        f"INSERT INTO files (_file)\nSELECT DISTINCT t._file_id\nFROM {contract.target} AS t, newest\n"
        f"WHERE\n  t._file_id NOT IN (\n    {IN_FILES}\n  )\n  AND t._file_id NOT IN (\n    {current}\n  )"
    )


def shrink_steps(contract: Contract) -> list[Step]:
    """Measures the batch's newest snapshots against the rows that they would take the place of.

    Nothing is measured of one that is older than what the table has: it takes nothing out.
    """
    counted = (
        f"    SELECT\n      files._scope,\n      {FIRST_IN} AS place,\n      COUNT(stage._file_id) AS new_rows\n"
        "    FROM files LEFT JOIN stage ON files._file = stage._file_id\n"
        "    WHERE\n      files._object <> ''\n      AND STRPOS(files._arrival, '#') = 0\n"
        "    GROUP BY files._scope, files._file, files._arrival"
    )
    sent = (
        f"  SELECT\n    _scope,\n    place,\n    new_rows\n  FROM (\n{counted}\n  ) AS counted\n"
        "  QUALIFY ROW_NUMBER() OVER (PARTITION BY _scope ORDER BY place DESC) = 1"
    )
    known = (
        f"  SELECT\n    scope,\n    MAX(place) AS place\n  FROM etl.snapshots\n"
        f"  WHERE\n    dataset = '{contract.dataset}'\n    AND whole = 1\n  GROUP BY scope"
    )
    text = (
        "CREATE TEMP TABLE shrink AS\nSELECT\n  sent.new_rows,\n  there.old_rows,\n"
        "  CAST(sent.new_rows AS DOUBLE PRECISION) / there.old_rows AS share\n"
        f"FROM (\n{sent}\n) AS sent\n"
        f"INNER JOIN (\n{_rows_by_scope(contract)}\n) AS there ON sent._scope = there.scope\n"
        f"LEFT JOIN (\n{known}\n) AS known ON sent._scope = known.scope\n"
        f"WHERE\n  there.old_rows >= {FEWEST_ROWS}\n  AND (known.place IS NULL OR sent.place >= known.place)\n"
        "ORDER BY share\nLIMIT 1"
    )
    return [("The snapshot that would shrink its table or partition most.", text)]


def _rows_by_scope(contract: Contract) -> str:
    if contract.snapshot == TABLE:
        return f"  SELECT\n    CAST('' AS VARCHAR(16)) AS scope,\n    COUNT(*) AS old_rows\n  FROM {contract.target}"
    return (
        f"  SELECT\n    s.scope,\n    COUNT(*) AS old_rows\n  FROM etl.snapshots AS s\n"
        f"  INNER JOIN {contract.target} AS t ON s.file_id = t._file_id\n"
        f"  WHERE s.dataset = '{contract.dataset}'\n  GROUP BY s.scope"
    )
