"""A view that is not refreshed: people learn why, and what to do."""

from __future__ import annotations

import pytest

from headrace.adapters.warehouse import WarehouseError
from headrace.domain.contract import View
from headrace.domain.ingest.failure import Failure, Place, catalogue
from headrace.errors import HeadraceError, TransientError
from headrace.usecases.ingest.refresh_views import refresh_views
from tests.support.fakes import MemoryCatalog, MemoryServices, contract


class Refusing:
    """A warehouse that refuses every refresh."""

    def __init__(self, error: HeadraceError) -> None:
        self.error = error

    def run_alone(self, _statement: str) -> None:
        raise self.error


@pytest.mark.parametrize("kind", [WarehouseError, TransientError])
@pytest.mark.parametrize("failure", [f for f in catalogue() if f.place is Place.REFRESH], ids=lambda f: f.name)
def test_cause_and_remedy_are_in_the_error(
    kind: type[HeadraceError], failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = MemoryServices(MemoryCatalog(contract(views=(View("public.by_hour", "SELECT 1"),))))
    monkeypatch.setattr(services, "warehouse", Refusing(kind(failure.text)))
    with pytest.raises(kind) as raised:
        refresh_views("readings", services)
    assert failure.text.removeprefix("ERROR: ")[:30] in str(raised.value)
    assert failure.advice in str(raised.value)
