"""The figures of the third tier in the warehouse: reading them, and keeping what was found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Protocol

from headrace.domain.baseline import WINDOW_DAYS, Figure
from headrace.domain.checks import Metric
from headrace.domain.contract import Contract
from headrace.domain.judgement import Finding, Measured, Scope
from headrace.usecases.ports import HasWarehouse

LONGEST_SENTENCE = 2000
"""Bytes, as the column has them."""
# Names below are the contract's or the ledger's own; a point is a batch or a day.
COLUMNS = "day, metric, column_name, category, figure, row_count, deviation"
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

RESULTS = (
    "INSERT INTO etl.quality_results (dataset, scope, point, column_name, metric, verdict, figure, expected, lowest,"
    " highest, sentence, judged_at) VALUES "
)


class Services(HasWarehouse, Protocol):
    """The ports used here."""


def figures_of(contract: Contract, scope: Scope, point: str, services: Services) -> list[Measured]:
    """What was measured of a batch or a day, the last time it was."""
    names = {"columns": COLUMNS, "dataset": contract.dataset, "scope": str(scope), "point": point}
    return [_measured(row) for row in services.warehouse.query(NOW.format(**names))]


def past_figures(contract: Contract, scope: Scope, day: date, services: Services) -> list[Measured]:
    """One figure a day and thing before `day`: of batches the average of those that were loaded."""
    first = day - timedelta(days=WINDOW_DAYS)
    names = {"dataset": contract.dataset, "scope": str(scope), "first": first, "day": day}
    return [_measured(row) for row in services.warehouse.query(PAST.format(**names))]


def day_of(figures: Iterable[Measured]) -> date | None:
    """The day that the figures are of; None without figures."""
    return next((date.fromordinal(item.figure.day) for item in figures), None)


def keep(contract: Contract, scope: Scope, point: str, findings: list[Finding], services: Services) -> None:
    """Keep findings in `etl.quality_results`."""
    if not findings:
        return
    rows = ", ".join(_result(contract, scope, point, finding) for finding in findings)
    services.warehouse.run([RESULTS + rows])


def quoted(text: str, most: int = LONGEST_SENTENCE) -> str:
    """At most this many bytes of text, as a Redshift literal, in which a backslash is an escape too."""
    cut = text.encode()[:most].decode(errors="ignore")
    escaped = cut.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _result(contract: Contract, scope: Scope, point: str, finding: Finding) -> str:
    check = finding.check
    numbers = [finding.value, finding.expected, finding.low, finding.high]
    names = [contract.dataset, str(scope), point, check.column, str(check.metric), str(finding.verdict)]
    cells = [
        *map(quoted, names),
        *("NULL" if number is None else repr(float(number)) for number in numbers),
        quoted(finding.sentence),
        "GETDATE()",
    ]
    return f"({', '.join(cells)})"


def _measured(row: list[Any]) -> Measured:
    day, metric, column, category, value, rows, deviation = row
    ordinal = date.fromisoformat(str(day)).toordinal()
    return Measured(
        Metric(metric), column, Figure(ordinal, float(value), round(float(rows)), float(deviation)), category
    )
