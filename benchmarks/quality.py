"""`make bench-quality`: how often the third tier cries wolf, and what it finds.

Histories of 90 days and 12 metrics with a weekly season, a trend and noise are judged day by day, each day against the
days before it only. Then faults are put into single days. The judging is the deployed code; the figures are drawn, as
their SQL would measure them. SETS says how many datasets of each size.
"""

from __future__ import annotations

import math
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from headrace.domain.statistics.baseline import FEWEST_DAYS, Figure
from headrace.domain.statistics.checks import Check, Metric
from headrace.domain.statistics.judgement import Measured, Scope, Verdict, judge

DAYS = 90
LARGE, SMALL = 10_000, 60
"""Rows a day."""
MOST_FALSE_ALARMS = 1.0
"""Per 100 metric-days."""
LEAST_FOUND = 0.95
FAULTS_FROM = 28
"""The first day that a fault is put into: four weeks have been seen."""
CATEGORIES = {"parcel": 0.6, "letter": 0.3, "pallet": 0.1}
DEVIATION = 30.0
CHECKS = (
    Check(Metric.ROW_COUNT),
    Check(Metric.DUPLICATE_KEYS),
    Check(Metric.NULL_SHARE, "a"),
    Check(Metric.NULL_SHARE, "b"),
    Check(Metric.DISTINCT_COUNT, "a"),
    Check(Metric.DISTINCT_COUNT, "b"),
    Check(Metric.MEAN, "a"),
    Check(Metric.MEAN, "b"),
    Check(Metric.MEAN, "c"),
    Check(Metric.SPREAD, "a"),
    Check(Metric.CATEGORIES, "k"),
    Check(Metric.FRESHNESS, "t"),
)
Day = list[Measured]


@dataclass
class Dataset:
    """What one dataset's days are like: its season, trend and noise, each drawn once."""

    size: int
    seed: int
    chance: random.Random = field(init=False)
    season: list[float] = field(init=False)
    trend: float = field(init=False)
    noise: float = field(init=False)
    missing: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.season = [1 + self.chance.uniform(-0.3, 0.3) for _ in range(7)]
        self.trend = self.chance.uniform(-0.2, 0.4) / DAYS
        self.noise = self.chance.uniform(0.02, 0.08)
        self.missing = {"a": self.chance.uniform(0.005, 0.02), "b": self.chance.uniform(0.02, 0.1)}

    def days(self) -> list[Day]:
        """Every day's figures."""
        return [list(self._day(number)) for number in range(DAYS)]

    def _day(self, day: int) -> Iterator[Measured]:
        level = self.season[day % 7] * (1 + self.trend * day)
        rows = max(self._count(self.size * level * self._factor()), 1)
        yield Measured(Metric.ROW_COUNT, "", Figure(day, rows, rows))
        yield Measured(Metric.DUPLICATE_KEYS, "", Figure(day, self._count(rows * 0.01), rows))
        for column, share in self.missing.items():
            yield Measured(Metric.NULL_SHARE, column, Figure(day, self._count(rows * share * self._factor()), rows))
            different = rows * (1 - math.exp(-1 / 3)) * self._factor()
            yield Measured(Metric.DISTINCT_COUNT, column, Figure(day, self._count(different), rows))
        for column in "abc":
            mean = 100 * (level + self.chance.gauss(0, self.noise)) + self.chance.gauss(0, DEVIATION / math.sqrt(rows))
            yield Measured(Metric.MEAN, column, Figure(day, mean, rows, DEVIATION))
        spread = DEVIATION * self._factor() * math.exp(self.chance.gauss(0, 1 / math.sqrt(2 * rows)))
        yield Measured(Metric.SPREAD, "a", Figure(day, spread, rows))
        for name, share in CATEGORIES.items():
            yield Measured(Metric.CATEGORIES, "k", Figure(day, self._count(rows * share * self._factor()), rows), name)
        yield Measured(Metric.FRESHNESS, "t", Figure(day, 600 * math.exp(self.chance.gauss(0, 0.3))))

    def _factor(self) -> float:
        return math.exp(self.chance.gauss(0, self.noise))

    def _count(self, expected: float) -> int:
        """A Poisson count; the normal distribution stands for it where it is large."""
        if expected > 50:
            return max(0, round(self.chance.gauss(expected, math.sqrt(expected))))
        limit, count, product = math.exp(-expected), 0, self.chance.random()
        while product > limit:
            count, product = count + 1, product * self.chance.random()
        return count


def alarms(days: list[Day], day: int, today: Day, scope: Scope = Scope.BATCH) -> list[str]:
    """The checks that are surprised on a day, knowing the days before it."""
    past = [item for before in days[:day] for item in before]
    found = judge(CHECKS, today, past, scope)
    return [finding.check.name for finding in found if finding.verdict is Verdict.SURPRISING]


