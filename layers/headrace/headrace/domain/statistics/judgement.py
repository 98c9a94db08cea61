"""The verdict on a batch or a day: which figures are not what they usually are, or not what the contract wants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from headrace.domain.contract import Contract
from headrace.domain.ingest.ledger import LIVE, BatchRecord, FileRecord
from headrace.domain.ingest.replay import replay_of
from headrace.domain.statistics.baseline import FEWEST_DAYS, Figure, compare
from headrace.domain.statistics.checks import Check, Metric, Scale

LISTED = 5
FEWEST_TOLD = 10
"""The mean of fewer values may be one of them, and their spread says how they differ."""


class Scope(StrEnum):
    """What a figure is of: the rows that a batch brings, or those that came on a day.

    PART: of files that are sent again, come back from quarantine, are set apart or backfilled. They are fewer or older
    than is usual, and are right to be; nor do they teach what is usual.
    """

    BATCH = "batch"
    PART = "part"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with what it is about. `category` is a value of the column, for counts of categories."""

    metric: Metric
    column: str
    figure: Figure
    category: str = ""


class Verdict(StrEnum):
    """What a check says. LEARNING: there are too few past days to say anything."""

    GOOD = "good"
    LEARNING = "learning"
    SURPRISING = "surprising"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. Figures are in the unit of the check: shares from 0 to 1, freshness in seconds."""

    check: Check
    verdict: Verdict
    value: float
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    remark: str = ""

    @property
    def hides_values(self) -> bool:
        """Whether the values that were found stay in the warehouse, and only their number is said."""
        return bool(self.remark) and not self.check.show_values

    @property
    def sentence(self) -> str:
        """The figure and what it should be, for people."""
        if self.remark:
            return f"{self.check.name}: {self.remark}"
        value = _written(self.check.metric, self.value)
        limits = [f"at least {_written(self.check.metric, self.low)}"] if self.low is not None else []
        limits += [f"at most {_written(self.check.metric, self.high)}"] if self.high is not None else []
        if self.check.metric is Metric.SNAPSHOT_SHARE:
            return (
                f"the snapshot has {value} of the rows it would replace; the contract wants {limits[0]} (shrinkLimit)"
            )
        if self.check.bounded:
            return f"{self.check.name} is {value}; the contract wants {' and '.join(limits)}"
        usual = _written(self.check.metric, self.expected or 0.0)
        return f"{self.check.name} is {value}; usual for the day is {usual} ({' and '.join(limits)})"


def scope_of(batch: BatchRecord, files: Iterable[FileRecord], contract: Contract) -> Scope:
    """Whether a batch is one as they usually come."""
    unusual = all(file.reload or file.suspects or replay_of(contract, file.key) for file in files)
    return Scope.PART if unusual or batch.lane != LIVE else Scope.BATCH


def judge(checks: Iterable[Check], now: Sequence[Measured], past: Sequence[Measured], scope: Scope) -> list[Finding]:
    """One finding per check whose figure was measured. `past` holds one figure a day and thing."""
    wanted = [check for check in checks if _says_something(check, scope)]
    return [finding for check in wanted for finding in _judged(_in_scope(check, scope), now, past)]


def anomalous(findings: Iterable[Finding]) -> list[Finding]:
    """Those that people must be notified of."""
    return [finding for finding in findings if finding.verdict is Verdict.SURPRISING]


def _says_something(check: Check, scope: Scope) -> bool:
    return scope is not Scope.PART or check.bounded or not check.metric.traits.of_whole_batches


def _in_scope(check: Check, scope: Scope) -> Check:
    """In a batch a key may come twice, the newer row wins; in the table it may not."""
    in_table = scope is Scope.DAY and check.metric is Metric.DUPLICATE_KEYS and not check.bounded
    return replace(check, highest=0.0) if in_table else check


def _judged(check: Check, now: Sequence[Measured], past: Sequence[Measured]) -> list[Finding]:
    mine = [item for item in now if _about(item, check)]
    before = [item for item in past if _about(item, check)]
    if check.metric is Metric.CATEGORIES:
        return [_categories(check, mine, before)] if mine else []
    return [_single(check, item.figure, [other.figure for other in before]) for item in mine[:1]]


def _about(item: Measured, check: Check) -> bool:
    return (item.metric, item.column) == (check.metric, check.column)


def _single(check: Check, now: Figure, past: list[Figure]) -> Finding:
    scale = check.metric.traits.scale
    value = now.value / max(now.rows, 1) if scale is Scale.SHARE else now.value
    if check.bounded:
        low, high = check.lowest, check.highest
        outside = (low is not None and value < low) or (high is not None and value > high)
        return Finding(check, Verdict.SURPRISING if outside else Verdict.GOOD, value, None, low, high)
    usual = compare(check.metric, now, past)
    if usual is None:
        return Finding(check, Verdict.LEARNING, value)
    fresher = scale is Scale.AGE and usual.score < 0
    verdict = Verdict.SURPRISING if usual.anomalous and not fresher else Verdict.GOOD
    close = scale in {Scale.MEAN, Scale.SPREAD} and now.rows < FEWEST_TOLD and not check.show_values
    remark = f"is not what it usually is, of {now.rows} values" if close and verdict is Verdict.SURPRISING else ""
    return Finding(check, verdict, value, usual.expected, None if fresher else usual.low, usual.high, remark)


def _categories(check: Check, now: list[Measured], past: list[Measured]) -> Finding:
    """New ones, and ones of which there would be some if they were not gone."""
    days = {item.figure.day: item.figure.rows for item in past}
    here = {item.category for item in now if item.figure.value}
    if len(days) < FEWEST_DAYS:
        return Finding(check, Verdict.LEARNING, len(here))
    known = sorted({item.category for item in past})
    gone = [name for name in known if name not in here and _missed(name, now[0].figure, past, days)]
    told = [("new", sorted(here - set(known))), ("gone", gone)]
    said = _listed if check.show_values else _counted
    remark = "; ".join(f"{what}: {said(names)}" for what, names in told if names)
    return Finding(check, Verdict.SURPRISING if remark else Verdict.GOOD, len(here), len(known), remark=remark)


def _missed(name: str, now: Figure, past: list[Measured], days: dict[int, int]) -> bool:
    counts = {item.figure.day: item.figure.value for item in past if item.category == name}
    before = [Figure(day, counts.get(day, 0.0), rows) for day, rows in days.items()]
    usual = compare(Metric.CATEGORIES, replace(now, value=0.0), before)
    return usual is not None and usual.anomalous


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + rest


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} value{'' if len(names) == 1 else 's'}"


def _written(metric: Metric, value: float) -> str:
    scale = metric.traits.scale
    if scale is Scale.SHARE:
        return f"{100 * value:.3g} %"
    if scale is Scale.AGE:
        return f"{value / 3600:,.1f} h"
    whole = scale is Scale.COUNT or abs(value) >= 1000 or value == int(value)
    return f"{value:,.0f}" if whole else f"{value:,.4g}"
