"""What is usual, worked out a second time from its description, with other means: both must agree."""

from __future__ import annotations

from math import exp, expm1, inf, log, log1p, sqrt
from random import Random
from statistics import mean, median

import pytest

from headrace.domain.statistics.baseline import Baseline, Figure, compare
from headrace.domain.statistics.checks import WRITTEN, Metric

TODAY = 730_000
COUNTED = {Metric.ROW_COUNT, Metric.DISTINCT_COUNT, Metric.DUPLICATE_KEYS}
SHARED = {Metric.NULL_SHARE, Metric.CATEGORIES}


def scaled(metric: Metric, figure: Figure, rows: int) -> float:
    """Square roots of counts (Anscombe 1948), logarithms of spreads and ages, means as they are."""
    if metric in COUNTED | SHARED:
        count = figure.value * rows / figure.rows if metric in SHARED else figure.value
        return sqrt(4 * count + 1.5)
    return {Metric.MEAN: float, Metric.FRESHNESS: log1p, Metric.SPREAD: log}[metric](figure.value)


def unscaled(metric: Metric, y: float, rows: int) -> float:
    if metric in COUNTED | SHARED:
        count = max((max(y, 0.0) ** 2 - 1.5) / 4, 0.0)
        return count / rows if metric in SHARED else count
    return {Metric.MEAN: float, Metric.FRESHNESS: expm1, Metric.SPREAD: exp}[metric](y)


def least_noise(metric: Metric, now: Figure, expected: float, days: list[Figure]) -> float:
    """That of counting so few rows, and one hundredth of the figure, which is a two-hundredth of its square root."""
    if metric in COUNTED | SHARED:
        return max(1.0, 0.005 * expected)
    deviation = median(day.deviation for day in days)
    of_rows = {Metric.MEAN: deviation / sqrt(now.rows), Metric.SPREAD: 1 / sqrt(now.rows), Metric.FRESHNESS: 0.25}
    of_figure = {Metric.MEAN: max(0.01 * deviation, 1e-9 * abs(expected)), Metric.SPREAD: 0.01, Metric.FRESHNESS: 0.0}
    return max(of_rows[metric], of_figure[metric])


def noise_of(rest: list[float]) -> float:
    """The spread of what is left, of which six numbers were fitted away."""
    middle = median(rest)
    return 1.4826 * median(abs(value - middle) for value in rest) * sqrt(len(rest) / (len(rest) - 6))


def least_squares(x: list[int], y: list[float]) -> tuple[float, float]:
    """The slope, and where the line begins, by the normal equations about the first day."""
    days = [day - x[0] for day in x]
    n, of_days, squares = len(days), sum(days), sum(day * day for day in days)
    products = sum(day * value for day, value in zip(days, y, strict=True))
    slope = (n * products - of_days * sum(y)) / (n * squares - of_days**2)
    return slope, (sum(y) - slope * of_days) / n - slope * x[0]


def again(metric: Metric, now: Figure, past: list[Figure]) -> Baseline:
    """As `compare`: line and weekdays in six turns, days far off drawn in to 2.5 spreads, three of them a surprise."""
    days = [figure for figure in past if 1 <= now.day - figure.day <= 91]
    x, y = [day.day for day in days], [scaled(metric, day, now.rows) for day in days]
    weekday: dict[int, list[int]] = {kind: [i for i, day in enumerate(x) if day % 7 == kind] for kind in range(7)}
    slope, start = 0.0, median(y)
    of = {kind: median(y[i] - start for i in here) if here else 0.0 for kind, here in weekday.items()}
    noise = noise_of([value - start - of[day % 7] for day, value in zip(x, y, strict=True)])
    for _ in range(6):
        fit = [start + slope * day + of[day % 7] for day in x]
        drawn = [min(max(value, f - 2.5 * noise), f + 2.5 * noise) for value, f in zip(y, fit, strict=True)]
        apart = max(mean(value**2 for value in of.values()), noise**2 / 7, 1e-300)
        rest = [value - start - slope * day for day, value in zip(x, drawn, strict=True)]
        of = {kind: sum(rest[i] for i in here) / (len(here) + noise**2 / apart) if here else 0.0
              for kind, here in weekday.items()}  # fmt: skip
        slope, start = least_squares(x, [value - of[day % 7] for day, value in zip(x, drawn, strict=True)])
        noise = noise_of([value - start - slope * day - of[day % 7] for day, value in zip(x, y, strict=True)])
    expected = start + slope * now.day + of[now.day % 7]
    unsure = sqrt(1 + 1 / max(len(weekday[now.day % 7]), 1) + 3 / len(x)) * (1 + 2 / len(x))
    spread = max(noise, least_noise(metric, now, expected, days)) * unsure
    low, high = (unscaled(metric, expected + sign * 3 * spread, now.rows) for sign in (-1, 1))
    score = (scaled(metric, now, now.rows) - expected) / spread
    return Baseline(unscaled(metric, expected, now.rows), low, high, score)


