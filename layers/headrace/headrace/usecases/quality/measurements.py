"""The figures of the third tier in the warehouse: reading them, and keeping what was found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Protocol

from headrace.domain.contract import Contract
from headrace.domain.statistics.baseline import WINDOW_DAYS, Figure
from headrace.domain.statistics.checks import Metric
from headrace.domain.statistics.judgement import Finding, Measured, Scope
from headrace.usecases.ports import HasFigures


class Services(HasFigures, Protocol):
    """The ports used here."""


def figures_of(contract: Contract, scope: Scope, point: str, services: Services) -> list[Measured]:
    """What was measured of a batch or a day, the last time it was."""
    return [_measured(row) for row in services.figures.of(contract.dataset, scope, point)]


def past_figures(contract: Contract, scope: Scope, day: date, services: Services) -> list[Measured]:
    """One figure a day and thing before `day`: of batches the average of those that were loaded."""
    first = day - timedelta(days=WINDOW_DAYS)
    return [_measured(row) for row in services.figures.past(contract.dataset, scope, first, day)]


def day_of(figures: Iterable[Measured]) -> date | None:
    """The day that the figures are of; None without figures."""
    return next((date.fromordinal(item.figure.day) for item in figures), None)


def keep(contract: Contract, scope: Scope, point: str, findings: list[Finding], services: Services) -> None:
    """Keep findings in `etl.quality_results`."""
    if findings:
        services.figures.keep(contract.dataset, scope, point, list(map(_result, findings)))


def _result(finding: Finding) -> tuple[str | float | None, ...]:
    """The columns of a result from `column_name` on."""
    check = finding.check
    numbers = (finding.value, finding.expected, finding.low, finding.high)
    return check.column, str(check.metric), str(finding.verdict), *numbers, finding.sentence


def _measured(row: list[Any]) -> Measured:
    day, metric, column, category, value, rows, deviation = row
    ordinal = date.fromisoformat(str(day)).toordinal()
    return Measured(
        Metric(metric), column, Figure(ordinal, float(value), round(float(rows)), float(deviation)), category
    )
