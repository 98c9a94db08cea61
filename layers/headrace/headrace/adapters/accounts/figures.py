"""The figures that were measured of batches and days, and what the checks found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from headrace.adapters.accounts.sql import LONGEST_SENTENCE, Statements
from headrace.domain.ingest.outcome import Result
from headrace.domain.sql_text import quoted

FIGURES = "day, metric, column_name, category, figure, row_count, deviation"
NOW = (
    "SELECT {columns} FROM (SELECT {columns}, RANK() OVER (ORDER BY measured_at DESC) AS place"
    " FROM etl.quality_figures WHERE dataset = '{dataset}' AND scope = '{scope}' AND point = '{point}') AS ranked"
    " WHERE place = 1"
)
PAST = (
    "SELECT day, metric, column_name, category, AVG(figure), AVG(CAST(row_count AS DOUBLE PRECISION)), AVG(deviation)"
    " FROM etl.quality_figures WHERE dataset = '{dataset}' AND scope = '{scope}'"
    " AND day >= CAST('{first}' AS DATE) AND day < CAST('{day}' AS DATE)"
    " AND (scope = 'day' OR point IN (SELECT batch_id FROM etl.loads WHERE status = 'loaded'))"
    " GROUP BY day, metric, column_name, category"
)
JUDGED = (
    "SELECT DISTINCT point FROM etl.quality_results WHERE dataset = '{dataset}' AND scope = 'day'"
    " AND point >= '{first}' AND point < '{day}'"
)
RESULTS = (
    "INSERT INTO etl.quality_results (dataset, scope, point, column_name, metric, verdict, figure, expected, lowest,"
    " highest, sentence, judged_at) VALUES "
)


class WarehouseFigures:
    """What a warehouse can be asked about figures."""

    def __init__(self, warehouse: Statements) -> None:
        self._warehouse = warehouse

    def of(self, dataset: str, scope: str, point: str) -> list[list[Any]]:
        """What was measured of a batch or a day, the last time it was: rows of `FIGURES`."""
        return self._warehouse.query(NOW.format(columns=FIGURES, dataset=dataset, scope=scope, point=point))

    def past(self, dataset: str, scope: str, first: date, day: date) -> list[list[Any]]:
        """The same of the days from `first` to the one before `day`: of batches the average of the loaded ones."""
        return self._warehouse.query(PAST.format(dataset=dataset, scope=scope, first=first, day=day))

    def judged_days(self, dataset: str, first: date, day: date) -> set[date]:
        """The days from `first` to the one before `day` of which findings were kept."""
        rows = self._warehouse.query(JUDGED.format(dataset=dataset, first=first, day=day))
        return {date.fromisoformat(str(point)) for (point,) in rows}

    def keep(self, dataset: str, scope: str, point: str, results: Sequence[Result]) -> None:
        """Keep what the checks found of a batch or a day, one at least."""
        rows = (", ".join(map(_literal, (dataset, scope, point, *result))) for result in results)
        self._warehouse.run([RESULTS + ", ".join(f"({row}, GETDATE())" for row in rows)])


def _literal(value: str | float | None) -> str:
    if value is None:
        return "NULL"
    return quoted(value, LONGEST_SENTENCE) if isinstance(value, str) else repr(float(value))
