"""The nightly judgement of all datasets: one that cannot be judged is told, and keeps no other from it."""

from __future__ import annotations

from datetime import date
from typing import Any

from headrace.domain.statistics.checks import Check, Metric
from headrace.usecases.quality.judge_day import judge_all
from tests.support.fakes import MemoryServices, MemoryWarehouse, contract, contracts_of


class Refusing(MemoryWarehouse):
    """Refuses statements about one table."""

    def run(self, statements: list[str]) -> None:
        if any("public.broken" in statement for statement in statements):
            raise RuntimeError("permission denied for relation broken")
        super().run(statements)


def services_of(*datasets: str) -> MemoryServices:
    checks: tuple[Any, ...] = (Check(Metric.ROW_COUNT, lowest=1.0),)
    contracts = [contract(dataset, checks=checks) for dataset in datasets]
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
