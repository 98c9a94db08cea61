"""The nightly judgement of all datasets: one that cannot be judged is told, and keeps no other from it."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from headrace.domain.statistics.checks import Check, Metric
from headrace.errors import TerminalError
from headrace.usecases.quality.judge_day import day_of, judge_all
from tests.support.fakes import MemoryServices, MemoryWarehouse, contract, contracts_of


class Refusing(MemoryWarehouse):
    """Refuses statements about one table."""

    def run(self, statements: list[str]) -> None:
        if any("public.broken" in statement for statement in statements):
            raise RuntimeError("permission denied for relation broken")
        super().run(statements)


CHECKS = (Check(Metric.ROW_COUNT, lowest=1.0),)


def services_of(*datasets: str, **changes: Any) -> MemoryServices:
    of_all: dict[str, Any] = {"checks": CHECKS, "primary_key": (), "replace_versions": False} | changes
    contracts = [contract(dataset, **of_all) for dataset in datasets]
    return MemoryServices(contracts=contracts_of(*contracts), warehouse=Refusing())


def test_one_dataset_that_fails_is_told_and_the_others_are_judged() -> None:
    services = services_of("broken", "readings")
    judged = judge_all(services.contracts.all(), date(2026, 1, 31), services)
    assert judged.failed == {"broken": "RuntimeError: permission denied for relation broken"}
    assert any("public.readings" in statement for statement in services.warehouse.ran)
    (told,) = services.topic.notices
    assert (told.level, told.title) == (
        "error",
        "the figures of 2026-01-31 could not be judged for 1 of the datasets",
    )
    assert told.lines == ("broken: RuntimeError: permission denied for relation broken",)


def test_nobody_is_told_when_all_were_judged() -> None:
    services = services_of("readings")
    assert judge_all(services.contracts.all(), date(2026, 1, 31), services).failed == {}
    assert services.topic.notices == []


def judged_days(services: MemoryServices, **how: bool) -> list[str]:
    judge_all(services.contracts.all(), date(2026, 1, 31), services, **how)
    return sorted({day for statement in services.warehouse.ran for day in re.findall(r"2026-01-\d\d", statement)})


def test_a_night_also_judges_the_days_of_the_week_that_could_not_be() -> None:
    services = services_of("readings")
    services.warehouse.answers["quality_results"] = [["2026-01-26"], ["2026-01-27"], ["2026-01-29"]]
    assert judged_days(services, nightly=True) == ["2026-01-28", "2026-01-30", "2026-01-31"]


CHANGING: list[dict[str, Any]] = [
    {"primary_key": ("meter",)},
    {"replace_versions": True},
    {"checks": (*CHECKS, Check(Metric.FRESHNESS, "read_at", highest=86400.0))},
]


@pytest.mark.parametrize("changes", CHANGING)
def test_a_missed_day_whose_figures_are_no_longer_true_is_not_measured_but_told_once(changes: dict[str, Any]) -> None:
    """Later batches have updated its rows, or the newest has aged: it would be a false alarm, and count as usual."""
    services = services_of("readings", **changes)
    services.warehouse.answers["quality_results"] = [["2026-01-27"], ["2026-01-29"]]
    assert judged_days(services, nightly=True) == ["2026-01-31"]
    (told,) = services.topic.notices
    assert told.title == "earlier days of 1 of the datasets were not judged, and can't be any more"
    assert (told.level, told.lines) == ("warning", ("readings: 2026-01-30",)), (
        "the 28th was reported by the night of the 29th"
    )


@pytest.mark.parametrize("changes", CHANGING)
def test_a_missed_day_that_was_measured_is_judged_by_the_figures_of_then(changes: dict[str, Any]) -> None:
    services = services_of("readings", **changes)
    services.warehouse.answers["quality_results"] = [["2026-01-29"]]
    services.warehouse.answers["point = '2026-01-30'"] = [["2026-01-30", "rowCount", "", "", 0, 0, 0]]
    judge_all(services.contracts.all(), date(2026, 1, 31), services, nightly=True)
    assert not [statement for statement in services.warehouse.ran if "CAST('2026-01-30'" in statement]
    (told,) = services.topic.notices
    assert told.title == "readings: the figures of the rows of 2026-01-30 are unusual"


def test_days_before_the_first_that_was_judged_are_left_alone() -> None:
    """The contract may not have had its checks then."""
    assert judged_days(services_of("readings"), nightly=True) == ["2026-01-31"]


def test_a_day_that_a_person_asks_for_is_judged_alone() -> None:
    services = services_of("readings")
    services.warehouse.answers["quality_results"] = [["2026-01-26"]]
    assert judged_days(services) == ["2026-01-31"]


def test_the_day_is_the_one_before_the_event_or_the_one_that_is_asked_for() -> None:
    assert day_of({"time": "2026-02-01T01:30:00Z"}) == date(2026, 1, 31)
    assert day_of({"time": "2026-02-01T01:30:00Z", "day": "2026-01-15"}) == date(2026, 1, 15)


@pytest.mark.parametrize("day", ["yesterday", "", "2026-13-01", "2026-01-31'; DROP TABLE x; --", None, 7])
def test_a_day_that_is_none_is_refused(day: Any) -> None:
    with pytest.raises(TerminalError, match="a date such as 2026-01-31"):
        day_of({"day": day})
