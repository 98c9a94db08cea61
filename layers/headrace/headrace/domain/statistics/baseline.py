"""What a figure usually is, from past days: robust, aware of weekdays and trend, with a floor for small tables.

Figures are first put on a scale on which their noise does not depend on their size: counts and shares on a square-root
scale, where the noise of counting is 1 for any count (Anscombe 1948), spreads and ages on a logarithmic one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression, median

from headrace.domain.statistics.checks import Metric, Scale

WINDOW_DAYS = 91
"""How far back the usual is looked for."""
FEWEST_DAYS = 14
"""With fewer past days each weekday has been seen only once, and nothing is reported."""
WEEK = 7
MAD_TO_SPREAD = 1.4826
"""A normal distribution's standard deviation, in median absolute deviations."""
SURPRISING = 3.0
"""A figure this many spreads from the usual is reported; `make bench-quality` shows the cost in false alarms."""
SMALLEST_SHARE = 0.01
"""Changes of about this part of a figure are noise to people, however steady the figure has been."""

ROUNDS = 6
FAR = 2.5
"""Past days are clipped to this many spreads before the usual is learned from them."""
FITTED = 6
"""About how many numbers the fit takes from the days, which makes what is left look calmer than it is."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number: `value` of `rows` rows on a day (its ordinal). Shares are counted, not divided.

    `deviation` is the standard deviation of the column's values, which says how sure a mean is.
    """

    day: int
    value: float
    rows: int = 1
    deviation: float = 0.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was expected of a figure, and the bounds within which it is not a surprise, in the figure's own unit."""

    expected: float
    low: float
    high: float
    score: float

    @property
    def anomalous(self) -> bool:
        """Whether the figure lies outside."""
        return abs(self.score) > SURPRISING


def compare(metric: Metric, now: Figure, past: Sequence[Figure]) -> Baseline | None:
    """The figure against past days, one figure each, its own day left out; None while there are too few."""
    days = [figure for figure in past if now.day - WINDOW_DAYS <= figure.day < now.day]
    if len(days) < FEWEST_DAYS:
        return None
    scale = metric.traits.scale
    scaled = [(figure.day, _on_scale(scale, figure, now.rows)) for figure in days]
    expected, noise, certainty = _forecast(scaled, now.day)
    floor = _floor(scale, now, expected, [figure.deviation for figure in days])
    spread = max(noise, floor) * certainty
    score = (_on_scale(scale, now, now.rows) - expected) / spread
    low, high = expected - SURPRISING * spread, expected + SURPRISING * spread
    usual, lowest, highest = (_off_scale(scale, y, now.rows) for y in (expected, low, high))
    return Baseline(usual, lowest, highest, score)


def _on_scale(scale: Scale, figure: Figure, rows: int) -> float:
    match scale:
        case Scale.SHARE:
            return 2 * math.sqrt(figure.value / max(figure.rows, 1) * rows + 3 / 8)
        case Scale.COUNT:
            return 2 * math.sqrt(figure.value + 3 / 8)
        case Scale.MEAN:
            return figure.value
        case Scale.SPREAD:
            return math.log(max(figure.value, 1e-300))
        case Scale.AGE:
            return math.log1p(max(figure.value, 0.0))


def _off_scale(scale: Scale, y: float, rows: int) -> float:
    match scale:
        case Scale.SHARE:
            return _count(y) / max(rows, 1)
        case Scale.COUNT:
            return _count(y)
        case Scale.MEAN:
            return y
        case Scale.SPREAD:
            return math.exp(min(y, 700.0))
        case Scale.AGE:
            return math.expm1(min(y, 700.0))


def _count(y: float) -> float:
    return max((max(y, 0.0) / 2) ** 2 - 3 / 8, 0.0)


def _floor(scale: Scale, now: Figure, expected: float, deviations: Sequence[float]) -> float:
    """The noise that is there at least: that of counting few rows, and what is too small for people to care."""
    match scale:
        case Scale.SHARE | Scale.COUNT:
            return max(1.0, SMALLEST_SHARE / 2 * expected)
        case Scale.MEAN:
            usual = median(deviations)
            return max(usual / math.sqrt(max(now.rows, 1)), SMALLEST_SHARE * usual, 1e-9 * abs(expected), 1e-300)
        case Scale.SPREAD:
            return max(1 / math.sqrt(max(now.rows, 1)), SMALLEST_SHARE)
        case Scale.AGE:
            return 0.25


def _forecast(points: Sequence[tuple[int, float]], day: int) -> tuple[float, float, float]:
    """What is expected on `day`, the noise about it, and the factor by which both are unsure while days are few.

    A line through all days and each weekday's deviation from it, fitted in turns. Days that are far off by median and
    MAD are drawn in before, so that a fault of the past does not teach that faults are usual.
    """
    line = _Line(0.0, median(value for _, value in points))
    weekdays = _first_weekdays(points, line)
    noise = _noise(points, line, weekdays)
    for _ in range(ROUNDS):
        drawn = [(past, _drawn_in(value, line.at(past) + weekdays[past % WEEK], noise)) for past, value in points]
        weekdays = _weekdays([(past, value - line.at(past)) for past, value in drawn], noise, weekdays)
        line = _fitted([(past, value - weekdays[past % WEEK]) for past, value in drawn])
        noise = _noise(points, line, weekdays)
    same = sum((day - past) % WEEK == 0 for past, _ in points)
    unsure = math.sqrt(1 + 1 / max(same, 1) + 3 / len(points)) * (1 + 2 / len(points))
    return line.at(day) + weekdays[day % WEEK], noise, unsure


@dataclass(frozen=True, slots=True)
class _Line:
    slope: float
    start: float

    def at(self, day: int) -> float:
        """Its value on a day."""
        return self.start + self.slope * day


def _drawn_in(value: float, expected: float, noise: float) -> float:
    return min(max(value, expected - FAR * noise), expected + FAR * noise)


def _first_weekdays(points: Sequence[tuple[int, float]], line: _Line) -> list[float]:
    """Each weekday's median, off the line: what cannot be misled by single days."""
    of = [[value - line.at(past) for past, value in points if past % WEEK == weekday] for weekday in range(WEEK)]
    return [median(values) if values else 0.0 for values in of]


def _noise(points: Sequence[tuple[int, float]], line: _Line, weekdays: Sequence[float]) -> float:
    """How far days are off what is fitted, by their median absolute deviation."""
    rest = [value - line.at(past) - weekdays[past % WEEK] for past, value in points]
    return MAD_TO_SPREAD * _mad(rest) * math.sqrt(len(points) / (len(points) - FITTED))


def _weekdays(rest: Sequence[tuple[int, float]], noise: float, before: Sequence[float]) -> list[float]:
    """How far each weekday is off the line, drawn towards nothing as far as weekdays differ by no more than noise."""
    doubt = noise**2 / max(fmean(value**2 for value in before), noise**2 / WEEK, 1e-300)
    of = [[value for past, value in rest if past % WEEK == weekday] for weekday in range(WEEK)]
    return [sum(values) / (len(values) + doubt) if values else 0.0 for values in of]


def _fitted(points: Sequence[tuple[int, float]]) -> _Line:
    """The line of least squares."""
    slope, start = linear_regression(*zip(*points, strict=True))
    return _Line(slope, start)


def _mad(values: Sequence[float]) -> float:
    middle = median(values)
    return median(abs(value - middle) for value in values)
