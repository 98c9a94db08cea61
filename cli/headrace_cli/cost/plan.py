"""What a load of one's own would cost a month, from what a file asks for and how long the warehouse is awake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headrace_cli.cost.awake import DAY as DAY_SECONDS
from headrace_cli.cost.awake import Rhythm, awake_a_day
from headrace_cli.cost.prices import usd
from headrace_cli.cost.requests import Usage, usage_of

MONTH_DAYS = 30
LOAD_SECONDS = 20.0
"""Assumed: COPY, MERGE and the questions for counts of a group of little data, a COPY of a manifest by itself some."""
LOAD_MB_PER_RPU_SECOND = 2.0
"""Assumed: megabytes of Parquet that COPY and MERGE bring into a table in a second, for each RPU."""
UNIT_MB = 32.0
"""Files are transformed together up to so much: `headrace.domain.ingest.packing`."""
PARQUET_SHARE = 0.24
"""Bytes of Parquet for one byte of CSV, as `benchmarks/storage.py` measures it on the shipped task events."""
TABLE_SHARE = 0.24
"""Assumed: of the table, whose encodings the laptop does not have, the same."""
USUAL_LOOKS = 2.0
"""At a load of little data."""
LOOK_SECONDS = 30.0
"""A long load is looked at about so often."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Numbers of one's own. `promise` is in seconds; None loads each file as it comes.

    Months are those for which landed files, the lake's Parquet and rows are kept.
    """

    name: str
    files_per_day: float
    file_mb: float
    datasets: int = 1
    promise: int | None = 900
    hours: float = 24.0
    landing_months: float = 1.0
    lake_months: float = 1.0
    table_months: float = 1.0
    rpu: float = 4.0
    region: str = "us-east-1"
    shared: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plan: how much of what, a month, in USD, and how that is known."""

    what: str
    quantity: float
    unit: str
    usd: float
    how: str
    storage: bool = False


@dataclass(frozen=True, slots=True)
class Loads:
    """What a scenario makes of its files on a day. So many groups come `along` when another wakes the warehouse."""

    groups: float
    units: float
    looks: float
    megabytes: float
    awake_seconds: float
    along: float = 0.0


def load_seconds(megabytes: float, rpu: float) -> float:
    """How long one load of so many megabytes, uncompressed, takes."""
    return LOAD_SECONDS + megabytes * PARQUET_SHARE / (LOAD_MB_PER_RPU_SECOND * rpu)


def looks_of(seconds: float) -> float:
    """How often a load is looked at that takes so long."""
    return USUAL_LOOKS + max(0.0, seconds - LOAD_SECONDS) / LOOK_SECONDS


def loads_of(plan: Scenario) -> Loads:
    """The groups, units and looks of a day, and how long the warehouse is awake for them.

    Where datasets share wake-ups, a wake-up comes as if all files were one dataset's, and takes each dataset along that
    has files by then.
    """
    from headrace_compiler.compile.promises import wait

    window, turn = plan.hours * 3600, LOAD_SECONDS + wait(plan.promise)
    files, megabytes = plan.files_per_day / plan.datasets, plan.files_per_day * plan.file_mb
    busy = load_seconds(megabytes / plan.datasets, plan.rpu) - LOAD_SECONDS

    def turns(number: float) -> float:
        """How often so many files, evenly spread, make a group; one that loads for long lets more of them join."""
        return max(min(number, (window - busy) / (window / number + turn)), min(number, 1.0)) if number else 0.0

    wake_ups = turns(plan.files_per_day) if plan.shared else None
    groups = min(files, wake_ups) if wake_ups is not None else turns(files)
    seconds = LOAD_SECONDS + busy / groups if groups else 0.0
    loads = plan.datasets * groups
    units = min(plan.files_per_day, max(loads, megabytes / UNIT_MB))
    awake = awake_a_day([Rhythm(groups, seconds)] * plan.datasets, wake_ups=wake_ups, window=window)
    return Loads(loads, units, loads * looks_of(seconds), megabytes, awake, max(0.0, loads - (wake_ups or loads)))


def plan_of(plan: Scenario) -> list[Line]:
    """The lines of a month of thirty days, the stored bytes once the months that are kept have passed."""
    return [*_warehouse(plan), *_requests(plan), *_storage(plan)]


def _warehouse(plan: Scenario) -> Iterator[Line]:
    day = loads_of(plan)
    nightly = 60.0 if day.awake_seconds < DAY_SECONDS - 60 else 0.0  # reconcile counts the rows of all tables
    hours = (day.awake_seconds + nightly) * MONTH_DAYS / 3600
    cost = usd({"rpu_hour": hours * plan.rpu}, plan.region)
    yield Line(f"warehouse awake, {plan.rpu:g} RPU", hours, "hours", cost, "estimated")


PARTS = (
    ("Step Functions", "transitions", ("transition",), "counted"),
    ("functions", "GB-seconds", ("gb_second", "call"), "estimated"),
    ("DynamoDB", "write units", ("write_unit", "read_unit"), "counted"),
    ("S3 requests", "PUT", ("put", "get"), "counted"),
    ("events, queues, notices", "events", ("event", "queue_request", "notice"), "counted"),
    ("Glue catalogue", "requests", ("catalog_request",), "counted"),
    ("metrics", "metrics", ("metric_month",), "counted"),
)
"""The lines of requests: their name, the unit that is shown, the meters in them, the shown one first."""


def request_lines(usage: Usage, region: str) -> Iterator[Line]:
    """The lines of what was, or would be, asked of AWS."""
    for what, unit, meters, how in PARTS:
        part = {meter: usage.get(meter, 0.0) for meter in meters}
        yield Line(what, part[meters[0]], unit, usd(part, region), how)


def _requests(plan: Scenario) -> Iterator[Line]:
    day = loads_of(plan)
    usage = usage_of(
        file=plan.files_per_day,
        unit=day.units,
        group=day.groups,
        look=day.looks,
        along=day.along,
        megabyte=day.megabytes,
        hour=min(day.groups, plan.datasets * plan.hours),
        dataset=plan.datasets,
        day=1,
    )
    yield from request_lines({meter: number * MONTH_DAYS for meter, number in usage.items()}, plan.region)


def _storage(plan: Scenario) -> Iterator[Line]:
    month = plan.files_per_day * plan.file_mb * MONTH_DAYS / 1000
    kept = (
        ("landed files", plan.landing_months * month, "object_gb_month", "given"),
        ("the lake's Parquet", plan.lake_months * month * PARQUET_SHARE, "object_gb_month", "measured"),
        ("the table", plan.table_months * month * TABLE_SHARE, "table_gb_month", "estimated"),
    )
    for what, gigabytes, meter, how in kept:
        yield Line(what, gigabytes, "GB", usd({meter: gigabytes}, plan.region), how, storage=True)
