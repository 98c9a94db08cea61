"""What a file, a group of files and a quiet day ask of AWS: counted on the laptop, in `requests.toml`."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

Usage = dict[str, float]
"""How much of each meter: see `prices.toml`."""

FILE, UNIT, GROUP, LOOK, MEGABYTE = "file", "unit", "group", "look", "megabyte"
ALONG, HOUR, DATASET, DAY = "along", "hour", "dataset", "day"
"""A file from landing to loaded; a unit of the transform; a group, which is an execution; a look at its load; a
megabyte that is transformed; a group taken along by another that wakes the warehouse; an hour in which a dataset loads;
a day of a dataset, and of the stack, as they are."""


KINDS = (FILE, UNIT, GROUP, LOOK, MEGABYTE, ALONG, HOUR, DATASET, DAY)


@cache
def counted() -> Mapping[str, Any]:
    """`requests.toml` as it is: by kind, `calls` of functions by kind, their `memory_mb` and assumed `seconds`."""
    return tomllib.loads(files(__package__).joinpath("requests.toml").read_text())


@cache
def asked_for() -> Mapping[str, Usage]:
    """The usage by one of each kind, the functions' calls and GB-seconds included."""
    table = counted()
    memory, seconds = table["memory_mb"], table["seconds"]
    found: dict[str, Usage] = {}
    for what in KINDS:
        calls = table.get("calls", {}).get(what, {})
        usage = Counter[str](table.get(what, {}))
        for function, number in calls.items():
            usage["call"] += number
            usage["gb_second"] += number * memory[function] / 1024 * seconds[function]
        found[what] = dict(usage)
    return found


def usage_of(**numbers: float) -> Usage:
    """The usage of so many files, units, groups, looks, megabytes, hours, days of datasets and of the stack."""
    total = Counter[str]()
    for what, number in numbers.items():
        for meter, each in asked_for()[what].items():
            total[meter] += number * each  # type: ignore[assignment]
    return dict(total)
