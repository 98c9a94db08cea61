"""The warehouse's accounts as the Data API gives them: a DECIMAL comes as text."""

from __future__ import annotations

from typing import Any

from headrace.adapters.accounts.loads import WarehouseLoads
from headrace.domain.ingest.outcome import WarehouseRows


class Answering:
    """A warehouse whose sums are DECIMALs: https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html."""

    def query(self, _sql: str) -> list[list[Any]]:
        return [["f1", "readings-1", "3", "2", "1"]]

    def run(self, statements: list[str]) -> None:
        raise AssertionError(statements)


def test_counts_that_come_as_text_are_numbers() -> None:
    loads = WarehouseLoads(Answering())
    assert loads.counts_of("readings-1") == {"f1": WarehouseRows(3, 2, 1)}
    assert loads.counts_of_earlier("readings-1", "", 1) == [("f1", "readings-1", WarehouseRows(3, 2, 1))]
