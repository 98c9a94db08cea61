"""Every night: are yesterday's numbers in the tables what this dataset's numbers usually are?

The rows are loaded by then, so people are told and nothing is held. It finds what no batch shows: a day of too few
files, and rows that somebody loaded by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from string import Template

from headrace.domain.contract import Contract
from headrace.domain.judgement import Finding, Scope, judge, surprising
from headrace.domain.load import split_statements
from headrace.domain.notice import of_surprise
from headrace.usecases.figures import figures_of, keep, past_figures
from headrace.usecases.ports import Services


def day_of(event: Mapping[str, str]) -> date:
    """The day that an event asks for, else the one before the event's time, in UTC."""
    if "day" in event:
        return date.fromisoformat(event["day"])
    return date.fromisoformat(event["time"][:10]) - timedelta(days=1)


def judge_day(contract: Contract, day: date, services: Services) -> list[Finding]:
    """Measure the rows that came on `day`, compare them with past days, tell people what is surprising."""
    if not contract.checks:
        return []
    text = services.catalog.measure_sql(contract.dataset, Scope.DAY)
    services.warehouse.run(split_statements(Template(text).substitute(day=day.isoformat())))
    measured = figures_of(contract, Scope.DAY, day.isoformat(), services)
    findings = judge(contract.checks, measured, past_figures(contract, Scope.DAY, day, services), Scope.DAY)
    keep(contract, Scope.DAY, day.isoformat(), findings, services)
    told = surprising(findings)
    if told:
        services.topic.publish(of_surprise(contract.dataset, f"the rows of {day}", told, contract.channel))
    return findings
