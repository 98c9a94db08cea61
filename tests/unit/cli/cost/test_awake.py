"""The warehouse is billed by the seconds in which it works, a minute at least; who shares a minute shares its cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_cli.cost.awake import DAY, Rhythm, Work, awake, awake_a_day

works = st.builds(
    lambda who, begun, took: Work(who, begun, begun + took),
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 2000),
    st.integers(0, 300),
)


@pytest.mark.parametrize(
    ("worked", "billed", "wake_ups"),
    [
        ([Work("a", 0, 5)], {"a": 60}, 1),
        ([Work("a", 0, 90)], {"a": 90}, 1),
        ([Work("a", 0, 5), Work("a", 30, 40)], {"a": 90}, 1),
        ([Work("a", 0, 5), Work("a", 100, 105)], {"a": 120}, 2),
        ([Work("a", 0, 5), Work("b", 0, 5)], {"a": 30, "b": 30}, 1),
        ([Work("a", 0, 120), Work("b", 0, 5)], {"a": 90, "b": 30}, 1),
        ([Work("a", 0, 5), Work("a", 1, 6), Work("b", 0, 5)], {"a": 31, "b": 30}, 1),
        ([], {}, 0),
    ],
)
def test_a_wake_up_is_a_minute_at_least_and_is_shared_by_those_in_it(
    worked: list[Work], billed: dict[str, float], wake_ups: int
) -> None:
    found = awake(worked)
    assert ({who: seconds for who, seconds in found.seconds.items() if seconds}, found.wake_ups) == (billed, wake_ups)


def test_those_whose_work_falls_into_a_wake_up_share_it() -> None:
    found = awake([Work("a", 0, 5), Work("b", 30, 40), Work("a", 80, 85), Work("b", 300, 310)])
    assert found.shared_by == (frozenset("ab"), frozenset("b"))


@given(st.lists(works, max_size=12))
def test_what_is_shared_is_all_that_is_billed_and_no_more(worked: list[Work]) -> None:
    billed = {second for work in worked for second in range(int(work.begun), int(max(work.ended, work.begun + 60)))}
    assert awake(worked).all_seconds == pytest.approx(len(billed))


def test_a_day_of_one_dataset_is_its_loads() -> None:
    assert awake_a_day([Rhythm(24, 20)]) == pytest.approx(24 * 60)
    assert awake_a_day([Rhythm(24, 100)]) == pytest.approx(24 * 100)
    assert awake_a_day([], wake_ups=0) == 0


def test_twenty_datasets_keep_it_awake_unless_they_share_its_wake_ups() -> None:
    twenty = [Rhythm(96, 20)] * 20
    assert awake_a_day(twenty, wake_ups=96) == pytest.approx(96 * 80)
    assert awake_a_day(twenty) > DAY / 2


@given(st.lists(st.builds(Rhythm, st.floats(0, 5000), st.floats(0, 500)), max_size=8), st.none() | st.floats(0, 1e5))
def test_no_day_is_longer_than_a_day(rhythms: list[Rhythm], wake_ups: float | None) -> None:
    assert 0 <= awake_a_day(rhythms, wake_ups=wake_ups) <= DAY + 1e-6
