"""The night on call: `make demo-oncall` plays it; here only that its contract is one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from examples.demo_oncall import CALLS, CONTRACT
from headrace.domain.causes import CAUSES
from headrace_compiler import compile_contract


def test_the_nights_contract_says_all_that_its_troubles_need(tmp_path: Path) -> None:
    path = tmp_path / "meters.odcs.yaml"
    path.write_text(CONTRACT.format(due=datetime(2026, 3, 1, 6, 5, tzinfo=UTC)))
    contract = compile_contract(path)
    assert (contract.freshness_seconds, contract.quarantine_limit, contract.held_seconds) == (120, 0.2, 4 * 3600)
    assert [expectation.name for expectation in contract.expected] == ["daily"]
    assert all(CAUSES[name].calls for name in CALLS)
