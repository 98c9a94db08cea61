"""How a property's values are written, where that is not as usual: its customProperties, each checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from open_data_contract_standard.model import SchemaProperty

from headrace.domain.contract import Column, Kind
from headrace.domain.kind import NUMBERS, TIMES
from headrace.domain.writing import AMBIGUOUS, BLANK, FINER, NEGATIVES, PERCENTS, ROUNDINGS, ZEROS, Writing
from headrace.transform.values.times import is_special, parse_format
from headrace_compiler.document import custom
from headrace_compiler.document.document import Problems, Where
from headrace_compiler.document.shape import suggestion

EXACT = frozenset({Kind.INTEGER, Kind.DECIMAL})
FRACTIONS = frozenset({Kind.FLOAT, Kind.DECIMAL})
CLOCKS = frozenset({Kind.TIMESTAMP})
ALL, FLAGS, TEXTS = frozenset(Kind), frozenset({Kind.BOOLEAN}), frozenset({Kind.STRING})
SCALARS = ALL - {Kind.SUPER}
ON_LONG, ON_BYTES, ON_TYPES = ("refuse", "cut"), ("refuse", "replace"), ("strict", "loose")
MOST_UNITS, LONGEST_UNIT = 50, 20
MOST_DECIMALS = 37
LAST_FIRST_YEAR = 9900
UTC = {"UTC", "Etc/UTC"}


class Option(NamedTuple):
    """A customProperty: the field of `Writing` that it sets, the kinds it is for, and why a value is none."""

    field: str
    kinds: frozenset[Kind]
    unfit: Callable[[Any], str | None] = lambda _: None


def _mark(value: str) -> str | None:
    fits = len(value) == 1 and not value.isalnum() and not value.isspace() and value not in "+-()%\0"
    return None if fits else "one mark such as , or ."


def _grouping(value: str) -> str | None:
    return None if value == BLANK else _mark(value) and f"one mark such as . or ', or {BLANK}"


def _one_of(choices: Sequence[str]) -> Callable[[str], str | None]:
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return lambda value: None if value in choices else f"{listed}{suggestion(value, choices)}"


def _some_of(choices: Sequence[str]) -> Callable[[Sequence[str]], str | None]:
    return lambda values: None if set(values) <= set(choices) else f"a list of {', '.join(choices)}"


def _units(values: Sequence[str]) -> str | None:
    if all(map(_is_unit, values)) and len(values) <= MOST_UNITS:
        return None
    return f"up to {MOST_UNITS} words or signs such as EUR or €, without digits, signs, % and blanks around them"


def _is_unit(text: str) -> bool:
    return (
        0 < len(text) <= LONGEST_UNIT
        and text == text.strip()
        and text.isprintable()
        and not any(mark.isdigit() or mark in "+-()%\u2212" for mark in text)
        and text not in {"e", "E", ".", ",", "'"}
    )


def _words(values: Sequence[str]) -> str | None:
    return None if values and all(values) else "a list of words, such as [Y, yes]"


def _between(least: int, most: int) -> Callable[[float], str | None]:
    return lambda value: None if least <= value <= most else f"a number from {least} to {most}"


OPTIONS: Mapping[str, Option] = {
    "decimalMark": Option("decimal_mark", FRACTIONS, _mark),
    "groupingMark": Option("grouping_mark", NUMBERS, _grouping),
    "units": Option("units", NUMBERS, _units),
    "percent": Option("percent", NUMBERS, _one_of(PERCENTS)),
    "negatives": Option("negatives", NUMBERS, _some_of(NEGATIVES)),
    "exponents": Option("exponents", EXACT),
    "rounding": Option("rounding", EXACT, _one_of(ROUNDINGS)),
    "impliedDecimals": Option("implied_decimals", FRACTIONS, _between(1, MOST_DECIMALS)),
    "twoDigitYears": Option("first_year", TIMES, _between(1, LAST_FIRST_YEAR)),
    "ambiguousTimes": Option("ambiguous", CLOCKS, _one_of(AMBIGUOUS)),
    "finerTimes": Option("finer", CLOCKS, _one_of(FINER)),
    "hour24": Option("hour24", CLOCKS),
    "nullTokens": Option("nulls", ALL),
    "trim": Option("trim", ALL),
    "default": Option("default", ALL),
    "trueValues": Option("true", FLAGS, _words),
    "falseValues": Option("false", FLAGS, _words),
    "tooLong": Option("cut", TEXTS, _one_of(ON_LONG)),
    "badBytes": Option("replaces", TEXTS, _one_of(ON_BYTES)),
    "excelText": Option("excel_text", ALL),
    "jsonTypes": Option("loose", SCALARS, _one_of(ON_TYPES)),
}
OF_FILES = ("trim", "excelText", "decimalMark", "groupingMark")
"""What a server says of all columns; a property may say otherwise."""
NOUNS = {
    NUMBERS: "numbers",
    EXACT: "integers and decimals",
    FRACTIONS: "numbers that are no integers",
    TIMES: "dates and times",
    CLOCKS: "timestamps",
    FLAGS: "booleans",
    TEXTS: "texts",
    SCALARS: "single values",
}


def with_writing(
    column: Column, item: SchemaProperty, values: dict[str, Any], where: Where, problems: Problems
) -> Column:
    """The column with how its values are written. `values` are what its property says, before that what the file's."""
    fields: dict[str, Any] = {}
    before = len(problems.errors)
    for name in (name for name in OPTIONS if name in values):
        option, place = OPTIONS[name], custom.place_of(item.customProperties, name, where)
        if column.kind not in option.kinds:
            problems.add(place, f"{name} is for {NOUNS[option.kinds]}, not for a {column.kind}")
        elif wanted := option.unfit(values[name]):
            problems.add(place, f"{name} must be {wanted}")
        else:
            fields[option.field] = _as_field(name, values[name], item, where, problems)
    zone = _zone(item, column, where, problems)
    if column.kind is Kind.INTEGER and fields.get("grouping_mark") == ".":
        fields["decimal_mark"] = ","
    made = Writing(**fields | {"zone": zone})
    if len(problems.errors) == before:
        for name, reason in _contradictions(made, column):
            of_format = (*where, "logicalTypeOptions", "format") if name == "formats" else where
            problems.add(custom.place_of(item.customProperties, name, of_format), reason)
    return replace(column, writing=made)


