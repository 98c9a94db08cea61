"""Statistics checks, the third tier of validation, as a contract asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from headrace.domain.kind import NUMBERS, TIMES, Kind


class Scale(StrEnum):
    """What a figure's noise depends on, and how it is shown: a count, a share, a mean, a deviation or an age."""

    COUNT = "rows or values"
    SHARE = "percent"
    MEAN = "the column's unit"
    SPREAD = "the column's unit, as a deviation"
    AGE = "hours"


@dataclass(frozen=True, slots=True)
class Traits:
    """What is true of a metric. `kinds` are the columns that have it; none: it is about the table.

    `library` is ODCS's name of the metric with bounds. `of_whole_batches`: the figure says nothing of a batch that
    people or a failure have put together. `shows_values`: what is found may be a value of a row.
    """

    scale: Scale
    kinds: frozenset[Kind] = frozenset()
    library: str = ""
    of_whole_batches: bool = False
    shows_values: bool = False


class Metric(StrEnum):
    """What is measured. The SQL of each is in the compiler's `sql.metrics`."""

    ROW_COUNT = "rowCount"
    DUPLICATE_KEYS = "duplicateKeys"
    NULL_SHARE = "nullShare"
    DISTINCT_COUNT = "distinctCount"
    MEAN = "mean"
    SPREAD = "spread"
    CATEGORIES = "categories"
    FRESHNESS = "freshness"
    SNAPSHOT_SHARE = "snapshotShare"

    @property
    def traits(self) -> Traits:
        """What is true of it."""
        return METRICS[self]


METRICS = {
    Metric.ROW_COUNT: Traits(Scale.COUNT, library="rowCount", of_whole_batches=True),
    Metric.DUPLICATE_KEYS: Traits(Scale.COUNT, library="duplicateValues", of_whole_batches=True),
    Metric.NULL_SHARE: Traits(Scale.SHARE, frozenset(Kind), library="nullValues"),
    Metric.DISTINCT_COUNT: Traits(Scale.COUNT, frozenset(Kind) - {Kind.SUPER}, of_whole_batches=True),
    Metric.MEAN: Traits(Scale.MEAN, NUMBERS, shows_values=True),
    Metric.SPREAD: Traits(Scale.SPREAD, NUMBERS, shows_values=True),
    Metric.CATEGORIES: Traits(
        Scale.SHARE,
        frozenset({Kind.STRING, Kind.INTEGER, Kind.BOOLEAN, Kind.DATE}),
        of_whole_batches=True,
        shows_values=True,
    ),
    Metric.FRESHNESS: Traits(Scale.AGE, TIMES, of_whole_batches=True),
    Metric.SNAPSHOT_SHARE: Traits(Scale.SHARE),
}
WRITTEN = tuple(metric for metric in Metric if metric is not Metric.SNAPSHOT_SHARE)
"""What a contract may ask for under `quality`. The share of a snapshot is a separate property."""
OF_TABLE = frozenset(metric for metric in Metric if not metric.traits.kinds)


@dataclass(frozen=True, slots=True)
class Check:
    """One check. Without bounds the figure is compared with that of past days; `hold` keeps the batch from the target.

    `lowest` and `highest` are the bounds that the contract sets itself, inclusive: of shares from 0 to 1, of freshness
    in seconds. `show_values` is whether people may be shown values of rows: categories, and the mean of a few.
    """

    metric: Metric
    column: str = ""
    hold: bool = False
    lowest: float | None = None
    highest: float | None = None
    show_values: bool = False

    @property
    def name(self) -> str:
        """As people read it: `amount: mean`, or `rowCount`."""
        return f"{self.column}: {self.metric}" if self.column else str(self.metric)

    @property
    def bounded(self) -> bool:
        """Whether the contract sets the bounds itself, so that no past days are needed."""
        return self.lowest is not None or self.highest is not None
