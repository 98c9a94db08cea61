"""The SQL that measures a batch before it is loaded, or a day of the target: what the checks of a contract need.

One pass over the rows makes a table of one row, `measured`; from it come the rows of `etl.quality_figures`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headrace.domain.contract import LINEAGE_COLUMNS, Contract, Kind
from headrace.domain.statistics.checks import OF_TABLE, Check, Metric
from headrace.domain.statistics.judgement import Scope
from headrace_compiler.sql.load import COPY, HEADER, create_stage, name_files, step
from headrace_compiler.sql.snapshot import shrink_steps

MOST_CATEGORIES = 200
"""Categories of a column that are counted, the most frequent ones."""
LONGEST_CATEGORY = 256
LINEAGE = ("_file_id", "_row_number")
OF_NUMBER = {
    "mean": "AVG(CAST({column} AS DOUBLE PRECISION))",
    "spread": "STDDEV_SAMP(CAST({column} AS DOUBLE PRECISION))",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """How a figure of a column is measured: the aggregates that it needs, by alias, and what they are put together to.

    `{column}` is the column, `{n}` the number that its aliases end in. `rows` are those that the figure is of.
    """

    figure: str
    aggregates: Mapping[str, str] = field(default_factory=dict)
    rows: str = "known_{n}"
    deviation: str = "0"


MEASURES = {
    Metric.NULL_SHARE: Measure("row_count - known_{n}", rows="row_count"),
    Metric.DISTINCT_COUNT: Measure("different_{n}", {"different": "COUNT(DISTINCT {column})"}),
    Metric.MEAN: Measure("mean_{n}", OF_NUMBER, deviation="COALESCE(spread_{n}, 0)"),
    Metric.SPREAD: Measure("spread_{n}", OF_NUMBER),
    Metric.FRESHNESS: Measure("age_{n}", {"age": "DATEDIFF(SECOND, CAST(MAX({column}) AS TIMESTAMP), GETDATE())"}),
}
"""The metrics of columns, except categories, which have a row for each."""


def measure_sql(contract: Contract, scope: Scope) -> str:
    """The statements that write a batch's or a day's figures; none without checks. `${scope}` is batch or part."""
    if not contract.checks:
        return HEADER
    shrinks = scope is Scope.BATCH and _has_shrink(contract)
    steps = [
        *(_stage(contract) if scope is Scope.BATCH else _rows_of_day(contract)),
        ("One pass over the rows.", _measured(contract, scope)),
        *(shrink_steps(contract) if shrinks else []),
        ("", _figures(contract, scope)),
        *([("", "DROP TABLE shrink"), ("", "DROP TABLE files")] if shrinks else []),
        ("", "DROP TABLE measured"),
        ("", "DROP TABLE stage"),
    ]
    return HEADER + "\n".join(step(comment, statement) for comment, statement in steps)


def _stage(contract: Contract) -> list[tuple[str, str]]:
    return [
        ("The batch as it would be loaded; the target is not touched.", create_stage(contract)),
        COPY,
        *(name_files(contract) if _has_shrink(contract) else []),
    ]


def _has_shrink(contract: Contract) -> bool:
    return bool(contract.snapshot) and any(check.metric is Metric.SNAPSHOT_SHARE for check in contract.checks)


def _rows_of_day(contract: Contract) -> list[tuple[str, str]]:
    wanted = {check.column for check in contract.checks if check.column}
    columns = [column.name for column in contract.columns if column.name in wanted | set(contract.primary_key)]
    listed = ",\n".join(f"  {name}" for name in (*columns, *LINEAGE_COLUMNS))
    rows = (
        f"CREATE TEMP TABLE stage AS\nSELECT\n{listed}\nFROM {contract.target}\nWHERE _batch_id IN (\n"
        "  SELECT batch_id FROM etl.loads\n  WHERE\n"
        f"    dataset = '{contract.dataset}'\n    AND status = 'loaded'\n"
        "    AND loaded_at >= CAST('${day}' AS TIMESTAMP)\n"
        "    AND loaded_at < DATEADD(DAY, 1, CAST('${day}' AS TIMESTAMP))\n)"
    )
    return [("The rows that came on the day and are still there.", rows)]


def _measured(contract: Contract, scope: Scope) -> str:
    columns = ["COUNT(*) AS row_count"]
    key = contract.primary_key or LINEAGE
    if any(check.metric is Metric.DUPLICATE_KEYS for check in contract.checks) or scope is Scope.DAY:
        columns.append(
            "COUNT(*) - (\n    SELECT COUNT(*) FROM (\n"
            f"      SELECT 1 AS one FROM stage\n      GROUP BY {', '.join(key)}\n    ) AS key_values\n  ) AS duplicates"
        )
    for number, (name, metrics) in enumerate(_by_column(contract).items(), start=1):
        columns += [f"{expression} AS {alias}_{number}" for alias, expression in _aggregates(name, metrics).items()]
    listed = f" {columns[0]}" if len(columns) == 1 else "\n" + ",\n".join(f"  {item}" for item in columns)
    return f"CREATE TEMP TABLE measured AS\nSELECT{listed}\nFROM stage"


def _aggregates(name: str, metrics: set[Metric]) -> dict[str, str]:
    found = {"known": "COUNT({column})"}
    for metric, measure in MEASURES.items():
        found |= measure.aggregates if metric in metrics else {}
    return {alias: expression.format(column=name) for alias, expression in found.items()}


def _by_column(contract: Contract) -> dict[str, set[Metric]]:
    found: dict[str, set[Metric]] = {}
    for check in contract.checks:
        if check.metric not in OF_TABLE:
            found.setdefault(check.column, set()).add(check.metric)
    return found


def _figures(contract: Contract, scope: Scope) -> str:
    kind = "${scope}" if scope is Scope.BATCH else scope
    point = "${batch}" if scope is Scope.BATCH else "${day}"
    day = "CAST(GETDATE() AS DATE)" if scope is Scope.BATCH else "CAST('${day}' AS DATE)"
    rows = "\n  UNION ALL\n".join(_rows(contract, scope))
    return (
        "INSERT INTO etl.quality_figures (\n  dataset, scope, point, day, column_name, metric, category,\n"
        "  figure, row_count, deviation, measured_at\n)\n"
        f"SELECT\n  '{contract.dataset}',\n  '{kind}',\n  '{point}',\n  {day},\n"
        "  column_name,\n  metric,\n  category,\n  figure,\n  row_count,\n  deviation,\n  GETDATE()\n"
        f"FROM (\n{rows}\n) AS figures\nWHERE figure IS NOT NULL"
    )


def _rows(contract: Contract, scope: Scope) -> Iterator[str]:
    metrics = {check.metric for check in contract.checks}
    yield _named(_row("", Metric.ROW_COUNT, "row_count"))
    if Metric.DUPLICATE_KEYS in metrics or scope is Scope.DAY:
        yield _row("", Metric.DUPLICATE_KEYS, "duplicates")
    if _has_shrink(contract) and scope is Scope.BATCH:
        yield _row("", Metric.SNAPSHOT_SHARE, "new_rows", "old_rows", table="shrink")
    numbers = {name: number for number, name in enumerate(_by_column(contract), start=1)}
    kinds = {column.name: column.kind for column in contract.columns}
    for check in contract.checks:
        if check.metric is Metric.CATEGORIES:
            yield _category_rows(check.column, numbers[check.column], kinds[check.column])
        elif check.metric not in OF_TABLE:
            yield _of_column(check, numbers[check.column])


def _of_column(check: Check, number: int) -> str:
    measure = MEASURES[check.metric]
    parts = (measure.figure, measure.rows, measure.deviation)
    return _row(check.column, check.metric, *(part.format(n=number) for part in parts))


def _row(
    column: str,
    metric: Metric,
    figure: str,
    rows: str = "row_count",
    deviation: str = "0",
    table: str = "measured",
) -> str:
    """One figure of the table `measured`, or of `shrink`."""
    cells = [
        f"CAST('{column}' AS VARCHAR(127))",
        f"CAST('{metric}' AS VARCHAR(32))",
        f"CAST('' AS VARCHAR({LONGEST_CATEGORY}))",
        f"CAST({figure} AS DOUBLE PRECISION)",
        f"CAST({rows} AS BIGINT)",
        f"CAST({deviation} AS DOUBLE PRECISION)",
    ]
    return "  SELECT\n" + ",\n".join(f"    {cell}" for cell in cells) + f"\n  FROM {table}"


def _named(row: str) -> str:
    """The first of the rows gives the columns their names."""
    names = iter(("column_name", "metric", "category", "figure", "row_count", "deviation"))
    lines = row.split("\n")
    return "\n".join(
        f"{line.removesuffix(',')} AS {next(names)}{',' * line.endswith(',')}" if "CAST(" in line else line
        for line in lines
    )


def _category_rows(column: str, number: int, kind: Kind) -> str:
    """The number of rows of each category, the most frequent ones."""
    return (
        f"  SELECT\n    CAST('{column}' AS VARCHAR(127)),\n    CAST('{Metric.CATEGORIES}' AS VARCHAR(32)),\n"
        f"    CAST(LEFT(named.category, {LONGEST_CATEGORY // 4}) AS VARCHAR({LONGEST_CATEGORY})),\n"
        "    CAST(named.category_rows AS DOUBLE PRECISION),\n"
        f"    CAST(measured.known_{number} AS BIGINT),\n    CAST(0 AS DOUBLE PRECISION)\n"
        "  FROM (\n    SELECT\n"
        f"      {_as_text(column, kind)} AS category,\n      COUNT(*) AS category_rows,\n"
        f"      ROW_NUMBER() OVER (\n        ORDER BY COUNT(*) DESC, {column}\n      ) AS place\n"
        f"    FROM stage\n    WHERE {column} IS NOT NULL\n    GROUP BY {column}\n  ) AS named\n"
        f"  CROSS JOIN measured\n  WHERE named.place <= {MOST_CATEGORIES}"
    )


def _as_text(column: str, kind: Kind) -> str:
    """A category as text; Redshift casts no BOOLEAN to VARCHAR (https://github.com/dbt-labs/dbt-utils/issues/1016)."""
    if kind is Kind.STRING:
        return column
    if kind is Kind.BOOLEAN:
        return f"CASE WHEN {column} THEN 'true' ELSE 'false' END"
    return f"CAST({column} AS VARCHAR(32))"
