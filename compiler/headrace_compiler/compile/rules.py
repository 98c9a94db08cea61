"""The rules that a property puts on its values: logicalTypeOptions, enum, quality."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from open_data_contract_standard.model import DataQuality, SchemaProperty

from headrace.domain.contract import Kind
from headrace.domain.kind import NUMBERS, TIMES
from headrace.transform.values.times import FormatError, is_special, parse_format
from headrace_compiler.compile.column_types import ColumnType
from headrace_compiler.compile.metrics import is_statistic
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
}
LENGTHS = {"minLength": "min_length", "maxLength": "max_length"}
OPERATORS = (
    "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
    "mustBeBetween", "mustNotBeBetween",
)  # fmt: skip
ISO_NAMES = {"iso", "iso8601", "iso-8601"}


def option_rules(options: dict[str, Any], column_type: ColumnType, where: Where, problems: Problems) -> dict[str, Any]:
    """The fields of a Column that logicalTypeOptions set."""
    readers = _readers(column_type.kind)
    rules: dict[str, Any] = {}
    for name, value in options.items():
        here = (*where, name)
        if name in readers:
            rules |= readers[name](name, value, here, problems)
        elif not (name == "format" and column_type.kind in NUMBERS):
            problems.add(here, _unsupported(name, value, column_type.kind, list(readers)))
    return rules


def _readers(kind: Kind) -> dict[str, Any]:
    if kind is Kind.STRING:
        return dict.fromkeys(LENGTHS, _length) | {"pattern": _pattern}
    if kind in NUMBERS:
        return dict.fromkeys(BOUNDS, _bound)
    if kind in TIMES:
        return dict.fromkeys(BOUNDS, _bound) | {"format": _format, "defaultTimezone": lambda *_: {}}
    return {}


def _unsupported(name: str, value: Any, kind: Kind, known: list[str]) -> str:
    if name == "format":
        return f"format {value!r} is not checked by Headrace: write a pattern instead"
    listed = f"; a {kind} takes {', '.join(known)}" if known else f"; a {kind} takes none"
    return f"the option {name!r} is not supported here{suggestion(name, known)}{listed}"


def _length(name: str, value: Any, where: Where, problems: Problems) -> dict[str, Any]:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        problems.add(where, f"{name} must be a whole number of characters, 0 or more")
        return {}
    return {LENGTHS[name]: value}


def _bound(name: str, value: Any, where: Where, problems: Problems) -> dict[str, Any]:
    written = problems.document.scalar(where)
    if written is None or isinstance(value, bool):
        problems.add(where, f"{name} must be a value of the column's type")
        return {}
    return {BOUNDS[name]: written}


def _pattern(name: str, value: Any, where: Where, problems: Problems) -> dict[str, Any]:
    reason = _pattern_problem(value)
    if reason:
        problems.add(where, f"{name} {value!r} {reason}")
        return {}
    return {"pattern": value}


def _pattern_problem(value: Any) -> str | None:
    if not isinstance(value, str):
        return "must be text: write it in single quotes"
    if re.search(r"\(\?<?[=!]", value):
        return "uses look-around, which the engine (RE2) does not have: say what matches, not what surrounds it"
    try:
        pc.match_substring_regex(pa.array([""]), value)
    except pa.ArrowInvalid as error:
        return (
            f"is not a regular expression that RE2 accepts: {str(error).removeprefix('Invalid regular expression: ')}"
        )
    if not (value.startswith("^") and re.search(r"(?<!\\)(\\\\)*\$$", value)):
        return "must say where it begins and ends: write ^…$, with .* where anything may stand"
    return None


def _format(name: str, value: Any, where: Where, problems: Problems) -> dict[str, Any]:
    if not isinstance(value, str):
        several = "; several go into the property's customProperty `formats`" if isinstance(value, list) else ""
        problems.add(where, f"{name} must be text, such as yyyy-MM-dd{several}")
        return {}
    if value.lower() in ISO_NAMES:
        return {}
    return {"formats": _readable((value,), where, problems)}


def several_formats(formats: list[str], kind: Kind, where: Where, problems: Problems) -> tuple[str, ...]:
    """The formats of a date or time that is written in several, the first that fits being taken."""
    if kind not in TIMES:
        problems.add(where, f"formats are for dates and times, not for a {kind}")
        return ()
    return _readable(formats, where, problems)


def _readable(formats: Sequence[str], where: Where, problems: Problems) -> tuple[str, ...]:
    """The formats that mean something."""
    good: list[str] = []
    for text in formats:
        try:
            good += [text] if is_special(text) or parse_format(text) else []
        except FormatError as error:
            problems.add(where, str(error))
    return tuple(good)


def enum_rule(item: SchemaProperty, kind: Kind, where: Where, problems: Problems) -> tuple[str, ...]:
    """The allowed values as texts, as the contract writes them."""
    values: list[str] = []
    if item.enum is not None and kind is Kind.SUPER:
        problems.add((*where, "enum"), "enum is not supported on JSON")
        return ()
    for index, entry in enumerate(item.enum or []):
        here = (*where, "enum", index, "value")
        written = problems.document.scalar(here)
        if written is None or entry.value is None:
            problems.add(here, "a value of enum is written as '- value: …'")
        elif kind is Kind.STRING and not isinstance(entry.value, str):
            problems.add(here, f"the enum value {written} is not text for YAML: write it in quotes")
        elif written in values:
            problems.add(here, f"the enum value {written!r} is written twice")
        else:
            values.append(written)
    return tuple(values)


def quality_rules(item: SchemaProperty, kind: Kind, where: Where, problems: Problems) -> dict[str, Any]:
    """The fields of a Column that library metrics about single values set. All other quality is refused by name."""
    rules: dict[str, Any] = {}
    for index, check in enumerate(item.quality or []):
        here = (*where, "quality", index)
        if check.type == "text" or is_statistic(check):
            continue
        reason = _refused_quality(check)
        if reason:
            problems.add(here, reason)
            continue
        rules |= _metric_rules(check, kind, here, problems)
    return rules


def _refused_quality(check: DataQuality) -> str | None:
    if check.type not in {None, "library"}:
        if check.type == "sql":
            return "quality of type 'sql' stands at the table, beside properties: it is about whole rows"
        return f"quality of type {check.type!r} is not supported but with engine: headrace: use a library metric"
    metric = check.metric or check.rule
    if metric not in {"nullValues", "invalidValues"}:
        return (
            f"the quality metric {metric!r} is not supported: nullValues, invalidValues, rowCount, duplicateValues are"
        )
    used = [name for name in OPERATORS if getattr(check, name) is not None]
    if used != ["mustBe"] or check.mustBe != 0 or check.unit not in {None, "rows", "percent"}:
        return f"{metric} is checked row by row, so only 'mustBe: 0' is supported"
    if check.severity not in {None, "error"}:
        return f"severity {check.severity!r} is not supported: a row that breaks a rule is quarantined"
    return None


def _metric_rules(check: DataQuality, kind: Kind, where: Where, problems: Problems) -> dict[str, Any]:
    if (check.metric or check.rule) == "nullValues":
        return {"required": True}
    rules: dict[str, Any] = {}
    for name, value in (check.arguments or {}).items():
        here = (*where, "arguments", name)
        if name == "validValues" and isinstance(value, list) and kind is not Kind.SUPER:
            rules["enum"] = tuple(problems.document.scalar((*here, i)) or "" for i in range(len(value)))
        elif name == "pattern" and kind is Kind.STRING:
            rules |= _pattern(name, value, here, problems)
        else:
            problems.add(here, f"the argument {name!r} of invalidValues is not supported: validValues and pattern are")
    if not check.arguments:
        problems.add(where, "invalidValues needs arguments: validValues or pattern")
    return rules
