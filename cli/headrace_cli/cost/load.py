"""What loading some files at once would cost, before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from headrace_cli.cost.awake import LEAST_SECONDS
from headrace_cli.cost.plan import UNIT_MB, USUAL_LOOKS, load_seconds, looks_of
from headrace_cli.cost.prices import USUAL, usd
from headrace_cli.cost.requests import usage_of

UNIT_FILES = 100
LEAST_RPU = 4.0


@dataclass(frozen=True, slots=True)
class LoadCost:
    """In USD: what the warehouse costs if nothing else keeps it awake, and what is asked of AWS.

    `together` is what the files cost in groups that would load anyway: what they ask for themselves.
    """

    files: int
    megabytes: float
    loads: int
    awake_seconds: float
    warehouse: float
    requests: float
    together: float
    region: str
    rpu: float

    @property
    def usd(self) -> float:
        """All of it."""
        return self.warehouse + self.requests


def load_cost(
    files: int,
    megabytes: float,
    *,
    most_files: int = 500,
    most_mb: float = 5_000,
    region: str = USUAL,
    rpu: float = LEAST_RPU,
) -> LoadCost:
    """So many files of so many megabytes in all, uncompressed, in groups of at most so many."""
    loads = max(ceil(files / most_files), ceil(megabytes / most_mb)) if files else 0
    units = min(files, max(loads, ceil(files / UNIT_FILES), ceil(megabytes / UNIT_MB)))
    seconds = load_seconds(megabytes / loads, rpu) if loads else 0.0
    awake = loads * max(LEAST_SECONDS, seconds)
    own = usage_of(file=files, unit=units, megabyte=megabytes)
    group = usage_of(group=loads, look=loads * (looks_of(seconds) if loads else USUAL_LOOKS))
    return LoadCost(
        files,
        megabytes,
        loads,
        awake,
        usd({"rpu_hour": awake * rpu / 3600}, region),
        usd(own, region) + usd(group, region),
        usd(own, region),
        region,
        rpu,
    )