def a_past(metric: Metric, random: Random, days: int, shape: str) -> list[Figure]:
    """Figures of days: with a trend, with weekdays, with days that were wrong, or steady to the digit."""
    past = []
    for back in random.sample(range(1, 130), days):
        rows = random.choice([1, random.randint(200, 4000)])
        value = 500.0 if shape == "steady" else 500 + random.gauss(0, 15)
        value += 1.5 * back if shape == "trend" else 0
        value += 220 if shape == "weekdays" and (TODAY - back) % 7 in {2, 3} else 0
        value *= 6 if shape == "faults" and random.random() < 0.08 else 1
        if metric in SHARED:
            value = value * rows / 4000
        past.append(Figure(TODAY - back, value, rows, random.uniform(0.5, 3000)))
    return past


@pytest.mark.parametrize("shape", ["noise", "trend", "weekdays", "faults", "steady"])
@pytest.mark.parametrize("metric", WRITTEN)
def test_worked_out_a_second_time_it_is_the_same(metric: Metric, shape: str) -> None:
    random = Random(f"{metric} {shape}")
    for days in (32, 60, 120):
        past = a_past(metric, random, days, shape)
        for rows in (1, 4, 1000, 10**6):
            now = Figure(TODAY, random.uniform(0.3, 1) * min(rows, 700), rows, 2.0)
            found, wanted = compare(metric, now, [*past, now]), again(metric, now, past)
            assert found is not None
            assert (found.expected, found.low, found.high, found.score) == pytest.approx(
                (wanted.expected, wanted.low, wanted.high, wanted.score), rel=1e-6, abs=1e-6
            )


def test_a_figure_that_grows_beyond_all_numbers_has_a_usual() -> None:
    past = [Figure(TODAY - back, 10.0 ** (300 if back % 2 else 20)) for back in range(1, 60)]
    for metric in (Metric.SPREAD, Metric.FRESHNESS):
        found = compare(metric, Figure(TODAY, 1.0), past)
        assert found is not None
        assert found.high == pytest.approx(exp(700))


def test_a_share_is_of_one_row_where_nothing_else_is_said() -> None:
    past = [Figure(TODAY - back, 0.5) for back in range(1, 60)]
    found = compare(Metric.NULL_SHARE, Figure(TODAY, 0.5), past)
    assert found is not None
    assert found.expected == pytest.approx(0.5)


def test_what_is_off_by_three_spreads_is_no_surprise_and_what_is_off_by_more_is_one() -> None:
    assert not Baseline(0, 0, 0, 3.0).anomalous
    assert not Baseline(0, 0, 0, -3.0).anomalous
    assert Baseline(0, 0, 0, 3.001).anomalous
    assert Baseline(0, 0, 0, -3.001).anomalous


@pytest.mark.parametrize(("oldest", "said"), [(91, True), (92, False)])
def test_days_of_the_last_thirteen_weeks_count_and_fourteen_are_enough(oldest: int, said: bool) -> None:
    past = [Figure(TODAY - back, 10) for back in [*range(1, 14), oldest]]
    assert (compare(Metric.ROW_COUNT, Figure(TODAY, 10), past) is not None) is said


@pytest.mark.parametrize(
    ("metric", "value", "bounds"),
    [
        (Metric.MEAN, 0.0, (0.0, 0.0)),  # a column that is always nought has no noise at all
        (Metric.FRESHNESS, -5.0, (0.0, 0.0)),  # a clock that is ahead
        (Metric.SPREAD, 0.0, (0.0, 0.0)),
        (Metric.NULL_SHARE, 0.0, (0.0, 0.0)),
    ],
)
def test_figures_of_nothing_have_a_usual_too(metric: Metric, value: float, bounds: tuple[float, float]) -> None:
    past = [Figure(TODAY - back, value, 0) for back in range(1, 20)]
    found = compare(metric, Figure(TODAY, value, 0), past)
    assert found is not None
    assert abs(found.score) < 1e-9
    assert found.low <= bounds[0] + 1e-9
    assert found.expected == pytest.approx(bounds[0], abs=1e-9)
    assert bounds[1] <= found.high < inf
