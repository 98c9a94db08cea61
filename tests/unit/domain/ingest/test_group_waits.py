"""When groups begin: in time for their promises, at common points, and together."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.clock import written
from headrace.domain.contract import Contract
from headrace.domain.ingest.lane import (
    ALONE,
    LOAD_SECONDS,
    STEPS,
    TOGETHER_SECONDS,
    Sleeper,
    WakeUps,
    begins_at,
    comes_along,
    group_wait,
    latest_wait,
    load_seconds,
    oldest_of,
    step_of,
)
from headrace_compiler.compile import promises
from tests.support.fakes import contract, file

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
TIMES = st.floats(NOON, NOON + 86400)
PROMISES = st.integers(1, 86400)
TOOK = st.lists(st.integers(0, 4000), max_size=5)


def promising(seconds: int) -> Contract:
    """A dataset's contract, whose wait is the compiler's."""
    return contract(freshness_seconds=seconds, wait_seconds=promises.wait(seconds))


@given(PROMISES, TOOK, TIMES)
def test_a_group_begins_early_enough_for_a_load_that_takes_as_long_as_the_last_ones(
    promised: int, took: list[int], oldest: float
) -> None:
    begins = begins_at(promising(promised), took, oldest)
    assert begins >= oldest
    assert begins == oldest or begins + load_seconds(promised, took) <= oldest + promised


@given(st.integers(60, 86400), TIMES)
def test_a_group_begins_at_the_point_that_is_nearest_to_its_wait(promised: int, oldest: float) -> None:
    known = promising(promised)
    step = step_of(known.wait_seconds)
    begins = begins_at(known, (), oldest)
    assert begins % step == 0
    assert abs(begins - oldest - known.wait_seconds) <= step / 2


@given(PROMISES, TOOK, TIMES, st.floats(0, 5000))
def test_what_arrives_later_begins_no_earlier(promised: int, took: list[int], oldest: float, later: float) -> None:
    known = promising(promised)
    assert begins_at(known, took, oldest) <= begins_at(known, took, oldest + later)


@given(PROMISES, TOOK, st.integers(1, 4000), TIMES)
def test_what_takes_longer_begins_no_later(promised: int, took: list[int], more: int, oldest: float) -> None:
    known = promising(promised)
    slower = [*took, max(took, default=0) + more]
    assert begins_at(known, slower, oldest) <= begins_at(known, took, oldest)


@given(st.integers(60, 86400), st.lists(st.floats(0, 600), min_size=2, max_size=6))
def test_datasets_of_one_promise_agree_on_points_without_talking(promised: int, later: list[float]) -> None:
    known = promising(promised)
    points = {begins_at(known, (), NOON + seconds) for seconds in later}
    assert len(points) <= (max(later) - min(later)) / step_of(known.wait_seconds) + 2


def test_a_coarse_point_is_one_of_every_finer_step() -> None:
    assert all(coarse % fine == 0 for coarse, fine in pairwise(STEPS))
    assert all(86400 % step == 0 for step in STEPS), "so that points are the same every day"


@pytest.mark.parametrize(("wait", "step"), [(0, 1), (30, 1), (40, 5), (180, 15), (480, 60), (780, 60), (3600, 300)])
def test_the_step_is_the_coarsest_that_a_wait_allows(wait: int, step: int) -> None:
    assert step_of(wait) == step


@pytest.mark.parametrize(
    ("promised", "took", "latest"),
    [
        (900, (), 840),
        (900, (20, 30), 840),
        (900, (200, 100), 650),
        (900, (900,), 0),
        (60, (), 45),
        (60, (28,), 25),
        (None, (500,), math.inf),
    ],
)
def test_the_wait_shrinks_where_loads_take_longer_than_was_assumed(
    promised: int | None, took: tuple[int, ...], latest: float
) -> None:
    assert latest_wait(contract(freshness_seconds=promised), took) == latest


def test_of_a_staged_datasets_promise_the_merge_comes_first() -> None:
    known = contract(freshness_seconds=7200, staged=True, merge_seconds=3600)
    assert latest_wait(known, ()) == 7200 - 3600 - 2 * LOAD_SECONDS
    assert latest_wait(known, (200,)) == 7200 - 3600 - LOAD_SECONDS - 250


def test_a_wait_that_the_contract_sets_gives_way_to_its_promise() -> None:
    known = contract(freshness_seconds=600, wait_seconds=3600)
    assert begins_at(known, (), NOON) == NOON + 300, "the last point in time, of every five minutes"


@given(TIMES, TIMES, st.integers(0, 86400), st.integers(0, 86400))
def test_every_wait_is_bounded(oldest: float, at: float, wait: int, longest: int) -> None:
    known = contract(wait_seconds=wait)
    arrived = written(datetime.fromtimestamp(oldest, UTC))
    waits = group_wait(known, (), arrived, at, WakeUps(longest=longest))
    assert 0 <= waits <= min(longest, wait + STEPS[0])
    assert group_wait(known, (), arrived, at, ALONE) == wait


def test_a_group_without_a_promised_file_waits_from_now() -> None:
    assert group_wait(contract(wait_seconds=60), (), None, NOON, WakeUps()) == 60


def test_the_oldest_file_is_one_that_a_promise_is_for() -> None:
    early, late = "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"
    others = [
        file("a", arrived_at=early, lane="backfill"),
        file("b", arrived_at=early, reload=True),
        file("c", arrived_at=early, released="readings-1"),
        file("d", arrived_at=early, suspects="apart"),
        file("e", arrived_at=early, failing_since=early),
    ]
    assert oldest_of(others) is None
    assert oldest_of([*others, file("f", arrived_at=late)]) == late


@pytest.mark.parametrize(
    ("left", "since_last", "comes"),
    [
        (700, math.inf, True),
        (700, 780, True),
        (700, 699, False),
        (700, 60, False),
        (50, 60, True),
        (TOGETHER_SECONDS, math.inf, False),
        (-5, math.inf, False),
    ],
    ids=["first load", "same promise", "it loads again before", "every minute", "the last in time", "at once", "over"],
)
def test_what_waits_comes_along_with_the_last_load_that_is_in_time(left: float, since_last: float, comes: bool) -> None:
    assert comes_along(Sleeper("readings", "live", 1, NOON + left), NOON, since_last) is comes