def of_files(server: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """What a server says of all columns of a kind."""
    return {name: server[name] for name in OF_FILES if name in server and kind in OPTIONS[name].kinds}


def _as_field(name: str, value: Any, item: SchemaProperty, where: Where, problems: Problems) -> Any:
    if name in {"tooLong", "badBytes", "jsonTypes"}:
        return value not in {ON_LONG[0], ON_BYTES[0], ON_TYPES[0]}
    if name == "default":  # as the contract writes it: 1.50 is not 1.5
        return problems.document.scalar(custom.place_of(item.customProperties, name, where))
    if isinstance(value, list):
        return tuple(value)
    return int(value) if isinstance(value, float) else value


def _zone(item: SchemaProperty, column: Column, where: Where, problems: Problems) -> str:
    """The zone of times that name none; nothing for UTC."""
    zone = (item.logicalTypeOptions or {}).get("defaultTimezone")
    if zone is None or zone in UTC or column.kind not in TIMES:
        return ""
    place = (*where, "logicalTypeOptions", "defaultTimezone")
    if column.kind is Kind.DATE:
        problems.add(place, "a date is the one that is written, in any zone: leave defaultTimezone out")
        return ""
    try:
        return ZoneInfo(str(zone)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, such as Europe
        problems.add(place, f"defaultTimezone {zone!r} is not known: write a name such as Europe/Berlin")
        return ""


def _contradictions(made: Writing, column: Column) -> list[tuple[str, str]]:
    """Options that do not go together, with what is wrong with each."""
    two_digits = any("yy" in parse_format(text).tokens for text in column.formats if not is_special(text))
    checks = {
        "groupingMark": made.grouping_mark == made.decimal_mark and "groupingMark and decimalMark must differ",
        "units": made.decimal_mark in made.units and "a unit must not be the decimal mark",
        "percent": made.percent == PERCENTS[1] and column.kind is Kind.INTEGER and "an integer has no hundredths",
        "impliedDecimals": made.implied_decimals
        and (made.exponents or made.decimal_mark != ".")
        and "impliedDecimals are of numbers without decimalMark and exponents",
        "rounding": made.rounding == ZEROS
        and column.kind is Kind.DECIMAL
        and "zeros may always be left out of decimals",
        "ambiguousTimes": made.ambiguous and not made.zone and "ambiguousTimes needs a defaultTimezone",
        "formats": two_digits
        and not made.first_year
        and "a format with yy needs twoDigitYears, the first year that it can mean, such as 1970",
        "trueValues": bool(made.true) != bool(made.false) and "trueValues and falseValues belong together",
        "falseValues": {word.lower() for word in made.true} & {word.lower() for word in made.false}
        and "a word cannot be true and false",
        "twoDigitYears": made.first_year and not two_digits and "twoDigitYears needs a format with yy",
    }
    return [(name, str(reason)) for name, reason in checks.items() if reason]
