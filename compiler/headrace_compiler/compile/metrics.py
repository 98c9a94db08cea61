"""Statistics checks in a contract's `quality`: ODCS's library metrics with bounds, and figures compared with the past.

```yaml
quality:
  - type: custom            # what is usual, learnt from past days
    engine: headrace
    implementation: rowCount
    customProperties:
      - {property: onBreach, value: hold}
  - metric: nullValues      # or bounds that the contract sets itself
    unit: percent
    mustBeLessThan: 5
```
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from open_data_contract_standard.model import DataQuality, SchemaObject

from headrace.domain.contract import Column
from headrace.domain.statistics.checks import OF_TABLE, WRITTEN, Check, Metric, Scale
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

ENGINE = "headrace"
CUSTOM = {"onBreach": "text", "showValues": "true or false"}
ACTIONS = {"warn": False, "hold": True}
LIBRARY = {metric.traits.library: metric for metric in Metric if metric.traits.library}


def is_statistic(check: DataQuality) -> bool:
    """Whether a quality item is about the numbers as a whole, not about single rows."""
    if check.type == "custom":
        return check.engine == ENGINE
    if check.type not in {None, "library"}:
        return False
    metric = check.metric or check.rule
    row_rule = metric == "nullValues" and check.mustBe == 0 and not check.customProperties
    return metric in LIBRARY and not row_rule


def statistics_checks(
    table: SchemaObject, columns: Sequence[Column], key: Sequence[str], where: Where, problems: Problems
) -> tuple[Check, ...]:
    """All checks of a contract, those of the table first."""
    known = {column.name: column for column in columns}
    places: list[tuple[list[DataQuality], Column | None, Where]] = [(table.quality or [], None, where)]
    for index, item in enumerate(table.properties or []):
        column = known.get(item.physicalName or item.name or "")
        places += [(item.quality or [], column, (*where, "properties", index))] if column else []
    found = [
        (_check(check, column, key, (*here, "quality", index), problems), (*here, "quality", index))
        for checks, column, here in places
        for index, check in enumerate(checks)
        if is_statistic(check)
    ]
    checks = [(check, here) for check, here in found if check is not None]
    _refuse_twins(checks, problems)
    return tuple(check for check, _ in checks)


def _check(
    check: DataQuality, column: Column | None, key: Sequence[str], where: Where, problems: Problems
) -> Check | None:
    metric = _metric(check, where, problems)
    if metric is None:
        return None
    hold, show_values = _wishes(check, metric, where, problems)
    lowest, highest = _bounds(check, metric, where, problems)
    reason = _misplaced(metric, column) or _wrong_arguments(check, metric, key)
    if reason:
        problems.add(where, reason)
    name = column.name if column else ""
    return Check(metric, name, hold, lowest, highest, show_values)


def _refuse_twins(checks: Sequence[tuple[Check, Where]], problems: Problems) -> None:
    """Notes checks that are there twice."""
    seen: set[tuple[str, Metric, bool]] = set()
    for check, where in checks:
        identity = (check.column, check.metric, check.bounded)
        if identity in seen:
            problems.add(where, f"the check {check.name} is there twice")
        seen.add(identity)


def _metric(check: DataQuality, where: Where, problems: Problems) -> Metric | None:
    if check.type != "custom":
        return LIBRARY[str(check.metric or check.rule)]
    wanted = check.implementation
    if isinstance(wanted, str) and wanted in WRITTEN:
        return Metric(wanted)
    problems.add((*where, "implementation"), f"implementation must be one of {', '.join(WRITTEN)}{_hint(wanted)}")
    return None


def _hint(wanted: Any) -> str:
    return suggestion(wanted, [str(metric) for metric in WRITTEN]) if isinstance(wanted, str) else ""


def _wishes(check: DataQuality, metric: Metric, where: Where, problems: Problems) -> tuple[bool, bool]:
    """Whether a batch is held by the check, and whether people are shown values."""
    values = custom.read_custom(check.customProperties, CUSTOM, where, problems)
    action = str(values.get("onBreach", "warn"))
    if action not in ACTIONS:
        problems.add(custom.place_of(check.customProperties, "onBreach", where), "onBreach must be warn or hold")
    if "showValues" in values and not metric.traits.shows_values:
        others = ", ".join(sorted(other for other in Metric if other.traits.shows_values))
        reason = f"showValues goes with {others}: {metric} shows no value of a row"
        problems.add(custom.place_of(check.customProperties, "showValues", where), reason)
    if check.severity is not None:
        problems.add(
            (*where, "severity"), "severity has no effect here: write the customProperty onBreach, warn or hold"
        )
    return ACTIONS.get(action, False), bool(values.get("showValues", False))


def _misplaced(metric: Metric, column: Column | None) -> str | None:
    if column is None:
        return None if metric in OF_TABLE else f"{metric} is about a column: write it at a property"
    if metric in OF_TABLE:
        return f"{metric} is about the table: write it beside properties"
    return f"{metric} is not measured of a {column.kind}" if unfit(metric, column) else None


def unfit(metric: Metric, column: Column) -> bool:
    """Whether a metric says nothing of a column of this kind."""
    return column.kind not in metric.traits.kinds


def _wrong_arguments(check: DataQuality, metric: Metric, key: Sequence[str]) -> str | None:
    arguments = check.arguments or {}
    if metric is Metric.DUPLICATE_KEYS and check.type != "custom":
        named = arguments.get("properties")
        if not key or named is None or list(named) != list(key) or set(arguments) != {"properties"}:
            wanted = f"[{', '.join(key)}]" if key else "those of a primaryKey"
            return f"duplicateValues is about the primary key: write arguments: properties: {wanted}"
        return None
    return f"{metric} takes no arguments" if arguments else None


def _bounds(check: DataQuality, metric: Metric, where: Where, problems: Problems) -> tuple[float | None, float | None]:
    """The inclusive bounds, of shares from 0 to 1."""
    low, high = _written_bounds(check)
    if check.type == "custom":
        if low is not None or high is not None:
            problems.add(where, "engine headrace compares with past days: bounds go with a library metric")
        return None, None
    if check.mustNotBe is not None or check.mustNotBeBetween is not None:
        problems.add(where, "mustNotBe and mustNotBeBetween are not supported: say between which bounds it must be")
    elif low is None and high is None:
        problems.add(where, f"{check.metric} needs bounds, such as mustBeGreaterThan: 0")
    share = metric.traits.scale is Scale.SHARE
    if share != (check.unit == "percent"):
        problems.add(where, f"{check.metric} is in {'percent: write unit: percent' if share else 'rows'}")
    return (low / 100 if share and low is not None else low), (high / 100 if share and high is not None else high)


def _written_bounds(check: DataQuality) -> tuple[float | None, float | None]:
    exact = check.mustBe if isinstance(check.mustBe, int | float) else None
    between: list[Any] = check.mustBeBetween or [None, None]
    more, less = check.mustBeGreaterThan, check.mustBeLessThan
    lows = [exact, between[0], check.mustBeGreaterOrEqualTo, None if more is None else math.nextafter(more, math.inf)]
    highs = [exact, between[-1], check.mustBeLessOrEqualTo, None if less is None else math.nextafter(less, -math.inf)]
    return _first(lows), _first(highs)


def _first(values: Sequence[float | None]) -> float | None:
    return next((float(value) for value in values if value is not None), None)
