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
OF_CATEGORY = "etl.quality_figures WHERE dataset = '{dataset}' AND category = {category}"
SENTENCES = (
    "SELECT sentence FROM etl.quality_results WHERE dataset = '{dataset}' AND POSITION({text} IN sentence) > 0"
    " UNION SELECT reason FROM etl.holds WHERE dataset = '{dataset}' AND POSITION({text} IN reason) > 0"
)
ERASE_SENTENCES = (
    "DELETE FROM etl.quality_results WHERE dataset = '{dataset}' AND sentence IN ({sentences})",
    "UPDATE etl.holds SET reason = 'erased' WHERE dataset = '{dataset}' AND reason IN ({sentences})",
)
SENTENCES_AT_ONCE = 10
"""Of 2,000 bytes each, twice that if all are quotes, in two statements: the Data API takes 100 kB of them together."""


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

    def figures_of(self, dataset: str, category: str) -> int:
        """How many figures were measured of a category."""
        figures = OF_CATEGORY.format(dataset=dataset, category=quoted(category, LONGEST_SENTENCE))
        ((number,),) = self._warehouse.query(f"SELECT COUNT(*) FROM {figures}") or ((0,),)  # noqa: S608 - both are quoted
        return int(number)

    def sentences_with(self, dataset: str, text: str) -> list[str]:
        """The findings of checks, and the reasons of decisions, in which a text stands."""
        sql = SENTENCES.format(dataset=dataset, text=quoted(text, LONGEST_SENTENCE))
        return [str(sentence) for (sentence,) in self._warehouse.query(sql)]

    def erase_mentions(self, dataset: str, category: str, sentences: Sequence[str]) -> None:
        """Delete a category's figures and the findings with these sentences; decisions lose such a reason."""
        figures = OF_CATEGORY.format(dataset=dataset, category=quoted(category, LONGEST_SENTENCE))
        self._warehouse.run([f"DELETE FROM {figures}"])  # noqa: S608 - both are quoted
        for start in range(0, len(sentences), SENTENCES_AT_ONCE):
            some = ", ".join(quoted(text, LONGEST_SENTENCE) for text in sentences[start : start + SENTENCES_AT_ONCE])
            self._warehouse.run([sql.format(dataset=dataset, sentences=some) for sql in ERASE_SENTENCES])


def _literal(value: str | float | None) -> str:
    if value is None:
        return "NULL"
    return quoted(value, LONGEST_SENTENCE) if isinstance(value, str) else repr(float(value))
