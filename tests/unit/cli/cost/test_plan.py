"""A plan: what loads numbers of one's own make, and that each line says how it is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_cli.cost.plan import Scenario, loads_of, plan_of
from headrace_cli.cost.scenarios import GLUE, SCENARIOS, Jobs

KNOWN_BY = {"counted", "measured", "estimated", "given"}
plans = st.builds(
    Scenario,
    st.just(""),
    st.floats(0, 1e6),
    st.floats(0, 1000),
    st.integers(1, 100),
    st.sampled_from([None, 60, 300, 900, 7200]),
    st.floats(0.1, 24),
)


def usd(plan: Scenario) -> float:
    return sum(line.usd for line in plan_of(plan))


@given(plans)
def test_a_day_has_no_more_loads_than_files_and_no_more_than_24_hours(plan: Scenario) -> None:
    day = loads_of(plan)
    assert 0 <= day.groups <= max(plan.files_per_day, plan.datasets) + 1e-6
    assert 0 <= day.awake_seconds <= 86_400 + 1e-6
    assert all(line.usd >= 0 and line.how in KNOWN_BY for line in plan_of(plan))


@given(plans)
def test_more_files_never_cost_less(plan: Scenario) -> None:
    assert usd(replace(plan, files_per_day=plan.files_per_day + 1000)) >= usd(plan) - 1e-6


def test_a_promise_of_15_minutes_is_kept_with_about_the_loads_that_were_measured() -> None:
    day = loads_of(Scenario("", 4 * 60 * 24, 0.6, promise=900))
    assert day.groups / 24 == pytest.approx(4.6, abs=0.3)  # docs/benchmarks.md#small-files-in-real-time


def test_one_file_a_day_is_one_load_and_a_minute() -> None:
    day = loads_of(Scenario("", 1, 1))
    assert (day.groups, day.units) == (1, 1)
    assert day.awake_seconds == pytest.approx(60)


def test_no_files_cost_what_a_stack_costs_by_itself() -> None:
    day = loads_of(Scenario("", 0, 1))
    assert (day.groups, day.units, day.awake_seconds) == (0, 0, 0)
    assert 0 < usd(Scenario("", 0, 1)) < 15


def test_a_shorter_promise_costs_more_and_shared_wake_ups_cost_less() -> None:
    twenty = Scenario("", 1920, 1, 20)
    assert usd(replace(twenty, promise=300)) > usd(twenty) > usd(replace(twenty, promise=7200))
    assert usd(twenty) < usd(replace(twenty, shared=False))


@pytest.mark.parametrize(("files", "wake_ups", "usd_a_day"), [(20 * 48, 4.2, 2.93), (20 * 24 * 20, 4.7, 3.88)])
def test_twenty_datasets_cost_about_what_the_simulation_of_the_deployed_code_says(
    files: float, wake_ups: float, usd_a_day: float
) -> None:
    plan = Scenario("", files, 0.1, 20)  # docs/benchmarks.md#shared-wake-ups: warehouse and transitions
    lines = {line.what.split()[0]: line for line in plan_of(plan)}
    assert loads_of(plan).awake_seconds / 60 / 24 == pytest.approx(wake_ups, rel=0.3)
    spent = lines["warehouse"].usd / 30 - 0.025 + lines["Step"].usd / 30
    assert spent == pytest.approx(usd_a_day, rel=0.35)


def test_more_rpus_cost_more_where_the_minute_is_what_is_billed() -> None:
    small = Scenario("", 96, 1)
    assert usd(replace(small, rpu=8)) > usd(small)


def test_a_run_of_glue_is_billed_a_minute_at_least() -> None:
    assert Jobs("", 60, 1, 0.1).usd_month == pytest.approx(30 * 0.44)
    assert [jobs.usd_month for jobs in GLUE] == sorted((jobs.usd_month for jobs in GLUE), reverse=True)


def test_scenarios_have_names_of_their_own() -> None:
    assert len({plan.name for plan in SCENARIOS}) == len(SCENARIOS)