def false_alarms(size: int, sets: int) -> tuple[int, int, Counter[str]]:
    """Metric-days judged, alarms among them, and those by check."""
    told: Counter[str] = Counter()
    for seed in range(sets):
        days = Dataset(size, seed).days()
        for day in range(FEWEST_DAYS, DAYS):
            told.update(alarms(days, day, days[day]))
    return sets * len(CHECKS) * (DAYS - FEWEST_DAYS), told.total(), told


Fault = Callable[[Dataset, Measured], Measured]


def _changed(item: Measured, factor: float, plus: float = 0.0) -> Measured:
    return replace(item, figure=replace(item.figure, value=item.figure.value * factor + plus))


def half_of_the_rows(_: Dataset, item: Measured) -> Measured:
    """All counts are halved."""
    figure = item.figure
    half = replace(item, figure=replace(figure, rows=max(figure.rows // 2, 1)))
    counted = item.metric in {Metric.ROW_COUNT, Metric.NULL_SHARE, Metric.CATEGORIES, Metric.DUPLICATE_KEYS}
    return _changed(half, 0.5) if counted else half


def ten_times_the_nulls(_: Dataset, item: Measured) -> Measured:
    """Of the column that rarely misses a value."""
    return _changed(item, 10) if (item.metric, item.column) == (Metric.NULL_SHARE, "a") else item


def mean_off_by_spreads(_: Dataset, item: Measured) -> Measured:
    """By five standard deviations of the column."""
    return _changed(item, 1, 5 * DEVIATION) if (item.metric, item.column) == (Metric.MEAN, "b") else item


def mean_off_by_its_noise(dataset: Dataset, item: Measured) -> Measured:
    """By five times what the mean itself varies from day to day: far less than the column's spread."""
    own = 100 * dataset.noise
    return _changed(item, 1, 5 * own) if (item.metric, item.column) == (Metric.MEAN, "b") else item


def category_gone(_: Dataset, item: Measured) -> Measured:
    """The rarest."""
    return _changed(item, 0) if item.category == "pallet" else item


def loaded_twice(_: Dataset, item: Measured) -> Measured:
    """A file's rows are in the table twice, a tenth of the day's."""
    return _changed(item, 0, item.figure.rows // 10) if item.metric is Metric.DUPLICATE_KEYS else item


FAULTS: dict[str, tuple[Fault, str, Scope]] = {
    "half of the rows missing": (half_of_the_rows, "rowCount", Scope.BATCH),
    "nulls at ten times": (ten_times_the_nulls, "a: nullShare", Scope.BATCH),
    "mean shifted by 5 spreads of the column": (mean_off_by_spreads, "b: mean", Scope.BATCH),
    "  … by 5 times its day-to-day spread": (mean_off_by_its_noise, "b: mean", Scope.BATCH),
    "a category gone": (category_gone, "k: categories", Scope.BATCH),
    "a file loaded twice by hand": (loaded_twice, "duplicateKeys", Scope.DAY),
}


def found(name: str, sets: int, times: int = 4) -> tuple[int, int]:
    """Faults put in, and found by the right check on their day."""
    fault, check, scope = FAULTS[name]
    hits = 0
    for seed in range(sets):
        dataset = Dataset(LARGE, seed)
        days = dataset.days()
        for day in dataset.chance.sample(range(FAULTS_FROM, DAYS), times):
            hits += check in alarms(days, day, [fault(dataset, item) for item in days[day]], scope)
    return sets * times, hits


def main() -> int:
    """Print both tables; 1 if a figure is missed."""
    sets = int(os.environ.get("SETS", "30"))
    missed = False
    print(
        f"{sets} datasets of each size, {DAYS} days x {len(CHECKS)} metrics; the first {FEWEST_DAYS} days only teach\n"
    )
    print(f"{'false alarms':42} {'metric-days':>12} {'alarms':>7} {'per 100':>8}   at most {MOST_FALSE_ALARMS}")
    for size in (LARGE, SMALL):
        judged, told, by_check = false_alarms(size, sets)
        rate = 100 * told / judged
        missed |= rate > MOST_FALSE_ALARMS
        print(f"  {f'{size:,} rows a day':40} {judged:12,} {told:7,} {rate:8.2f}   {_most(by_check)}")
    total = hits = 0
    print(
        f"\n{f'faults, {LARGE:,} rows a day':42} {'put in':>12} {'found':>7} {'share':>8}   at least {LEAST_FOUND:.0%}"
    )
    for name in FAULTS:
        put, seen = found(name, sets)
        total, hits = total + put, hits + seen
        print(f"  {name:40} {put:12,} {seen:7,} {seen / put:8.1%}")
    print(f"  {'all':40} {total:12,} {hits:7,} {hits / total:8.1%}")
    return int(missed or hits / total < LEAST_FOUND)


def _most(by_check: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in by_check.most_common(3))


if __name__ == "__main__":
    sys.exit(main())
