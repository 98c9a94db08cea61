"""What is usual: the short form of `make bench-quality`, and the edges that figures of real tables have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import quality
from headrace.domain.notice import surprise_notice
from headrace.domain.statistics.baseline import FEWEST_DAYS, Figure, compare
from headrace.domain.statistics.checks import Check, Metric
from headrace.domain.statistics.judgement import Finding, Measured, Scope, Verdict, judge

TODAY = 1000


def steady(value: float, rows: int = 1000, days: int = 28, deviation: float = 1.0) -> list[Figure]:
    return [Figure(TODAY - back, value, rows, deviation) for back in range(1, days + 1)]


@pytest.mark.parametrize("size", [quality.LARGE, quality.SMALL])
def test_false_alarms_are_rare(size: int) -> None:
    judged, told, by_check = quality.false_alarms(size, sets=8)
    assert told <= quality.MOST_FALSE_ALARMS * judged / 100, by_check


def test_faults_are_found_on_their_day() -> None:
    counts = [quality.found(name, sets=5) for name in quality.FAULTS]
    assert sum(seen for _, seen in counts) >= quality.LEAST_FOUND * sum(put for put, _ in counts)


def test_a_fault_of_the_past_does_not_teach_that_faults_are_usual() -> None:
    past = [Figure(day, 10 if TODAY - day in {3, 9, 17} else 1000) for day in range(TODAY - 42, TODAY)]
    usual = compare(Metric.ROW_COUNT, Figure(TODAY, 500), past)
    assert usual is not None
    assert usual.anomalous
    assert usual.expected == pytest.approx(1000, rel=0.1)


def test_a_day_is_compared_with_days_of_its_kind() -> None:
    def rows(day: int) -> int:
        return 10 if day % 7 == 0 else 1000

    past = [Figure(day, rows(day)) for day in range(TODAY - 56, TODAY)]
    sunday = TODAY + (-TODAY % 7)
    for day, anomalous in ((sunday, False), (sunday + 1, True)):
        usual = compare(Metric.ROW_COUNT, Figure(day, 10), past)
        assert usual is not None
        assert usual.anomalous is anomalous


def test_the_point_itself_and_later_days_are_no_part_of_the_past() -> None:
    now = Figure(TODAY, 500)
    without = compare(Metric.ROW_COUNT, now, steady(1000))
    assert compare(Metric.ROW_COUNT, now, [*steady(1000), now, Figure(TODAY + 1, 500)]) == without


@pytest.mark.parametrize("metric", Metric)
def test_too_few_days_say_nothing(metric: Metric) -> None:
    assert compare(metric, Figure(TODAY, 1), steady(1, days=FEWEST_DAYS - 1)) is None


@pytest.mark.parametrize(
    ("metric", "value", "anomalous"),
    [
        (Metric.ROW_COUNT, 1000, False),
        (Metric.ROW_COUNT, 1060, False),  # the noise of counting
        (Metric.ROW_COUNT, 1500, True),
        (Metric.NULL_SHARE, 1000, False),
        (Metric.MEAN, 1000, False),
        (Metric.MEAN, 1000.05, False),  # a twentieth of the column's spread over a thousand rows
        (Metric.MEAN, 1001, True),
        (Metric.SPREAD, 1000, False),
        (Metric.SPREAD, 2000, True),
        (Metric.FRESHNESS, 5000, True),
    ],
)
def test_figures_that_never_moved(metric: Metric, value: float, anomalous: bool) -> None:
    usual = compare(metric, Figure(TODAY, value, 1000, 1.0), steady(1000))
    assert usual is not None
    assert usual.anomalous is anomalous
    unit = 1000 if metric is Metric.NULL_SHARE else 1
    assert (usual.low <= value / unit <= usual.high) is not anomalous


@given(
    st.sampled_from(list(Metric)),
    st.lists(st.tuples(st.floats(0, 1e12), st.integers(0, 10**9)), min_size=FEWEST_DAYS, max_size=40),
    st.floats(0, 1e12),
)
def test_any_figures_can_be_compared(metric: Metric, past: list[tuple[float, int]], value: float) -> None:
    figures = [Figure(TODAY - back, *item) for back, item in enumerate(past, start=1)]
    usual = compare(metric, Figure(TODAY, value, 10), figures)
    assert usual is not None
    assert usual.low <= usual.expected <= usual.high


def test_a_fresher_batch_than_usual_is_no_news() -> None:
    check = Check(Metric.FRESHNESS, "t")
    past = [Measured(Metric.FRESHNESS, "t", figure) for figure in steady(3600)]
    for value, verdict in ((1.0, Verdict.GOOD), (360000.0, Verdict.SURPRISING)):
        (finding,) = judge([check], [Measured(Metric.FRESHNESS, "t", Figure(TODAY, value))], past, Scope.BATCH)
        assert finding.verdict is verdict


def categories(check: Check) -> Finding:
    """What a check finds when `ann@example.org` is new and `bob@example.org` is gone."""
    past = [
        Measured(Metric.CATEGORIES, "mail", Figure(TODAY - back, 500, 1000), name)
        for back in range(1, 30)
        for name in ("all", "bob@example.org")
    ]
    now = [Measured(Metric.CATEGORIES, "mail", Figure(TODAY, 500, 1000), name) for name in ("all", "ann@example.org")]
    (finding,) = judge([check], now, past, Scope.BATCH)
    return finding


def test_categories_are_counted_and_not_named() -> None:
    finding = categories(Check(Metric.CATEGORIES, "mail"))
    assert finding.sentence == "mail: categories: new: 1 value; gone: 1 value"
    notice = surprise_notice("people", "batch people-7", [finding], None)
    assert "example.org" not in str(notice)
    assert "etl.quality_figures WHERE dataset = 'people' AND column_name = 'mail'" in notice.lines[1]


@pytest.mark.parametrize(
    ("rows", "show", "said"), [(1, False, False), (9, False, False), (10, False, True), (1, True, True)]
)
def test_the_mean_of_a_few_values_is_not_told(rows: int, show: bool, said: bool) -> None:
    """Of one row it is the row's own value."""
    past = [Measured(Metric.MEAN, "salary", Figure(TODAY - back, 1000, 50, 10.0)) for back in range(1, 30)]
    now = [Measured(Metric.MEAN, "salary", Figure(TODAY, 73112, rows, 10.0))]
    (finding,) = judge([Check(Metric.MEAN, "salary", show_values=show)], now, past, Scope.BATCH)
    notice = surprise_notice("people", "batch people-7", [finding], None)
    assert finding.verdict is Verdict.SURPRISING
    told = " ".join(notice.lines)
    assert ("73,112" in told) is said
    assert ("metric = 'mean'" in told) is not said


def test_categories_are_named_where_the_contract_says_so() -> None:
    finding = categories(Check(Metric.CATEGORIES, "mail", show_values=True))
    assert finding.sentence == "mail: categories: new: ann@example.org; gone: bob@example.org"
    assert surprise_notice("people", "batch people-7", [finding], None).lines == (finding.sentence,)
