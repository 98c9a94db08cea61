"""The customProperties that Headrace understands, and the refusal of all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any

from open_data_contract_standard.model import CustomProperty

from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

VENDOR = "headrace"
SERVER = {
    "quote": "text", "header": "true or false", "nullTokens": "a list of texts", "compression": "text",
    "escape": "text", "escapes": "text", "skipLines": "a whole number", "comment": "text",
    "maxLineBytes": "a whole number", "maxDecompressedBytes": "a whole number",
    "files": "a list of texts", "ignore": "a list of texts",
    "marker": "text", "manifest": "text", "patienceMinutes": "a number",
    "quotedNulls": "true or false", "excelText": "true or false", "comments": "a list of texts",
    "skipAfterHeader": "a whole number", "footerLines": "a whole number", "trailer": "text",
    "trailerCountsAlso": "a whole number",
    "shortRows": "text", "objects": "text", "rowsAt": "text", "nanIsNull": "true or false", "sheet": "text",
    "rowElement": "text",
    "trim": "true or false", "decimalMark": "text", "groupingMark": "text",
}  # fmt: skip
SOURCE = {
    "secret": "text", "completeWhen": "text", "stableSeconds": "a whole number", "marker": "text", "afterwards": "text",
    "moveTo": "text", "checksum": "text", "timezone": "text", "connections": "a whole number",
    "timeoutSeconds": "a whole number",
    "breakerFailures": "a whole number", "patienceMinutes": "a number", "tls": "text",
}  # fmt: skip
DATASET = {
    "distributionKey": "text",
    "sortKey": "a list of texts",
    "orderingColumns": "a list of texts",
    "operationColumn": "text",
    "deletedAtColumn": "text",
    "filesWithoutOperation": "text",
    "truncateOperations": "a list of texts",
    "encode": "text",
    "onNewVersion": "text",
    "onCopy": "text",
    "onDelete": "text",
    "onExpiration": "text",
    "engine": "text",
    "groupWait": "a whole number",
    "unknownColumns": "text",
    "loadMode": "text",
    "mergeEvery": "a whole number",
    "whileHeld": "text",
    "materializedViews": "a list of views: name, query, and sortKey or distributionKey if wanted",
    "paddedKeys": "text",
    "snapshot": "text",
    "history": "text",
    "badRowLimit": "a number of rows, or a share such as 5%",
    "shrinkLimit": "a share such as 20%",
    "severities": "a map of causes to severities, such as {rows-quarantined: error}",
    "quarantineLimit": "a share such as 5%",
    "heldLimitHours": "a number",
    "whenQuiet": "text",
}
EXPECTED = {
    "files": 'a number of files (3), a range ("2-4") or at least so many ("2+")',
    "timezone": "text",
    "weekdays": "a list of days: mon, tue, …",
    "monthDays": "a list of days: 1, 15, last",
    "holidays": "a list of days: 2026-12-24, 12-25, easter+1, 11-thu-4",
    "minimumBytes": "a whole number",
    "lateHours": "a number",
    "pattern": "text",
}
COLUMN = {"source": "text", "encode": "text", "start": "a whole number", "width": "a whole number", "valueFrom": "text",
          "formats": "a list of texts", "decimalMark": "text", "groupingMark": "text", "units": "a list of texts",
          "percent": "text", "negatives": "a list of texts", "exponents": "true or false", "rounding": "text",
          "impliedDecimals": "a whole number", "twoDigitYears": "a whole number", "ambiguousTimes": "text",
          "finerTimes": "text",
          "hour24": "true or false", "nullTokens": "a list of texts", "trim": "true or false", "default": "a value",
          "trueValues": "a list of texts", "falseValues": "a list of texts", "tooLong": "text",
          "badBytes": "text", "jsonTypes": "text"}  # fmt: skip
SUPPORT = {"severity": "text"}
NO_PROPERTIES: dict[str, str] = {}


def read_custom(
    properties: Sequence[CustomProperty] | None, known: Mapping[str, str], where: Where, problems: Problems
) -> dict[str, Any]:
    """The values by name. A property with another `vendor` is that vendor's matter and left out."""
    values: dict[str, Any] = {}
    for index, item in enumerate(properties or []):
        here = (*where, "customProperties", index)
        if item.vendor not in {None, VENDOR}:
            continue
        if item.property is None:
            problems.add(here, "a customProperty needs 'property' and 'value'")
        elif item.property not in known:
            problems.add(here, _unknown(item.property, known))
        elif item.property in values:
            problems.add(here, f"the customProperty {item.property!r} is written twice")
        elif not fits(item.value, known[item.property]):
            problems.add((*here, "value"), f"{item.property} must be {known[item.property]}")
        else:
            values[item.property] = item.value
    return values


def place_of(properties: Sequence[CustomProperty] | None, name: str, where: Where) -> Where:
    """Where the value of a customProperty stands."""
    for index, item in enumerate(properties or []):
        if item.property == name:
            return (*where, "customProperties", index, "value")
    return where


def _unknown(name: str, known: Mapping[str, str]) -> str:
    for level, place in (
        (SERVER, "the s3 server"),
        (SOURCE, "a server of type ftp, ftps or sftp"),
        (DATASET, "the schema object"),
        (COLUMN, "a property"),
        (SUPPORT, "an entry of support"),
        (EXPECTED, "a timeOfAvailability among the slaProperties"),
    ):
        if name in level and level is not known:
            return f"the customProperty {name!r} belongs to {place}"
    return f"Headrace knows no customProperty {name!r} here{suggestion(name, known)}"


def fits(value: Any, wanted: str) -> bool:
    """Whether a value is of the kind that is wanted, in the words of this module."""
    kind = next(start for start in FITTING if wanted.startswith(start))
    return FITTING[kind](value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


FITTING: Mapping[str, Callable[[Any], bool]] = {
    "a list of texts": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "a list of days": lambda value: (
        isinstance(value, list) and all(isinstance(item, str | int | date) for item in value)
    ),
    "a list of": lambda value: isinstance(value, list),
    "a number of rows": lambda value: isinstance(value, str | int) and not isinstance(value, bool),
    "a number of files": lambda value: isinstance(value, str | int) and not isinstance(value, bool),
    "a number": lambda value: _is_number(value) and value >= 0,
    "a whole number": lambda value: _is_number(value) and value >= 0 and value == int(value),
    "a value": lambda value: isinstance(value, str | int | float),
    "true or false": lambda value: isinstance(value, bool),
    "text": lambda value: isinstance(value, str),
    "a map of": lambda value: isinstance(value, dict),
    "a share": lambda value: isinstance(value, str),
}
"""By how their words begin, the longer ones first."""
