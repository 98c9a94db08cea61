"""The short form of `make outage`: two services refuse everything for some seconds, and nobody helps."""

from __future__ import annotations

import pytest

from benchmarks.faults.outage_bench import OutageBench
from headrace_cli.stack.target import target_at
from tests.e2e.conftest import Laptop

SECONDS = 6
"""Long enough for files to come before it, in both of its halves, and after it."""


@pytest.mark.parametrize("service", ["DynamoDB", "warehouse, in words that no catalogue knows"])
def test_everything_is_loaded_after_an_outage_and_nothing_has_failed(laptop: Laptop, service: str) -> None:
    recovery = OutageBench(target_at(laptop.home), laptop.messages, ("bulk",)).run(service, SECONDS)
    assert recovery.wrong == []
    assert recovery.refused > 0
    assert recovery.files >= 4
