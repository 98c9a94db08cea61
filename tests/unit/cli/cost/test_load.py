"""What a load would cost is said before it is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace_cli.cost.load import load_cost
from tests.unit.cli.conftest import RunJson, RunText
from tests.unit.cli.stack import FakeStack

CONTRACT = Path(__file__).parents[3] / "e2e" / "contracts" / "readings.odcs.yaml"


def test_one_small_file_is_a_minute_of_the_warehouse_and_far_less_in_a_group() -> None:
    cost = load_cost(1, 1.0)
    assert (cost.loads, cost.awake_seconds) == (1, 60)
    assert cost.warehouse == pytest.approx(0.025)
    assert cost.together < cost.requests < 0.002
    assert cost.usd == pytest.approx(cost.warehouse + cost.requests)


def test_many_files_are_loaded_in_groups_by_number_and_by_size() -> None:
    assert load_cost(1_001, 1.0).loads == 3
    assert load_cost(10, 12_000).loads == 3
    assert load_cost(0, 0).usd == 0


def test_a_large_load_is_billed_for_longer_than_a_minute_and_more_rpus_load_it_sooner() -> None:
    slow, fast = load_cost(1, 5_000), load_cost(1, 5_000, rpu=8)
    assert slow.awake_seconds > fast.awake_seconds > 60


def test_a_check_says_it_on_demand(tmp_path: Path, run_json: RunJson, run_text: RunText) -> None:
    path = tmp_path / "a.csv"
    path.write_text("meter,read_at,value\nm1,2026-01-01T00:00:00Z,1\n")
    asked = ("check", str(path), "--contract", str(CONTRACT))
    assert "cost" not in run_json(*asked)[1]
    cost = run_json(*asked, "--cost")[1]["cost"]
    assert (cost["files"], cost["usd"]) == (1, pytest.approx(0.0255, abs=0.001))
    assert "USD alone" in run_text(*asked, "--cost")[1]


def test_a_dry_run_of_a_backfill_says_it_and_the_backfill_itself_does_not(
    stack: FakeStack, run_json: RunJson, run_text: RunText
) -> None:
    for number in range(3):
        stack.land(f"readings/{number}.csv", b"x" * 1000)
    document = run_json("backfill", "readings", "--dry-run")[1]
    assert (len(document["taken"]), document["size"], document["cost"]["loads"]) == (3, 3000, 1)
    assert "It would cost about" in run_text("backfill", "readings", "--dry-run")[1]
    assert list(stack.ledger.audit.since("")) == []
    assert "cost" not in run_json("backfill", "readings")[1]
