"""Every night: are yesterday's numbers in the tables what this dataset's numbers usually are?

The rows are loaded by then, so people are notified and nothing is held. It finds what no batch shows: a day of too few
files, and rows that were loaded by hand.

A day that could not be judged is judged by a later night, by figures that are those of the day still: what was measured
then, or, of a table whose rows no later batch changes, what is measured now. Otherwise people hear that it was not: its
rows belong to later batches in part, its newest row has aged, and such figures would teach what is usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from string import Template
from typing import Protocol

from headrace.domain import causes
from headrace.domain.contract import Contract
from headrace.domain.ingest.load import split_statements
from headrace.domain.notice import Matter, surprise_notice
from headrace.domain.sql_text import SqlText
from headrace.domain.statistics.checks import Metric
from headrace.domain.statistics.judgement import Finding, Measured, Scope, anomalous, judge
from headrace.errors import TerminalError
from headrace.observability import logger
from headrace.usecases.ports import HasFigures, HasSql, HasTopic, HasWarehouse
from headrace.usecases.quality.measurements import figures_of, keep, past_figures


class Services(HasFigures, HasSql, HasTopic, HasWarehouse, Protocol):
    """The ports used here."""


DAYS_BACK = 7
"""How long a day that could not be judged is looked for."""


def day_of(event: Mapping[str, str]) -> date:
    """The day that an event asks for, else the one before the event's time, in UTC. Raises TerminalError."""
    if "day" not in event:
        return date.fromisoformat(event["time"][:10]) - timedelta(days=1)
    try:
        return date.fromisoformat(event["day"])
    except (ValueError, TypeError) as error:
        raise TerminalError(f"day has to be a date such as 2026-01-31, not {event['day']!r}") from error


@dataclass(slots=True)
class Judged:
    """What is unusual of a day, in sentences by dataset, and why others could not be judged.

    `left_out` are the days before that were not judged, and can't be any more.
    """

    day: date
    anomalous: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, list[date]] = field(default_factory=dict)


def judge_all(contracts: Iterable[Contract], day: date, services: Services, *, nightly: bool = False) -> Judged:
    """Judge a day of each dataset. A failure of one is reported at the end, and the others go on.

    A `nightly` call also judges the days before that could not be: the days without a result since the first of the
    past week that has one. Those that can't be any more are reported by the first night that judges its own day.
    """
    judged = Judged(day)
    for contract in contracts:
        try:
            surprising = anomalous(judge_day(contract, day, services))
            if nightly and contract.checks:
                surprising += _catch_up(contract, day, judged, services)
        except Exception as error:
            logger.exception("a dataset could not be judged", extra={"dataset": contract.dataset})
            judged.failed[contract.dataset] = f"{type(error).__name__}: {error}"
            continue
        if surprising:
            judged.anomalous[contract.dataset] = [finding.sentence for finding in surprising]
    if judged.failed:
        lines = tuple(f"{dataset}: {why}" for dataset, why in judged.failed.items())
        title = f"the figures of {day} could not be judged for {len(lines)} of the datasets"
        services.topic.publish(Matter(causes.FIGURES_NOT_JUDGED).notice(title, lines))
    if judged.left_out:
        lines = tuple(f"{dataset}: {', '.join(map(str, days))}" for dataset, days in judged.left_out.items())
        title = f"earlier days of {len(lines)} of the datasets were not judged, and can't be any more"
        services.topic.publish(replace(Matter(causes.FIGURES_NOT_JUDGED).notice(title, lines), level="warning"))
    return judged


def _catch_up(contract: Contract, day: date, judged: Judged, services: Services) -> list[Finding]:
    """What is surprising of the days of the week before that were not judged."""
    first = day - timedelta(days=DAYS_BACK)
    known = services.figures.judged_days(contract.dataset, first, day)
    days = (first + timedelta(days=number) for number in range(DAYS_BACK))
    surprising: list[Finding] = []
    for missed in (one for one in days if known and one > min(known) and one not in known):
        if measured := figures_of(contract, Scope.DAY, missed.isoformat(), services):
            surprising += anomalous(_judge(contract, missed, measured, services))
        elif _is_as_it_was(contract):
            surprising += anomalous(judge_day(contract, missed, services))
        elif missed > max(known):  # else an earlier night has reported it
            judged.left_out.setdefault(contract.dataset, []).append(missed)
    return surprising


def _is_as_it_was(contract: Contract) -> bool:
    """Whether an earlier day can be measured now: no later batch has changed its rows, and no figure depends on now."""
    changed = contract.primary_key or contract.replace_versions
    return not changed and all(check.metric is not Metric.FRESHNESS for check in contract.checks)


def judge_day(contract: Contract, day: date, services: Services) -> list[Finding]:
    """Measure the rows that came on `day`, compare them with past days, notify people of what is surprising."""
    if not contract.checks:
        return []
    text = services.sql.text(contract.dataset, SqlText.MEASURE_DAY)
    services.warehouse.run(split_statements(Template(text).substitute(day=day.isoformat())))
    return _judge(contract, day, figures_of(contract, Scope.DAY, day.isoformat(), services), services)


def _judge(contract: Contract, day: date, measured: list[Measured], services: Services) -> list[Finding]:
    findings = judge(contract.checks, measured, past_figures(contract, Scope.DAY, day, services), Scope.DAY)
    keep(contract, Scope.DAY, day.isoformat(), findings, services)
    surprising = anomalous(findings)
    if surprising:
        services.topic.publish(surprise_notice(contract.dataset, f"the rows of {day}", surprising, contract.channel))
    return findings
