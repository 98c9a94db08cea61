"""A view that is not refreshed: people learn why, and what to do, once while it is so."""

from __future__ import annotations

import json

import pytest

from headrace.adapters.warehouse import WarehouseError
from headrace.domain.contract import View
from headrace.domain.ingest.failure import Failure, Place, catalogue
from headrace.errors import HeadraceError, TransientError
from headrace.usecases.ingest.refresh_views import refresh_view, refresh_views, report_stale
from tests.support.fakes import MemoryServices, MemoryWarehouse, contract, contracts_of

VIEWS = ("public.by_hour", "public.by_day")
GONE = WarehouseError("ERROR: Materialized view mv_readings is unrefreshable as a base table was renamed.")
OTHER = WarehouseError("a sentence that nobody has read yet")


class Refusing(MemoryWarehouse):
    """A warehouse that refuses to refresh some views."""

    def __init__(self, **refused: HeadraceError) -> None:
        super().__init__()
        self.refused = refused

    def run_alone(self, statement: str) -> None:
        if error := self.refused.get(statement.rpartition(".")[2]):
            raise error
        super().run_alone(statement)


@pytest.fixture
def services() -> MemoryServices:
    return MemoryServices(contracts_of(contract(views=tuple(View(name, "SELECT 1") for name in VIEWS), channel="#m")))


def refresh(services: MemoryServices, **refused: HeadraceError) -> dict[str, list[str]]:
    services.warehouse = Refusing(**refused)
    return refresh_views("readings", services)


def titles(services: MemoryServices) -> list[str]:
    return [notice.title for notice in services.topic.notices]


@pytest.mark.parametrize("kind", [WarehouseError, TransientError])
@pytest.mark.parametrize("failure", [f for f in catalogue() if f.place is Place.REFRESH], ids=lambda f: f.name)
def test_cause_and_remedy_are_in_the_error(
    kind: type[HeadraceError], failure: Failure, services: MemoryServices
) -> None:
    services.warehouse = Refusing(by_hour=kind(failure.text))
    with pytest.raises(kind) as raised:
        refresh_view(VIEWS[0], services)
    assert failure.text.removeprefix("ERROR: ")[:30] in str(raised.value)
    assert failure.advice in str(raised.value)


def test_a_stale_view_is_told_once_with_its_reason_and_once_when_it_is_fresh(services: MemoryServices) -> None:
    for _load in range(3):
        assert refresh(services, by_hour=GONE) == {"refreshed": ["public.by_day"], "stale": ["public.by_hour"]}
    assert titles(services) == ["readings: the materialized view public.by_hour is stale"]
    (notice,) = services.topic.notices
    assert (notice.level, notice.channel) == ("warning", "#m")
    assert "unrefreshable" in notice.lines[0]
    for _load in range(2):
        assert refresh(services) == {"refreshed": list(VIEWS), "stale": []}
    assert titles(services)[1:] == ["readings: public.by_hour is refreshed again"]
    refresh(services, by_hour=GONE)
    assert len(titles(services)) == 3


def test_another_cause_and_another_view_are_news(services: MemoryServices) -> None:
    refresh(services, by_hour=GONE)
    refresh(services, by_hour=OTHER)
    refresh(services, by_hour=OTHER, by_day=OTHER)
    assert [title.split()[4] for title in titles(services)] == ["public.by_hour", "public.by_hour", "public.by_day"]


def test_what_passes_is_the_workflows_to_try_again(services: MemoryServices) -> None:
    with pytest.raises(TransientError):
        refresh(services, by_hour=TransientError("ERROR: deadlock detected"))
    assert titles(services) == []


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        ("Sandbox.Timedout", '{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out"}', "Task timed out"),
        ("TransientError", json.dumps({"errorMessage": 'no such\nview  as "ü\\\\"'}), "no such view as"),
        ("States.Timeout", "", "no cause was given"),
        ("TransientError", "x" * 3000, "xxx"),
    ],
)
def test_a_refresh_that_does_not_end_is_told_once_for_each_view(
    services: MemoryServices, error: str, cause: str, words: str
) -> None:
    for _load in range(2):
        assert report_stale("readings", error, cause, services) == {"refreshed": [], "stale": list(VIEWS)}
    assert [title.split()[4] for title in titles(services)] == list(VIEWS)
    assert words in services.topic.notices[0].lines[0]
