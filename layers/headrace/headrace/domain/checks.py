"""Statistics checks, the third tier of validation, as a contract asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Metric(StrEnum):
    """What is measured. Those about a column name one, the others are about the table."""

    ROW_COUNT = "rowCount"
    DUPLICATE_KEYS = "duplicateKeys"
    NULL_SHARE = "nullShare"
    DISTINCT_COUNT = "distinctCount"
    MEAN = "mean"
    SPREAD = "spread"
    CATEGORIES = "categories"
    FRESHNESS = "freshness"


OF_TABLE = frozenset({Metric.ROW_COUNT, Metric.DUPLICATE_KEYS})
OF_WHOLE_BATCHES = frozenset(
    {Metric.ROW_COUNT, Metric.DUPLICATE_KEYS, Metric.DISTINCT_COUNT, Metric.CATEGORIES, Metric.FRESHNESS}
)
"""Figures that say nothing of a batch that people or a failure have put together."""
OF_NUMBERS = frozenset({Metric.MEAN, Metric.SPREAD})
SHOW_VALUES = OF_NUMBERS | {Metric.CATEGORIES}
"""What is found by these may be a value of a row."""


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
