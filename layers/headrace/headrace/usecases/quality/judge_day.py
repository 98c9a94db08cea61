"""Every night: are yesterday's numbers in the tables what this dataset's numbers usually are?

The rows are loaded by then, so people are notified and nothing is held. It finds what no batch shows: a day of too few
files, and rows that were loaded by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from string import Template
from typing import Protocol

from headrace.domain.contract import Contract
from headrace.domain.ingest.load import split_statements
from headrace.domain.notice import Notice, surprise_notice
from headrace.domain.sql_text import SqlText
from headrace.domain.statistics.judgement import Finding, Scope, anomalous, judge
from headrace.errors import TerminalError
from headrace.observability import logger
from headrace.usecases.ports import HasFigures, HasSql, HasTopic, HasWarehouse
from headrace.usecases.quality.measurements import figures_of, keep, past_figures


class Services(HasFigures, HasSql, HasTopic, HasWarehouse, Protocol):
    """The ports used here."""


DAYS_BACK = 7
"""How long a day that could not be judged is tried again."""


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
    """What is unusual of a day, in sentences by dataset, and why others could not be judged."""

    day: date
    anomalous: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def judge_all(contracts: Iterable[Contract], day: date, services: Services, *, nightly: bool = False) -> Judged:
    """Judge a day of each dataset. A failure of one is reported at the end, and the others go on.

    A `nightly` call also judges the days before that could not be: the days without a result since the first of the
    past week that has one.
    """
    judged = Judged(day)
    for contract in contracts:
        try:
            surprising = anomalous(judge_day(contract, day, services))
            for missed in _missed(contract, day, services) if nightly and contract.checks else ():
                surprising += anomalous(judge_day(contract, missed, services))
        except Exception as error:
            logger.exception("a dataset could not be judged", extra={"dataset": contract.dataset})
            judged.failed[contract.dataset] = f"{type(error).__name__}: {error}"
            continue
        if surprising:
            judged.anomalous[contract.dataset] = [finding.sentence for finding in surprising]
    if judged.failed:
        lines = tuple(f"{dataset}: {why}" for dataset, why in judged.failed.items())
        title = f"the figures of {day} could not be judged for {len(lines)} of the datasets"
        services.topic.publish(Notice("error", title, lines))
    return judged


def _missed(contract: Contract, day: date, services: Services) -> list[date]:
    """The days of the week before that were not judged."""
    first = day - timedelta(days=DAYS_BACK)
    known = services.figures.judged_days(contract.dataset, first, day)
    days = (first + timedelta(days=number) for number in range(DAYS_BACK))
    return [one for one in days if known and one > min(known) and one not in known]


def judge_day(contract: Contract, day: date, services: Services) -> list[Finding]:
    """Measure the rows that came on `day`, compare them with past days, notify people of what is surprising."""
    if not contract.checks:
        return []
    text = services.sql.text(contract.dataset, SqlText.MEASURE_DAY)
    services.warehouse.run(split_statements(Template(text).substitute(day=day.isoformat())))
    measured = figures_of(contract, Scope.DAY, day.isoformat(), services)
    findings = judge(contract.checks, measured, past_figures(contract, Scope.DAY, day, services), Scope.DAY)
    keep(contract, Scope.DAY, day.isoformat(), findings, services)
    surprising = anomalous(findings)
    if surprising:
        services.topic.publish(surprise_notice(contract.dataset, f"the rows of {day}", surprising, contract.channel))
    return findings
